"""What the states of upstream tasks mean for a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from prefect.core.edge import Edge
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
