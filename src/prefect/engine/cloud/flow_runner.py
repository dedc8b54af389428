"""`CloudFlowRunner`: runs a flow and reports its states to the API."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, cast

from prefect.engine.cloud._reporting import for_api, wait_for_start
from prefect.engine.cloud.task_runner import CloudTaskRunner
from prefect.engine.flow_runner import FlowRunner, FlowRunnerInitializeResult
from prefect.engine.runner import ENDRUN, StateHandler
from prefect.engine.state import Cancelled, Cancelling, ClientFailed, Failed, State
from prefect.exceptions import PrefectException, VersionLockMismatchSignal
from prefect.utilities.context import context as prefect_context
from prefect.utilities.executors import no_heartbeat, threaded_heartbeat

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.core.flow import Flow
    from prefect.core.task import Task
    from prefect.executors.base import Executor

__all__ = ["CloudFlowRunner"]


def _interrupt_main_thread() -> None:
    """Send SIGTERM to the main thread, which ends what it waits for."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(cast("int", threading.main_thread().ident), signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)


class _FlowRunCancelled(BaseException):
    """Raised in the main thread when the API says that the run is to stop."""


class CloudFlowRunner(FlowRunner):
    """Runs one flow run that an API keeps; `prefect.context.flow_run_id` says which.

    Args:
        flow: the flow.
        state_handlers: functions `(flow_runner, old_state, new_state)`.
    """

    def __init__(self, flow: Flow, state_handlers: Iterable[StateHandler] | None = None) -> None:
        from prefect.client.client import Client

        self.client: Client = Client()
        self._version = 0
        self._cancelled = threading.Event()
        super().__init__(flow=flow, task_runner_cls=CloudTaskRunner, state_handlers=state_handlers)

    @property
    def flow_run_id(self) -> str:
        """Id of the run."""
        return cast("str", prefect_context.get("flow_run_id", ""))

    def _heartbeat(self) -> bool:
        """Say that the run is alive; whether its flow wants heartbeats at all."""
        try:
            self.client.update_flow_run_heartbeat(self.flow_run_id)
            found = self.client.graphql(
                "query($id: uuid!) { flow_run_by_pk(id: $id) { flow { settings } } }",
                variables={"id": self.flow_run_id},
            ).data.flow_run_by_pk
        except PrefectException:
            self.logger.exception(f"Flow run {self.flow_run_id}: the heartbeat could not be sent.")
            return False
        settings = found.flow.settings if found else None
        return settings is None or settings.get("heartbeat_enabled", True) is not False

    def call_runner_target_handlers(self, old_state: State, new_state: State) -> State:
        """Call the flow's handlers, then tell the API.

        Raises:
            ENDRUN: another process runs this flow run, the API refused the state, or the run has to
                wait for a slot.
        """
        new_state = super().call_runner_target_handlers(old_state, new_state)
        version = self._version if new_state.is_running() else None
        try:
            answer = self.client.set_flow_run_state(self.flow_run_id, for_api(new_state), version=version)
        except VersionLockMismatchSignal:
            stored = self.client.get_flow_run_state(self.flow_run_id)
            if stored.is_running():
                self.logger.debug("The flow run is run by another process; this one stops.")
                raise ENDRUN(stored) from None
            return stored
        except PrefectException as exc:
            self.logger.exception(f"The API did not take the state {new_state}.")
            raise ENDRUN(ClientFailed(state=new_state, message=str(exc))) from exc
        if answer.is_queued():
            answer.state = old_state  # type: ignore[attr-defined]
            raise ENDRUN(answer)
        self._version += 1
        return new_state

    def initialize_run(
        self,
        state: State | None,
        task_states: dict[Task, State],
        context: dict[str, Any],
        task_contexts: dict[Task, dict[str, Any]],
        parameters: dict[str, Any],
    ) -> FlowRunnerInitializeResult:
        """The states and contexts that the API has for the run.

        Raises:
            ENDRUN: the API could not be asked; the run ends `Failed`.
            KeyError: the run has a task that the flow has not: it is of another version.
        """
        try:
            info = self.client.get_flow_run_info(self.flow_run_id)
        except PrefectException as exc:
            self.logger.exception("The API could not be asked for the flow run.")
            raise ENDRUN(Failed(message=f"The API could not be asked: {exc!r}", result=exc)) from exc
        self._version = info.version
        by_slug = {slug: task for task, slug in self.flow.slugs.items()}
        for run in info.task_runs:
            task = by_slug.get(run.task_slug or "")
            if task is None:
                raise KeyError(
                    f"The flow run has a task {run.task_slug!r} that this flow has not: the flow that was loaded "
                    f"({sorted(by_slug)}) is not the version that was registered. Register it again."
                )
            task_states.setdefault(task, run.state)
            task_contexts.setdefault(task, {}).update(
                task_id=run.task_id, task_run_id=run.id, task_run_version=run.version
            )
        values = {**context, **(info.context or {})}
        values.update(
            flow_id=info.flow_id,
            flow_run_id=info.id,
            flow_run_version=info.version,
            flow_run_name=info.name,
            scheduled_start_time=info.scheduled_start_time,
            project_id=info.project.id,
            project_name=info.project.name,
        )
        return super().initialize_run(
            state=info.state if state is None else state,
            task_states=task_states,
            context=values,
            task_contexts=task_contexts,
            parameters={**(info.parameters or {}), **parameters},
        )

    @contextlib.contextmanager
    def check_for_cancellation(self) -> Generator[None]:
        """Watch the API while tasks run; a run that is to be cancelled is interrupted.

        Raises:
            ENDRUN: the run was cancelled.
        """
        in_main = threading.current_thread() is threading.main_thread()
        stop = threading.Event()
        interval = float(prefect_context.config.cloud.check_cancellation_interval)
        run_id = self.flow_run_id
        previous = signal.getsignal(signal.SIGTERM) if in_main else None

        def interrupted(*_: object) -> None:
            if self._cancelled.is_set():
                raise _FlowRunCancelled
            raise KeyboardInterrupt

        def watch() -> None:
            while not stop.wait(interval):
                try:
                    state = self.client.get_flow_run_info(run_id).state
                except PrefectException:
                    self.logger.warning(
                        "The API could not be asked whether the run is cancelled.", exc_info=True
                    )
                    continue
                if isinstance(state, (Cancelling, Cancelled)):
                    self._cancelled.set()
                    if in_main and not stop.is_set():
                        _interrupt_main_thread()
                    return

        watcher = threading.Thread(target=watch, name="prefect-cancellation", daemon=True)
        if in_main:
            signal.signal(signal.SIGTERM, interrupted)
        watcher.start()
        try:
            yield
        except _FlowRunCancelled:
            raise ENDRUN(Cancelled("Flow run was cancelled.")) from None
        finally:
            stop.set()
            if in_main:
                signal.signal(signal.SIGTERM, previous)
        if self._cancelled.is_set():
            raise ENDRUN(Cancelled("Flow run was cancelled."))

    def run(
        self,
        state: State | None = None,
        task_states: dict[Task, State] | None = None,
        return_tasks: Iterable[Task] | None = None,
        parameters: dict[str, Any] | None = None,
        task_runner_state_handlers: Iterable[StateHandler] | None = None,
        executor: Executor | None = None,
        context: dict[str, Any] | None = None,
        task_contexts: dict[Task, dict[str, Any]] | None = None,
    ) -> State:
        """Take the flow run as far as it can get: short waits for a slot happen here.

        Arguments, result: as for `FlowRunner.run`.
        """
        given = {**(context or {})}
        given.setdefault("checkpointing", True)
        beats = self._heartbeat() and prefect_context.config.cloud.heartbeat_mode != "off"
        heartbeat = threaded_heartbeat(self.flow_run_id) if beats else no_heartbeat()
        with prefect_context(running_with_backend=True, checkpointing=True), heartbeat:
            while True:
                end = super().run(
                    state=state,
                    task_states=task_states,
                    return_tasks=return_tasks,
                    parameters=parameters,
                    task_runner_state_handlers=task_runner_state_handlers,
                    executor=executor or self.flow.executor,
                    context=given,
                    task_contexts=task_contexts,
                )
                if not end.is_queued() or not wait_for_start(end, self.logger.info):
                    return end
                state = None
