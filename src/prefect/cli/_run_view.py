"""The live view of a flow run: the tree of tasks is redrawn in place, output scrolls above it.

One thread draws ten times a second, whatever happens in between: events only count, and what
tasks print or log is kept until the next drawing. So neither 100,000 children nor a flood of log
lines slow the run down.
"""

from __future__ import annotations

import builtins
import io
import logging
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from prefect.cli._run_lines import final_lines, live_lines
from prefect.cli._run_model import RunModel

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.engine.observers import Event
    from prefect.engine.state import State

__all__ = ["RunView"]

_REFRESH_S = 0.1
_LEVEL_STYLES = {"DEBUG": "dim", "INFO": "blue", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red bold"}


class RunView:
    """Draws a run while it goes on, and once more when it is over.

    Args:
        flow: the flow.
        console: the terminal; standard output by default.
    """

    def __init__(self, flow: Flow, console: Console | None = None) -> None:
        # A fixed stream: while the view is shown, `sys.stdout` is what feeds it.
        self._console = console or Console(file=sys.stdout, highlight=False)
        self._model = RunModel(flow, time.monotonic())
        self._lock = threading.Lock()
        self._pending: list[Text] = []
        self._stopped = threading.Event()
        self._live: Live | None = None
        # Drawing and stopping to ask a question exclude each other.
        self._drawing = threading.Lock()

    def on_event(self, event: Event) -> None:
        """Take in one change of state; an observer of `prefect.engine.observers`."""
        with self._lock:
            self._model.apply(event, time.monotonic())

    def on_record(self, record: logging.LogRecord) -> None:
        """Take in one log record."""
        line = _log_line(record)
        with self._lock:
            self._pending.append(line)

    def on_output(self, text: str) -> None:
        """Take in complete lines that something printed."""
        line = Text.from_ansi(text)
        with self._lock:
            self._pending.append(line)

    def finish(self, state: State | None) -> None:
        """Take in the final state of the flow, drawn when the view is left."""
        with self._lock:
            self._model.finish(state, time.monotonic())

    @contextmanager
    def shown(self) -> Generator[None]:
        """Draw while the block runs. What it prints appears above the tree; `input` asks below it."""
        thread = threading.Thread(target=self._draw_until_stopped, name="prefect-run-view", daemon=True)
        out, err, ask = sys.stdout, sys.stderr, builtins.input
        out_lines, err_lines = _Lines(self, out), _Lines(self, err)
        self._live = self._new_live()
        self._live.start()
        thread.start()

        def ask_below(prompt: object = "", /) -> str:
            with self._drawing:
                self._suspend()
                sys.stdout, sys.stderr = out, err
                try:
                    return ask(prompt)
                finally:
                    sys.stdout, sys.stderr = out_lines, err_lines
                    self._live = self._new_live()
                    self._live.start()

        sys.stdout, sys.stderr, builtins.input = out_lines, err_lines, ask_below
        try:
            yield
        finally:
            sys.stdout, sys.stderr, builtins.input = out, err, ask
            out_lines.end()
            err_lines.end()
            self._stopped.set()
            thread.join()
            with self._drawing:
                self._print_pending()
                lines = final_lines(self._model, time.monotonic(), self._console.width)
                self._live.update(Group(*lines))
                self._live.stop()

    def _new_live(self) -> Live:
        return Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="visible",
        )

    def _draw_until_stopped(self) -> None:
        while not self._stopped.wait(_REFRESH_S):
            with self._drawing:
                if self._live is not None:
                    self._print_pending()
                    self._live.update(self._picture(), refresh=True)

    def _picture(self) -> Group:
        width, height = self._console.size
        with self._lock:
            return Group(*live_lines(self._model, time.monotonic(), width, height - 1))

    def _print_pending(self) -> None:
        with self._lock:
            lines, self._pending = self._pending, []
        if lines:
            self._console.print(Text("\n").join(lines), soft_wrap=True)

    def _suspend(self) -> None:
        assert self._live is not None
        self._print_pending()
        self._live.update(self._picture())
        self._live.stop()


def _log_line(record: logging.LogRecord) -> Text:
    """One log record: time, level, who, message, and below it the user's part of a traceback."""
    clock = time.strftime("%H:%M:%S", time.localtime(record.created))
    level = record.levelname
    line = Text.assemble((clock, "dim"), " ", (f"{level:<7}", _LEVEL_STYLES.get(level, "")), " ")
    message = record.getMessage()
    who = _who(record, message)
    if who:
        line.append(f"{who}  ", style="cyan dim")
    line.append_text(Text.from_ansi(message))
    if record.exc_info and record.exc_info[1] is not None:
        from prefect.cli._traceback import trimmed_traceback

        line.append(f"\n{trimmed_traceback(record.exc_info[1])}".rstrip(), style="dim")
    return line


def _who(record: logging.LogRecord, message: str) -> str:
    """Whose line it is: a task's, or that of another logger; empty if the message says it itself."""
    name = record.name.removeprefix("prefect.")
    if name in ("prefect", "FlowRunner"):
        return ""
    if name == "TaskRunner":  # what a task with `log_stdout` prints, or a line about a task
        return "" if message.startswith("Task '") else str(getattr(record, "task_name", ""))
    return name


class _Lines(io.TextIOBase):
    """A standard stream whose lines go to the view; each thread writes lines of its own."""

    def __init__(self, view: RunView, stream: TextIO) -> None:
        self._view = view
        self._stream = stream
        #: What threads have written of a line that has no end yet, by their ids.
        self._rests: dict[int, str] = {}

    def write(self, text: str) -> int:
        thread = threading.get_ident()
        complete, newline, rest = (self._rests.pop(thread, "") + text).rpartition("\n")
        if rest:
            self._rests[thread] = rest
        if newline:
            # Of a line that was overwritten in place (progress bars), only the last form counts.
            lines = [line.rsplit("\r", 1)[-1] for line in complete.replace("\r\n", "\n").split("\n")]
            self._view.on_output("\n".join(lines))
        return len(text)

    def end(self) -> None:
        """Pass on last lines without their ends."""
        for rest in self._rests.values():
            self._view.on_output(rest.rsplit("\r", 1)[-1])
        self._rests.clear()

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing to do: the view shows lines as soon as it draws."""

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    @property
    def buffer(self) -> Any:
        return getattr(self._stream, "buffer")  # noqa: B009 - not every stream has one
