"""Running mapped tasks, depth first.

A `MapGroup` is a mapped task together with the mapped tasks that consume it child by child. For
each index its stages run one after the other, so that child 0 of the last stage can be finished
before child 1 of the first has begun: the children of one index need no other index, and nothing
has to hold a whole level of a big map.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from prefect.engine import observers
from prefect.engine.inputs import element_state
from prefect.engine.task_plan import plain_run_count

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.engine.state import Mapped, State
    from prefect.engine.task_plan import TaskPlan

SourceKind = Literal["values", "children", "stage"]


class Source:
    """Where a mapped edge takes its element from.

    Attributes:
        edge: the mapped edge.
        kind: elements of a value, children of a finished mapped task, or children of an earlier
            stage of the same group.
        data: the value; the children's states; the earlier stage.
        state: the upstream state, for elements of a value.
        offset: index of the first element of `data`.
    """

    __slots__ = ("data", "edge", "key", "kind", "offset", "state")

    def __init__(self, edge: Edge, kind: SourceKind, data: Any, state: State, offset: int = 0) -> None:
        self.edge = edge
        self.key = edge.key
        self.kind: SourceKind = kind
        self.data = data
        self.state = state
        self.offset = offset

    def __len__(self) -> int:
        return cast("Stage", self.data).width if self.kind == "stage" else len(self.data)

    def state_at(self, index: int) -> State:
        """The upstream state of child `index`."""
        if self.kind == "values":
            return element_state(self.state, self.data[index - self.offset])
        if self.kind == "stage":
            stage = cast("Stage", self.data)
            return cast("State", stage.children[index - stage.offset])
        return cast("State", self.data[index - self.offset])


class Stage:
    """One mapped task of a group.

    Args:
        plan: how the task runs.
        mapped: the state of the fan-out.
        sources: what is mapped over.
        static_states: `{Edge: State}` of the upstream tasks that are the same for all children,
            constants among them.
        static_arguments: the inputs from these, if all of them are successful; else None.
        width: number of children.
        prior: states of the children from an earlier pass, by index.
        extra: more values for the context of each child.
    """

    __slots__ = (
        "children",
        "extra",
        "mapped",
        "offset",
        "plan",
        "prior",
        "releases",
        "sources",
        "static_arguments",
        "static_states",
        "width",
    )

    def __init__(
        self,
        plan: TaskPlan,
        mapped: Mapped,
        sources: list[Source],
        static_states: dict[Edge, State],
        static_arguments: dict[str, Any] | None,
        width: int,
        prior: Sequence[State | None] = (),
        extra: dict[str, Any] | None = None,
        offset: int = 0,
    ) -> None:
        self.plan = plan
        self.mapped = mapped
        self.sources = sources
        self.static_states = static_states
        self.static_arguments = static_arguments
        self.width = width
        self.prior = prior
        self.extra = extra
        self.offset = offset
        self.children: list[State | None] = [None] * width
        #: Whether results of children are dropped as soon as the group is done with their index.
        self.releases = False

    def upstream_states(self, index: int) -> dict[Edge, State]:
        """`{Edge: State}` of child `index`."""
        states = dict(self.static_states)
        for source in self.sources:
            states[source.edge] = source.state_at(index)
        return states

    def run_child(self, index: int) -> State:
        """Run child `index`, whose upstream children are done, and keep its state."""
        position = index - self.offset
        prior = self.prior[position] if position < len(self.prior) else None
        if prior is not None and prior._finished and not prior._cached:  # pyright: ignore[reportPrivateUsage]
            self.children[position] = prior
            return prior
        if self.plan.is_plain and self.extra is None and self.static_arguments is not None:
            run_count = plain_run_count(prior)
            arguments = self._plain_arguments(index) if run_count else None
            if arguments is not None:
                state = self.plan.run_plain(
                    arguments, index, lambda: self.upstream_states(index), run_count=run_count
                )
                self.children[position] = state
                return state
        state = self.plan.run_steps(prior, self.upstream_states(index), map_index=index, extra=self.extra)
        self.children[position] = state
        return state

    def _plain_arguments(self, index: int) -> dict[str, Any] | None:
        arguments = dict(cast("dict[str, Any]", self.static_arguments))
        for source in self.sources:
            kind = source.kind
            if kind == "values":
                if source.key is not None:
                    arguments[source.key] = source.data[index - source.offset]
                continue
            if kind == "stage":
                stage = cast("Stage", source.data)
                state = cast("State", stage.children[index - stage.offset])
            else:
                state = cast("State", source.data[index - source.offset])
            if not state._successful or state._skipped:  # pyright: ignore[reportPrivateUsage]
                return None
            if source.key is not None:
                arguments[source.key] = state._result.value  # pyright: ignore[reportPrivateUsage]
        return arguments


class ChildBatches(Protocol):
    """How a backend is told of the children of mapped tasks.

    Attributes:
        size: how many children to begin together.
    """

    size: int

    def begin(self, stage: Stage, start: int, stop: int) -> None:
        """Children are about to be run."""
        ...

    def learn(self, children: int, seconds: float) -> None:
        """So many children took so long."""
        ...

    def settle(self, stages: Sequence[Stage]) -> None:
        """Children have been run: from now on everybody may rely on their states."""
        ...


class MapGroup:
    """Mapped tasks that are run together, child by child.

    Args:
        stages: the tasks, each after those it consumes.
    """

    def __init__(self, stages: list[Stage]) -> None:
        self.stages = stages
        self.width = max(stage.width for stage in stages)
        self._releasing = [stage for stage in stages if stage.releases]
        self._batches = stages[0].plan.settings.batches

    def run_index(self, index: int) -> None:
        """Run the children of one index, stage by stage."""
        for stage in self.stages:
            if index < stage.width:
                state = stage.run_child(index)
                if observers.is_observed():
                    observers.notify(stage.plan.task, index, None, state)
        for stage in self._releasing:
            if index < stage.width:
                release(cast("State", stage.children[index - stage.offset]))

    def run_range(self, start: int, stop: int) -> None:
        """Run the children of some indexes here and now.

        Where a backend is told of every child, quick children are begun by the chunk, and a chunk goes
        through the stages together; slow ones go one by one, depth first.

        Args:
            start: the first index.
            stop: the one after the last.
        """
        batches = self._batches
        if batches is None:
            for index in range(start, stop):
                self.run_index(index)
            return
        while start < stop:
            end = min(stop, start + batches.size)
            began = time.perf_counter()
            for stage in self.stages:
                last = min(end, stage.width)
                if start < last:
                    batches.begin(stage, start, last)
                for index in range(start, last):
                    state = stage.run_child(index)
                    if observers.is_observed():
                        observers.notify(stage.plan.task, index, None, state)
            for stage in self._releasing:
                for index in range(start, min(end, stage.width)):
                    release(cast("State", stage.children[index - stage.offset]))
            batches.learn(end - start, time.perf_counter() - began)
            start = end

    def run_all(self) -> None:
        """Run all children here and now."""
        self.run_range(0, self.width)

    def settle(self) -> None:
        """Make sure that a backend knows of all children that have run."""
        if self._batches is not None:
            self._batches.settle(self.stages)

    def drains(self, count: int) -> list[Callable[[], None]]:
        """Functions that together run all children, each as many as it gets to.

        Args:
            count: how many functions; more than there are children are not made.
        """
        lock = threading.Lock()
        batches, width = self._batches, self.width
        position = 0

        def drain() -> None:
            nonlocal position
            while True:
                with lock:
                    start = position
                    position = stop = min(width, start + (1 if batches is None else batches.size))
                if start >= stop:
                    return
                self.run_range(start, stop)

        return [drain] * max(1, min(count, width))


def release(state: State) -> None:
    """Drop the value of a child that nobody will ask for; its location stays."""
    from prefect.engine.result.base import NoResult

    known = state._result  # pyright: ignore[reportPrivateUsage]
    if known.location is not None:
        kept = known.copy()
        kept.value = None
        state._result = kept  # pyright: ignore[reportPrivateUsage]
    elif state._successful:  # pyright: ignore[reportPrivateUsage]
        state._result = NoResult  # pyright: ignore[reportPrivateUsage]
