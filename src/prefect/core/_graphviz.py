"""A flow as a `graphviz.Digraph`, the object that `Flow.visualize` has always returned."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from prefect.core._drawing import states_of

if TYPE_CHECKING:
    from prefect.core._picture import Picture
    from prefect.core.edge import Edge
    from prefect.core.flow import Flow
    from prefect.core.task import Task
    from prefect.engine.state import State

__all__ = ["digraph_of"]


def digraph_of(
    flow: Flow, flow_state: State | None, *, horizontal: bool, picture: Picture | None = None
) -> Any:
    """The graph in the DOT language: boxes for mapped tasks, ellipses for others, constants left out.

    Args:
        flow: the flow.
        flow_state: final state of a run; tasks are coloured by it, and mapped tasks become one
            node for each child.
        horizontal: from left to right.
        picture: what notebooks show instead, where there is no Graphviz program to draw the graph.

    Raises:
        ImportError: the package `graphviz` is not installed.
    """
    graphviz = cast("Any", import_module("graphviz"))
    graph = graphviz.Digraph() if picture is None else _drawn_by(graphviz.Digraph, picture)
    if horizontal:
        graph.graph_attr["rankdir"] = "LR"
    states = states_of(flow_state)
    mapped = {edge.downstream_task for edge in flow.edges if edge.mapped}
    for task in flow.tasks:
        is_mapped = task in mapped
        label = f"{task.name} <map>" if is_mapped else task.name
        shape = "box" if is_mapped else "ellipse"
        children = _children(states.get(task))
        if children is None:
            graph.node(_name(task), label, shape=shape, **_paint(states.get(task)))
        for index, child in enumerate(children or ()):
            graph.node(_name(task, index), label, shape=shape, **_paint(child))
    for edge in flow.edges:
        style = "dashed" if edge.mapped else None
        for source, target in _ends(edge, states):
            graph.edge(source, target, label=edge.key, style=style)
    return graph


def _name(task: Task, index: int | None = None) -> str:
    return f"{id(task)}{'' if index is None else index}"


def _children(state: State | None) -> list[State | None] | None:
    """States of the mapped children; None where there is only the task itself to draw."""
    if state is None or not state.is_mapped():
        return None
    return cast("list[State | None]", getattr(state, "map_states", None) or []) or None


def _paint(state: State | None) -> dict[str, str]:
    if state is None:
        return {}
    return {"color": f"{state.color}80", "colorscheme": "svg", "style": "filled"}


def _ends(edge: Edge, states: dict[Task, State]) -> list[tuple[str, str]]:
    """Nodes that an edge connects: child to child where both tasks are mapped, else all with all."""
    source, target = edge.upstream_task, edge.downstream_task
    sources, targets = _children(states.get(source)), _children(states.get(target))
    if sources is None and targets is None:
        return [(_name(source), _name(target))]
    if sources is None:
        return [(_name(source), _name(target, index)) for index in range(len(targets or ()))]
    if targets is None or not edge.mapped:
        ends = [_name(target)] if targets is None else [_name(target, index) for index in range(len(targets))]
        return [(_name(source, index), end) for index in range(len(sources)) for end in ends]
    return [(_name(source, index), _name(target, index)) for index in range(min(len(sources), len(targets)))]


def _drawn_by(digraph_class: Any, picture: Picture) -> Any:
    """A Digraph that notebooks can show without the Graphviz program."""

    class DrawnDigraph(digraph_class):
        def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> dict[str, str]:
            return {"image/svg+xml": picture.svg()}

    return DrawnDigraph()
