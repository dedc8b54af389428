"""Cron lines: croniter reads them, once; the times are walked here.

A line becomes the sets of its values. Times are counted on the wall clock, which knows no time zone;
`prefect.schedules._zones` turns them into moments.
"""

# ruff: noqa: DTZ001  (naive datetimes are wall times, or moments in UTC)
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from prefect.schedules._steps import LAST_WALL
from prefect.schedules._zones import FIXED, REAL_TIME, Pace

__all__ = ["CronLine", "read_cron"]

_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
#: The calendar repeats after so many years: a day that did not occur by then never does.
_CYCLE_YEARS = 400


@lru_cache(maxsize=1024)
def read_cron(cron: str, day_or: bool = True) -> CronLine:
    """The values of a cron line.

    Args:
        cron: five fields, or six with seconds last, or seven with years; or an alias such as `@daily`.
            `R` (a random value) is drawn once per process.
        day_or: whether a day has to be right in the month or in the week, as in cron; if not, in both.

    Raises:
        ValueError: the line is not valid.
    """
    from croniter import croniter

    try:
        expanded, nth_weekdays = cast("tuple[list[list[Any]], dict[Any, set[Any]]]", croniter.expand(cron))
    except ValueError as exc:
        reason = str(exc).strip().splitlines()[-1]
        raise ValueError(f"Invalid cron string: {cron} ({reason.removesuffix('.')}).") from None
    minute, hour, day, month, weekday, *rest = expanded
    texts = cron.lower().split()
    minutes_go_on = "*" in minute or (len(texts) > 1 and "*" in texts[0])
    hours_go_on = "*" in hour
    return CronLine(
        seconds=_values(rest[0], range(60)) if rest else (0,),
        minutes=_values(minute, range(60)),
        hours=_values(hour, range(24)),
        months=_values(month, range(1, 13)),
        years=frozenset(rest[1]) if len(rest) > 1 and "*" not in rest[1] else None,
        dates=None if "*" in day else frozenset(value for value in day if value != "l"),
        last_date="l" in day,
        nearest_weekday=_nearest_weekday(texts, day),
        weekdays=None if "*" in weekday else frozenset(weekday),
        nth_weekdays=tuple(
            (number, 0 if n == "l" else n) for number, nths in nth_weekdays.items() for n in nths
        ),
        day_or=day_or,
        pace=REAL_TIME if hours_go_on else Pace(timedelta(0), FIXED.skip) if minutes_go_on else FIXED,
    )


def _values(field: list[Any], every: range) -> tuple[int, ...]:
    return tuple(every) if "*" in field else tuple(sorted(field))


def _nearest_weekday(texts: list[str], day: list[Any]) -> int | None:
    """The date of a field such as `15W`."""
    return day[0] if len(texts) > 2 and "w" in texts[2] else None


@dataclass(frozen=True)
class CronLine:
    """The values of a cron line. None stands for any value.

    Attributes:
        last_date: whether the last day of the month is among the dates.
        nearest_weekday: the working day nearest to this date, instead of dates.
        weekdays: from Sunday, 0.
        nth_weekdays: instead of weekdays: (weekday, n) for the n-th of the month, 0 for the last.
        pace: what the line means when clocks change.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: tuple[int, ...]
    years: frozenset[int] | None
    dates: frozenset[int] | None
    last_date: bool
    nearest_weekday: int | None
    weekdays: frozenset[int] | None
    nth_weekdays: tuple[tuple[int, int], ...]
    day_or: bool
    pace: Pace

    def walls(self, start: datetime) -> Iterator[datetime]:
        """Wall times from one on, in order; they end when the line never comes true again."""
        first_day = start.date()
        months, hours, minutes, seconds = self.months, self.hours, self.minutes, self.seconds
        hopeless_from = start.year + _CYCLE_YEARS
        for year in range(start.year, (max(self.years) if self.years else LAST_WALL.year) + 1):
            if year > hopeless_from:
                return
            if self.years is not None and year not in self.years:
                continue
            for month in months:
                if year == start.year and month < start.month:
                    continue
                for day in self._days(year, month):
                    hopeless_from = year + _CYCLE_YEARS
                    today = date(year, month, day)
                    if today <= first_day:
                        if today == first_day:
                            yield from self._rest_of_day(start)
                        continue
                    for hour in hours:
                        for minute in minutes:
                            for second in seconds:
                                yield datetime(year, month, day, hour, minute, second)

    def _rest_of_day(self, start: datetime) -> Iterator[datetime]:
        for hour in self.hours:
            if hour < start.hour:
                continue
            for minute in self.minutes:
                if hour == start.hour and minute < start.minute:
                    continue
                for second in self.seconds:
                    wall = datetime(start.year, start.month, start.day, hour, minute, second)
                    if wall >= start:
                        yield wall

    def _days(self, year: int, month: int) -> list[int]:
        length = 29 if month == 2 and _is_leap(year) else _LENGTHS[month]
        every = range(1, length + 1)
        if self.dates is None and self.weekdays is None:
            return list(every)
        first_weekday = date(year, month, 1).isoweekday() % 7
        in_month = self._right_in_month(every, first_weekday)
        in_week = self._right_in_week(every, first_weekday)
        if self.dates is None or self.weekdays is None or not self.day_or:
            return [day for day in every if day in in_month and day in in_week]
        # As croniter: `15W` and `1#2` also hold for the days that the other field allows.
        with_nth = in_week if self.nth_weekdays else every
        with_nearest = in_month if self.nearest_weekday is not None else every
        return [
            day
            for day in every
            if (day in in_month and day in with_nth) or (day in with_nearest and day in in_week)
        ]

    def _right_in_month(self, every: range, first_weekday: int) -> frozenset[int] | range:
        if self.dates is None:
            return every
        if self.nearest_weekday is not None:
            return frozenset((_working_day(min(self.nearest_weekday, every[-1]), every, first_weekday),))
        return self.dates | {every[-1]} if self.last_date else self.dates

    def _right_in_week(self, every: range, first_weekday: int) -> frozenset[int] | range:
        if self.nth_weekdays:
            found: set[int] = set()
            for weekday, n in self.nth_weekdays:
                first = 1 + (weekday - first_weekday) % 7
                found.add(first + (n - 1) * 7 if n else first + (every[-1] - first) // 7 * 7)
            return frozenset(found)
        if self.weekdays is None:
            return every
        return frozenset(day for day in every if (first_weekday + day - 1) % 7 in self.weekdays)


def _working_day(day: int, every: range, first_weekday: int) -> int:
    """The day from Monday to Friday nearest to one, in the same month."""
    weekday = (first_weekday + day - 1) % 7
    if weekday == 6:
        return day - 1 if day > 1 else day + 2
    if weekday == 0:
        return day + 1 if day < every[-1] else day - 2
    return day


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
