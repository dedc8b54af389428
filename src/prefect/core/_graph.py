"""The sets behind `flow.tasks` and `flow.edges`, and the order of tasks.

Both are real sets that also remember insertion order, so that a flow's tasks run, print and
serialize in the order they were declared. Every change raises `version`, by which a flow
knows when its derived facts (order, terminal tasks, ...) are out of date; the edge set keeps
its indexes by upstream and downstream task up to date as it changes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.core.task import Task

T = TypeVar("T")


class OrderedSet(set[T], Generic[T]):
    """A set that iterates in insertion order and counts its changes."""

    def __init__(self, items: Iterable[T] = ()) -> None:
        super().__init__()
        self._order: dict[T, None] = {}
        self.version = 0
        self.update(items)

    def _added(self, item: T) -> None:
        """Called after an item came in."""

    def _removed(self, item: T) -> None:
        """Called after an item left."""

    def add(self, element: T) -> None:
        order = self._order
        size = len(order)
        order[element] = None
        if len(order) != size:
            super().add(element)
            self.version += 1
            self._added(element)

    def discard(self, element: T) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        if element in self._order:
            del self._order[element]
            super().discard(element)
            self.version += 1
            self._removed(element)

    def remove(self, element: T) -> None:
        if element not in self._order:
            raise KeyError(element)
        self.discard(element)

    def pop(self) -> T:
        if not self._order:
            raise KeyError("pop from an empty set")
        element = next(reversed(self._order))
        self.discard(element)
        return element

    def clear(self) -> None:
        for element in list(self._order):
            self.discard(element)

    def update(self, *others: Iterable[T]) -> None:
        for other in others:
            for element in other:
                self.add(element)

    def difference_update(self, *others: Iterable[Any]) -> None:
        for other in others:
            for element in list(other):
                self.discard(element)

    def intersection_update(self, *others: Iterable[Any]) -> None:
        kept: set[T] = set(self._order)
        for other in others:
            kept &= set(other)
        for element in [element for element in self._order if element not in kept]:
            self.discard(element)

    def symmetric_difference_update(self, other: Iterable[T]) -> None:
        for element in list(other):
            if element in self._order:
                self.discard(element)
            else:
                self.add(element)

    def __ior__(self, other: Iterable[T]) -> OrderedSet[T]:  # type: ignore[override,misc]
        self.update(other)
        return self

    def __isub__(self, other: Iterable[Any]) -> OrderedSet[T]:  # type: ignore[override,misc]
        self.difference_update(other)
        return self

    def __iand__(self, other: Iterable[Any]) -> OrderedSet[T]:  # type: ignore[override,misc]
        self.intersection_update(other)
        return self

    def __ixor__(self, other: Iterable[T]) -> OrderedSet[T]:  # type: ignore[override,misc]
        self.symmetric_difference_update(other)
        return self

    def __iter__(self) -> Iterator[T]:
        return iter(self._order)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self._order),)

    def copy(self) -> set[T]:
        """A plain set of the same items."""
        return set(self._order)


class TaskSet(OrderedSet["Task"]):
    """Tasks of a flow, in the order they were added."""


class EdgeSet(OrderedSet["Edge"]):
    """Edges of a flow, with indexes by task; lists are in the order edges were added."""

    def __init__(self, items: Iterable[Edge] = ()) -> None:
        self.upstream: dict[Task, list[Edge]] = {}
        self.downstream: dict[Task, list[Edge]] = {}
        super().__init__(items)

    def _added(self, item: Edge) -> None:
        found = self.upstream.get(item.downstream_task)
        if found is None:
            self.upstream[item.downstream_task] = [item]
        else:
            found.append(item)
        found = self.downstream.get(item.upstream_task)
        if found is None:
            self.downstream[item.upstream_task] = [item]
        else:
            found.append(item)

    def _removed(self, item: Edge) -> None:
        for index, task in ((self.upstream, item.downstream_task), (self.downstream, item.upstream_task)):
            edges = index[task]
            edges.remove(item)
            if not edges:
                del index[task]


def topological_order(tasks: Iterable[Task], edges: EdgeSet) -> list[Task]:
    """All tasks, each after its upstream tasks, otherwise as declared.

    Raises:
        ValueError: the tasks form a cycle.
    """
    declared = list(tasks)
    upstream = edges.upstream
    if not upstream:
        return declared
    position = {task: index for index, task in enumerate(declared)}
    waiting_for: list[int] = [0] * len(declared)
    is_ordered = True
    for index, task in enumerate(declared):
        found = upstream.get(task)
        if found:
            waiting_for[index] = len(found)
            if is_ordered:
                for edge in found:
                    if position[edge.upstream_task] > index:
                        is_ordered = False
                        break
    if is_ordered:
        return declared

    ready = [index for index, count in enumerate(waiting_for) if not count]
    order: list[Task] = []
    while ready:
        task = declared[heapq.heappop(ready)]
        order.append(task)
        for edge in edges.downstream.get(task, ()):
            index = position[edge.downstream_task]
            waiting_for[index] -= 1
            if not waiting_for[index]:
                heapq.heappush(ready, index)
    if len(order) < len(declared):
        raise ValueError("Cycle found; flows must be acyclic!" + _describe_cycle(declared, order, edges))
    return order


def _describe_cycle(declared: list[Task], sorted_tasks: list[Task], edges: EdgeSet) -> str:
    """The names along one cycle."""
    stuck = set(declared) - set(sorted_tasks)
    task = next(task for task in declared if task in stuck)
    path: list[Task] = []
    while task not in path:
        path.append(task)
        task = next(edge.upstream_task for edge in edges.upstream[task] if edge.upstream_task in stuck)
    cycle = [*path[path.index(task) :], task]
    return " Remove one of these edges: " + " -> ".join(step.name for step in reversed(cycle)) + "."


def reachable(roots: Iterable[Task], edges: EdgeSet) -> set[Task]:
    """`roots` and everything downstream of them."""
    found = set(roots)
    pending = list(found)
    while pending:
        for edge in edges.downstream.get(pending.pop(), ()):
            if edge.downstream_task not in found:
                found.add(edge.downstream_task)
                pending.append(edge.downstream_task)
    return found
