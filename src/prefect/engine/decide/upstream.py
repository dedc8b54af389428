"""What the states of upstream tasks mean for a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.core.task import Task
    from prefect.engine.state import Mapped, State


def relevant_states(upstream_states: Mapping[Edge, State]) -> Iterator[State]:
    """The states a task waits for: where a whole mapped task is upstream, its children's too."""
    for edge, state in upstream_states.items():
        yield state
        if state._mapped and not edge.mapped:  # pyright: ignore[reportPrivateUsage]
            yield from cast("Mapped", state).map_states


def all_finished(upstream_states: Mapping[Edge, State]) -> bool:
    """Whether nothing upstream will change any more."""
    return all(state._finished for state in relevant_states(upstream_states))  # pyright: ignore[reportPrivateUsage]


def any_skipped(upstream_states: Mapping[Edge, State]) -> bool:
    """Whether something upstream was skipped."""
    return any(state._skipped for state in relevant_states(upstream_states))  # pyright: ignore[reportPrivateUsage]


def expanded(upstream_states: Mapping[Edge, State]) -> dict[Edge, State]:
    """The states as triggers see them: children in the place of a mapped task.

    Each child comes under an edge of its own, equal in all but identity to the mapped task's.
    """
    from prefect.core.edge import new_edge

    found: dict[Edge, State] = {}
    for edge, state in upstream_states.items():
        if not state._mapped:  # pyright: ignore[reportPrivateUsage]
            found[edge] = state
            continue
        for index, child in enumerate(cast("Mapped", state).map_states):
            stand_in = _child_task(edge, index)
            found[new_edge(stand_in, edge.downstream_task, edge.key, edge.mapped, edge.flattened)] = child
    return found


def _child_task(edge: Edge, index: int) -> Task:
    """A bare copy of a mapped task that tells its children's edges apart."""
    task = edge.upstream_task
    stand_in = object.__new__(type(task))
    vars(stand_in).update(vars(task))
    stand_in.name = f"{task.name}[{index}]"
    return stand_in
