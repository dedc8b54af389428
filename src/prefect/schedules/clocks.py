"""Clocks say when: each gives the events of a schedule, from a moment on.

```python
from datetime import timedelta
import pendulum
from prefect.schedules.clocks import IntervalClock

clock = IntervalClock(timedelta(hours=6), start_date=pendulum.datetime(2026, 1, 1))
next(iter(clock.events(after=pendulum.datetime(2026, 1, 1, 7)))).start_time  # 2026-01-01 12:00 UTC
```

All clocks follow one rule when the clocks of a time zone change: a wall time that occurs twice fires
once, the first time; one that does not exist fires at the first instant after the gap; what repeats
within the time that clocks jump goes on in real time.
"""

# ruff: noqa: DTZ001  (naive datetimes are wall times, or moments in UTC)
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from prefect.schedules._datetimes import as_datetime, now, shifted, to_moment, zone_of
from prefect.schedules._steps import FIRST_WALL, steps
from prefect.schedules._zones import FIXED, Pace, zone

if TYPE_CHECKING:
    from dateutil.rrule import rrulebase
    from pendulum import DateTime

__all__ = ["Clock", "ClockEvent", "CronClock", "DatesClock", "IntervalClock", "RRuleClock"]

_INTERVAL_START = datetime(2019, 1, 1)
_INSTANT = timedelta.resolution
_DAY = timedelta(days=1)


class ClockEvent:
    """A moment at which a flow should run, and how.

    Events are ordered by their moments. Two are equal if moment, parameters and labels are; an event
    equals a datetime if it happens then.

    Args:
        start_time: when.
        parameter_defaults: values of parameters for this run; they win over the flow's own defaults.
        labels: labels of the run; None leaves those of the flow.

    Attributes:
        start_time: when.
        parameter_defaults: values of parameters, `{}` if none are given.
        labels: labels, or None.
    """

    __slots__ = ("labels", "parameter_defaults", "start_time")

    def __init__(
        self,
        start_time: DateTime,
        parameter_defaults: dict[str, Any] | None = None,
        labels: list[str] | None = None,
    ) -> None:
        self.start_time = start_time
        self.parameter_defaults: dict[str, Any] = {} if parameter_defaults is None else parameter_defaults
        self.labels = labels

    # Python compares the wall times of datetimes in one zone, which misleads in repeated hours, and
    # says that such times in different zones are never equal. Moments are compared instead.
    def __eq__(self, other: object) -> bool:
        if isinstance(other, ClockEvent):
            return (
                to_moment(self.start_time) == to_moment(other.start_time)
                and self.parameter_defaults == other.parameter_defaults
                and self.labels == other.labels
            )
        if isinstance(other, datetime):
            return to_moment(self.start_time) == to_moment(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # compat: parameters are mutable

    def __lt__(self, other: ClockEvent | datetime) -> bool:
        moment = _moment_of(other)
        return NotImplemented if moment is None else to_moment(self.start_time) < moment

    def __gt__(self, other: ClockEvent | datetime) -> bool:
        moment = _moment_of(other)
        return NotImplemented if moment is None else to_moment(self.start_time) > moment

    def __repr__(self) -> str:
        return f"<{self.start_time},{self.labels},{self.parameter_defaults}>"


def _moment_of(value: object) -> datetime | None:
    if isinstance(value, ClockEvent):
        value = value.start_time
    return to_moment(value) if isinstance(value, datetime) else None


class Clock:
    """Base of all clocks. A subclass gives its events in `events`.

    ```python
    import pendulum
    from prefect.schedules.clocks import Clock, ClockEvent


    class Reminders(Clock):
        def events(self, after=None):
            after = after or pendulum.now("UTC")
            for days in (30, 7, 1):
                moment = self.end_date.subtract(days=days)
                if moment > after:
                    yield ClockEvent(moment, self.parameter_defaults, self.labels)


    reminders = Reminders(end_date=pendulum.datetime(2030, 6, 1, 9))
    ```

    Args:
        start_date: nothing fires before it. Naive is in UTC.
        end_date: nothing fires after it. Naive is in UTC.
        parameter_defaults: values of parameters for the runs of this clock.
        labels: labels for the runs of this clock; None leaves those of the flow.

    Attributes:
        start_date: the first moment that may fire, as a pendulum `DateTime`, or None.
        end_date: the last moment that may fire, as a pendulum `DateTime`, or None.
        parameter_defaults: values of parameters, `{}` if none are given.
        labels: labels, or None.

    Raises:
        TypeError: a date is no datetime.
    """

    start_date: DateTime | None
    end_date: DateTime | None
    parameter_defaults: dict[str, Any]
    labels: list[str] | None

    def __init__(
        self,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        parameter_defaults: dict[str, Any] | None = None,
        labels: list[str] | None = None,
    ) -> None:
        self.start_date = None if start_date is None else as_datetime(start_date)
        self.end_date = None if end_date is None else as_datetime(end_date)
        self.parameter_defaults = parameter_defaults or {}
        self.labels = labels

    def events(self, after: datetime | None = None) -> Iterable[ClockEvent]:
        """The events of the clock, in order. There may be no end to them.

        Args:
            after: only events later than this moment; from now on if not given.
        """
        raise NotImplementedError(f"{type(self).__name__} has to define `events`.")

    def _bounds(self, after: datetime | None) -> tuple[datetime, datetime | None]:
        """The moments (naive UTC) after which, and until which, this clock may fire."""
        low = max(FIRST_WALL, now() if after is None else to_moment(after))
        if self.start_date is not None:
            # The start itself fires, unless it has passed.
            low = max(low, shifted(to_moment(self.start_date), -_INSTANT))
        return low, None if self.end_date is None else to_moment(self.end_date)

    def _events(self, moments: Iterable[DateTime]) -> Iterator[ClockEvent]:
        parameter_defaults, labels = self.parameter_defaults, self.labels
        for moment in moments:
            yield ClockEvent(moment, parameter_defaults, labels)


class IntervalClock(Clock):
    """Events at equal distances.

    ```python
    from datetime import timedelta
    from prefect.schedules.clocks import IntervalClock

    IntervalClock(timedelta(minutes=10))
    ```

    Distances are counted on the wall clock of the zone of `start_date`: a daily clock keeps its time of
    day through the year, one of six hours its four times of day. An interval that is no longer than a
    change of the clocks goes on through it: an hourly clock fires each hour, whatever clocks show.

    An interval below a minute is for local runs; a backend refuses it.

    Args:
        interval: the distance.
        start_date: the first event. Without one, distances are counted from 2019-01-01 in UTC. Events in
            the past are left out: with a start of now, the first is one interval away.
        end_date: nothing fires after it.
        parameter_defaults: values of parameters for the runs of this clock.
        labels: labels for the runs of this clock; None leaves those of the flow.

    Attributes:
        interval: the distance.

    Raises:
        TypeError: the interval is no timedelta, or a date is no datetime.
        ValueError: the interval is not positive.
    """

    interval: timedelta

    def __init__(
        self,
        interval: timedelta,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        parameter_defaults: dict[str, Any] | None = None,
        labels: list[str] | None = None,
    ) -> None:
        if not isinstance(cast("object", interval), timedelta):
            raise TypeError(f"Interval must be a timedelta, not {interval!r} ({type(interval).__name__}).")
        if interval <= timedelta(0):
            raise ValueError(f"Interval must be greater than 0, not {interval!r}.")
        self.interval = interval
        super().__init__(start_date, end_date, parameter_defaults, labels)

    def events(self, after: datetime | None = None) -> Iterable[ClockEvent]:
        """The events of the clock, in order.

        Args:
            after: only events later than this moment; from now on if not given.
        """
        return self._events(self._moments(*self._bounds(after)))

    def _moments(self, low: datetime, until: datetime | None) -> Iterator[DateTime]:
        start = self.start_date if self.start_date is not None else as_datetime(_INTERVAL_START)
        first = to_moment(start)
        if first > low:
            # The start fires as it is, even in the second pass of a repeated hour.
            if until is not None and first > until:
                return
            yield start
            low = first
        place = zone(zone_of(start))
        step = timedelta(self.interval.days, self.interval.seconds, self.interval.microseconds)
        start_wall = datetime.combine(datetime.date(start), datetime.time(start)).replace(fold=0)
        pace = Pace(step, step) if step < _DAY else FIXED
        yield from place.moments(steps(start_wall, step, place.earliest_wall(low)), low, pace, until)


class CronClock(Clock):
    """Events by a cron line, on the wall clock of the zone of `start_date` (UTC without one).

    ```python
    import pendulum
    from prefect.schedules.clocks import CronClock

    CronClock("30 9 * * mon-fri", start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Paris"))
    ```

    Five fields, six with seconds as the last, seven with years after them, or an alias such as `@daily`.
    Besides the usual: `L` for the last day of the month, `1#2` for the second Monday, `L5` for the last
    Friday.

    When clocks change, times with given hours fire once a day: one that occurs twice at the first time,
    one that is skipped at the first instant after the gap. Every hour (`*`) means every hour that
    passes; minutes with a `*` go on through both passes of a repeated hour.

    Args:
        cron: the line.
        start_date: nothing fires before it.
        end_date: nothing fires after it.
        parameter_defaults: values of parameters for the runs of this clock.
        labels: labels for the runs of this clock; None leaves those of the flow.
        day_or: what a line with a day of the month and a day of the week means: the one or the other
            (True or None, as in cron) or both at once (False, as in fcron).

    Attributes:
        cron: the line.
        day_or: whether the one or the other day will do.

    Raises:
        ValueError: the line is not valid.
        TypeError: the line is no text, or a date is no datetime.
    """

    cron: str
    day_or: bool

    def __init__(
        self,
        cron: str,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        parameter_defaults: dict[str, Any] | None = None,
        labels: list[str] | None = None,
        day_or: bool | None = None,
    ) -> None:
        from prefect.schedules._cron import read_cron

        if not isinstance(cast("object", cron), str):
            raise TypeError(f"A cron line is a text, not {cron!r} ({type(cron).__name__}).")
        read_cron(cron)
        self.cron = cron
        self.day_or = True if day_or is None else day_or
        super().__init__(start_date, end_date, parameter_defaults, labels)

    def events(self, after: datetime | None = None) -> Iterable[ClockEvent]:
        """The events of the clock, in order. None for a line that never comes true, such as 30 February.

        Args:
            after: only events later than this moment; from now on if not given.
        """
        from prefect.schedules._cron import read_cron

        line = read_cron(self.cron, bool(self.day_or))
        low, until = self._bounds(after)
        place = zone(zone_of(self.start_date if self.start_date is not None else _INTERVAL_START))
        return self._events(place.moments(line.walls(place.earliest_wall(low)), low, line.pace, until))


class DatesClock(Clock):
    """Events at given moments.

    ```python
    import pendulum
    from prefect.schedules.clocks import DatesClock

    DatesClock([pendulum.datetime(2026, 1, 1, 9), pendulum.datetime(2026, 3, 1, 9)])
    ```

    Args:
        dates: the moments, in any order and time zone. Naive is in UTC.
        parameter_defaults: values of parameters for the runs of this clock.
        labels: labels for the runs of this clock; None leaves those of the flow.

    Attributes:
        dates: the moments as pendulum `DateTime`s, as they were given.
        start_date: the first of them.
        end_date: the last of them.

    Raises:
        TypeError: a date is no datetime.
        ValueError: there are none.
    """

    dates: list[DateTime]

    def __init__(
        self,
        dates: Iterable[datetime],
        parameter_defaults: dict[str, Any] | None = None,
        labels: list[str] | None = None,
    ) -> None:
        self.dates = [as_datetime(date) for date in dates]
        if not self.dates:
            raise ValueError("DatesClock needs at least one date.")
        moments = {to_moment(date): date for date in reversed(self.dates)}
        self._moments = sorted(moments)
        self._in_order = [moments[moment] for moment in self._moments]
        super().__init__(self._in_order[0], self._in_order[-1], parameter_defaults, labels)

    def events(self, after: datetime | None = None) -> Iterable[ClockEvent]:
        """The events of the clock, in order, each moment once.

        Args:
            after: only events later than this moment; from now on if not given.
        """
        low, _ = self._bounds(after)
        return self._events(self._in_order[bisect_right(self._moments, low) :])


class RRuleClock(Clock):
    """Events by iCal recurrence rules (RFC 5545), as `dateutil.rrule` has them.

    ```python
    from datetime import datetime
    from dateutil.rrule import MO, MONTHLY, rrule
    from prefect.schedules.clocks import RRuleClock

    RRuleClock(rrule(MONTHLY, byweekday=MO(-1), dtstart=datetime(2026, 1, 1, 9)))
    ```

    The times are on the wall clock of the zone of the rule's own start (UTC if it is naive), not of
    `start_date`. Hourly and faster rules go on in real time when clocks change.

    Args:
        rrule_obj: an `rrule` or an `rruleset`.
        start_date: nothing fires before it.
        end_date: nothing fires after it.
        parameter_defaults: values of parameters for the runs of this clock.
        labels: labels for the runs of this clock; None leaves those of the flow.

    Attributes:
        rrule_obj: the rule.

    Raises:
        TypeError: it is no rule, or a date is no datetime.
    """

    rrule_obj: rrulebase

    def __init__(
        self,
        rrule_obj: rrulebase,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        parameter_defaults: dict[str, Any] | None = None,
        labels: list[str] | None = None,
    ) -> None:
        from prefect.schedules._rrule import is_rule

        if not is_rule(rrule_obj):
            raise TypeError(
                f"rrule_obj must be an rrule or rruleset of dateutil, got: {rrule_obj!r}. "
                "`dateutil.rrule.rrulestr` makes one of a text."
            )
        self.rrule_obj = rrule_obj
        super().__init__(start_date, end_date, parameter_defaults, labels)

    def events(self, after: datetime | None = None) -> Iterable[ClockEvent]:
        """The events of the clock, in order.

        Args:
            after: only events later than this moment; from now on if not given.
        """
        from prefect.schedules._rrule import rule_moments

        return self._events(rule_moments(self.rrule_obj, *self._bounds(after)))
