"""Running one task, or a flow with some tasks replaced."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, cast

from prefect.core.edge import new_edge
from prefect.core.flow import Flow
from prefect.core.task import Task
from prefect.engine.flow_runner import FlowRunner
from prefect.engine.result.base import Result
from prefect.engine.state import State, Success
from prefect.engine.task_runner import TaskRunner
from prefect.testing.clock import FakeClock
from prefect.testing.results import MemoryResult
from prefect.utilities.context import context as prefect_context

__all__ = ["FlowRunOutcome", "run_flow", "run_task"]


def run_task(
    task: Task,
    /,
    *,
    context: dict[str, Any] | None = None,
    upstream: Mapping[str, State] | None = None,
    state: State | None = None,
    **inputs: Any,
) -> State:
    """Run one task as the engine would: triggers, handlers, caching and retries apply.

    One attempt is made: a task that is to be retried comes back `Retrying`. Nothing is written.

    Args:
        task: the task.
        context: `{key: value}` for `prefect.context`, such as `map_index` or `parameters`.
        upstream: `{argument: State}` of upstream tasks, to try triggers and skips.
        state: the state to begin with.
        **inputs: arguments of the task.

    Returns:
        the state the attempt ends in.
    """
    states: dict[str, State] = {name: Success(result=value) for name, value in inputs.items()}
    states.update(upstream or {})
    edges = {new_edge(Task(name=name), task, name, False, False): found for name, found in states.items()}
    with prefect_context(checkpointing=False):
        return TaskRunner(task).run(state=state, upstream_states=edges, context=dict(context or {}))


class FlowRunOutcome:
    """What became of a flow run in a test.

    Attributes:
        flow: the flow that ran: a copy, with the replacements in place.
        state: its final state.
        clock: the clock it ran by; `clock.waited_for` are the times it waited for.
    """

    def __init__(self, flow: Flow, state: State, clock: FakeClock) -> None:
        self.flow = flow
        self.state = state
        self.clock = clock

    def __getitem__(self, task: str | Task) -> State:
        """State of a task, given by name, slug or as the task itself.

        Raises:
            KeyError: no task, or more than one, is called that.
        """
        states = cast("dict[Task, State]", self.state.result)
        if isinstance(task, Task):
            return states[task]
        return states[_find(self.flow, task)]


def run_flow(
    flow: Flow,
    parameters: dict[str, Any] | None = None,
    *,
    replace: Mapping[str | Task, Any] | None = None,
    clock: FakeClock | None = None,
    context: dict[str, Any] | None = None,
) -> FlowRunOutcome:
    """Run a flow once, without waiting for retries and without writing results to where they belong.

    Args:
        flow: the flow; it is left as it is.
        parameters: `{name: value}`.
        replace: `{task, its name or slug: value}`: tasks whose code is not called; they have this
            value as result (each child of a mapped task has), or this `State`. All else about
            them stays: they wait for their upstream tasks, and are skipped or fail with them.
        clock: the clock to run by; a new one by default.
        context: `{key: value}` for `prefect.context`, such as `secrets`.

    Returns:
        the final state, and those of tasks by name.

    Raises:
        KeyError: no task, or more than one, is called like a key of `replace`.
    """
    copy = flow.copy()
    states: dict[str, State] = {}
    for key, value in (replace or {}).items():
        task = key if isinstance(key, Task) else _find(copy, key)
        state = value if isinstance(value, State) else Success("Replaced in a test.", result=value)
        states[copy.slugs[task]] = state
    clock = clock or FakeClock()
    with contextlib.ExitStack() as stack:
        stack.enter_context(clock)
        stack.enter_context(prefect_context(checkpointing=False))
        if copy.result is not None:
            copy.result = MemoryResult()
        final = copy.run(
            parameters=dict(parameters or {}),
            run_on_schedule=False,
            runner_cls=_replacing(states),
            context=dict(context or {}),
        )
    assert final is not None
    return FlowRunOutcome(copy, final, clock)


def _replacing(states: dict[str, State]) -> type[FlowRunner]:
    """A flow runner in which the tasks of some slugs end in a given state, when it is their turn."""

    class ReplacingTaskRunner(TaskRunner):
        def get_task_run_state(self, state: State, inputs: dict[str, Result]) -> State:
            found = states.get(prefect_context.get("task_slug"))
            if found is None:
                return super().get_task_run_state(state, inputs)
            return self.handle_state_change(state, found)

    class ReplacingFlowRunner(FlowRunner):
        def __init__(self, flow: Flow, **kwargs: Any) -> None:
            super().__init__(flow, task_runner_cls=ReplacingTaskRunner, **kwargs)

    return ReplacingFlowRunner if states else FlowRunner


def _find(flow: Flow, name: str) -> Task:
    found = [task for task in flow.tasks if flow.slugs[task] == name] or flow.get_tasks(name=name)
    if len(found) != 1:
        slugs = ", ".join(flow.slugs.values())
        what = "no task" if not found else f"{len(found)} tasks"
        raise KeyError(f"{what} of {flow} called {name!r}; the slugs are: {slugs}")
    return found[0]
