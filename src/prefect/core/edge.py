"""Edges: one task's dependence on another."""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING, Any, cast

from prefect.core.task import Task
from prefect.utilities.edges import EdgeAnnotation

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["Edge", "is_valid_identifier"]


def is_valid_identifier(string: str) -> bool:
    """Whether `string` can name an argument."""
    return string.isidentifier() and not iskeyword(string)


class Edge:
    """`downstream_task` runs after `upstream_task`, and with a `key` also receives its result.

    Args:
        upstream_task: the task that runs first; anything that is not a task becomes one.
        downstream_task: the task that runs second.
        key: argument of the downstream task that receives the result; None only orders.
        mapped: whether the downstream task runs once for each element of the result.
        flattened: whether one level of nesting is removed from the result first.
        flow: where tasks made from other values belong.

    `mapped` and `flattened` follow the annotation (`mapped(x)`, `unmapped(x)`, `flatten(x)`) of
    `upstream_task`, if it has one.

    Raises:
        ValueError: the key is no identifier, or both tasks are the same.
    """

    __slots__ = ("downstream_task", "flattened", "key", "mapped", "upstream_task")

    upstream_task: Task
    downstream_task: Task
    key: str | None
    mapped: bool
    flattened: bool

    def __init__(
        self,
        upstream_task: Any,
        downstream_task: Any,
        key: str | None = None,
        mapped: bool | None = None,
        flattened: bool | None = None,
        flow: Flow | None = None,
    ) -> None:
        if isinstance(upstream_task, EdgeAnnotation):
            annotations = upstream_task.annotations
            if mapped is None:
                mapped = annotations.get("mapped")
            if flattened is None:
                flattened = annotations.get("flattened")
        self.upstream_task = (
            upstream_task if isinstance(upstream_task, Task) else _as_task(upstream_task, flow)
        )
        self.downstream_task = (
            downstream_task if isinstance(downstream_task, Task) else _as_task(downstream_task, flow)
        )
        if key is not None and not is_valid_identifier(key):
            raise ValueError(f'Key must be a valid identifier (received "{key}")')
        if self.upstream_task is self.downstream_task:
            raise ValueError("Edges can not connect a task to itself.")
        self.key = key
        self.mapped = bool(mapped)
        self.flattened = bool(flattened)

    @property
    def tasks(self) -> set[Task]:
        """Both tasks."""
        return {self.upstream_task, self.downstream_task}

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Edge)
            and self.upstream_task is other.upstream_task
            and self.downstream_task is other.downstream_task
            and self.key == other.key
            and self.mapped == other.mapped
            and self.flattened == other.flattened
        )

    def __hash__(self) -> int:
        return hash((id(self.upstream_task), id(self.downstream_task), self.key, self.mapped, self.flattened))

    def __reduce__(self) -> tuple[Any, ...]:
        # Tasks hash by identity: unpickling inside a cycle must not need their hash early.
        return _restore, (self.upstream_task, self.downstream_task, self.key, self.mapped, self.flattened)

    def __repr__(self) -> str:
        return (
            f"<Edge(key={self.key}, mapped={self.mapped}, flattened={self.flattened}): "
            f"{self.upstream_task.name} to {self.downstream_task.name}>"
        )

    def serialize(self) -> dict[str, Any]:
        """The JSON form of this edge; tasks are named by slug."""
        from prefect.serialization.edge import EdgeSchema

        return cast("dict[str, Any]", EdgeSchema().dump(self))


def _as_task(value: Any, flow: Flow | None) -> Task:
    from prefect.utilities.tasks import as_task

    return as_task(value, flow=flow)


def _restore(upstream: Task, downstream: Task, key: str | None, mapped: bool, flattened: bool) -> Edge:
    return new_edge(upstream, downstream, key, mapped, flattened)


def new_edge(upstream: Task, downstream: Task, key: str | None, mapped: bool, flattened: bool) -> Edge:
    """An edge between values that are known to be right: for the flow, which checked them."""
    edge = Edge.__new__(Edge)
    edge.upstream_task = upstream
    edge.downstream_task = downstream
    edge.key = key
    edge.mapped = mapped
    edge.flattened = flattened
    return edge
