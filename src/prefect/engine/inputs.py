"""From the states of upstream tasks to the inputs of a task.

Constants bound to a task appear to triggers and steps as successful upstream tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from prefect.engine.decide.mapping import flattened_values
from prefect.engine.result.base import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prefect.core.edge import Edge
    from prefect.core.task import Task
    from prefect.engine.state import Mapped, State

CONSTANT_MESSAGE = "Auto-generated constant value"


def constant_states(task: Task, constants: Mapping[str, Any]) -> dict[Edge, State]:
    """`{Edge: State}` that stand for the constants bound to a task."""
    if not constants:
        return {}
    from prefect.core.edge import new_edge
    from prefect.engine.results.constant_result import ConstantResult
    from prefect.engine.state import Success, make_state
    from prefect.tasks.core.constants import Constant

    found: dict[Edge, State] = {}
    for key, value in constants.items():
        edge = new_edge(Constant(value), task, key, False, False)
        found[edge] = make_state(Success, CONSTANT_MESSAGE, ConstantResult(value=value), None)
    return found


def plain_arguments(
    pairs: Iterable[tuple[Edge, State]], constants: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The arguments of a task all of whose upstream tasks succeeded; None when one did not.

    Args:
        pairs: edges that are not mapped, each with its upstream state.
        constants: `{argument: value}` bound to the task.
    """
    arguments: dict[str, Any] = dict(constants)
    for edge, state in pairs:
        if not state._successful or state._skipped:  # pyright: ignore[reportPrivateUsage]
            return None
        if state._mapped:  # pyright: ignore[reportPrivateUsage]
            for child in cast("Mapped", state).map_states:
                if not child._successful or child._skipped:  # pyright: ignore[reportPrivateUsage]
                    return None
        key = edge.key
        if key is not None:
            value = state._result.value  # pyright: ignore[reportPrivateUsage]
            if edge.flattened:
                flat = flattened_values(value)
                if flat is value:
                    return None  # the step that takes inputs warns of this
                value = flat
            arguments[key] = value
    return arguments


def element_state(state: State, value: Any) -> State:
    """The state of one element of a value that is mapped over."""
    from prefect.engine.state import Success, make_state

    cls = type(state) if not type(state)._extra else Success  # pyright: ignore[reportPrivateUsage]
    return make_state(cls, state.message, Result(value), None)
