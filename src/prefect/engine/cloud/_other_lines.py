"""Lines of others in the log of a run: warnings of Dask, lines of threads, and standard output if asked for.

Loggers of other libraries write from threads of their own, where no context says which run is meant.
Processes know which run they last worked for; a line without a context is that run's, until the process has
run all of it. Workers that several runs share at once keep such lines to themselves.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
import time
from collections.abc import Generator
from typing import TextIO, cast

from prefect.executors._dask_loggers import when_imported
from prefect.utilities.context import context
from prefect.utilities.logging import CloudHandler

__all__ = ["listen", "listening"]

#: Loggers whose warnings a run should tell of: what Dask says of workers, memory and connections.
_LOGGERS = ("distributed",)
#: Seconds after which a run that nothing was heard of does not make another one's lines ambiguous.
_RECENT_S = 60.0

_lock = threading.Lock()
#: When this process worked for a run last (monotonic seconds).
_seen: dict[str, float] = {}


def listen(flow_run_id: str) -> None:
    """Have lines of others in this process go to the log of a run from now on.

    Args:
        flow_run_id: the run that this process works for.
    """
    now = time.monotonic()
    if now - _seen.get(flow_run_id, 0.0) < 1.0:  # asked for each child of a mapped task
        return
    with _lock:
        _seen[flow_run_id] = now
        for known in [known for known, at in _seen.items() if now - at > _RECENT_S]:
            del _seen[known]
        _attach_all()
        if "distributed" not in sys.modules:
            when_imported(_attach_all)
        if context.config.cloud.send_flow_run_output:
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if stream is not None and not isinstance(stream, _Tee):
                    setattr(sys, name, _Tee(stream, name))


@contextlib.contextmanager
def listening(flow_run_id: str) -> Generator[None]:
    """Have lines of others in this process go to the log of a run while the block runs.

    Args:
        flow_run_id: the run, all of which this process runs in the block.
    """
    listen(flow_run_id)
    try:
        yield
    finally:
        with _lock:
            _seen.pop(flow_run_id, None)


def _attach_all() -> None:
    for name in (*_LOGGERS, *context.config.logging.extra_loggers):
        _attach(logging.getLogger(name))


def _attach(logger: logging.Logger) -> None:
    """Give a logger the handler for lines of others, in the place of the one that knows contexts only."""
    if any(isinstance(handler, _OtherLines) for handler in logger.handlers):
        return
    level = logging.WARNING
    for handler in [handler for handler in logger.handlers if isinstance(handler, CloudHandler)]:
        level = handler.level
        logger.removeHandler(handler)
    logger.addHandler(_OtherLines(level))


class _OtherLines(CloudHandler):
    """Sends records to the API that were made outside of the context of a run too."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._busy = threading.local()

    def handle(self, record: logging.LogRecord) -> bool:  # type: ignore[override]
        if record.levelno < self.level or getattr(self._busy, "now", False):
            return False
        self._busy.now = True  # what sending says must not be sent
        try:
            if context.get("running_with_backend"):
                return bool(super().handle(record))
            run = _only_run()
            if run is None:
                return False
            with context(running_with_backend=True, flow_run_id=run):
                return bool(super().handle(record))
        finally:
            self._busy.now = False


def _only_run() -> str | None:
    """The run that this process works for; None if there are several."""
    with _lock:
        runs = list(_seen.items())
    if not runs:
        return None
    runs.sort(key=lambda entry: entry[1])
    run, last = runs[-1]
    others = [at for _, at in runs[:-1] if last - at < _RECENT_S]
    return None if others else run


class _Tee(io.TextIOBase):
    """A stream that writes to another one, and its lines to the log of the run.

    Prefect's own lines do not pass: its handler has the stream behind this one.

    Args:
        stream: the stream.
        name: its name, which is that of the logger too.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        super().__init__()
        self.untapped = stream
        self._begun = threading.local()
        self._logger = logging.getLogger(name)
        self._logger.propagate = False
        self._logger.setLevel(logging.INFO)
        if not self._logger.handlers:
            self._logger.addHandler(_OtherLines(logging.INFO))

    def write(self, s: str) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.untapped.write(s)
        *lines, rest = (cast("str", getattr(self._begun, "text", "")) + s).split("\n")
        self._begun.text = rest
        for line in lines:
            if line.strip():
                self._logger.info("%s", line)
        return len(s)

    def flush(self) -> None:
        with contextlib.suppress(ValueError):  # it was closed
            self.untapped.flush()

    def fileno(self) -> int:
        return self.untapped.fileno()

    def isatty(self) -> bool:
        return self.untapped.isatty()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.untapped.encoding

    @property
    def errors(self) -> str | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.untapped.errors

    @property
    def buffer(self) -> object:
        return self.untapped.buffer
