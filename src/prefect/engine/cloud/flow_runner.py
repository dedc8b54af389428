"""`CloudFlowRunner`: runs a flow and reports its states to the API."""

from __future__ import annotations

import contextlib
import datetime
import threading
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, cast

from prefect.engine.cloud._claim import ClaimRefused, claim, give_back, new_holder
from prefect.engine.cloud._liveness import Liveness
from prefect.engine.cloud._other_lines import listening
from prefect.engine.cloud._reporter import Reporter, reporter_of
from prefect.engine.cloud._reporting import broken_handler, wait_for_start
from prefect.engine.cloud._stopping import RunStopped, Stopper
from prefect.engine.cloud.task_runner import CloudTaskRunner
from prefect.engine.flow_runner import FlowRunner, FlowRunnerInitializeResult
from prefect.engine.runner import ENDRUN, StateHandler
from prefect.engine.state import (
    Cancelled,
    Cancelling,
    ClientFailed,
    Failed,
    Pending,
    Queued,
    State,
)
from prefect.exceptions import ClientError, ObjectNotFoundError, PrefectException, VersionLockMismatchSignal
from prefect.utilities import clock
from prefect.utilities.context import context as prefect_context

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.core.flow import Flow
    from prefect.core.task import Task
    from prefect.executors.base import Executor

__all__ = ["CloudFlowRunner"]


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
        self._holder = new_holder()
        self._stopper = Stopper()
        self._reporter: Reporter | None = None
        self._is_superseded = False
        super().__init__(flow=flow, task_runner_cls=CloudTaskRunner, state_handlers=state_handlers)

    @property
    def flow_run_id(self) -> str:
        """Id of the run."""
        return cast("str", prefect_context.get("flow_run_id", ""))

    def _heartbeat(self) -> bool:
        """Say that the run is alive; whether its flow wants heartbeats at all."""
        return self._begin()[0]

    def _begin(self) -> tuple[bool, int | None, float | None]:
        """Whether the flow wants heartbeats, the attempt that this process is, and seconds until the next one.

        Raises:
            ClaimRefused: another process runs this flow run.
            ClientError: the API could not be asked for it.
        """
        claimed = claim(self.client, self.flow_run_id, prefect_context.get("flow_run_holder") or self._holder)
        try:
            if claimed is None:
                self.client.update_flow_run_heartbeat(self.flow_run_id)
            found = self.client.graphql(
                "query($id: uuid!) { flow_run_by_pk(id: $id) { flow { settings } } }",
                variables={"id": self.flow_run_id},
            ).data.flow_run_by_pk
        except PrefectException:
            self.logger.exception(f"Flow run {self.flow_run_id}: the heartbeat could not be sent.")
            return False, claimed and claimed.epoch, claimed and claimed.lease_s
        settings = found.flow.settings if found else None
        wants = settings is None or settings.get("heartbeat_enabled", True) is not False
        return wants, claimed and claimed.epoch, claimed and claimed.lease_s

    def call_runner_target_handlers(self, old_state: State, new_state: State) -> State:
        """Call the flow's handlers, then tell the API.

        Raises:
            ENDRUN: another process runs this flow run, the API refused the state, or the run has to
                wait for a slot.
        """
        try:
            new_state = super().call_runner_target_handlers(old_state, new_state)
        except Exception as exc:  # noqa: BLE001 - the code of users' handlers
            new_state = broken_handler(exc, self.logger)
        reporter = self._reporter or reporter_of(self.flow_run_id)
        version = self._version if new_state.is_running() else None
        try:
            reply = reporter.set_flow_run(new_state, version)
        except VersionLockMismatchSignal:
            stored = self.client.get_flow_run_state(self.flow_run_id)
            if reporter.is_own(stored):
                self._version += 1
                return new_state
            if stored.is_running() or reporter.epoch is not None:
                self.logger.info("The flow run is run by another process; this one stops.")
                self._is_superseded = True
                raise ENDRUN(stored) from None
            return stored
        except PrefectException as exc:
            self.logger.exception(f"The API did not take the state {new_state}.")
            raise ENDRUN(ClientFailed(state=new_state, message=str(exc))) from exc
        self._version = self._version + 1 if reply.version is None else reply.version
        if reply.is_queued:
            wait = datetime.timedelta(seconds=float(prefect_context.config.cloud.queue_interval))
            raise ENDRUN(Queued(message=reply.message, start_time=clock.now() + wait, state=old_state))
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
        epoch = self._reporter.epoch if self._reporter is not None else None
        if epoch is not None:
            values["flow_run_epoch"] = epoch
        return super().initialize_run(
            state=info.state if state is None else state,
            task_states=task_states,
            context=values,
            task_contexts=task_contexts,
            parameters={**(info.parameters or {}), **parameters},
        )

    @contextlib.contextmanager
    def check_for_cancellation(self) -> Generator[None]:
        """Stop where the run is to be cancelled, or has to stop for another reason.

        Raises:
            ENDRUN: the run was cancelled.
            RunStopped: it has to stop without saying so.
        """
        try:
            self._stopper.check()
            yield
            self._stopper.check()
        except RunStopped:
            if self.stop_reason != "cancelled":
                raise
            self._stopper.done()
            self.logger.info("Flow run has been cancelled, cancelling active tasks")
            raise ENDRUN(Cancelled("Flow run is cancelled")) from None

    @property
    def stop_reason(self) -> str:
        """Why the run was stopped from outside: a word (see `Beats`), or empty if it was not."""
        return self._stopper.reason[0] if self._stopper.reason else ""

    @contextlib.contextmanager
    def _watched(self) -> Generator[None]:
        """Send heartbeats, and stop the run if the API says so."""
        wants, epoch, lease_s = self._begin()
        self._reporter = reporter_of(self.flow_run_id, epoch)
        mode = str(prefect_context.config.cloud.heartbeat_mode)
        if mode not in ("process", "thread", "off"):
            raise ValueError(
                f"The setting cloud.heartbeat_mode is {mode!r}; it may be 'process', 'thread' or 'off' "
                "(PREFECT__CLOUD__HEARTBEAT_MODE)."
            )
        with contextlib.ExitStack() as stack:
            stack.enter_context(listening(self.flow_run_id))
            stack.enter_context(self._stopper)
            if wants and mode != "off":
                may_kill = bool(prefect_context.get("is_flow_run_process"))
                stack.enter_context(
                    Liveness(
                        self.client,
                        self.flow_run_id,
                        epoch,
                        mode,
                        self._stopper.stop,
                        self.logger,
                        lease_s=lease_s,
                        may_kill=may_kill,
                    )
                )
            if epoch is None or not wants or mode == "off":
                stack.enter_context(self._asking_for_cancellation())
            yield

    @contextlib.contextmanager
    def _asking_for_cancellation(self) -> Generator[None]:
        """Ask the API now and then whether the run is to be cancelled: it does not say so by itself."""
        stop = threading.Event()
        interval = float(prefect_context.config.cloud.check_cancellation_interval)
        run_id = self.flow_run_id

        def watch() -> None:
            while not stop.wait(interval):
                try:
                    state = self.client.get_flow_run_state(run_id)
                except ObjectNotFoundError:
                    self._stopper.stop("deleted", "")
                    return
                except PrefectException:
                    self.logger.warning(
                        "The API could not be asked whether the run is cancelled.", exc_info=True
                    )
                    continue
                if isinstance(state, (Cancelling, Cancelled)):
                    self._stopper.stop("cancelled", "")
                    return

        threading.Thread(target=watch, name="prefect-cancellation", daemon=True).start()
        try:
            yield
        finally:
            stop.set()

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

        def run_once(state: State | None) -> State:
            return super(CloudFlowRunner, self).run(
                state=state,
                task_states=task_states,
                return_tasks=return_tasks,
                parameters=parameters,
                task_runner_state_handlers=task_runner_state_handlers,
                executor=executor or self.flow.executor,
                context=given,
                task_contexts=task_contexts,
            )

        with prefect_context(running_with_backend=True, checkpointing=True):
            try:
                with self._watched():
                    end = self._run_to_end(run_once, state)
            except ClaimRefused as exc:
                self._stopper.reason = "taken", str(exc)
                return self._stopped()
            except ClientError as exc:
                if self._reporter is not None:
                    raise
                # Who runs it is not known, so nothing of the flow may run.
                self.logger.exception("The API could not be asked for the flow run.")
                return Failed(message=f"The API could not be asked: {exc!r}", result=exc)
            self._leave(end)
        return end

    def _run_to_end(self, run_once: Callable[[State | None], State], state: State | None) -> State:
        """Take the run as far as it can get, and stop it where it has to stop."""
        try:
            while True:
                end = run_once(state)
                waits = end.is_queued() and not self._is_superseded
                if not waits or not wait_for_start(end, self.logger.info):
                    return end
                state = None
        except RunStopped:
            self._stopper.done()
            return self._stopped()

    def _leave(self, end: State) -> None:
        """Give back a run that is left to wait: for a retry that is due much later, an approval, a slot."""
        epoch = self._reporter.epoch if self._reporter is not None else None
        is_left = not end.is_finished() and not self._is_superseded and self._stopper.reason is None
        if is_left and epoch is not None:
            give_back(self.client, self.flow_run_id, epoch)

    def _stopped(self) -> State:
        """The state of a run that stopped because it had to."""
        reason, text = self._stopper.reason or ("", "")
        if reason == "cancelled":
            state: State = Cancelled("Flow run is cancelled")
            try:
                return self.handle_state_change(Pending(), state)
            except ENDRUN as exc:
                return exc.state
        message = {
            "taken": f"This process does not run the flow run, and stops. {text}",
            "superseded": f"Another attempt at this flow run has begun; this one stops. {text}".rstrip(),
            "deleted": "The flow run was deleted; it stops.",
            "lost": f"No heartbeat of this flow run has arrived for most of the {text} seconds after which the "
            "server may start it again; it stops.",
        }.get(reason, "The flow run had to stop.")
        self.logger.error(message)
        return Failed(message)
