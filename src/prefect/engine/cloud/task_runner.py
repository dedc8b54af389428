"""`CloudTaskRunner`: runs a task and reports its states to the API."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from prefect.engine.cloud._batches import CloudBatches
from prefect.engine.cloud._other_lines import listen
from prefect.engine.cloud._reporter import reporter_of
from prefect.engine.cloud._reporting import broken_handler, wait_for_start
from prefect.engine.runner import ENDRUN, StateHandler, call_state_handlers
from prefect.engine.state import (
    Cached,
    ClientFailed,
    Failed,
    Queued,
    Running,
    Skipped,
    State,
    Success,
    TriggerFailed,
)
from prefect.engine.task_runner import TaskRunner, TaskRunnerInitializeResult
from prefect.exceptions import PrefectException, VersionLockMismatchSignal
from prefect.utilities import clock
from prefect.utilities.context import context as prefect_context

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.core.edge import Edge
    from prefect.core.task import Task
    from prefect.engine.map_group import ChildBatches
    from prefect.engine.result.base import Result

__all__ = ["CloudTaskRunner"]

#: Last states of children that may reach the API with those of others. Failed ones may yet be retried.
_LATER = frozenset({Success, Cached, Skipped, TriggerFailed})


class CloudTaskRunner(TaskRunner):
    """Runs one task of a flow run that an API keeps.

    Args:
        task: the task.
        state_handlers: functions `(task_runner, old_state, new_state)`.
        flow_result: the flow's result, used when the task has none.
    """

    def __init__(
        self,
        task: Task,
        state_handlers: Iterable[StateHandler] | None = None,
        flow_result: Result | None = None,
    ) -> None:
        flow_run_id = cast("str", prefect_context.get("flow_run_id", ""))
        listen(flow_run_id)
        self._reporter = reporter_of(flow_run_id)
        super().__init__(task=task, state_handlers=state_handlers, flow_result=flow_result)

    @classmethod
    def child_batches(cls) -> ChildBatches | None:
        """How children of mapped tasks are told to the API by the chunk."""
        return CloudBatches(cls)

    @property
    def client(self) -> Client:
        """The client that talks to the API."""
        return self._reporter.client

    def initialize_run(self, state: State | None, context: dict[str, Any]) -> TaskRunnerInitializeResult:
        """The state the API has for the run, unless one is given, and the context with the run's ids.

        Raises:
            ENDRUN: the API could not be asked, or does not know the task; the run ends `Failed`.
        """
        given = dict(context)
        is_child = given.get("map_index") is not None and "task_loop_count" not in given
        if "task_run_id" not in given or is_child:  # children begin with the id of the map
            self._check_is_registered(given)
            try:
                info = self._reporter.task_run(given["task_id"], given.get("map_index"))
            except PrefectException as exc:
                self.logger.exception(
                    f"Task '{self.task.name}': the API could not be asked for the task run."
                )
                raise ENDRUN(Failed(message=f"The API could not be asked: {exc!r}", result=exc)) from exc
            state = state or info.state
            given.update(task_run_id=info.id, task_run_version=info.version)
        return super().initialize_run(state, given)

    def _check_is_registered(self, context: Mapping[str, Any]) -> None:
        if context.get("task_id"):
            return
        message = (
            f"The task '{self.task.name}' is not in the version of the flow that was registered, but in the flow "
            "that was loaded. Register the flow again."
        )
        self.logger.error(message)
        raise ENDRUN(Failed(message=message))

    def find_run(self, values: dict[str, Any]) -> None:
        """Add the id of the run, and the version that it is at, to its context."""
        task_id = cast("str", values.get("task_id", ""))
        try:
            info = self._reporter.task_run(task_id, cast("int | None", values.get("map_index")))
        except PrefectException:
            self.logger.exception(f"Task '{self.task.name}': the API could not be asked for the task run.")
            return
        values.update(task_run_id=info.id, task_run_version=info.version)

    def call_runner_target_handlers(self, old_state: State, new_state: State) -> State:
        """Call the task's handlers, then tell the API.

        Raises:
            ENDRUN: another process runs this task, the API refused the state, or the run has to
                wait for a slot.
        """
        try:
            new_state = super().call_runner_target_handlers(old_state, new_state)
        except Exception as exc:  # noqa: BLE001 - the code of users' handlers
            new_state = broken_handler(exc, self.logger)
        values, reporter = self.context, self._reporter
        task_run_id = cast("str", values.get("task_run_id", ""))
        version = cast("int | None", values.get("task_run_version"))
        is_child = values.get("map_index") is not None
        if is_child and new_state.is_running() and reporter.was_announced(task_run_id):
            values["task_run_version"] = (version or 0) + 1
            return new_state
        if is_child and type(new_state) in _LATER:
            reporter.set_later(task_run_id, new_state)
            values["task_run_version"] = (version or 0) + 1
            return new_state
        try:
            reply = reporter.set_task_run(task_run_id, new_state, version if new_state.is_running() else None)
        except VersionLockMismatchSignal:
            stored = self.client.get_task_run_state(task_run_id)
            if reporter.is_own(stored):
                values["task_run_version"] = (version or 0) + 1
                return new_state
            if stored.is_looped():  # between two rounds; this process must not begin one
                stored = Running(message="Another process runs this task.", context=stored.context)
            if stored.is_running() or reporter.epoch is not None:
                self.logger.debug(f"Task '{self.task.name}' is run by another process; this one stops.")
                raise ENDRUN(stored) from None
            return stored
        except PrefectException as exc:
            self.logger.exception(f"Task '{self.task.name}': the API did not take the state {new_state}.")
            raise ENDRUN(ClientFailed(state=new_state, message=str(exc))) from exc
        values["task_run_version"] = (version or 0) + 1 if reply.version is None else reply.version
        if reply.is_queued:
            wait = datetime.timedelta(seconds=float(prefect_context.config.cloud.queue_interval))
            raise ENDRUN(Queued(message=reply.message, start_time=clock.now() + wait, state=old_state))
        return new_state

    @call_state_handlers
    def check_task_is_cached(self, state: State, inputs: dict[str, Result]) -> State:
        """A cached state that may still be used; those of other runs come from the API."""
        state = super().check_task_is_cached(state, inputs)
        if state.is_cached() or self.task.cache_for is None:
            return state
        oldest = clock.now() - self.task.cache_for
        candidates = self.client.get_latest_cached_states(
            task_id=cast("str", self.context.get("task_id", "")),
            cache_key=self.task.cache_key,
            created_after=oldest.replace(tzinfo=None),
        )
        values = {key: result.value for key, result in inputs.items()}
        for candidate in candidates:
            if not isinstance(candidate, Cached):
                continue
            candidate.load_cached_results(inputs)
            if self.task.cache_validator(candidate, values, prefect_context.get("parameters")):
                return candidate.load_result(self.result)
        return state

    def read_back(self, edge: Edge, state: State) -> None:
        """Read the values of an upstream state, and of its mapped children, that were left at their location."""
        reader = edge.upstream_task.__dict__.get("result") or self.flow_result
        state.load_result(reader)
        children = cast("list[State | None]", getattr(state, "map_states", []))
        is_new = False
        for child in children:
            if child is None:  # one of an earlier attempt, which is read with its own run
                continue
            known = child._result  # pyright: ignore[reportPrivateUsage]
            child.load_result(reader)
            is_new = is_new or child._result is not known  # pyright: ignore[reportPrivateUsage]
        if is_new:
            state.result = [None if child is None else child.result for child in children]

    def load_results(
        self, state: State, upstream_states: dict[Edge, State]
    ) -> tuple[State, dict[Edge, State]]:
        """The same states with values that were left at their location read back.

        Raises:
            ENDRUN: a value cannot be read; the run ends `Failed` and the message says where it was.
        """
        try:
            for edge, upstream in upstream_states.items():
                reader = edge.upstream_task.__dict__.get("result") or self.flow_result
                upstream.load_result(reader)
                children = [child for child in getattr(upstream, "map_states", ()) if child is not None]
                if children:  # one that is None is of an earlier attempt, and is read with its own run
                    # The list was made of what was here, which leaves out what an earlier attempt wrote.
                    upstream.result = [child.load_result(reader).result for child in children]
            state.load_cached_results(
                {edge.key: s._result for edge, s in upstream_states.items() if edge.key}  # pyright: ignore[reportPrivateUsage]
            )
        except Exception as exc:  # reading runs serializers and storages of the user's
            self.logger.exception(f"Task '{self.task.name}': the results of upstream tasks cannot be read.")
            failed = self.handle_state_change(
                state, Failed(message=f"Failed to retrieve task results: {exc}", result=exc)
            )
            raise ENDRUN(failed) from exc
        return state, upstream_states

    def set_task_run_name(self, task_inputs: dict[str, Result]) -> None:
        """Name the run, here and in the API, if the task has a template for it."""
        super().set_task_run_name(task_inputs)
        name = prefect_context.get("task_run_name")
        if self.task.task_run_name is not None and name:
            self.client.set_task_run_name(cast("str", self.context.get("task_run_id", "")), name)

    def run(
        self,
        state: State | None = None,
        upstream_states: dict[Edge, State] | None = None,
        context: dict[str, Any] | None = None,
        is_mapped_parent: bool = False,
    ) -> State:
        """Take the task as far as it can get: short waits for a slot or a retry happen here."""
        given = dict(context or {})
        while True:
            end = super().run(
                state=state, upstream_states=upstream_states, context=given, is_mapped_parent=is_mapped_parent
            )
            if not (end.is_queued() or end.is_retrying()):
                return end
            for key in ("task_run_id", "task_run_version"):
                if key in self.context:
                    given[key] = self.context[key]
            if not wait_for_start(end, lambda text: self.logger.info(f"Task '{self.task.name}': {text}")):
                return end
            state = end
