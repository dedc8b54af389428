"""`FlowRunView`: a flow run with its states, task runs and log, and functions that follow one."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from prefect.backend._agents import check_for_compatible_agents
from prefect.backend._query import parse_state, parse_time, rows
from prefect.backend._watch import FlowRunLog, follow
from prefect.backend.task_run import TaskRunView, task_run_views
from prefect.utilities.logging import get_logger

if TYPE_CHECKING:
    from prefect.backend.flow import FlowView
    from prefect.engine.state import State
    from prefect.run_configs import RunConfig

__all__ = [
    "FlowRunLog",
    "FlowRunView",
    "check_for_compatible_agents",
    "stream_flow_run_logs",
    "watch_flow_run",
]

T = TypeVar("T")

logger: logging.Logger = get_logger("backend.flow_run")

_SELECTION = """
    id name flow_id serialized_state labels parameters context updated run_config
    states(order_by: [{ timestamp: asc }, { version: asc }]) { timestamp serialized_state }
"""


def stream_flow_run_logs(
    flow_run_id: str, max_duration: datetime.timedelta = datetime.timedelta(hours=12)
) -> None:
    """Print states and log lines of a flow run until it is finished.

    Args:
        flow_run_id: the run.
        max_duration: how long to wait at most.

    Raises:
        RuntimeError: it did not finish in that time.
    """
    for line in watch_flow_run(flow_run_id, max_duration=max_duration):
        print(line)  # noqa: T201 - what this function is for


def watch_flow_run(
    flow_run_id: str,
    stream_states: bool = True,
    stream_logs: bool = True,
    max_duration: datetime.timedelta = datetime.timedelta(hours=12),
) -> Iterator[FlowRunLog]:
    """States and log lines of a flow run as they appear, until it is finished.

    After 15 seconds without an agent that takes the run, a line says which agents are there. While the
    API is away the last lines are waited for, and nothing is lost or shown twice.

    Args:
        flow_run_id: the run.
        stream_states: whether changes of state are among the lines.
        stream_logs: whether the log is.
        max_duration: how long to wait at most.

    Raises:
        ValueError: there is no such run.
        RuntimeError: it did not finish in that time.
    """
    return follow(
        flow_run_id, stream_states=stream_states, stream_logs=stream_logs, max_duration=max_duration
    )


class FlowRunView:
    """A flow run, as the API knew it when this object was made; task runs are asked for when needed.

    Args:
        flow_run_id: its id.
        name: its name.
        flow_id: id of its flow.
        labels: its labels.
        parameters: values of the flow's parameters.
        context: values for `prefect.context`.
        state: its state.
        states: the states it has been in, oldest first.
        updated_at: when it changed last.
        run_config: how it runs.
        task_runs: task runs that are known already.
    """

    def __init__(
        self,
        flow_run_id: str,
        name: str,
        flow_id: str,
        labels: list[str],
        parameters: dict[str, Any],
        context: dict[str, Any],
        state: State,
        states: list[State],
        updated_at: datetime.datetime,
        run_config: RunConfig | None,
        task_runs: Iterable[TaskRunView] | None = None,
    ) -> None:
        self.flow_run_id = flow_run_id
        self.name = name
        self.flow_id = flow_id
        self.labels = labels
        self.parameters = parameters
        self.context = context
        self.state = state
        self.states = states
        self.updated_at = updated_at
        self.run_config = run_config
        self._task_run_ids: list[str] | None = None
        self._flow: FlowView | None = None
        #: Task runs that cannot change any more, by id.
        self._finished: dict[str, TaskRunView] = {}
        for task_run in task_runs or ():
            self._keep(task_run)

    @classmethod
    def from_flow_run_id(
        cls,
        flow_run_id: str,
        load_static_tasks: bool = False,
        _cached_task_runs: Iterable[TaskRunView] | None = None,
    ) -> FlowRunView:
        """The flow run of an id.

        Args:
            flow_run_id: the id.
            load_static_tasks: get the runs of tasks that are not mapped too.

        Raises:
            TypeError: the id is no text.
            ValueError: there is no such run.
        """
        if not isinstance(cast(object, flow_run_id), str):
            raise TypeError(f"Unexpected type {type(flow_run_id)!r} for `flow_run_id`, expected 'str'.")
        where: dict[str, Any] = {"id": {"_eq": flow_run_id}}
        found = rows("flow_run", where, _SELECTION)
        if not found:
            raise ValueError(f"No flow runs found while querying for flow runs where {where!r}")
        task_runs = list(_cached_task_runs or ())
        if load_static_tasks:
            task_runs += task_run_views({"flow_run_id": {"_eq": flow_run_id}, "map_index": {"_eq": -1}})
        return cls._of_row(found[0], task_runs)

    @classmethod
    def _of_row(cls, row: Any, task_runs: Iterable[TaskRunView]) -> FlowRunView:
        from prefect.serialization.run_config import RunConfigSchema

        data = row.to_dict()
        return cls(
            flow_run_id=row.id,
            name=row.name,
            flow_id=row.flow_id,
            labels=list(data["labels"] or ()),
            parameters=data["parameters"] or {},
            context=data["context"] or {},
            state=parse_state(row.serialized_state),
            states=[parse_state(state.serialized_state, state.timestamp) for state in row.states],
            updated_at=parse_time(row.updated),
            run_config=RunConfigSchema().load(data["run_config"]) if data["run_config"] else None,
            task_runs=task_runs,
        )

    def get_latest(self, load_static_tasks: bool = False) -> FlowRunView:
        """The same run as the API knows it now. Task runs that were finished are not asked for again.

        Args:
            load_static_tasks: get the runs of tasks that are not mapped too.
        """
        return self.from_flow_run_id(
            self.flow_run_id,
            load_static_tasks=load_static_tasks,
            _cached_task_runs=self._finished.values(),
        )

    def get_flow_metadata(self, no_cache: bool = False) -> FlowView:
        """The flow of this run.

        Args:
            no_cache: ask the API even if it was asked before.
        """
        if self._flow is None or no_cache:
            from prefect.backend.flow import FlowView

            self._flow = FlowView.from_flow_id(self.flow_id)
        return self._flow

    def get_logs(
        self, start_time: datetime.datetime | None = None, end_time: datetime.datetime | None = None
    ) -> list[FlowRunLog]:
        """The lines of the log, oldest first.

        Args:
            start_time: only lines after this time.
            end_time: only lines up to this time; `updated_at` by default.
        """
        within: dict[str, Any] = {"_lte": (end_time or self.updated_at).isoformat()}
        if start_time is not None:
            within["_gt"] = start_time.isoformat()
        found = rows(
            "log",
            {"flow_run_id": {"_eq": self.flow_run_id}, "timestamp": within},
            "timestamp level message",
            order_by={"timestamp": "asc"},
        )
        return [FlowRunLog.from_dict(row) for row in found]

    def get_task_run(
        self, task_slug: str | None = None, task_run_id: str | None = None, map_index: int | None = None
    ) -> TaskRunView:
        """A task run of this flow run, by slug or by id; with both, they have to fit.

        Args:
            task_slug: slug of the task, such as `load-1`.
            task_run_id: id of the task run.
            map_index: which child of a mapped task; the task itself by default.

        Raises:
            ValueError: neither is given, there is no such run, or the arguments do not fit.
        """
        if task_run_id is not None:
            found = self._finished.get(task_run_id) or TaskRunView.from_task_run_id(task_run_id)
            if task_slug is not None and found.task_slug != task_slug:
                raise ValueError(
                    "Both `task_slug` and `task_run_id` were provided but the task slug from the task run does "
                    f"not match: {found.task_slug!r} is not {task_slug!r}."
                )
            if map_index is not None and found.map_index != map_index:
                raise ValueError(
                    "Both `map_index` and `task_run_id` were provided but the map index from the task run does "
                    f"not match: {found.map_index} is not {map_index}."
                )
            return self._keep(found)
        if task_slug is None:
            raise ValueError("One of `task_run_id`, `task`, or `task_slug` must be provided!")
        index = -1 if map_index is None else map_index
        for known in self._finished.values():
            if known.task_slug == task_slug and known.map_index == index:
                return known
        return self._keep(TaskRunView.from_task_slug(task_slug, self.flow_run_id, map_index=index))

    def get_all_task_runs(self) -> list[TaskRunView]:
        """All task runs of this flow run, with one request for those that were not finished before."""
        where: dict[str, Any] = {"flow_run_id": {"_eq": self.flow_run_id}}
        if self._finished:
            where["id"] = {"_nin": list(self._finished)}
        known = list(self._finished.values())
        return known + [self._keep(task_run) for task_run in task_run_views(where)]

    def get_results(self) -> dict[str, Any]:
        """What the flow returned: the results of its reference tasks, by slug, read from where they were written.

        Raises:
            ValueError: the run is not finished, or a result was not written.
        """
        if not self.state.is_finished():
            raise ValueError(f"Flow run {self.name!r} is {type(self.state).__name__}; it has no results yet.")
        where = {"flow_id": {"_eq": self.flow_id}, "is_reference_task": {"_eq": True}}
        slugs = [row.slug for row in rows("task", where, "slug", order_by={"slug": "asc"})]
        # compat: Prefect Server knew which tasks are the last ones, which decide if no others are named.
        if not slugs:
            del where["is_reference_task"]
            where["is_terminal_task"] = {"_eq": True}
            slugs = [row.slug for row in rows("task", where, "slug", order_by={"slug": "asc"})]
        return {slug: self.get_task_run(task_slug=slug).get_result() for slug in slugs}

    @overload
    def get_result(self, task_slug: str | None = None) -> Any: ...

    @overload
    def get_result(self, task_slug: str | None = None, *, as_type: type[T]) -> T: ...

    def get_result(self, task_slug: str | None = None, *, as_type: Any = None) -> Any:
        """What one task of the flow returned, read from where it was written.

        Args:
            task_slug: slug of the task; by default the one reference task of the flow.
            as_type: what it is: a class, or a type such as `list[int]`. Plain data (of JSON) is made into it:
                dataclasses, typed dicts, dates.

        Raises:
            ValueError: the run is not finished, the result was not written, the flow has several reference tasks
                and none is named, or the result is not of this type.

        Example:
            <!-- no-run: needs a server and a finished run -->
            ```python
            run = wait_for_flow_run.run(flow_run_id)
            prices = run.get_result("load-1", as_type=dict[str, float])
            ```
        """
        if task_slug is not None:
            value = self.get_task_run(task_slug=task_slug).get_result()
        else:
            found = self.get_results()
            if len(found) != 1:
                raise ValueError(
                    f"Flow run {self.name!r} has the results of {len(found)} tasks: {', '.join(found)}. Name one."
                )
            [value] = found.values()
        if as_type is None:
            return value
        import msgspec

        try:
            if isinstance(as_type, type) and isinstance(value, as_type):
                return value
            return cast(object, msgspec.convert(value, as_type))
        except msgspec.ValidationError as exc:
            raise ValueError(f"The result of flow run {self.name!r} is no {as_type}: {exc}") from exc

    def get_task_run_ids(self) -> list[str]:
        """The ids of all task runs of this flow run; asked for once, if the run is finished."""
        if self._task_run_ids is None or not self.state.is_finished():
            found = rows("task_run", {"flow_run_id": {"_eq": self.flow_run_id}}, "id")
            self._task_run_ids = [row.id for row in found]
        return self._task_run_ids

    def _keep(self, task_run: TaskRunView) -> TaskRunView:
        if task_run.state.is_finished():
            self._finished[task_run.task_run_id] = task_run
        return task_run

    def __repr__(self) -> str:
        return (
            f"FlowRunView(flow_run_id={self.flow_run_id!r}, name={self.name!r}, state={self.state!r}, "
            f"labels={self.labels!r}, cached_task_runs={len(self._finished)})"
        )
