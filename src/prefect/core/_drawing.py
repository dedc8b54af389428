"""What a drawing of a flow shows: boxes for tasks, arrows for edges, colours for states."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from prefect.core.parameter import Parameter

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.core.task import Task
    from prefect.engine.state import State

__all__ = ["Arrow", "Box", "Drawing", "drawing_of", "states_of"]

_LONGEST_LABEL = 36


@dataclass(frozen=True)
class Box:
    """One task.

    Attributes:
        title: its name.
        subtitle: kind, number of mapped children and state, where there is something to say.
        tooltip: everything known about it, on several lines.
        is_mapped: whether it has mapped inputs.
        states: `(class name, colour, number of runs)` of its states, most frequent first; empty
            without a run.
    """

    title: str
    subtitle: str
    tooltip: str
    is_mapped: bool
    states: tuple[tuple[str, str, int], ...]

    @property
    def color(self) -> str | None:
        """Colour of the state; of the worst one, when the children of a map differ."""
        for name, color, _ in self.states:
            if name in ("Failed", "TimedOut", "TriggerFailed", "ValidationFailed"):
                return color
        return self.states[0][1] if self.states else None


@dataclass(frozen=True)
class Arrow:
    """One or more edges between the same two tasks.

    Attributes:
        source: index of the upstream box.
        target: index of the downstream box.
        label: arguments that the result is passed as; empty when it only waits.
        is_mapped: whether it is mapped over.
    """

    source: int
    target: int
    label: str
    is_mapped: bool


@dataclass(frozen=True)
class Drawing:
    """A flow as boxes and arrows.

    Attributes:
        name: name of the flow.
        state: `(class name, colour, message)` of the flow's own state; None without a run.
        boxes: one for each task, in the order in which they run.
        arrows: one for each pair of connected tasks.
    """

    name: str
    state: tuple[str, str, str] | None
    boxes: list[Box]
    arrows: list[Arrow]


def states_of(flow_state: State | None) -> dict[Task, State]:
    """`{task: state}` of a flow's state; empty when it does not hold them."""
    found: Any = flow_state.result if flow_state is not None else None
    return cast("dict[Task, State]", found) if isinstance(found, dict) else {}


def drawing_of(flow: Flow, flow_state: State | None = None) -> Drawing:
    """What to draw of a flow, with the states of a run if there was one.

    Args:
        flow: the flow; may have cycles.
        flow_state: final state of a run of it.
    """
    states = states_of(flow_state)
    tasks = list(flow.tasks)
    try:
        tasks = list(flow.sorted_tasks())
    except ValueError:  # a cycle: worth drawing, in any order
        pass
    index = {task: number for number, task in enumerate(tasks)}
    mapped = {edge.downstream_task for edge in flow.edges if edge.mapped}
    labels: dict[tuple[int, int, bool], list[str]] = {}
    for edge in flow.edges:
        pair = (index[edge.upstream_task], index[edge.downstream_task], bool(edge.mapped))
        keys = labels.setdefault(pair, [])
        if edge.key:
            keys.append(edge.key)
    # One arrow where edges differ only in being mapped would hide that; two would overlap.
    arrows: dict[tuple[int, int], Arrow] = {}
    for (source, target, is_mapped), keys in labels.items():
        before = arrows.get((source, target))
        label = ", ".join(keys)
        if before is not None:
            label = ", ".join(text for text in (before.label, label) if text)
            is_mapped = is_mapped or before.is_mapped
        arrows[source, target] = Arrow(source, target, label, is_mapped)
    return Drawing(
        name=flow.name,
        state=_flow_state(flow_state),
        boxes=[_box(task, task in mapped, states.get(task)) for task in tasks],
        arrows=list(arrows.values()),
    )


def _flow_state(state: State | None) -> tuple[str, str, str] | None:
    return None if state is None else (type(state).__name__, state.color, str(state.message or ""))


def _box(task: Task, is_mapped: bool, state: State | None) -> Box:
    states = _states(state)
    kind = _kind(task)
    facts = [kind] if kind else []
    if is_mapped:
        is_fanned_out = state is not None and state.is_mapped()
        facts.append(
            f"map \N{MULTIPLICATION SIGN}{len(getattr(state, 'map_states', ())):,}"
            if is_fanned_out
            else "map"
        )
    facts += [name if len(states) == 1 else f"{count:,} {name}" for name, _, count in states]
    tooltip = [f"{task.name} ({type(task).__name__})"]
    if task.tags:
        tooltip.append(f"tags: {', '.join(sorted(task.tags))}")
    if state is not None and state.message:
        tooltip.append(str(state.message))
    return Box(_shortened(task.name), " · ".join(facts), "\n".join(tooltip), is_mapped, states)


def _kind(task: Task) -> str:
    if isinstance(task, Parameter):
        if task.required:
            return "required parameter"
        return _shortened(f"parameter = {task.default!r}")
    name = type(task).__name__
    # A task made from a function says all by its name; a class of the library is worth naming.
    return "" if name == "FunctionTask" or name == task.name else name


def _states(state: State | None) -> tuple[tuple[str, str, int], ...]:
    if state is None:
        return ()
    children = (
        cast("list[State | None]", getattr(state, "map_states", None) or ()) if state.is_mapped() else ()
    )
    found = [child for child in children if child is not None] or [state]
    counts = Counter((type(each).__name__, each.color) for each in found)
    return tuple((name, color, count) for (name, color), count in counts.most_common())


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"
