"""The server's own log: one line for each event, whatever clients put into names and messages."""

from __future__ import annotations

import logging
import re

__all__ = ["OneLineFormatter", "escaped", "one_line_each"]

#: Control characters of ASCII and Latin-1, and what else ends a line or turns its direction.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    r"""Text in which each control character stands as `\n`, `\x1b` or `\u2028`."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


class OneLineFormatter(logging.Formatter):
    """Formats a record, its traceback included, as one line without control characters.

    Args:
        inner: makes the text.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return escaped(self._inner.format(record))


def one_line_each(logger: logging.Logger) -> None:
    """Let every handler that a logger has write one line for each record."""
    for handler in logger.handlers:
        inner = handler.formatter or logging.Formatter()
        if not isinstance(inner, OneLineFormatter):
            handler.setFormatter(OneLineFormatter(inner))
