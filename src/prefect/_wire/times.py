"""Moments as text: ISO 8601 with offset, the only form of dates inside states."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timezone

__all__ = ["parse_any_time", "parse_time", "time_text"]

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9})\d*)?\s?(Z|z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
#: Python 3.10 reads only what `isoformat` writes.
_READS_ISO_8601 = sys.version_info >= (3, 11)
_SIGNS = frozenset("+-")


def parse_time(text: str) -> datetime:
    """The moment of a text, with the text's offset; UTC when it has none.

    Raises:
        ValueError: it is no ISO 8601 date with time.
    """
    moment = parse_any_time(text)
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment


def parse_any_time(text: str) -> datetime:
    """As `parse_time`, but a text without offset gives a naive datetime."""
    if (_READS_ISO_8601 or text[-6:-5] in _SIGNS) and len(text) > 10:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass  # rare forms, and the one error message, are below
    return _parse_leniently(text)


def _parse_leniently(text: str) -> datetime:
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no ISO 8601 date with time, as in 2030-01-02T03:04:05+00:00.")
    date, time, fraction, offset = found.groups()
    if fraction:
        time = f"{time if len(time) > 5 else time + ':00'}.{fraction[:6]:<06}"
    if offset in ("Z", "z"):
        offset = "+00:00"
    elif offset:
        digits = offset[1:].replace(":", "").ljust(4, "0")
        offset = f"{offset[0]}{digits[:2]}:{digits[2:]}"
    return datetime.fromisoformat(f"{date}T{time}{offset or ''}")


def time_text(moment: datetime) -> str:
    """A moment as text; naive ones are UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.isoformat()
