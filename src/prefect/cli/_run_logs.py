"""Where log lines go during `prefect run`, and which ones."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Literal, TextIO, cast

from prefect.cli._output import styled, write

__all__ = ["plain_lines", "run_logging"]

#: Loggers with lines that say what the live view shows already: what started and finished.
_STORY_LOGGERS = ("prefect.TaskRunner", "prefect.FlowRunner")
_STORY_STARTS = ("Task '", "Beginning Flow run ", "Flow run SUCCESS", "Flow run FAILED", "Flow run RUNNING")
_STORY_PARTS = ("Starting task run...", "Finished task run for task with final state")
#: What `run_logging` leaves out.
LeftOut = Literal["nothing", "story", "runners"]
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

            text = f"{text}\n{trimmed_traceback(record.exc_info[1])}".rstrip()
        write(text, stream)

    return write_record


@contextmanager
def run_logging(
    on_record: Callable[[logging.LogRecord], None] | None, level: str | None, *, left_out: LeftOut = "nothing"
) -> Generator[None]:
    """Send the lines of Prefect's and the configured extra loggers to a function.

    Handlers that the loggers have for this process's standard streams rest until the block ends;
    handlers for anything else (files, an API) stay.

    Args:
        on_record: receives the records; None drops them.
        level: lowest level; the configured one if None.
        left_out: `story` leaves out the lines that only tell what started and finished; `runners`
            leaves out all lines of the runners below WARNING, before they are even made.
    """
    import prefect

    config = cast("Any", prefect.config)
    names = ["prefect", *config.logging.extra_loggers]
    changed: list[tuple[logging.Logger, list[logging.Handler], int]] = []
    tellers = [logging.getLogger(name) for name in _STORY_LOGGERS]
    # Above every level when nobody listens, so that no line is even made.
    wanted = logging.CRITICAL + 1 if on_record is None else level
    handler = logging.NullHandler() if on_record is None else _CallingHandler(on_record)

    try:
        for name in dict.fromkeys(names):
            logger = logging.getLogger(name)
            changed.append((logger, logger.handlers[:], logger.level))
            if wanted is not None:
                logger.setLevel(wanted)
            logger.handlers = [kept for kept in logger.handlers if not _writes_to_terminal(kept)]
            logger.addHandler(handler)
        for teller in tellers:
            if left_out == "story":
                teller.addFilter(_is_no_story)
            elif left_out == "runners" and on_record is not None:
                changed.append((teller, teller.handlers[:], teller.level))
                teller.setLevel(logging.WARNING)
        yield
    finally:
        for teller in tellers:
            teller.removeFilter(_is_no_story)
        for logger, handlers, level_before in reversed(changed):
            logger.handlers = handlers
            logger.setLevel(level_before)


def _is_no_story(record: logging.LogRecord) -> bool:
    """Whether a record says more than that something started or finished."""
    text = record.msg
    if record.levelno > logging.INFO or not isinstance(text, str) or not text.startswith(_STORY_STARTS):
        return True
    return text.startswith("Task '") and not any(part in text for part in _STORY_PARTS)


def _writes_to_terminal(handler: logging.Handler) -> bool:
    if not isinstance(handler, logging.StreamHandler):
        return False
    stream = cast("logging.StreamHandler[Any]", handler).stream
    return stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
