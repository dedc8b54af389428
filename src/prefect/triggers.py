"""Triggers: whether a task may run, given the states its upstream tasks ended in.

A trigger is a function of `{Edge: State}`. It returns True to let the task run; to stop it, it
raises a signal (usually `TRIGGERFAIL`) or returns False, and the task ends `TriggerFailed`. Any
such function will do as `Task(trigger=...)`:

    def enough_rows(upstream_states):
        return sum(state.result for state in upstream_states.values()) > 100

Things worth knowing:

- Skipped upstream tasks count as successful, but a task whose upstream was skipped is skipped
  itself before its trigger is asked. To run after a skip, a task needs
  `skip_on_upstream_skip=False` as well as a trigger like `always_run`.
- An upstream task that was mapped counts as all of its children.
- Without upstream tasks, all triggers here pass except `manual_only` and `not_all_skipped`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from prefect.utilities.context import context

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.engine.signals import TRIGGERFAIL
    from prefect.engine.state import State

__all__ = [
    "all_failed",
    "all_finished",
    "all_successful",
    "always_run",
    "any_failed",
    "any_successful",
    "manual_only",
    "not_all_skipped",
    "some_failed",
    "some_successful",
]

UpstreamStates = Mapping["Edge", "State"]
Trigger = Callable[["dict[Edge, State]"], bool]


def all_successful(upstream_states: dict[Edge, State]) -> bool:
    """Run if all upstream tasks were successful. The default.

    Args:
        upstream_states: the state of each upstream edge.

    Raises:
        TRIGGERFAIL: if any was not.
    """
    for state in _each(upstream_states):
        if not state.is_successful():
            raise _refusal('Trigger was "all_successful" but some of the upstream tasks failed.')
    return True


def all_finished(upstream_states: dict[Edge, State]) -> bool:
    """Run when all upstream tasks are over, whatever their outcome. Also called `always_run`.

    Args:
        upstream_states: the state of each upstream edge.

    Raises:
        TRIGGERFAIL: if any is not finished.
    """
    for state in _each(upstream_states):
        if not state.is_finished():
            raise _refusal('Trigger was "all_finished" but some of the upstream tasks were not finished.')
    return True


always_run = all_finished


def all_failed(upstream_states: dict[Edge, State]) -> bool:
    """Run if all upstream tasks failed.

    Args:
        upstream_states: the state of each upstream edge.

    Raises:
        TRIGGERFAIL: if any did not.
    """
    for state in _each(upstream_states):
        if not state.is_failed():
            raise _refusal('Trigger was "all_failed" but some of the upstream tasks succeeded.')
    return True


def any_successful(upstream_states: dict[Edge, State]) -> bool:
    """Run if at least one upstream task was successful, or there is none.

    Args:
        upstream_states: the state of each upstream edge.

    Raises:
        TRIGGERFAIL: if there are upstream tasks and none was successful.
    """
    if upstream_states and not any(state.is_successful() for state in _each(upstream_states)):
        raise _refusal('Trigger was "any_successful" but none of the upstream tasks succeeded.')
    return True


def any_failed(upstream_states: dict[Edge, State]) -> bool:
    """Run if at least one upstream task failed, or there is none.

    Args:
        upstream_states: the state of each upstream edge.

    Raises:
        TRIGGERFAIL: if there are upstream tasks and none failed.
    """
    if upstream_states and not any(state.is_failed() for state in _each(upstream_states)):
        raise _refusal('Trigger was "any_failed" but none of the upstream tasks failed.')
    return True


def some_failed(at_least: int | float | None = None, at_most: int | float | None = None) -> Trigger:  # noqa: PYI041
    """A trigger that runs the task if the number of failed upstream tasks is within limits.

    Example:
        ```python
        Task(trigger=some_failed(at_least=2))  # two or more
        Task(trigger=some_failed(at_most=0.1))  # no more than a tenth of them
        ```

    Args:
        at_least: the smallest number that will do; below 1 it is a fraction of all upstream
            tasks (so `1.0` means one task, not all). No lower limit without it.
        at_most: the largest number that will do, in the same way. No upper limit without it.

    Returns:
        a trigger; it always passes if there are no upstream tasks.
    """

    def _some_failed(upstream_states: dict[Edge, State]) -> bool:
        """Run if the number of failed upstream tasks is within the limits given to `some_failed`."""
        states = list(_each(upstream_states))
        failed = sum(state.is_failed() for state in states)
        if not _is_within(failed, len(states), at_least, at_most):
            raise _refusal('Trigger was "some_failed" but thresholds were not met.')
        return True

    return _some_failed


def some_successful(at_least: int | float | None = None, at_most: int | float | None = None) -> Trigger:  # noqa: PYI041
    """A trigger that runs the task if the number of successful upstream tasks is within limits.

    Args:
        at_least: the smallest number that will do; below 1 it is a fraction of all upstream
            tasks (so `1.0` means one task, not all). No lower limit without it.
        at_most: the largest number that will do, in the same way. No upper limit without it.

    Returns:
        a trigger; it always passes if there are no upstream tasks.
    """

    def _some_successful(upstream_states: dict[Edge, State]) -> bool:
        """Run if the number of successful upstream tasks is within the limits given to `some_successful`."""
        states = list(_each(upstream_states))
        successful = sum(state.is_successful() for state in states)
        if not _is_within(successful, len(states), at_least, at_most):
            raise _refusal('Trigger was "some_successful" but thresholds were not met.')
        return True

    return _some_successful


def not_all_skipped(upstream_states: dict[Edge, State]) -> bool:
    """Run if all upstream tasks were successful and not all of them were skipped.

    It is the trigger of `merge`: one branch of several ran. Give the task
    `skip_on_upstream_skip=False` too, else the first skipped branch skips it.

    Args:
        upstream_states: the state of each upstream edge.

    Raises:
        SKIP: if all were skipped, or there is none.
        TRIGGERFAIL: if any was not successful.
    """
    states = list(_each(upstream_states))
    if all(state.is_skipped() for state in states):
        from prefect.engine.signals import SKIP

        raise SKIP("All upstreams were skipped", result=None)
    if not all(state.is_successful() for state in states):
        raise _refusal('Trigger was "not_all_skipped" but some of the upstream tasks failed.')
    return True


def manual_only(upstream_states: dict[Edge, State]) -> bool:
    """Run only when somebody resumes the task; until then it is paused.

    Args:
        upstream_states: not looked at.

    Raises:
        PAUSE: unless the context has `resume`.
    """
    del upstream_states
    if context.get("resume"):
        return True
    from prefect.engine.signals import PAUSE

    raise PAUSE('Trigger function is "manual_only"')


def _each(upstream_states: UpstreamStates) -> Iterable[State]:
    """All upstream states, once each, with mapped ones replaced by those of their children."""
    found: dict[int, State] = {}
    for state in upstream_states.values():
        if state.is_mapped():
            for child in getattr(state, "map_states", None) or ():
                found[id(child)] = child
        else:
            found[id(state)] = state
    return found.values()


def _is_within(count: int, of: int, at_least: float | None, at_most: float | None) -> bool:
    if of == 0:
        return True
    lower = 0 if at_least is None else at_least * of if at_least < 1 else at_least
    upper = of if at_most is None else at_most * of if at_most < 1 else at_most
    return lower <= count <= upper


def _refusal(message: str) -> TRIGGERFAIL:
    from prefect.engine.signals import TRIGGERFAIL

    return TRIGGERFAIL(message)
