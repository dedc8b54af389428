"""Logging: the logger `prefect`, its handlers, and what every record carries.

Importing this module puts a handler for standard output on the logger `prefect` and a handler that
sends lines to the API, which is silent unless a backend asked for the run. Loggers of flows and tasks
are children of it, made with `get_logger`.

Every record made while a flow or task runs carries `flow_name`, `flow_run_id`, `task_name`,
`task_slug`, `task_run_id`, and the names listed in the setting `logging.log_attributes`.
"""

from __future__ import annotations

import collections
import datetime
import io
import logging
import sys
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from prefect.configuration import config
from prefect.utilities.context import Layer, context

if TYPE_CHECKING:
    from prefect.utilities._log_manager import (
        LOG_OVERHEAD,
        MAX_BATCH_LOG_SIZE,
        MAX_LOG_SIZE,
        LogManager,
        getlogsize,
    )

    LOG_MANAGER: LogManager
    """Sends the log lines of backend runs to the API."""

__all__ = [
    "LOG_MANAGER",
    "LOG_OVERHEAD",
    "MAX_BATCH_LOG_SIZE",
    "MAX_LOG_SIZE",
    "PREFECT_LOG_RECORD_ATTRIBUTES",
    "CloudHandler",
    "LogManager",
    "RedirectToLog",
    "configure_extra_loggers",
    "configure_logging",
    "create_diagnostic_logger",
    "get_logger",
    "getlogsize",
    "prefect_logger",
    "temporary_logger_config",
]

PREFECT_LOG_RECORD_ATTRIBUTES = ("flow_name", "flow_run_id", "task_name", "task_slug", "task_run_id")
"""Names of the context that records carry wherever they have a value."""


def __getattr__(name: str) -> object:
    """What sends lines to an API is loaded when it is first used: most processes never send any."""
    if name not in (
        "LOG_MANAGER",
        "LOG_OVERHEAD",
        "MAX_BATCH_LOG_SIZE",
        "MAX_LOG_SIZE",
        "LogManager",
        "getlogsize",
    ):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from prefect.utilities import _log_manager

    found = _log_manager.LogManager() if name == "LOG_MANAGER" else getattr(_log_manager, name)
    return globals().setdefault(name, found)


_CLOUD_HANDLER_NOTE = "No logs are sent from this process until this is solved"


# ------------------------------------------------------------------ writing lines, cheaply


class _Formatter(logging.Formatter):
    """The standard formatter, which formats the time once a second instead of once a line."""

    _cached: tuple[int, Any, Any, str] = (-1, None, None, "")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        if not datefmt:  # the default format has milliseconds
            return super().formatTime(record, datefmt)
        second = int(record.created)
        known_second, known_format, known_converter, text = self._cached
        # The converter is compared because users set `time.gmtime` on formatters.
        if second != known_second or datefmt != known_format or self.converter is not known_converter:
            text = super().formatTime(record, datefmt)
            self._cached = (second, datefmt, self.converter, text)
        return text


if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[Any]
else:  # Python 3.10 has no `StreamHandler[...]`
    _StreamHandler = logging.StreamHandler


class _LineHandler(_StreamHandler):
    """A stream handler whose threads do not wait for each other.

    The standard handler formats and writes a line while it holds a lock. With several threads that
    makes a queue which costs several times the line itself. Here a line is formatted outside of the
    lock; a thread that finds the stream busy leaves its line to the thread that is writing.
    """

    _most_waiting = 1_000
    """Lines that may wait for a slow stream before threads wait for it themselves."""

    def __init__(self, stream: Any = None) -> None:
        super().__init__(stream)
        self._waiting: collections.deque[str] = collections.deque()

    def handle(self, record: logging.LogRecord) -> bool:  # type: ignore[override]
        if self.filters:
            verdict: Any = self.filter(record)
            if not verdict:
                return False
            if isinstance(verdict, logging.LogRecord):  # Python >= 3.12: filters may replace a record
                record = verdict
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record) + self.terminator
            waiting = self._waiting
            lock: Any = self.lock
            if not waiting and lock.acquire(blocking=False):  # nobody else writes: the usual case
                try:
                    self.stream.write(text)
                    self.stream.flush()
                finally:
                    lock.release()
            else:
                waiting.append(text)
            # Whoever held the lock looks here after releasing it, so no line stays behind.
            while waiting and lock.acquire(blocking=len(waiting) > self._most_waiting):
                try:
                    self._write_waiting()
                finally:
                    lock.release()
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001 - what `logging` asks of every handler
            self.handleError(record)

    def _write_waiting(self) -> None:
        """Write the lines that wait, as one text; the caller holds the lock."""
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if lines:  # else another thread was faster
            self.stream.write("".join(lines))
            self.stream.flush()

    def flush(self) -> None:
        """Wait until all lines are written."""
        with self.lock or nullcontext():
            self._write_waiting()
            super().flush()


class CloudHandler(logging.Handler):
    """Sends the lines of a run to the API, if the run was started by a backend that wants them."""

    def handle(self, record: logging.LogRecord) -> bool:  # type: ignore[override]
        """Emit one line, if a backend runs this flow.

        Args:
            record: the line
        """
        # In a local run, which most are, this is all that happens.
        if not context.get("running_with_backend"):
            return False
        return bool(super().handle(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one line for the API, unless the settings or the level keep it here.

        Args:
            record: the line
        """
        settings = context.config
        if not context.get("running_with_backend") or not settings.cloud.send_flow_run_logs:
            return
        if record.levelno < _level_number(settings.logging.level) or not context.get("flow_run_id"):
            return  # the API refuses a batch with a line that belongs to no run
        try:
            sys.modules[__name__].LOG_MANAGER.enqueue(self._as_message(record))
        except Exception as exc:  # noqa: BLE001 - logging must never break the run it tells about
            # Not through a logger, which would come here again.
            warnings.warn(f"Failed to queue a log line for the API: {exc!r}", stacklevel=2)

    def _as_message(self, record: logging.LogRecord) -> dict[str, Any]:
        text = self.format(record)
        from prefect.utilities._log_manager import LOG_OVERHEAD, MAX_LOG_SIZE

        size = LOG_OVERHEAD + len(text)
        if size > MAX_LOG_SIZE:
            warnings.warn(
                f"Received a log of size {size} bytes, exceeding the limit of {MAX_LOG_SIZE}. "
                "The message will be truncated.",
                stacklevel=2,
            )
            text = text[: MAX_LOG_SIZE - LOG_OVERHEAD]
        when = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        return {
            "flow_run_id": context.get("flow_run_id"),
            "task_run_id": context.get("task_run_id"),
            "timestamp": when.isoformat(timespec="microseconds"),
            "name": record.name,
            "level": record.levelname,
            "message": text,
        }


def _level_number(level: str | int) -> int:
    if isinstance(level, int):
        return level
    number = getattr(logging, level.upper(), logging.INFO)  # getLevelNamesMapping is younger than 3.10
    return number if isinstance(number, int) else logging.INFO


# ------------------------------------------------------------------ what records carry

_make_record = logging.getLogRecordFactory()


def _record_with_context(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """A log record that knows the run it belongs to."""
    record = _make_record(*args, **kwargs)
    top = context.top
    fields = record.__dict__
    for name in PREFECT_LOG_RECORD_ATTRIBUTES:
        # `top.get(name)` written out: two calls for each of five names are a quarter of a line's cost.
        layer: Layer | None = top
        while layer is not None:
            if name in layer.values:
                value = layer.values[name]
                if value.__class__ is not object:  # else the mark of a deleted name
                    if value:
                        fields[name] = value
                break
            if layer.lazy is not None and name in layer.lazy:
                value = layer.get(name)
                if value:
                    fields[name] = value
                break
            layer = layer.parent
    extra = config["logging"]["log_attributes"]
    if extra:
        for name in extra:
            fields[name] = top.get(name)
    return record


# ------------------------------------------------------------------ setting loggers up


def _create_logger(name: str) -> logging.Logger:
    """The logger `name` with Prefect's two handlers, and those of an earlier call replaced."""
    global _make_record
    factory = logging.getLogRecordFactory()
    if factory is not _record_with_context:
        _make_record = factory
        logging.setLogRecordFactory(_record_with_context)
    logger = logging.getLogger(name)
    for handler in [h for h in logger.handlers if isinstance(h, (_LineHandler, CloudHandler))]:
        logger.removeHandler(handler)
    logger.addHandler(_line_handler())
    logger.addHandler(CloudHandler())
    logger.setLevel(context.config.logging.level)
    return logger


def _line_handler() -> _LineHandler:
    settings = context.config.logging
    # Where standard output is sent to the log of a run, what is in the log already goes behind that.
    handler = _LineHandler(getattr(sys.stdout, "untapped", sys.stdout))
    handler.setFormatter(_Formatter(settings.format, settings.datefmt))
    return handler


def configure_logging(testing: bool = False) -> logging.Logger:
    """The logger of Prefect, set up as the settings say.

    Args:
        testing: set up the logger `prefect-test-logger` instead of `prefect`
    """
    return _create_logger("prefect-test-logger" if testing else "prefect")


def configure_extra_loggers() -> None:
    """Give the loggers of other libraries that `logging.extra_loggers` lists the same handlers."""
    for name in context.config.logging.extra_loggers:
        _create_logger(name)


def create_diagnostic_logger(name: str) -> logging.Logger:
    """A logger that writes like Prefect's own but never sends anything to the API.

    Args:
        name: name of the logger, outside of the hierarchy of `prefect`
    """
    logger = logging.getLogger(name)
    for handler in [h for h in logger.handlers if isinstance(h, _LineHandler)]:
        logger.removeHandler(handler)
    logger.addHandler(_line_handler())
    logger.setLevel(context.config.logging.level)
    return logger


def get_logger(name: str | None = None) -> logging.Logger:
    """The logger `prefect.<name>`, or `prefect` itself without a name.

    Args:
        name: name of a flow, a task, or whatever else writes
    """
    return prefect_logger if name is None else prefect_logger.getChild(name)


@contextmanager
def temporary_logger_config(
    level: int | str | None = None, stream_fmt: str | None = None, stream_datefmt: str | None = None
) -> Generator[None]:
    """A context manager that changes the level and the format of the logger `prefect` for a while.

    Args:
        level: new level, by name or number
        stream_fmt: new format of the lines on standard output
        stream_datefmt: new format of the time in them
    """
    previous_level = prefect_logger.level
    previous: list[tuple[logging.Handler, logging.Formatter | None]] = []
    if level is not None:
        prefect_logger.setLevel(level)
    if stream_fmt is not None or stream_datefmt is not None:
        streams: list[logging.Handler] = [
            h for h in prefect_logger.handlers if isinstance(h, logging.StreamHandler)
        ]
        for handler in streams:
            before = handler.formatter
            previous.append((handler, before))
            fmt = stream_fmt or (before._fmt if before else None)
            handler.setFormatter(_Formatter(fmt, stream_datefmt or (before.datefmt if before else None)))
    try:
        yield
    finally:
        prefect_logger.setLevel(previous_level)
        for handler, formatter in previous:
            handler.setFormatter(formatter)


# ------------------------------------------------------------------ standard output as log


class RedirectToLog(io.TextIOBase):
    """A text stream that writes what it is given to a logger, at level INFO.

    `log_stdout=True` on a task puts one in the place of `sys.stdout`.

    Args:
        logger: where to write, `prefect.stdout` by default
        whole_lines: wait for the end of a line before writing it (`print("a", "b")` writes four times);
            otherwise each piece of text is a line of the log
    """

    def __init__(self, logger: logging.Logger | None = None, *, whole_lines: bool = False) -> None:
        super().__init__()
        self.stdout_logger = logger or get_logger("stdout")
        self._pieces = _Pieces() if whole_lines else None

    def write(self, s: str) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Write one log line; text of white space alone is left out.

        Args:
            s: the text, written without the line break that ends it
        """
        text = s
        if self._pieces is not None:
            self._pieces.text += s
            if not s.endswith("\n"):
                return len(s)
            text, self._pieces.text = self._pieces.text, ""
        if text.strip():
            self.stdout_logger.info("%s", text.removesuffix("\n"))
        return len(s)

    def flush(self) -> None:
        """Write the line that this thread began, if it began one."""
        if self._pieces is not None and self._pieces.text:
            self.write("\n")

    def writable(self) -> bool:
        """True."""
        return True


class _Pieces(threading.local):
    """The line that a thread began; threads must not end each other's lines."""

    text = ""


prefect_logger = configure_logging()
"""The logger `prefect`."""
configure_extra_loggers()
