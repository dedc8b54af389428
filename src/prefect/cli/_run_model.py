"""What a flow run looks like so far: changes of state go in, rows with counts come out.

Pure bookkeeping without output. Children of mapped tasks are counted, not listed, so a map of
100,000 costs as much to draw as one of three.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.core.task import Task
    from prefect.engine.observers import Event
    from prefect.engine.state import State

__all__ = ["DONE", "Category", "Row", "RunModel", "category_of", "failure_text"]

Category = Literal[
    "waiting", "running", "retrying", "paused", "success", "cached", "skipped", "failed", "cancelled"
]

#: Categories of runs that are over.
DONE: tuple[Category, ...] = ("success", "cached", "skipped", "failed", "cancelled")

#: How many failed children of a map are remembered with their reason.
_KEPT_FAILURES = 5


def category_of(state: State) -> Category:
    """How a state is drawn. A mapped parent that says nothing of its children is a success."""
    if state.is_failed():
        return "failed"
    if state.is_skipped():
        return "skipped"
    if state.is_cached():
        return "cached"
    if state.is_successful():
        return "success"
    if state.is_running():
        return "running"
    if state.is_retrying():
        return "retrying"
    if type(state).__name__ == "Paused":
        return "paused"
    if state.is_looped():
        return "running"
    return "cancelled" if state.is_finished() else "waiting"


def failure_text(state: State) -> str:
    """Why a state failed, on one line."""
    error = state.result
    text = str(state.message or "")
    if isinstance(error, Exception):
        text = f"{type(error).__name__}: {error}"
    return next(iter(text.strip().splitlines()), type(state).__name__)


@dataclass
class Row:
    """One task of the run."""

    name: str
    #: Whether it has mapped inputs.
    is_mapped: bool = False
    #: Made by Prefect and not by the user, such as a list around tasks.
    is_auxiliary: bool = False
    #: Class name of the last state.
    state_name: str = "Pending"
    category: Category = "waiting"
    #: Number of mapped children, once known.
    width: int | None = None
    #: Children by category.
    counts: Counter[Category] = field(default_factory=Counter)
    #: First failures with different reasons: index of the child (None: the task itself) and reason.
    failures: list[tuple[int | None, str]] = field(default_factory=list)
    #: When it first ran and when it was last heard of, on the clock of the caller (seconds).
    started: float | None = None
    ended: float | None = None
    _children: dict[int, Category] = field(default_factory=dict, repr=False)

    @property
    def is_done(self) -> bool:
        """Whether nothing of it is still to come."""
        return self.category in DONE

    @property
    def children_done(self) -> int:
        """Number of children that are over."""
        return sum(self.counts[category] for category in DONE)

    @property
    def children_total(self) -> int:
        """Number of children, as far as known."""
        return max(self.width or 0, len(self._children))

    def seconds(self, now: float) -> float | None:
        """How long it has run, or ran; None before it starts."""
        if self.started is None:
            return None
        return (self.ended if self.is_done and self.ended is not None else now) - self.started

    def apply(self, state: State, map_index: int | None, now: float) -> None:
        """Take in a new state of the task, or of one of its mapped children."""
        category = category_of(state)
        if map_index is not None and map_index >= 0:
            if self._children.get(map_index) == category:
                return
            self._apply_child(category, map_index)
        else:
            if self.is_done and self.state_name == type(state).__name__:
                return  # told again in a later pass over the flow
            self._apply_own(state, category)
        if category == "failed" and len(self.failures) < _KEPT_FAILURES:
            reason = failure_text(state)
            if all(known != reason for _, known in self.failures):
                self.failures.append((map_index, reason))
        elif category == "retrying":
            # It failed, but not for good.
            self.failures = [failure for failure in self.failures if failure[0] != map_index]
        self._settle()
        if self.category == "waiting":
            self.started = None  # it was looked at, and has to wait
        elif self.started is None:
            self.started = now
        if category in DONE:
            self.ended = now

    def _apply_child(self, category: Category, index: int) -> None:
        before = self._children.get(index)
        if before is not None:
            self.counts[before] -= 1
        self._children[index] = category
        self.counts[category] += 1

    def _apply_own(self, state: State, category: Category) -> None:
        self.state_name = type(state).__name__
        self.category = category
        if state.is_mapped():
            self.is_mapped = True
            self.width = getattr(state, "n_map_states", None)
            for index, child in enumerate(getattr(state, "map_states", ())):
                if child is not None and index not in self._children:
                    self._apply_child(category_of(child), index)

    def _settle(self) -> None:
        """The category of a mapped task follows from those of its children."""
        total = self.children_total
        if not total:
            return
        if self.children_done < total:
            idle = not self.counts["running"] and not self.children_done
            paused = self.counts["paused"] and self.counts["paused"] + self.children_done == total
            self.category = "paused" if paused else "waiting" if idle else "running"
        elif self.state_name == "Mapped":
            self.category = "failed" if self.counts["failed"] else "success"
        else:  # the parent has not said yet that these are all
            self.category = "running"


class RunModel:
    """All tasks of a flow run, in the order in which they run.

    Args:
        flow: the flow that runs.
        now: time of its start, on the clock of the caller (seconds).
    """

    def __init__(self, flow: Flow, now: float) -> None:
        from prefect.core.parameter import Parameter

        self.name = flow.name
        self.started = now
        self.final: State | None = None
        mapped: set[Task] = {edge.downstream_task for edge in flow.edges if edge.mapped}
        self._rows: dict[Task, Row] = {
            task: Row(
                name=task.name,
                is_mapped=task in mapped,
                is_auxiliary=bool(getattr(task, "auto_generated", False)) or isinstance(task, Parameter),
            )
            for task in flow.sorted_tasks()
        }

    def apply(self, event: Event, now: float) -> None:
        """Take in one change of state; changes of tasks of other flows are ignored."""
        row = self._rows.get(event.task)
        if row is not None:
            row.apply(event.new_state, event.map_index, now)

    def finish(self, state: State | None, now: float) -> None:
        """Take in the final state of the flow, with what it says of tasks nothing was heard of."""
        self.final = state
        result: Any = state.result if state is not None else None
        if isinstance(result, dict):
            states = cast("dict[Task, State]", result)
            for task, row in self._rows.items():
                task_state = states.get(task)
                if task_state is not None and not row.is_done:
                    row.apply(task_state, None, now)

    @property
    def rows(self) -> list[Row]:
        """Rows worth showing: all but auxiliary tasks that are fine."""
        return [row for row in self._rows.values() if not row.is_auxiliary or row.category == "failed"]

    def counts(self, rows: Iterable[Row] | None = None) -> Counter[Category]:
        """Number of tasks by category, in the given rows or in those worth showing."""
        return Counter(row.category for row in (self.rows if rows is None else rows))
