"""Whether a task can be mapped, over what, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.engine.state import Mapped, State

NOTHING_TO_MAP = "No upstream states can be mapped over."
NOT_FLATTENED = (
    "`flatten` was used on upstream task that did not return an iterable. "
    "The value will be passed downstream unmodified."
)
ALL_SKIPPED = "All upstream states that would be mapped over were skipped."
UNMAPPABLE = "At least one upstream state has an unmappable result."


def nothing_but_skipped(upstream_states: Mapping[Edge, State]) -> bool:
    """Whether everything that would be mapped over was skipped as a whole, so that there is no child."""
    mapped = [state for edge, state in upstream_states.items() if edge.mapped]
    return bool(mapped) and all(state._skipped for state in mapped)  # pyright: ignore[reportPrivateUsage]


def obstacle(upstream_states: Mapping[Edge, State]) -> str | None:
    """Why a task cannot be mapped over these states; None when it can.

    Upstream tasks that were skipped as a whole are no obstacle, as to `merge`: they are the same to
    every child.
    """
    mapped = [state for edge, state in upstream_states.items() if edge.mapped]
    if mapped and not any(state._successful and not state._skipped for state in mapped):  # pyright: ignore[reportPrivateUsage]
        return NOTHING_TO_MAP
    for edge, state in upstream_states.items():
        if edge.mapped and state._successful and not (state._mapped or state._skipped):  # pyright: ignore[reportPrivateUsage]
            problem = unmappable(state.result)
            if problem is not None:
                return f"{UNMAPPABLE} {edge.upstream_task.name!r} {problem}"
    return None


def width(upstream_states: Mapping[Edge, State]) -> int:
    """How many children a task has that is mapped over these states: as many as the shortest input has elements."""
    widths: list[int] = []
    for edge, state in upstream_states.items():
        if edge.mapped and state._mapped:  # pyright: ignore[reportPrivateUsage]
            widths.append(cast("Mapped", state).n_map_states)
        elif edge.mapped and has_elements(state):
            widths.append(len(state.result))
    return min(widths, default=0)


def has_elements(state: State) -> bool:
    """Whether an upstream state has a value to take elements from."""
    return state._successful and not state._skipped and unmappable(state.result) is None  # pyright: ignore[reportPrivateUsage]


def unmappable(value: Any) -> str | None:
    """What is wrong with a value to be mapped over; None when nothing is."""
    if isinstance(value, Mapping):
        return "returned a dictionary; map over `list(x.items())`, `list(x)` or `list(x.values())`."
    if not hasattr(value, "__getitem__") or not hasattr(value, "__len__"):
        return (
            f"returned {type(cast('object', value)).__name__}, which is no sequence; "
            "return a list, or wrap the input in `unmapped`."
        )
    return None


def flattened_values(value: Any) -> Any:
    """`value` with one level of nesting removed; `value` itself when its elements are not iterable."""
    found: list[Any] = []
    try:
        for element in cast("Iterable[Any]", value):
            found.extend(element)
    except TypeError:
        return value
    return found


def flattened_state(state: State) -> State:
    """`state` with its value flattened by one level.

    Children of a mapped task are joined: the result is an unmapped state of all their elements.
    If an element of a child is not iterable, the values stay as they are.
    """
    from prefect.engine.result.base import Result
    from prefect.engine.state import Success, make_state

    if state._mapped:  # pyright: ignore[reportPrivateUsage]
        children = cast("Mapped", state).map_states
        return _flattened_children(state, children)
    if not state._successful:  # pyright: ignore[reportPrivateUsage]
        return state
    flat = flattened_values(state.result)
    if flat is state.result:
        return state
    cls = type(state) if not type(state)._extra else Success  # pyright: ignore[reportPrivateUsage]
    return make_state(cls, state.message, Result(value=flat), None)


def _flattened_children(state: State, children: Sequence[State]) -> State:
    """A mapped state whose children are the elements of the given children.

    A child that has no elements to give (failed, skipped) stands for itself.
    """
    from prefect.engine.result.base import Result
    from prefect.engine.state import Mapped, Success, make_state

    found: list[State] = []
    for child in children:
        if not child._successful or child._skipped:  # pyright: ignore[reportPrivateUsage]
            found.append(child)
            continue
        try:
            elements = list(cast("Iterable[Any]", child.result))
        except TypeError:
            return state
        found.extend(make_state(Success, child.message, Result(value=element), None) for element in elements)
    joined = Mapped(message=state.message, map_states=found)
    joined.result = [child.result for child in found]
    return joined
