"""Schedules: clocks, with filters and adjustments of what they give."""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Literal, cast, overload

from prefect.schedules._datetimes import as_datetime, to_moment
from prefect.schedules.clocks import Clock, ClockEvent, CronClock, DatesClock, IntervalClock, RRuleClock
from prefect.utilities._lazy import removed_names

if TYPE_CHECKING:
    from dateutil.rrule import rrulebase
    from pendulum import DateTime

__all__ = ["CronSchedule", "IntervalSchedule", "RRuleSchedule", "Schedule"]

__getattr__ = removed_names(__name__)

#: After so many events in a row that filters refuse, a schedule counts as ended. More than a year of
#: minutes, and about a second of work.
MOST_REFUSED = 1_000_000
#: After so many events in a row that adjustments move to one and the same moment, likewise.
MOST_REPEATED = 100_000

#: The clocks that keep their own promise: in order, and no moment twice.
_ORDERED = {clock.events for clock in (CronClock, DatesClock, IntervalClock, RRuleClock)}


class Schedule:
    """When a flow runs: the events of its clocks that pass the filters, moved by the adjustments.

    ```python
    from datetime import time, timedelta
    from prefect.schedules import Schedule, filters
    from prefect.schedules.clocks import IntervalClock

    schedule = Schedule(
        clocks=[IntervalClock(timedelta(hours=1))],
        filters=[filters.is_weekday],
        or_filters=[
            filters.between_times(time(9), time(9)),
            filters.between_times(time(17), time(17)),
        ],
    )
    schedule.next(4)  # the next four times that it is 9:00 or 17:00 on a weekday, in UTC
    ```

    The events of all clocks are merged in order; of several at one moment with equal parameters and
    labels, one is kept. An event passes if all `filters` hold, one of `or_filters` does (when there are
    any), and none of `not_filters` does. Then the `adjustments` change its time, one after the other; of
    events that were moved to one moment, again one is kept.

    Args:
        clocks: one or more clocks.
        filters: functions of a datetime. All have to hold.
        or_filters: functions of a datetime. One has to hold.
        not_filters: functions of a datetime. None may hold.
        adjustments: functions from a datetime to a datetime. What they give is used as it is: it may be
            earlier than the event, or out of order.

    Attributes:
        clocks: the clocks.
        filters: the filters that all have to hold.
        or_filters: the filters of which one has to hold.
        not_filters: the filters of which none may hold.
        adjustments: the adjustments.

    Raises:
        TypeError: `clocks` is no list of clocks.
    """

    clocks: list[Clock]
    filters: list[Callable[[datetime], bool]]
    or_filters: list[Callable[[datetime], bool]]
    not_filters: list[Callable[[datetime], bool]]
    adjustments: list[Callable[[datetime], datetime]]

    def __init__(
        self,
        clocks: Iterable[Clock],
        filters: Iterable[Callable[[datetime], bool]] | None = None,
        or_filters: Iterable[Callable[[datetime], bool]] | None = None,
        not_filters: Iterable[Callable[[datetime], bool]] | None = None,
        adjustments: Iterable[Callable[[datetime], datetime]] | None = None,
    ) -> None:
        if not isinstance(cast("object", clocks), Iterable):
            raise TypeError(f"clocks should be a list of clocks, not {clocks!r}.")
        self.clocks = list(clocks)
        for clock in self.clocks:
            if not hasattr(clock, "events"):
                raise TypeError(f"clocks should be a list of clocks; {clock!r} is none.")
        self.filters = list(filters or ())
        self.or_filters = list(or_filters or ())
        self.not_filters = list(not_filters or ())
        self.adjustments = list(adjustments or ())

    @property
    def start_date(self) -> DateTime | None:
        """The earliest start of a clock; None if no clock has one."""
        dates = [clock.start_date for clock in self.clocks if clock.start_date is not None]
        return min(dates, key=to_moment, default=None)

    @property
    def end_date(self) -> DateTime | None:
        """The latest end of a clock; None if no clock has one."""
        dates = [clock.end_date for clock in self.clocks if clock.end_date is not None]
        return max(dates, key=to_moment, default=None)

    @overload
    def next(
        self, n: int, after: datetime | None = None, return_events: Literal[False] = False
    ) -> list[DateTime]: ...
    @overload
    def next(
        self, n: int, after: datetime | None = None, *, return_events: Literal[True]
    ) -> list[ClockEvent]: ...
    @overload
    def next(
        self, n: int, after: datetime | None = None, return_events: bool = False
    ) -> list[DateTime] | list[ClockEvent]: ...
    def next(
        self, n: int, after: datetime | None = None, return_events: bool = False
    ) -> list[DateTime] | list[ClockEvent]:
        """The next `n` times, in order; fewer when the schedule ends before.

        A schedule whose filters refuse a million events in a row counts as ended, and so does one whose
        adjustments move a hundred thousand in a row to one moment.

        Args:
            n: how many.
            after: only events later than this moment (before adjustments); from now on if not given.
                Naive is in UTC.
            return_events: whether to return `ClockEvent`s, with parameters and labels.

        Raises:
            TypeError: `n` is no whole number, or `after` no datetime.
        """
        count = max(0, operator.index(n))
        if after is not None:
            to_moment(after)  # a mistake is seen even when no clock looks at it
        events = self._events(after)
        if self.filters or self.or_filters or self.not_filters:
            events = self._passing(events)
        if self.adjustments:
            events = self._adjusted(events)
        found = list(islice(events, count))
        return found if return_events else [event.start_time for event in found]

    def _events(self, after: datetime | None) -> Iterator[ClockEvent]:
        if len(self.clocks) == 1 and type(self.clocks[0]).events in _ORDERED:
            return iter(self.clocks[0].events(after))
        return _merged([clock.events(after) for clock in self.clocks])

    def _passing(self, events: Iterable[ClockEvent]) -> Iterator[ClockEvent]:
        filters, or_filters, not_filters = self.filters, self.or_filters, self.not_filters
        refused = 0
        for event in events:
            time = event.start_time
            if (
                all(holds(time) for holds in filters)
                and (not or_filters or any(holds(time) for holds in or_filters))
                and not any(holds(time) for holds in not_filters)
            ):
                refused = 0
                yield event
            else:
                refused += 1
                if refused == MOST_REFUSED:
                    return

    def _adjusted(self, events: Iterable[ClockEvent]) -> Iterator[ClockEvent]:
        is_repetition = _repetitions()
        repeated = 0
        for event in events:
            time: datetime = event.start_time
            for adjust in self.adjustments:
                time = adjust(time)
            adjusted = ClockEvent(as_datetime(time), event.parameter_defaults, event.labels)
            if not is_repetition(to_moment(time), adjusted):
                repeated = 0
                yield adjusted
            else:
                repeated += 1
                if repeated == MOST_REPEATED:
                    return


def _merged(streams: list[Iterable[ClockEvent]]) -> Iterator[ClockEvent]:
    """The events of several clocks in order, without repetitions; of equal ones the first clock's."""
    is_repetition = _repetitions()
    for moment, _, event in heapq.merge(*(_keyed(number, stream) for number, stream in enumerate(streams))):
        if not is_repetition(moment, event):
            yield event


def _keyed(number: int, events: Iterable[ClockEvent]) -> Iterator[tuple[datetime, int, ClockEvent]]:
    from pendulum import DateTime

    for event in events:
        if not isinstance(cast("datetime", event.start_time), DateTime):  # a clock of the user's own
            event = ClockEvent(as_datetime(event.start_time), event.parameter_defaults, event.labels)
        yield to_moment(event.start_time), number, event


def _repetitions() -> Callable[[datetime, ClockEvent], bool]:
    """A function that says of one event after the other whether it was there before.

    Events at the same moment (naive UTC) have to follow each other.
    """
    last: datetime | None = None
    at_once: list[ClockEvent] = []

    def is_repetition(moment: datetime, event: ClockEvent) -> bool:
        nonlocal last
        if moment != last:
            last = moment
            at_once.clear()
        elif any(
            event.labels == other.labels and event.parameter_defaults == other.parameter_defaults
            for other in at_once
        ):
            return True
        at_once.append(event)
        return False

    return is_repetition


def IntervalSchedule(  # noqa: N802  # compat: called like a class
    start_date: datetime | None = None, interval: timedelta | None = None, end_date: datetime | None = None
) -> Schedule:
    """A schedule with one `IntervalClock`.

    ```python
    from datetime import timedelta
    from prefect.schedules import IntervalSchedule

    IntervalSchedule(interval=timedelta(hours=1))
    ```

    Args:
        start_date: the first event; see `IntervalClock`.
        interval: the distance. It has to be given.
        end_date: nothing fires after it.

    Raises:
        TypeError: the interval is missing or no timedelta, or a date is no datetime.
        ValueError: the interval is not positive.
    """
    return Schedule([IntervalClock(cast("timedelta", interval), start_date, end_date)])


def CronSchedule(  # noqa: N802  # compat: called like a class
    cron: str,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    day_or: bool | None = None,
) -> Schedule:
    """A schedule with one `CronClock`.

    ```python
    from prefect.schedules import CronSchedule

    CronSchedule("0 9 * * mon-fri")
    ```

    Args:
        cron: the cron line; see `CronClock`.
        start_date: nothing fires before it; its time zone is that of the line.
        end_date: nothing fires after it.
        day_or: whether the day of the month or the day of the week will do (True or None), or both have
            to be right.

    Raises:
        ValueError: the line is not valid.
        TypeError: the line is no text, or a date is no datetime.
    """
    return Schedule([CronClock(cron, start_date, end_date, day_or=day_or)])


def RRuleSchedule(  # noqa: N802  # compat: called like a class
    rrule_obj: rrulebase, start_date: datetime | None = None, end_date: datetime | None = None
) -> Schedule:
    """A schedule with one `RRuleClock`.

    ```python
    from datetime import datetime
    from dateutil.rrule import DAILY, rrule
    from prefect.schedules import RRuleSchedule

    RRuleSchedule(rrule(DAILY, interval=2, dtstart=datetime(2026, 1, 1, 9)))
    ```

    Args:
        rrule_obj: an `rrule` or `rruleset` of dateutil.
        start_date: nothing fires before it.
        end_date: nothing fires after it.

    Raises:
        TypeError: it is no rule, or a date is no datetime.
    """
    return Schedule([RRuleClock(rrule_obj, start_date, end_date)])
