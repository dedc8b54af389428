"""Carries log lines of backend runs to the API, in batches and in the background."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import threading
import time
import warnings
from typing import Any, Protocol, cast

from prefect.utilities._log_spool import LogSpool, adopt, new_spool, remove_old, spool_folder

__all__ = ["LOG_OVERHEAD", "MAX_BATCH_LOG_SIZE", "MAX_LOG_SIZE", "LogManager", "getlogsize"]

LOG_OVERHEAD = 298
"""Characters of a log line in JSON without its message: names, ids and a time."""
MAX_LOG_SIZE = 1_000_000
"""Most characters of one line; longer messages are cut."""
MAX_BATCH_LOG_SIZE = 4_000_000
"""Most characters in one request."""

#: Lines in one request: a server that writes them in one transaction should not be busy for long.
_MAX_BATCH_LINES = 2_000
#: Attempts at one request: the lines are safe, and the next batch tries again.
_ATTEMPTS = 2
#: Seconds that a process waits at its end for an API that does not answer.
_LAST_S = 20.0
#: Lines kept in memory where they cannot be written to the disk.
_MAX_IN_MEMORY = 10_000


class LogWriter(Protocol):
    """What takes the lines: a `prefect.Client`."""

    def write_run_logs(self, logs: list[dict[str, Any]]) -> None:
        """Send lines to the API."""
        ...


def getlogsize(log: dict[str, Any]) -> int:
    """How many characters a log line takes in a request.

    Args:
        log: the line, with its text in `message`
    """
    return LOG_OVERHEAD + len(log.get("message", ""))


class LogManager:
    """Collects log lines and sends them to the API every `cloud.logging_heartbeat` seconds.

    Lines wait in a file below the home directory (`cloud.log_spool_size` bytes at most for each process)
    until the API has them. What is left when a process ends, however it ends, is sent by the next process of
    the same flow run. The thread that sends them starts with the first line.

    Attributes:
        pending_logs: lines that are being sent.
        pending_length: their size.
        queue: lines that cannot be kept on the disk.
    """

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.pending_logs: list[dict[str, Any]] = []
        self.pending_length = 0
        self.thread: threading.Thread | None = None
        self.client: LogWriter | None = None
        self._spools: dict[str, LogSpool] = {}
        self._left_behind: list[LogSpool] = []
        self._unsent: list[dict[str, Any]] = []
        self._dropped = 0
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._owner_pid = os.getpid()
        self._flushes_at_exit = False

    def enqueue(self, message: dict[str, Any]) -> None:
        """Send `message` with the next batch.

        Args:
            message: a log line: flow_run_id, task_run_id, timestamp, name, level and message
        """
        self.ensure_started()
        spool = self._spool_of(message)
        try:
            is_kept = spool.append(message)
        except OSError as exc:
            warnings.warn(
                f"Log lines cannot be kept in {spool.path}: {exc}. They are kept in memory until they are sent.",
                stacklevel=2,
            )
            is_kept = self.queue.qsize() < _MAX_IN_MEMORY
            if is_kept:
                self.queue.put(message)
        if not is_kept:
            self._dropped += 1
            self._wake.set()

    def wake(self) -> None:
        """Send what waits soon, instead of with the next batch."""
        if self.thread is not None:
            self._wake.set()

    def ensure_started(self) -> None:
        """Start the sending thread unless it runs already."""
        if self.thread is not None and self.thread.is_alive() and self._owner_pid == os.getpid():
            return
        with self._lock:
            if self._owner_pid != os.getpid():
                self._forget_parent()
            if self.thread is not None and self.thread.is_alive():
                return
            if self.client is None:
                self.client = _new_client()
            if not self._flushes_at_exit:
                atexit.register(self.stop)
                self._flushes_at_exit = True
            self._stopping.clear()
            self.thread = threading.Thread(
                target=self._send_regularly, name="prefect-log-manager", daemon=True
            )
            self.thread.start()

    def stop(self) -> None:
        """Send what is left and end the thread; the next line starts a new one.

        Lines that the API does not take now stay on the disk.
        """
        thread = self.thread
        if thread is None or self._owner_pid != os.getpid():
            return
        began = time.monotonic()
        self._stopping.set()
        self._wake.set()
        _limit_attempts(self.client, 1)
        thread.join(_LAST_S)
        # An API that did not answer the last request will not answer another one.
        if not thread.is_alive() and time.monotonic() - began < _LAST_S / 3:
            # Processes that worked for this run have ended by now, and may have left lines.
            self._look_for_lines_left_behind()
            self._send_pending()
        with self._lock:
            spools = [*self._spools.values(), *self._left_behind]
            kept = [spool for spool in spools if spool.waiting_bytes]
            for spool in spools:
                spool.close()
            self._spools, self._left_behind = {}, []
            self.thread = self.client = None
        if kept:
            warnings.warn(
                f"The API did not take the last log lines. They are in {kept[0].path.parent}, and are sent by the "
                "next process of this flow run.",
                stacklevel=2,
            )

    # -- files ------------------------------------------------------------------------

    def _spool_of(self, message: dict[str, Any]) -> LogSpool:
        run = str(message.get("flow_run_id"))
        spool = self._spools.get(run)
        if spool is None:
            from prefect.utilities.context import context

            settings = context.config
            with self._lock:
                spool = self._spools.get(run)
                if spool is None:
                    spool = new_spool(str(settings.home_dir), run, int(settings.cloud.log_spool_size))
                    self._spools[run] = spool
                    self._left_behind.extend(adopt(spool.path.parent))
        return spool

    def _look_for_lines_left_behind(self) -> None:
        from prefect.utilities.context import context

        with self._lock:
            for run in self._spools:
                self._left_behind.extend(adopt(spool_folder(str(context.config.home_dir), run)))

    def _forget_parent(self) -> None:
        """A forked child inherits lines that its parent is going to send."""
        for spool in (*self._spools.values(), *self._left_behind):
            spool.forget()
        self._spools, self._left_behind = {}, []
        self.queue, self.pending_logs, self.pending_length = queue.SimpleQueue(), [], 0
        self.thread = self.client = None
        self._wake, self._unsent, self._dropped = threading.Event(), [], 0
        self._owner_pid = os.getpid()

    # -- sending ----------------------------------------------------------------------

    def _send_regularly(self) -> None:
        from prefect.utilities.context import context

        with contextlib.suppress(OSError):
            remove_old(str(context.config.home_dir))
        while not self._stopping.is_set():
            self._wake.wait(context.config.cloud.logging_heartbeat)
            self._wake.clear()
            if not self._stopping.is_set():
                self._send_pending()

    def _send_pending(self) -> None:
        """Send everything that waits, in as many batches as it takes, until one fails."""
        with self._lock:
            left_behind, spools = list(self._left_behind), list(self._spools.values())
        for spool in (*left_behind, *spools):
            while True:
                try:
                    lines, place = spool.read(_MAX_BATCH_LINES, MAX_BATCH_LOG_SIZE, LOG_OVERHEAD)
                except OSError as exc:
                    warnings.warn(f"Log lines in {spool.path} cannot be read: {exc}", stacklevel=2)
                    break
                if lines and not self._send(lines):
                    return
                spool.arrived(place)
                if not spool.waiting_bytes:
                    break
            if spool in left_behind and not spool.waiting_bytes:
                spool.close()
                self._left_behind.remove(spool)
        self._send_from_memory()
        self._tell_of_dropped()

    def _send_from_memory(self) -> None:
        while self._unsent or not self.queue.empty():
            lines, size = self._unsent, sum(map(getlogsize, self._unsent))
            with contextlib.suppress(queue.Empty):
                while len(lines) < _MAX_BATCH_LINES and size < MAX_BATCH_LOG_SIZE - MAX_LOG_SIZE:
                    lines.append(self.queue.get_nowait())
                    size += getlogsize(lines[-1])
            if not self._send(lines):
                return
            self._unsent = []

    def _send(self, lines: list[dict[str, Any]]) -> bool:
        """Send one batch; whether it arrived."""
        self.pending_logs, self.pending_length = lines, sum(map(getlogsize, lines))
        try:
            assert self.client is not None
            takes_numbers = getattr(self.client, "takes_log_sequence", None)
            if takes_numbers is None or not takes_numbers():
                lines = [{key: line[key] for key in line if key != "sequence"} for line in lines]
            self.client.write_run_logs(lines)
        except Exception as exc:  # noqa: BLE001 - logging must never break the run it tells about
            warnings.warn(
                f"Failed to write logs with error: {exc!r}, Pending log length: {self.pending_length:,}, "
                f"Max batch log length: {MAX_BATCH_LOG_SIZE:,}, Queue size: {self.queue.qsize():,}. "
                "They are sent again with the next batch.",
                stacklevel=2,
            )
            return False
        self.pending_logs, self.pending_length = [], 0
        return True

    def _tell_of_dropped(self) -> None:
        """Say in the log how many lines are missing."""
        count = self._dropped
        if not count or not self._spools:
            return
        import datetime

        run = next(iter(self._spools))
        line = {
            "flow_run_id": None if run == "None" else run,
            "timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds"),
            "name": "prefect",
            "level": "WARNING",
            "message": f"{count} log lines were dropped: more were written than the disk may hold for an API that "
            "does not take them (setting cloud.log_spool_size).",
        }
        if self._send([line]):
            self._dropped -= count


def _new_client() -> LogWriter:
    import prefect

    client: LogWriter = cast("Any", prefect).Client()
    _limit_attempts(client, _ATTEMPTS)
    return client


def _limit_attempts(client: LogWriter | None, count: int) -> None:
    limit = getattr(client, "limit_attempts", None)  # users' stand-ins for a client have none
    if limit is not None:
        limit(count)
