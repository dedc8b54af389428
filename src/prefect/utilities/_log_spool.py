"""Log lines on their way to the API, kept in a file until they have arrived.

A process writes the lines of a flow run to a file of its own, below the home directory:

    <home_dir>/spool/<flow run id>/<random>.jsonl

The file begins with the place up to which lines have arrived, in digits. While its process lives the file
is locked; a file that nobody has locked was left behind, and the next process of the same flow run
takes it over (`adopt`). A line is in the file when `append` returns, so that a killed process loses none.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

__all__ = ["LogSpool", "adopt", "new_spool", "remove_old", "spool_folder"]

_DIGITS = 20
_HEADER = _DIGITS + 1
_OLD_S = 30 * 24 * 3600.0


def spool_folder(home: str, flow_run_id: str) -> Path:
    """Where the lines of a flow run wait.

    Args:
        home: the home directory of Prefect.
        flow_run_id: the flow run.
    """
    name = "".join(c for c in flow_run_id if c.isalnum() or c in "-_")
    return Path(home).expanduser() / "spool" / (name or "no-run")


class LogSpool:
    """The file in which one process keeps lines that are not with the API yet. Safe to use from threads.

    Args:
        path: the file; it is made with the first line.
        max_bytes: how much of the disk it may take; lines that do not fit any more are refused.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._descriptor: int | None = None
        self._lock = threading.Lock()
        self._sent = self._end = _HEADER
        self._sequence = 0

    @property
    def waiting_bytes(self) -> int:
        """Size of the lines that have not arrived."""
        return self._end - self._sent

    def append(self, line: dict[str, Any]) -> bool:
        """Keep a line; False if there is no more room.

        The line gets its number in this file, `sequence`, by which a server knows it when it comes twice.

        Args:
            line: the line, as the API takes it.

        Raises:
            OSError: the file cannot be written.
        """
        with self._lock:
            if self._end >= self.max_bytes:
                return False
            if self._descriptor is None:
                self._open()
            line["sequence"] = self._sequence
            data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
            self._write(data, self._end)
            self._sequence += 1
            self._end += len(data)
            return True

    def read(self, max_lines: int, max_characters: int, overhead: int) -> tuple[list[dict[str, Any]], int]:
        """The first lines that have not arrived, and the place after them.

        Args:
            max_lines: lines at most.
            max_characters: size at most, but at least one line.
            overhead: what a line takes beside its message.
        """
        with self._lock:
            start, end = self._sent, self._end
        if start >= end:
            return [], start
        lines: list[dict[str, Any]] = []
        size = 0
        with self.path.open("rb") as stream:
            stream.seek(start)
            place = start
            while place < end and len(lines) < max_lines:
                data = stream.readline()
                line = _parsed(data)
                if line is not None:
                    size += overhead + len(str(line.get("message", "")))
                    if lines and size > max_characters:
                        break
                    lines.append(line)
                place += len(data)
                if not data:
                    break
        return lines, place

    def arrived(self, place: int) -> None:
        """Note that all lines before a place have arrived; a file without others gets empty.

        Args:
            place: what `read` returned.
        """
        with self._lock:
            if self._descriptor is None:
                return
            self._sent = place
            if place >= self._end:
                # The place is behind the end of the file for a moment, which then counts as "nothing".
                os.ftruncate(self._descriptor, _HEADER)
                self._sent = self._end = _HEADER
            self._write(b"%0*d" % (_DIGITS, self._sent), 0)

    def close(self) -> None:
        """Let go of the file; it is removed unless lines are left in it, for the next process."""
        with self._lock:
            if self._descriptor is None:
                return
            is_done = self._sent >= self._end
            if is_done and sys.platform != "win32":
                self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None
            if is_done:
                self.path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # other processes of the run have lines there
                    self.path.parent.rmdir()
            self._sent = self._end = _HEADER

    def forget(self) -> None:
        """Let go of a file that belongs to the parent of this process."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # For its owner only: lines may hold what nobody else should read.
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        _try_lock(self._descriptor)
        self._write(b"%0*d\n" % (_DIGITS, _HEADER), 0)

    def _write(self, data: bytes, place: int) -> None:
        assert self._descriptor is not None
        os.lseek(self._descriptor, place, os.SEEK_SET)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    @classmethod
    def taken_over(cls, path: Path) -> LogSpool | None:
        """The spool of a file that another process left; None if one still has it.

        Args:
            path: the file.
        """
        try:
            # Its owner writes the head after it has locked it: without one it is just being made.
            if path.stat().st_size < _HEADER:
                return None
            descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        except OSError:
            return None
        spool = cls(path, 0)
        try:
            if _try_lock(descriptor):
                spool._find_lines(descriptor)
                spool._descriptor = descriptor
                return spool
        except OSError:  # its owner has removed it meanwhile
            pass
        os.close(descriptor)
        return None

    def _find_lines(self, descriptor: int) -> None:
        with self.path.open("rb") as stream:
            head = stream.read(_HEADER)
            known = int(head[:_DIGITS]) if head[:_DIGITS].isdigit() else _HEADER
            # What is behind the last line break was being written when its process was killed.
            self._end = max(_HEADER, _last_line_end(stream, os.fstat(descriptor).st_size))
        self._sent = known if _HEADER <= known <= self._end else _HEADER


def new_spool(home: str, flow_run_id: str, max_bytes: int) -> LogSpool:
    """A spool for lines of a flow run from this process.

    Args:
        home: the home directory of Prefect.
        flow_run_id: the flow run.
        max_bytes: how much of the disk it may take.
    """
    return LogSpool(spool_folder(home, flow_run_id) / f"{uuid.uuid4().hex}.jsonl", max_bytes)


def adopt(folder: Path) -> Iterator[LogSpool]:
    """Spools that ended processes left in a folder, the oldest first; they are now this process's.

    Args:
        folder: of a flow run.
    """
    try:
        found = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    except OSError:  # somebody else was faster
        return
    for path in found:
        spool = LogSpool.taken_over(path)
        if spool is not None:
            yield spool


def remove_old(home: str) -> None:
    """Remove lines that waited for a month: the run they belong to never came back.

    Args:
        home: the home directory of Prefect.
    """
    before = time.time() - _OLD_S
    for path in (Path(home).expanduser() / "spool").glob("*/*.jsonl"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < before:
                path.unlink()
                path.parent.rmdir()


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        line: Any = json.loads(data)
    except ValueError:
        return None  # a full disk may have cut it
    return cast("dict[str, Any]", line) if isinstance(line, dict) else None


def _last_line_end(stream: Any, size: int) -> int:
    """The place after the last line break of a file."""
    place = size
    while place > 0:
        start = max(0, place - 65_536)
        stream.seek(start)
        found = stream.read(place - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        place = start
    return 0


def _try_lock(descriptor: int) -> bool:
    """Lock a file for this process, as long as it lives; False if another one has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 1 << 40, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
