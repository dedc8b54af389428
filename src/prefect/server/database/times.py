"""Timestamps as the database keeps them: text in one fixed format.

`2030-01-02T03:04:05.123456+00:00`, always UTC and always with six digits, so that the order of
the texts is the order of the times, on SQLite and PostgreSQL alike, and a client may compare
them as strings.
"""

from __future__ import annotations

import datetime

from prefect._wire.times import parse_time

__all__ = ["from_text", "to_text", "utc"]


def to_text(moment: datetime.datetime) -> str:
    """The text of a moment; naive ones are UTC."""
    return utc(moment).isoformat(timespec="microseconds")


def from_text(text: str) -> datetime.datetime:
    """The moment of an ISO text (a date is its midnight), in UTC; without an offset it is UTC already.

    Raises:
        ValueError: not an ISO time.
    """
    try:
        return utc(parse_time(f"{text}T00:00" if len(text) == 10 else text))
    except OverflowError as exc:
        raise ValueError(f"{text!r} is before the first or after the last year there is.") from exc


def utc(moment: datetime.datetime) -> datetime.datetime:
    """The same moment in UTC; naive ones are UTC."""
    if moment.tzinfo is datetime.timezone.utc:
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=datetime.timezone.utc)
    return moment.astimezone(datetime.timezone.utc)
