"""Upstream states of mapped children, for runners that fan out tasks by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.core.task import Task
    from prefect.engine.state import Mapped, State
    from prefect.executors.base import Executor


def flatten_upstream_state(upstream_state: State) -> State:
    """A state like the given one with its result flattened by one level.

    Args:
        upstream_state: any state; one whose result does not consist of iterables is returned as it is.
    """
    from prefect.engine.decide.mapping import flattened_values

    value = upstream_state.result
    flat = flattened_values(value)
    if flat is value:
        return upstream_state
    return _like(upstream_state, flat)


def flatten_mapped_children(mapped_children: list[State], executor: Executor) -> list[State]:
    """The states of mapped children taken apart: one state for each element of their results.

    Args:
        mapped_children: states, or futures of them.
        executor: where the futures come from.
    """
    from prefect.engine.decide.mapping import NOT_FLATTENED

    flat: list[State] = []
    for child in cast("list[State]", executor.wait(mapped_children)):
        if not child.is_successful() or child.is_skipped():
            flat.append(child)
            continue
        try:
            elements = list(child.result)
        except TypeError:
            from prefect.utilities.logging import get_logger

            get_logger("FlowRunner").warning(NOT_FLATTENED)
            flat.append(child)
        else:
            flat.extend(_like(child, element) for element in elements)
    return flat


def prepare_upstream_states_for_mapping(
    state: State,
    upstream_states: dict[Edge, State],
    mapped_children: Mapping[Task, list[Any]],
    executor: Executor,
) -> list[dict[Edge, State]]:
    """The upstream states of each child of a mapped task.

    Args:
        state: of the parent; unless it is `Mapped` there are no children.
        upstream_states: of the parent.
        mapped_children: `{upstream task: its children}`, as states or futures, of upstream tasks that
            are mapped.
        executor: where the futures come from.

    Returns:
        `{edge: state}` for each child; as many as the shortest input has elements, none if an input
        that is mapped over failed or was skipped.
    """
    if not state.is_mapped():
        return []
    inputs: dict[Edge, Any] = {}
    for edge, upstream in upstream_states.items():
        if not edge.mapped:
            continue
        if upstream.is_mapped():
            children = mapped_children[edge.upstream_task]
            inputs[edge] = flatten_mapped_children(children, executor) if edge.flattened else children
        elif upstream.is_successful() and not upstream.is_skipped() and upstream.result is not None:
            inputs[edge] = _Elements(upstream)
        else:
            return []
    if not inputs:
        return []
    return [
        {
            edge: inputs[edge][index] if edge in inputs else upstream
            for edge, upstream in upstream_states.items()
        }
        for index in range(min(map(len, inputs.values())))
    ]


class _Elements:
    """The elements of a state's result, each as a state."""

    def __init__(self, state: State) -> None:
        self._state = state

    def __len__(self) -> int:
        return len(self._state.result)

    def __getitem__(self, index: int) -> State:
        return _like(self._state, self._state.result[index])


def _like(state: State, value: Any) -> State:
    """A copy of `state` with another result."""
    import copy

    from prefect.engine.result.base import Result

    twin = copy.copy(state)
    twin._result = Result(value=value)  # pyright: ignore[reportPrivateUsage]
    if twin.is_mapped():
        cast("Mapped", twin).map_states = list(cast("Mapped", state).map_states)
    return twin
