"""Carries log lines of backend runs to the API, in batches and in the background."""

from __future__ import annotations

import atexit
import os
import queue
import threading
import warnings
from typing import Any, Protocol, cast

__all__ = ["LOG_OVERHEAD", "MAX_BATCH_LOG_SIZE", "MAX_LOG_SIZE", "LogManager", "getlogsize"]

LOG_OVERHEAD = 298
"""Characters of a log line in JSON without its message: names, ids and a time."""
MAX_LOG_SIZE = 1_000_000
"""Most characters of one line; longer messages are cut."""
MAX_BATCH_LOG_SIZE = 4_000_000
"""Most characters in one request."""


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

    Lines that cannot be sent stay in `pending_logs` and are sent with the next batch; what is left when
    the process ends is sent then. The thread that sends them starts with the first line.
    """

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.pending_logs: list[dict[str, Any]] = []
        self.pending_length = 0
        self.thread: threading.Thread | None = None
        self.client: LogWriter | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._owner_pid = os.getpid()
        self._flushes_at_exit = False

    def enqueue(self, message: dict[str, Any]) -> None:
        """Send `message` with the next batch.

        Args:
            message: a log line: flow_run_id, task_run_id, timestamp, name, level and message
        """
        self.ensure_started()
        self.queue.put(message)

    def ensure_started(self) -> None:
        """Start the sending thread unless it runs already."""
        if self.thread is not None and self.thread.is_alive() and self._owner_pid == os.getpid():
            return
        with self._lock:
            if self._owner_pid != os.getpid():
                # A forked child inherits lines that its parent is going to send.
                self.queue, self.pending_logs, self.pending_length = queue.SimpleQueue(), [], 0
                self.thread = self.client = None
                self._owner_pid = os.getpid()
            if self.thread is not None and self.thread.is_alive():
                return
            if self.client is None:
                import prefect

                self.client = cast(Any, prefect).Client()
            if not self._flushes_at_exit:
                atexit.register(self.stop)
                self._flushes_at_exit = True
            self._stopping.clear()
            self.thread = threading.Thread(
                target=self._send_regularly, name="prefect-log-manager", daemon=True
            )
            self.thread.start()

    def stop(self) -> None:
        """Send what is left and end the thread; the next line starts a new one."""
        thread = self.thread
        if thread is None or self._owner_pid != os.getpid():
            return
        self._stopping.set()
        thread.join()
        self._send_pending()
        self.thread = self.client = None

    def _send_regularly(self) -> None:
        from prefect.utilities.context import context

        while not self._stopping.wait(context.config.cloud.logging_heartbeat):
            self._send_pending()

    def _send_pending(self) -> None:
        """Send everything that waits, in as many batches as it takes, until one fails."""
        while True:
            while self.pending_length < MAX_BATCH_LOG_SIZE:
                try:
                    line = self.queue.get_nowait()
                except queue.Empty:
                    break
                self.pending_logs.append(line)
                self.pending_length += getlogsize(line)
            if not self.pending_logs:
                return
            batch, length = _first_batch(self.pending_logs)
            try:
                assert self.client is not None
                self.client.write_run_logs(batch)
            except Exception as exc:  # noqa: BLE001 - logging must never break the run it tells about
                warnings.warn(
                    f"Failed to write logs with error: {exc!r}, Pending log length: {self.pending_length:,}, "
                    f"Max batch log length: {MAX_BATCH_LOG_SIZE:,}, Queue size: {self.queue.qsize():,}. "
                    "They are sent again with the next batch.",
                    stacklevel=2,
                )
                return
            del self.pending_logs[: len(batch)]
            self.pending_length -= length


def _first_batch(lines: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """As many of the first lines as one request may hold, at least one, and their size."""
    total = 0
    for count, line in enumerate(lines):
        size = getlogsize(line)
        if count and total + size > MAX_BATCH_LOG_SIZE:
            return lines[:count], total
        total += size
    return list(lines), total
