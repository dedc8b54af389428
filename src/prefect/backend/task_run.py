"""`TaskRunView`: a task run, and the value that it returned."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prefect.backend._query import parse_state, rows
from prefect.utilities.logging import get_logger

if TYPE_CHECKING:
    from prefect.engine.state import State

__all__ = ["TaskRunView", "task_run_views"]

logger: logging.Logger = get_logger("backend.task_run")

#: The value of a run that was not read yet; None is a value.
NotLoaded = object()

_SELECTION = "id name map_index serialized_state flow_run_id task { id slug }"


class TaskRunView:
    """A task run, as the API knew it when this object was made.

    Args:
        task_run_id: its id.
        task_id: id of its task.
        task_slug: slug of its task, such as `load-1`.
        name: its name.
        state: its state.
        map_index: which child of a mapped task it is, -1 for none.
        flow_run_id: id of its flow run.
    """

    def __init__(
        self,
        task_run_id: str,
        task_id: str,
        task_slug: str,
        name: str | None,
        state: State,
        map_index: int,
        flow_run_id: str,
    ) -> None:
        self.task_run_id = task_run_id
        self.task_id = task_id
        self.task_slug = task_slug
        self.name = name
        self.state = state
        self.map_index = map_index
        self.flow_run_id = flow_run_id
        self._result: Any = NotLoaded

    def get_latest(self) -> TaskRunView:
        """The same run as the API knows it now."""
        return self.from_task_run_id(self.task_run_id)

    def get_result(self) -> Any:
        """What the task returned, read from where its result was written, once.

        Of a mapped task: the list of what its children returned.

        Raises:
            ValueError: the run has not finished, or its result was not written.
        """
        if self._result is NotLoaded:
            self._result = self._load()
        return self._result

    def _load(self) -> Any:
        if not self.state.is_finished():
            raise ValueError("The task result cannot be loaded if it is not finished")
        if self.state.is_mapped():
            where = {
                "task_id": {"_eq": self.task_id},
                "flow_run_id": {"_eq": self.flow_run_id},
                "map_index": {"_gte": 0},
            }
            return [child.get_result() for child in task_run_views(where, order_by={"map_index": "asc"})]
        result = self.state._result  # pyright: ignore[reportPrivateUsage]
        if result.location is None:
            raise ValueError(
                "The task result has no `location` so the result cannot be loaded. This often means that "
                "your task result has not been configured or has been configured incorrectly."
            )
        return self.state.load_result(result).result

    def iter_mapped(self) -> Iterator[TaskRunView]:
        """The runs of a mapped task's children, each asked for when it is needed.

        Raises:
            TypeError: the task is not mapped.
        """
        if not self.state.is_mapped():
            raise TypeError(f"Task run {self.task_run_id!r} ({self.task_slug}) is not a mapped task.")
        for index in range(self.state.n_map_states):  # type: ignore[attr-defined]
            yield self.from_task_slug(self.task_slug, self.flow_run_id, map_index=index)

    @classmethod
    def from_task_run_id(cls, task_run_id: str | None = None) -> TaskRunView:
        """The task run of an id.

        Args:
            task_run_id: the id.

        Raises:
            TypeError: the id is no text.
            ValueError: there is no such run.
        """
        if not isinstance(task_run_id, str):
            raise TypeError(f"Unexpected type {type(task_run_id)!r} for `task_run_id`, expected 'str'.")
        return _one({"id": {"_eq": task_run_id}})

    @classmethod
    def from_task_slug(cls, task_slug: str, flow_run_id: str, map_index: int = -1) -> TaskRunView:
        """The run of a task in a flow run.

        Args:
            task_slug: slug of the task, such as `load-1`.
            flow_run_id: the flow run.
            map_index: which child of a mapped task, -1 for the task itself.

        Raises:
            ValueError: there is no such run.
        """
        return _one(
            {
                "task": {"slug": {"_eq": task_slug}},
                "flow_run_id": {"_eq": flow_run_id},
                "map_index": {"_eq": map_index},
            }
        )

    @classmethod
    def _of_row(cls, row: Any) -> TaskRunView:
        return cls(
            task_run_id=row.id,
            task_id=row.task.id,
            task_slug=row.task.slug,
            name=row.name,
            state=parse_state(row.serialized_state),
            map_index=row.map_index,
            flow_run_id=row.flow_run_id,
        )

    def __repr__(self) -> str:
        result = "<not loaded>" if self._result is NotLoaded else repr(self._result)
        return (
            f"TaskRunView(task_run_id={self.task_run_id!r}, task_id={self.task_id!r}, "
            f"task_slug={self.task_slug!r}, state={self.state!r}, result={result})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TaskRunView):
            return NotImplemented
        return self.task_run_id == other.task_run_id and self.state == other.state

    __hash__ = None  # type: ignore[assignment] # compat: compared by state, which changes


def task_run_views(
    where: dict[str, Any], order_by: dict[str, str] | None = None, limit: int | None = None
) -> list[TaskRunView]:
    """The task runs that match a filter, in one request."""
    found = rows("task_run", where, _SELECTION, order_by=order_by, limit=limit)
    return [TaskRunView._of_row(row) for row in found]  # pyright: ignore[reportPrivateUsage]


def _one(where: dict[str, Any]) -> TaskRunView:
    found = task_run_views(where, limit=2)
    if not found:
        raise ValueError(f"No task runs found while querying for task runs where {where!r}")
    if len(found) > 1:
        raise ValueError(f"Found multiple task runs while querying for task runs where {where!r}")
    return found[0]
