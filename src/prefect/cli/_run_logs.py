"""Where log lines go during `prefect run`, and which ones."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from prefect.cli._output import styled, write

__all__ = ["plain_lines", "run_logging"]

#: Loggers whose lines say what the live view shows already: which task started and finished.
_STORY_LOGGERS = ("prefect.TaskRunner", "prefect.FlowRunner")
_COLORS = {"DEBUG": "cyan", "INFO": None, "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


class _CallingHandler(logging.Handler):
    """Passes each record to a function."""

    def __init__(self, on_record: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._on_record = on_record

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on one record."""
        self._on_record(record)


def plain_lines(stream: TextIO) -> Callable[[logging.LogRecord], None]:
    """A function that writes records to `stream` as `time | LEVEL | message`, with tracebacks below.

    The stream is a fixed one: while a task with `log_stdout` runs, `sys.stdout` is what feeds the log.
    """

    def write_record(record: logging.LogRecord) -> None:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        level = styled(f"{record.levelname:<7}", stream, color=_COLORS.get(record.levelname))
        text = f"{clock} | {level} | {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            from prefect.cli._traceback import trimmed_traceback

            text += "\n" + trimmed_traceback(record.exc_info[1]).rstrip()
        write(text, stream)

    return write_record


@contextmanager
def run_logging(
    on_record: Callable[[logging.LogRecord], None] | None, level: str | None, *, without_story: bool = False
) -> Generator[None]:
    """Send the lines of Prefect's and the configured extra loggers to a function.

    Handlers that the loggers have for this process's standard streams rest until the block ends;
    handlers for anything else (files, an API) stay.

    Args:
        on_record: receives the records; None drops them.
        level: lowest level; the configured one if None.
        without_story: leave out the lines below WARNING that tell which task started and finished.
    """
    import prefect

    config = cast("Any", prefect.config)
    names = ["prefect", *config.logging.extra_loggers]
    changed: list[tuple[logging.Logger, list[logging.Handler], int]] = []
    # Above every level when nobody listens, so that no line is even made.
    wanted = logging.CRITICAL + 1 if on_record is None else level
    handler = logging.NullHandler() if on_record is None else _CallingHandler(on_record)

    def set_level(logger: logging.Logger, new: str | int | None) -> None:
        changed.append((logger, logger.handlers[:], logger.level))
        if new is not None:
            logger.setLevel(new)

    try:
        for name in dict.fromkeys(names):
            logger = logging.getLogger(name)
            set_level(logger, wanted)
            logger.handlers = [kept for kept in logger.handlers if not _writes_to_terminal(kept)]
            logger.addHandler(handler)
        if without_story and on_record is not None:
            for name in _STORY_LOGGERS:
                set_level(logging.getLogger(name), logging.WARNING)
        yield
    finally:
        for logger, handlers, level_before in reversed(changed):
            logger.handlers = handlers
            logger.setLevel(level_before)


def _writes_to_terminal(handler: logging.Handler) -> bool:
    if not isinstance(handler, logging.StreamHandler):
        return False
    stream = cast("logging.StreamHandler[Any]", handler).stream
    return stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
