"""The warm parent: a process that has imported what flow runs need, and forks one for each run.

It has one thread, opens nothing and runs nothing of the user's. Its one connection is to the agent:

    to it       {"start": n, "environment": {...}, "directory": "..."} with the descriptor of the output
                {"signal": n, "number": 15}
    from it     {"ready": true}    {"started": n, "pid": 1234} or {"started": n, "error": "..."}
                {"ended": n, "status": wait status}

Each message is its length in four bytes, and JSON. When the connection closes, this process ends; runs
go on.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
from runpy import run_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main", "receive", "send"]

#: What a run imports anyway. Modules of users, and libraries that only some flows need, are not here.
_IMPORTED = (
    "prefect.backend.execution",
    "prefect.backend.flow_run",
    "prefect.cli.execute",
    "prefect.cli._root",
    "prefect.client.client",
    "prefect.client.secrets",
    "prefect.core.flow",
    "prefect.core.parameter",
    "prefect.engine.cloud",
    "prefect.engine.results",
    "prefect.engine.results.local_result",
    "prefect.engine.results.prefect_result",
    "prefect.executors",
    "prefect.executors.local",
    "prefect.run_configs",
    "prefect.schedules",
    "prefect.serialization.flow",
    "prefect.serialization.result",
    "prefect.serialization.run_config",
    "prefect.serialization.state",
    "prefect.serialization.storage",
    "prefect.storage",
    "prefect.tasks.control_flow",
    "prefect.tasks.core.collections",
    "prefect.tasks.core.constants",
    "prefect.tasks.core.function",
    "prefect.tasks.core.operators",
    "prefect.utilities.executors",
    "prefect.utilities.storage",
    "prefect.utilities.tasks",
    "cloudpickle",
    "encodings.idna",
    "http.client",
    "http.cookiejar",
    "pendulum",
    "requests",
    "ssl",
)
_HEADER = struct.Struct("!I")


class Start(NamedTuple):
    """A run to start."""

    number: int
    environment: dict[str, str]
    directory: str | None
    output: int


def send(connection: socket.socket, message: dict[str, Any], descriptor: int | None = None) -> None:
    """Send a message, and a descriptor with it."""
    body = json.dumps(message).encode()
    data = _HEADER.pack(len(body)) + body
    if descriptor is None:
        connection.sendall(data)
        return
    # A descriptor travels with one byte at least; the rest follows.
    socket.send_fds(connection, [data[:1]], [descriptor])
    connection.sendall(data[1:])


def receive(connection: socket.socket) -> tuple[dict[str, Any], int | None]:
    """The next message, and the descriptor that came with it.

    Raises:
        EOFError: the other end has closed.
    """
    first, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
    header = first + (_exactly(connection, _HEADER.size - 1) if first else b"")
    if not first:
        raise EOFError
    body = _exactly(connection, _HEADER.unpack(header)[0])
    return json.loads(body), descriptors[0] if descriptors else None


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def main(descriptor: int) -> int:
    """Serve an agent until it closes the connection; in a forked process, run its flow run."""
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    _import_all()
    # What is there now is never garbage: collections in the forked processes leave its pages alone.
    gc.collect()
    gc.freeze()
    start = _serve(connection)
    if start is None:
        return 0
    return _run(start)


def _import_all() -> None:
    from importlib import import_module

    for name in _IMPORTED:
        with contextlib.suppress(ImportError):  # the run says so, if it needs it
            import_module(name)


def _serve(connection: socket.socket) -> Start | None:
    """Fork for each request. Returns in the forked processes, and None at the end of the connection."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _do_nothing)
    numbers: dict[int, int] = {}
    try:
        send(connection, {"ready": True})
    except ConnectionError:
        return None  # the agent ended meanwhile
    while True:
        ready, _, _ = select.select([connection, reading], [], [])
        if reading in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(reading, 4096)
            if not _report_ended(connection, numbers):
                return None
        if connection not in ready:
            continue
        try:
            message, output = receive(connection)
            if "signal" in message:
                _pass_on(message, numbers)
                continue
            assert output is not None
            start = Start(message["start"], message["environment"], message["directory"], output)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(reading)
                os.close(writing)
                connection.close()
                return start
            os.close(output)
            numbers[pid] = start.number
            send(connection, {"started": start.number, "pid": pid})
        except (EOFError, ConnectionError):
            return None


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """A signal that is handled interrupts waiting."""


def _report_ended(connection: socket.socket, numbers: dict[int, int]) -> bool:
    """Tell the agent of processes that have ended; False when it is gone."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if pid == 0:
            return True
        try:
            send(connection, {"ended": numbers.pop(pid), "status": status})
        except (EOFError, ConnectionError):
            return False


def _pass_on(message: dict[str, Any], numbers: dict[int, int]) -> None:
    """Send a signal to a run and all it started, unless it has ended: its id may be another's by now."""
    pid = next((pid for pid, number in numbers.items() if number == message["signal"]), None)
    if pid is None:
        return
    try:
        os.killpg(pid, message["number"])
    except ProcessLookupError:
        # It has not made its session yet.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, message["number"])


def _run(start: Start) -> int:
    """Be a process that could as well have been started by `python -m prefect execute flow-run`."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (start.output, 1), (start.output, 2)):
        os.dup2(source, target)
    # Whatever else is open belongs to the warm parent.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(start.environment)
    try:
        if start.directory is not None:
            os.chdir(start.directory)
        _set_paths()
        import time

        time.tzset()
        from prefect.utilities._settings_again import read_settings_again

        read_settings_again()
        run_module("prefect", run_name="__main__", alter_sys=True)
    except OSError as exc:
        print(f"The process could not be started: {exc}", file=sys.stderr)  # noqa: T201 - the run's own output
        return 1
    return 0


def _set_paths() -> None:
    """Have `sys.argv` and `sys.path` be those of `python -m prefect execute flow-run`."""
    sys.argv = [sys.argv[0], "execute", "flow-run"]  # the first is set when the module runs
    sys.orig_argv = [sys.executable, "-m", "prefect", *sys.argv[1:]]
    own = set(_inherited_paths())
    rest = [path for path in sys.path[1:] if path not in own]
    sys.path[:] = [os.getcwd(), *_python_path(os.environ.get("PYTHONPATH", "")), *rest]  # noqa: PTH109
    sys.path_importer_cache.clear()


def _inherited_paths() -> list[str]:
    """Entries of the import path that this process has from its own PYTHONPATH."""
    return _own_python_path


def _python_path(text: str) -> list[str]:
    return [os.path.abspath(path) for path in text.split(os.pathsep) if path]  # noqa: PTH100 - as Python does


_own_python_path = _python_path(os.environ.get("PYTHONPATH", ""))
