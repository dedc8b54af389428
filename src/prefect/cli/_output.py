"""Where output goes, and whether it may be coloured or alive.

Data goes to standard output; progress, hints and errors go to standard error. Colours and the
live view are for terminals only; `NO_COLOR` turns off colours, `CI` the live view. Questions are asked
in terminals only, and not with `CI` or `prefect --no-input`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import TextIO

import click

__all__ = [
    "NO_INPUT_VARIABLE",
    "can_be_live",
    "drop_output",
    "may_ask",
    "may_color",
    "note",
    "print_error",
    "printable",
    "styled",
    "write",
    "write_log_line",
]

_COLOR = re.compile("\x1b\\[[0-9;]*m")
#: What terminals obey: sequences with their parameters, and all other control characters.
_SEQUENCE = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]"
    "|\x1b[\\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\\\)?|\x1b[ -/]*[0-~]"
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

#: Columns of a terminal beside a head that make wrapping worth it.
_NARROWEST = 30

#: Set by `prefect --no-input`, for processes that this one starts too.
NO_INPUT_VARIABLE = "PREFECT_NO_INPUT"


def may_color(stream: TextIO) -> bool:
    """Whether escape sequences may be written to `stream`."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty()


def can_be_live() -> bool:
    """Whether there is a terminal, with somebody watching, whose lines may be redrawn."""
    is_terminal = sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return is_terminal and not os.environ.get("CI")


def may_ask() -> bool:
    """Whether there is somebody to answer a question."""
    if os.environ.get("CI") or os.environ.get(NO_INPUT_VARIABLE):
        return False
    return sys.stdin is not None and sys.stdin.isatty()  # pyright: ignore[reportUnnecessaryComparison]


def styled(
    text: str, stream: TextIO, *, color: str | None = None, bold: bool = False, dim: bool = False
) -> str:
    """`text` with escape sequences if `stream` may have them, and without any of its own."""
    text = printable(text)
    if not (color or bold or dim) or not may_color(stream):
        return text
    return click.style(text, fg=color, bold=bold or None, dim=dim or None)


def printable(text: str) -> str:
    """`text` without control characters, except for ends of lines and tabs.

    Names and log lines are what somebody else wrote: they must not move the cursor of whoever
    reads them, or change what was printed before.
    """
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub("", _SEQUENCE.sub("", text))


def write(text: str, stream: TextIO | None = None) -> None:
    """Write one line, whatever happens to it: of control characters only colours, tabs and ends of lines pass.

    Characters that the stream cannot encode are escaped. When the reader has left (`prefect run … |
    head`), the rest is dropped: that is no reason to stop a flow in the middle of its work.
    """
    target = stream or sys.stdout
    if not (text.isascii() and text.isprintable()):
        # Colours stay: `styled` made them; texts of others were made `printable`.
        text = "".join(part if is_color else printable(part) for is_color, part in _by_colors(text))
    try:
        try:
            target.write(text + "\n")
        except UnicodeEncodeError:
            encoding = target.encoding or "ascii"
            target.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        target.flush()
    except BrokenPipeError:
        drop_output(target)


def _by_colors(text: str) -> Iterator[tuple[bool, str]]:
    """The parts of a text, and whether each is a sequence that sets a colour."""
    position = 0
    for match in _COLOR.finditer(text):
        yield False, text[position : match.start()]
        yield True, match.group()
        position = match.end()
    yield False, text[position:]


def drop_output(stream: TextIO) -> None:
    """Send what is still written to a stream of the system nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write_log_line(head: str, message: str) -> None:
    """Write a line of a log; in a terminal, what does not fit goes on below the message.

    Args:
        head: time and level, which may be coloured.
        message: the message; lines after its first, such as of a traceback, are written as they are.
    """
    message = printable(message)
    if not sys.stdout.isatty():
        write(f"{head}{message}")
        return
    import shutil
    import textwrap

    start = len(click.unstyle(head))
    room = shutil.get_terminal_size().columns - start
    first, *rest = message.split("\n")
    if room >= _NARROWEST and len(first) > room:
        # Words stay whole: addresses and paths are for copying.
        folded = textwrap.wrap(first, room, break_long_words=False, break_on_hyphens=False)
        first = f"\n{' ' * start}".join(folded)
    write("\n".join([head + first, *rest]))


def note(text: str) -> None:
    """Say something about progress, on standard error."""
    write(styled(text, sys.stderr, dim=True), sys.stderr)


def print_error(message: str, hint: str | None = None, details: str | None = None) -> None:
    """Print an error on standard error: details first, so that the sentence is read last."""
    stream = sys.stderr
    if details:
        write(details.rstrip("\n") + "\n", stream)
    # compat: some sentences of 1.x begin with the word.
    said = message.removeprefix("Error ")
    mark = "Error: " if said == message else "Error "
    write(styled(mark, stream, color="red", bold=True) + said, stream)
    if hint:
        write(styled("Hint: ", stream, color="cyan", bold=True) + hint, stream)
