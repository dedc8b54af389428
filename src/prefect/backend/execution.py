"""Running a flow run of the API in this process, or in one that is started for it."""

from __future__ import annotations

import datetime
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

from prefect.exceptions import ClientError, ObjectNotFoundError
from prefect.utilities import clock
from prefect.utilities.context import context as prefect_context
from prefect.utilities.logging import get_logger

if TYPE_CHECKING:
    from prefect.backend.flow_run import FlowRunView
    from prefect.client.client import Client
    from prefect.core.flow import Flow
    from prefect.engine.flow_runner import FlowRunner
    from prefect.engine.state import State
    from prefect.run_configs import RunConfig

__all__ = [
    "FlowRunLost",
    "execute_flow_run",
    "execute_flow_run_in_subprocess",
    "generate_flow_run_environ",
    "run_in_process",
]

logger: logging.Logger = get_logger("backend.execution")

#: Time that an interrupted process gets to end by itself.
_STOP_S = 10.0
#: Status of a process that ended because another one runs its flow run.
_CONFLICT = 5
#: Seconds between two looks at a run that waits.
_LOOK_S = 10.0


class FlowRunLost(ClientError):
    """A process lost the flow run that it ran.

    Attributes:
        reason: `taken`, if another process runs it; `superseded`, if another attempt has begun; `lost`, if
            one may begin because the API was not heard of.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def execute_flow_run(
    flow_run_id: str,
    flow: Flow | None = None,
    runner_cls: type[FlowRunner] | None = None,
    **kwargs: Any,
) -> FlowRunView:
    """Run a flow run of the API in this process.

    The settings of this process apply; an agent sets them by environment variables, see
    `generate_flow_run_environ`.

    Args:
        flow_run_id: the run.
        flow: the flow; loaded from its storage by default.
        runner_cls: the class that runs it; `CloudFlowRunner` by default.
        **kwargs: passed to the runner's `run`.

    Returns:
        the run as it is then.

    Raises:
        ValueError: there is no such run.
        ObjectNotFoundError: it was deleted meanwhile.
        FlowRunLost: this process had to stop, as another process runs it, or another attempt has begun or may
            begin. If another process ran it from the start, nothing of the flow ran here.
        FlowStorageError: the flow cannot be loaded. The run is `Failed` then, and its log has the reason.
    """
    from prefect.backend.flow_run import FlowRunView
    from prefect.engine.cloud import CloudFlowRunner
    from prefect.engine.cloud._claim import new_holder

    runner_cls = runner_cls or CloudFlowRunner
    logger.debug(f"Constructing execution environment for flow run {flow_run_id!r}")
    run = FlowRunView.from_flow_run_id(flow_run_id)
    registered = run.get_flow_metadata()
    values: dict[str, Any] = {"flow_run_id": flow_run_id, "flow_id": run.flow_id, **run.context}
    values["flow_run_holder"] = new_holder()
    # The attempt that an agent told is that of its own run, and not of one that this run starts here.
    if prefect_context.get("flow_run_id") != flow_run_id:
        values["flow_run_epoch"] = None
    with prefect_context(running_with_backend=True, **values):
        if issubclass(runner_cls, CloudFlowRunner):
            _claim(flow_run_id, values["flow_run_holder"])
        try:
            secrets = _secrets_of(registered.storage)
            with _with_secrets(secrets):
                if flow is None:
                    logger.debug(f"Loading flow from {registered.storage}...")
                    assert registered.storage is not None
                    with prefect_context(loading_flow=True):
                        flow = registered.storage.get_flow(registered.name)
        except Exception as exc:  # loading runs code of the user's
            _fail(flow_run_id, f"Failed to load and execute flow run: {exc!r}")
            raise
        with _with_secrets(secrets):
            logger.debug(
                f"Beginning execution of flow run {run.name!r} from flow {registered.name!r} with "
                f"{runner_cls.__name__!r}"
            )
            runner = runner_cls(flow=flow)
            state = runner.run(**kwargs)
            logger.debug(f"Run finished with final state {state}")
    reason = str(getattr(runner, "stop_reason", ""))
    if reason == "deleted":
        raise ObjectNotFoundError(f"Flow run {flow_run_id} was deleted while it ran.")
    if reason in ("lost", "superseded", "taken"):
        raise FlowRunLost(str(state.message), reason)
    return run.get_latest()


def _claim(flow_run_id: str, holder: str) -> None:
    """Become the process that runs a flow run, before its code is loaded.

    Raises:
        FlowRunLost: another process is.
    """
    from prefect.client.client import Client
    from prefect.engine.cloud._claim import ClaimRefused, claim

    try:
        claim(Client(), flow_run_id, holder)
    except ClaimRefused as exc:
        message = f"This process does not run the flow run, and stops. {exc}"
        logger.error(message)
        raise FlowRunLost(message, "taken") from exc


def _with_secrets(secrets: dict[str, Any]) -> AbstractContextManager[Any]:
    known = cast("dict[str, Any]", prefect_context.get("secrets") or {})
    return prefect_context(secrets={**known, **secrets})


def _secrets_of(storage: Any) -> dict[str, Any]:
    """Values of the secrets that a storage needs to get at the flow."""
    from prefect.client.secrets import Secret

    names = cast("list[str]", getattr(storage, "secrets", None) or [])
    return {name: Secret(name).get() for name in names}


def _fail(flow_run_id: str, message: str) -> None:
    """Set a run to `Failed` and write the reason to its log, as far as the API can be reached."""
    from prefect.client.client import Client
    from prefect.engine.state import Failed

    client = Client()
    logger.exception(message)
    try:
        _set_state(client, flow_run_id, Failed(message=message))
    except ClientError:
        logger.exception(f"Flow run {flow_run_id}: the API did not take the state Failed.")


def _set_state(client: Client, flow_run_id: str, state: State) -> None:
    client.set_flow_run_state(flow_run_id=flow_run_id, state=state)


def generate_flow_run_environ(
    flow_run_id: str,
    flow_id: str,
    run_config: RunConfig | None,
    run_api_key: str | None = None,
    include_local_env: bool = False,
) -> dict[str, str]:
    """The environment variables that a process needs to run a flow run.

    Args:
        flow_run_id: the run.
        flow_id: its flow.
        run_config: how it runs; its variables win over this machine's.
        run_api_key: the key that the process talks to the API with; this process's by default.
        include_local_env: whether variables of this process are among them.
    """
    from prefect.client.client import Client

    config = prefect_context.config
    client = Client()
    key = client.api_key if run_api_key is None else run_api_key
    has_tenant = bool(key)
    variables: dict[str, str] = dict(os.environ) if include_local_env else {}
    # That of the flow run which this process is in, if an agent started it.
    variables.pop("PREFECT__CONTEXT__FLOW_RUN_EPOCH", None)
    variables.update(
        {
            "PREFECT__CLOUD__SEND_FLOW_RUN_LOGS": str(config.cloud.send_flow_run_logs),
            "PREFECT__LOGGING__LEVEL": str(config.logging.level),
            "PREFECT__LOGGING__FORMAT": str(config.logging.format),
            "PREFECT__LOGGING__DATEFMT": str(config.logging.datefmt),
        }
    )
    variables.update(getattr(run_config, "env", None) or {})
    variables.update(
        {
            "PREFECT__BACKEND": str(config.backend),
            "PREFECT__CLOUD__API": client.api_server,
            "PREFECT__CLOUD__TENANT_ID": client.tenant_id if has_tenant else "",
            "PREFECT__CLOUD__API_KEY": key or "",
            "PREFECT__CONTEXT__FLOW_RUN_ID": flow_run_id,
            "PREFECT__CONTEXT__FLOW_ID": flow_id,
            "PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudFlowRunner",
        }
    )
    if config.server.ui.get("endpoint") not in (None, "", config.server.get("endpoint")):
        # Links in the run's log lead where those of this process do.
        variables.setdefault("PREFECT__SERVER__UI__ENDPOINT", str(config.server.ui.endpoint))
    return {name: value for name, value in variables.items() if value is not None}  # pyright: ignore[reportUnnecessaryComparison]


def execute_flow_run_in_subprocess(
    flow_run_id: str, run_api_key: str | None = None, include_local_env: bool = True
) -> FlowRunView:
    """Run a flow run of the API in a process of its own, without an agent, and wait for it.

    A run that is to start later is waited for. If the process ends early, by an interrupt or by itself,
    the run is `Failed`: no agent takes it up again.

    Args:
        flow_run_id: the run.
        run_api_key: the key that the process talks to the API with; this process's by default.
        include_local_env: whether the process gets the environment variables of this one.

    Returns:
        the run as it is then.

    Raises:
        ValueError: there is no such run.
        RuntimeError: it is not `Scheduled`.
        KeyboardInterrupt: it was interrupted.
    """
    return run_in_process(flow_run_id, run_api_key, include_local_env)


def run_in_process(
    flow_run_id: str,
    run_api_key: str | None = None,
    include_local_env: bool = True,
    *,
    shows_output: bool = True,
    environment: Mapping[str, str] | None = None,
) -> FlowRunView:
    """`execute_flow_run_in_subprocess`, of a process with more variables whose output may be dropped."""
    from prefect.backend.flow_run import FlowRunView
    from prefect.client.client import Client
    from prefect.engine.state import Failed, Submitted

    client = Client()
    run = FlowRunView.from_flow_run_id(flow_run_id)
    if not run.state.is_scheduled():
        raise RuntimeError(
            f"Flow run is already in state {run.state!r}! Cannot execute flow run unless it is in a 'Scheduled' state"
        )
    try:
        while not run.state.is_finished():
            _wait_for_start(run)
            if run.state.is_scheduled():
                submitted = Submitted("Submitted for execution: without an agent", state=run.state)
                _set_state(client, flow_run_id, submitted)
            logger.debug("Creating subprocess to execute flow run...")
            environ = generate_flow_run_environ(
                flow_run_id, run.flow_id, run.run_config, run_api_key, include_local_env
            )
            environ.update(environment or {})
            status = _run_process(environ, shows_output=shows_output)
            run = run.get_latest()
            if status == _CONFLICT and not run.state.is_finished():
                logger.warning(f"Flow run {flow_run_id} is run by another process, and left to it.")
                return run
            if status != 0 and not run.state.is_finished():
                message = f"The process of the flow run ended early, with status {status}."
                _set_state(client, flow_run_id, Failed(message=message))
                return run.get_latest()
    except KeyboardInterrupt:
        if not run.get_latest().state.is_finished():
            _set_state(client, flow_run_id, Failed(message="Flow run was interrupted by the user"))
        raise
    return run


def _run_process(environ: dict[str, str], *, shows_output: bool) -> int:
    """Run the process of a flow run; its status."""
    command = [sys.executable, "-m", "prefect", "execute", "flow-run"]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, env=environ, stdout=None if shows_output else subprocess.DEVNULL
    )
    try:
        return process.wait()
    except BaseException:
        # Ctrl-C reaches the child as well, which then says its own goodbye.
        if sys.platform != "win32":
            process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def _wait_for_start(run: FlowRunView) -> None:
    """Return when there is something to do: the run is due, or one of its tasks is."""
    said = ""
    while True:
        due = _due(run)
        now = clock.now()
        if due is not None and due <= now:
            return
        text = f"at {due}" if due is not None else "when somebody resumes it"
        if text != said:
            logger.info(f"The flow run goes on {text}.")
            said = text
        # Somebody may resume a task, or bring its start forward.
        ahead = now + datetime.timedelta(seconds=_LOOK_S)
        clock.wait_until(min(due, ahead) if due is not None else ahead)
        run = run.get_latest()
        if run.state.is_finished():
            return


def _due(run: FlowRunView) -> datetime.datetime | None:
    """When a run may go on; None if only somebody can say."""
    if run.state.is_scheduled():
        return cast("datetime.datetime | None", getattr(run.state, "start_time", None)) or clock.now()
    from prefect.backend._query import parse_time, rows

    waiting = ["Scheduled", "Retrying", "Queued", "Paused", "Resume"]
    found = rows(
        "task_run",
        {"flow_run_id": {"_eq": run.flow_run_id}, "state": {"_in": waiting}},
        "state_start_time",
        order_by={"state_start_time": "asc"},
    )
    if not found:
        return clock.now()
    times = [parse_time(row.state_start_time) for row in found if row.state_start_time]
    return min(times, default=None)
