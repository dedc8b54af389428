"""Telling the API that a flow run is alive, from a thread or from a process beside it."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol, cast

from prefect.utilities.context import context

if TYPE_CHECKING:
    import logging

    from prefect.engine.state import State


class HeartbeatClient(Protocol):
    """What a heartbeat needs of `prefect.Client`."""

    def update_flow_run_heartbeat(self, flow_run_id: str) -> None:
        """Tell the API that a flow run is alive."""
        ...


def send_heartbeat(flow_run_id: str, client: HeartbeatClient, logger: logging.Logger) -> None:
    """Tell the API that a flow run is alive; a failure is logged, not raised.

    Args:
        flow_run_id: the run.
        client: how to reach the API.
        logger: where failures are written.
    """
    try:
        client.update_flow_run_heartbeat(flow_run_id)
    except Exception as exc:
        logger.exception("Failed to send heartbeat with exception: %r", exc)


class HeartbeatThread(threading.Thread):
    """Sends heartbeats of a flow run, every `cloud.heartbeat_interval` seconds, until it is told to stop.

    Args:
        stop_event: set it to end the thread.
        flow_run_id: the run.
        num: number of heartbeats to send at most; no limit by default.
    """

    def __init__(self, stop_event: threading.Event, flow_run_id: str, num: int | None = None) -> None:
        super().__init__(name="prefect-heartbeat", daemon=True)
        self.stop_event = stop_event
        self.flow_run_id = flow_run_id
        self.num = num

    def run(self) -> None:
        """Send the heartbeats."""
        import prefect

        logger = _logger()
        with log_heartbeat_failure(logger):
            client: HeartbeatClient = cast("Any", prefect).Client()
            sent = 0
            while not self.stop_event.is_set():
                send_heartbeat(self.flow_run_id, client, logger)
                sent += 1
                if self.num is not None and sent >= self.num:
                    return
                self.stop_event.wait(context.config.cloud.heartbeat_interval)


@contextlib.contextmanager
def threaded_heartbeat(flow_run_id: str, num: int | None = None) -> Generator[None]:
    """Heartbeats of a flow run from a thread, for the length of the `with` block.

    Args:
        flow_run_id: the run.
        num: number of heartbeats to send at most; no limit by default.
    """
    stop = threading.Event()
    thread = HeartbeatThread(stop, flow_run_id, num)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=1)  # a request that is under way may take longer; the thread is daemonic


@contextlib.contextmanager
def subprocess_heartbeat(heartbeat_cmd: list[str], logger: logging.Logger) -> Generator[None]:
    """Heartbeats from a process, for the length of the `with` block; runs without one if it does not start.

    Args:
        heartbeat_cmd: the command, e.g. `["prefect", "heartbeat", "flow-run", "-i", "<id>"]`.
        logger: where it is written if the process does not start.
    """
    process: subprocess.Popen[bytes] | None = None
    try:
        # Its standard input ends with this process, so that it can end as well.
        process = subprocess.Popen(  # noqa: S603 - the command is the runner's own
            heartbeat_cmd, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        logger.exception("Heartbeat process failed to start.  This could result in a zombie run.")
    try:
        yield
    finally:
        if process is not None:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def no_heartbeat() -> Generator[None]:
    """No heartbeats."""
    yield


@contextlib.contextmanager
def log_heartbeat_failure(logger: logging.Logger) -> Generator[None]:
    """Log an exception that ends a heartbeat, and let it pass.

    Args:
        logger: where to write.
    """
    try:
        yield
    except BaseException as exc:
        logger.exception("Heartbeat process encountered terminal exception: %r", exc)
        raise


def run_with_heartbeat(runner_method: Callable[..., State]) -> Callable[..., State]:
    """A method of a runner, with heartbeats sent while it runs.

    The runner's `_heartbeat()` says whether there is anything to tell (runners of local runs say no).
    The setting `cloud.heartbeat_mode` says how: from a `process` (the runner's `heartbeat_cmd`), from a
    `thread` (for the runner's `flow_run_id`), or `off`.

    Args:
        runner_method: the method to decorate.
    """

    @functools.wraps(runner_method)
    def inner(self: Any, *args: Any, **kwargs: Any) -> State:
        with _heartbeat_of(self):
            return runner_method(self, *args, **kwargs)

    return inner


def _heartbeat_of(runner: Any) -> contextlib.AbstractContextManager[None]:
    if not runner._heartbeat():
        return no_heartbeat()
    mode = context.config.cloud.heartbeat_mode
    if mode == "process":
        return subprocess_heartbeat(runner.heartbeat_cmd, runner.logger)
    if mode == "thread":
        return threaded_heartbeat(runner.flow_run_id)
    if mode == "off":
        return no_heartbeat()
    raise ValueError(
        f"The setting cloud.heartbeat_mode is {mode!r}; it may be 'process', 'thread' or 'off' "
        f"(PREFECT__CLOUD__HEARTBEAT_MODE)."
    )


def _logger() -> logging.Logger:
    from prefect.utilities.logging import get_logger

    return get_logger("FlowRunner")
