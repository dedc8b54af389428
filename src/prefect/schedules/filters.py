"""Filters for schedules: functions of a datetime that say whether an event may happen then.

They see the time on the wall clock of the clock's time zone.

```python
from datetime import time, timedelta
from prefect.schedules import Schedule, filters
from prefect.schedules.clocks import IntervalClock

office_hours = Schedule(
    clocks=[IntervalClock(timedelta(hours=1))],
    filters=[filters.is_weekday, filters.between_times(time(9), time(17))],
)
```

Any function of a datetime will do. Only those of this module can be sent to a backend.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

from prefect.schedules._datetimes import to_moment

__all__ = [
    "at_time",
    "between_dates",
    "between_datetimes",
    "between_times",
    "is_day_of_week",
    "is_month_end",
    "is_month_start",
    "is_weekday",
    "is_weekend",
    "on_date",
    "on_datetime",
]

# The functions made here keep their arguments in closures, under the names of the parameters:
# that is where serialization reads them.


def on_datetime(dt: datetime) -> Callable[[datetime], bool]:
    """A filter for one moment.

    Args:
        dt: the moment, in any time zone; naive is in UTC.
    """

    def is_then(candidate: datetime) -> bool:
        return to_moment(candidate) == to_moment(dt)

    return is_then


def on_date(month: int, day: int) -> Callable[[datetime], bool]:
    """A filter for one day of every year.

    Args:
        month: from 1.
        day: from 1.
    """

    def is_that_day(candidate: datetime) -> bool:
        return candidate.month == month and candidate.day == day

    return is_that_day


def at_time(t: time) -> Callable[[datetime], bool]:
    """A filter for one time of day, to the microsecond.

    Args:
        t: the time on the wall clock.
    """

    def is_that_time(candidate: datetime) -> bool:
        return _time_of(candidate) == t

    return is_that_time


def between_datetimes(start: datetime, end: datetime) -> Callable[[datetime], bool]:
    """A filter for the time between two moments, both included.

    Args:
        start: the first moment, in any time zone; naive is in UTC.
        end: the last moment.
    """

    def is_between(candidate: datetime) -> bool:
        return to_moment(start) <= to_moment(candidate) <= to_moment(end)

    return is_between


def between_times(start: time, end: time) -> Callable[[datetime], bool]:
    """A filter for a part of the day, both ends included.

    Args:
        start: first time on the wall clock.
        end: last time; when it is before `start`, the part reaches over midnight.
    """

    def is_between(candidate: datetime) -> bool:
        t = _time_of(candidate)
        return start <= t <= end if start <= end else t >= start or t <= end

    return is_between


def between_dates(
    start_month: int, start_day: int, end_month: int, end_day: int
) -> Callable[[datetime], bool]:
    """A filter for a part of every year, both ends included.

    Args:
        start_month: month of the first day, from 1.
        start_day: the first day, from 1.
        end_month: month of the last day.
        end_day: the last day; when it is before the first, the part reaches over the New Year.
    """

    def is_between(candidate: datetime) -> bool:
        start, day, end = (start_month, start_day), (candidate.month, candidate.day), (end_month, end_day)
        return start <= day <= end if start <= end else day >= start or day <= end

    return is_between


def is_weekday(dt: datetime) -> bool:
    """Whether it is Monday to Friday.

    Args:
        dt: the datetime to look at.
    """
    return dt.weekday() < 5


def is_weekend(dt: datetime) -> bool:
    """Whether it is Saturday or Sunday.

    Args:
        dt: the datetime to look at.
    """
    return dt.weekday() >= 5


def is_month_end(dt: datetime) -> bool:
    """Whether it is the last day of a month.

    Args:
        dt: the datetime to look at.
    """
    return datetime.date(dt).replace(day=1) != (datetime.date(dt) + timedelta(days=1)).replace(day=1)


def is_month_start(dt: datetime) -> bool:
    """Whether it is the first day of a month.

    Args:
        dt: the datetime to look at.
    """
    return dt.day == 1


def is_day_of_week(day_of_week: int) -> Callable[[datetime], bool]:
    """A filter for one day of the week.

    Args:
        day_of_week: from Monday, 0, to Sunday, 6.
    """

    # compat: 1.4.1 documents 0 as Sunday, and counts from Monday.
    def is_that_day(candidate: datetime) -> bool:
        return candidate.weekday() == day_of_week

    return is_that_day


def _time_of(candidate: datetime) -> time:
    # Called on the class, since pendulum's own `time()` is slow.
    return datetime.time(candidate)
