"""The server process of a data directory: there is one at most, and others find it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["AlreadyRunningError", "Running", "hold", "running", "stop"]


@dataclass(frozen=True)
class Running:
    """A server that runs.

    Attributes:
        pid: its process.
        url: where it is.
    """

    pid: int
    url: str


class AlreadyRunningError(Exception):
    """Another server uses the data directory.

    Attributes:
        other: which one, if it says so.
    """

    def __init__(self, data_dir: Path, other: Running | None) -> None:
        self.other = other
        who = f" (process {other.pid}, {other.url})" if other else ""
        super().__init__(f"A server with the data directory {data_dir} is running already{who}.")


def _file(data_dir: Path) -> Path:
    return data_dir / "server.pid"


def _lock(stream: IO[Any]) -> bool:
    """Lock a file for as long as it is open, also by a process that dies; False if another one has it."""
    try:
        if os.name == "nt":
            import msvcrt

            # Beyond what is written, since Windows refuses to read what is locked.
            stream.seek(1_000)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            stream.seek(0)
        else:
            import fcntl

            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def hold(data_dir: Path, url: str) -> Callable[[], None]:
    """Be the server of a data directory until the process ends or the returned function is called.

    Raises:
        AlreadyRunningError: another process is.
        OSError: the directory cannot be written.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = _file(data_dir)
    stream = file.open("a+", encoding="utf-8")
    if not _lock(stream):
        stream.close()
        raise AlreadyRunningError(data_dir, _read(file))
    stream.seek(0)
    stream.truncate()
    stream.write(json.dumps(asdict(Running(os.getpid(), url))))
    stream.flush()

    def release() -> None:
        with contextlib.suppress(OSError):
            stream.seek(0)
            stream.truncate()
        stream.close()

    return release


def _read(file: Path) -> Running | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return Running(int(content["pid"]), str(content["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def running(data_dir: Path) -> Running | None:
    """The server of a data directory; None when none runs."""
    file = _file(data_dir)
    try:
        stream = file.open("r+", encoding="utf-8")
    except OSError:
        return None
    with stream:
        return None if _lock(stream) else _read(file)


def stop(data_dir: Path, timeout_s: float) -> bool:
    """Tell the server of a data directory to end, and wait for it; False if there is none.

    Raises:
        TimeoutError: it did not end in time.
    """
    found = running(data_dir)
    if found is None:
        return False
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while running(data_dir) is not None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"The server (process {found.pid}) did not end within {timeout_s:g} seconds.")
        time.sleep(0.05)  # another process's end is no event that can be waited for
    return True
