# ruff: noqa: DTZ001  (naive datetimes are wall times, or moments in UTC)
"""Wall times at equal distances, within the part of the calendar that schedules use."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

__all__ = ["FIRST_WALL", "LAST_WALL", "steps"]

#: Around the ends of the calendar, a change of the time zone would leave it.
FIRST_WALL, LAST_WALL = datetime(2, 1, 1), datetime(9998, 12, 31)


def steps(first: datetime, step: timedelta, low: datetime) -> Iterator[datetime]:
    """`first + k * step` for k = 0, 1, …, without those that are more than one step before `low`."""
    wall = first + max(0, (low - first) // step) * step
    while wall <= LAST_WALL:
        yield wall
        if LAST_WALL - wall < step:
            return
        wall += step
