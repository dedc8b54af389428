"""What the process of a flow run writes: kept in a file without a name, of bounded size."""

from __future__ import annotations

import os
import tempfile

__all__ = ["Output"]

#: When a file is larger than this, only its end is kept.
_MOST_BYTES = 4_000_000
_KEPT_BYTES = 64_000


class Output:
    """Takes the output of one process.

    Why a file and not a pipe: when the agent is gone, a process must be able to go on writing. The
    file has no name, so that nothing is left when both have ended.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `close`
        self._kept = b""
        self._shown = 0
        if os.name == "posix":
            import fcntl

            # Whoever writes appends, also after the file was cut.
            flags = fcntl.fcntl(self._file, fcntl.F_GETFL)
            fcntl.fcntl(self._file, fcntl.F_SETFL, flags | os.O_APPEND)

    def fileno(self) -> int:
        """The descriptor to write to."""
        return self._file.fileno()

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _read(self, start: int, count: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), count, start)
        self._file.seek(start)  # pragma: no cover - Windows
        return self._file.read(count)  # pragma: no cover

    def new(self) -> bytes:
        """What was written since the last call."""
        size = self._size()
        found = self._read(self._shown, size - self._shown) if size > self._shown else b""
        self._shown += len(found)
        return found

    def trim(self) -> None:
        """Keep only the end, if it has grown large."""
        size = self._size()
        if size <= _MOST_BYTES or os.name != "posix":
            return
        self._kept = self._read(size - _KEPT_BYTES, _KEPT_BYTES)
        os.ftruncate(self._file.fileno(), 0)
        self._shown = 0

    def tail(self, most: int = _KEPT_BYTES) -> str:
        """The end of what was written, as text."""
        size = self._size()
        start = max(0, size - most)
        text = (self._kept + self._read(start, size - start))[-most:]
        return text.decode("utf-8", "replace")

    def close(self) -> None:
        """Let go of the file; the process may still write to it."""
        self._file.close()
