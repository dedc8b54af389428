"""Interval clocks: equal distances from a start."""

from __future__ import annotations

import pickle
from datetime import date, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect.schedules import IntervalSchedule, Schedule
from prefect.schedules.clocks import IntervalClock

U = pendulum.datetime(2020, 1, 1)
HOUR = timedelta(hours=1)


def times(clock: IntervalClock, n: int, after: datetime | None = None) -> list[datetime]:
    return [event.start_time for event in islice(clock.events(after=after), n)]


def test_events_are_one_interval_apart_from_the_start() -> None:
    clock = IntervalClock(7 * HOUR, start_date=U)

    assert times(clock, 3, U.add(hours=1)) == [U.add(hours=7), U.add(hours=14), U.add(hours=21)]


def test_without_a_start_intervals_are_counted_from_2019_in_utc() -> None:
    clock = IntervalClock(7 * HOUR)

    assert clock.start_date is None
    assert times(clock, 2, pendulum.datetime(2018, 1, 1)) == [
        pendulum.datetime(2019, 1, 1),
        pendulum.datetime(2019, 1, 1, 7),
    ]
    assert times(clock, 1, pendulum.datetime(2020, 1, 1)) == [pendulum.datetime(2020, 1, 1, 4)]


def test_a_start_that_has_come_does_not_fire_again() -> None:
    assert times(IntervalClock(HOUR, start_date=U), 1, U) == [U.add(hours=1)]


def test_a_start_of_now_fires_first_one_interval_later() -> None:
    start = pendulum.now("UTC")

    assert times(IntervalClock(HOUR, start_date=start), 1) == [start.add(hours=1)]


def test_without_after_events_are_in_the_future() -> None:
    before = datetime.now(timezone.utc)

    [first] = times(IntervalClock(HOUR, start_date=U), 1)

    assert before < first <= datetime.now(timezone.utc) + HOUR


def test_a_start_in_the_future_is_the_first_event() -> None:
    assert times(IntervalClock(HOUR, start_date=U.add(days=3)), 1, U) == [U.add(days=3)]


def test_the_end_fires_and_nothing_does_after_it() -> None:
    clock = IntervalClock(24 * HOUR, start_date=U, end_date=U.add(days=2))

    assert times(clock, 9, U) == [U.add(days=1), U.add(days=2)]
    assert times(clock, 9, U.add(days=2)) == []
    assert times(IntervalClock(HOUR, start_date=U, end_date=U.subtract(days=1)), 9, U.subtract(days=9)) == []


def test_naive_datetimes_are_in_utc() -> None:
    clock = IntervalClock(HOUR, start_date=datetime(2020, 1, 1), end_date=datetime(2020, 1, 2))

    assert (clock.start_date, clock.end_date) == (U, U.add(days=1))
    assert times(clock, 1, datetime(2020, 1, 1, 12, 30)) == [U.add(hours=13)]


def test_events_are_pendulum_datetimes_in_the_zone_of_the_start() -> None:
    [time] = times(IntervalClock(HOUR, start_date=pendulum.datetime(2020, 1, 1, tz="Europe/Berlin")), 1, U)

    assert type(time) is pendulum.DateTime
    assert time.timezone_name == "Europe/Berlin"
    assert time.add(days=1).isoformat() == "2020-01-02T02:00:00+01:00"


def test_a_pendulum_duration_is_an_interval() -> None:
    clock = IntervalClock(pendulum.duration(days=8, hours=5, seconds=7, microseconds=9), start_date=U)

    assert times(clock, 1, U) == [U.add(days=8, hours=5, seconds=7, microseconds=9)]


@pytest.mark.parametrize("interval", [None, 5, "1 hour"])
def test_an_interval_that_is_no_timedelta_is_refused(interval: Any) -> None:
    with pytest.raises(TypeError, match="Interval must be a timedelta"):
        IntervalClock(interval)
    with pytest.raises(TypeError, match="Interval must be a timedelta"):
        IntervalSchedule(interval=interval)


@pytest.mark.parametrize("interval", [timedelta(0), timedelta(-1), timedelta(microseconds=-1)])
def test_an_interval_that_leads_nowhere_is_refused(interval: timedelta) -> None:
    with pytest.raises(ValueError, match="Interval must be greater than 0"):
        IntervalClock(interval)


@pytest.mark.parametrize("value", ["2020-01-01", date(2020, 1, 1), 0])
def test_a_date_that_is_no_datetime_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="A schedule needs a datetime"):
        IntervalClock(HOUR, start_date=value)
    with pytest.raises(TypeError, match="A schedule needs a datetime"):
        IntervalClock(HOUR).events(after=value)


def test_intervals_below_a_minute_are_allowed() -> None:
    assert times(IntervalClock(timedelta(milliseconds=250), start_date=U), 2, U) == [
        U.add(microseconds=250_000),
        U.add(microseconds=500_000),
    ]


def test_a_clock_survives_pickling() -> None:
    clock = IntervalClock(HOUR, start_date=U, parameter_defaults={"x": 1}, labels=["a"])

    again = pickle.loads(pickle.dumps(clock))

    assert vars(again) == vars(clock)
    assert times(again, 3, U) == times(clock, 3, U)


def test_the_end_of_the_calendar_is_the_end() -> None:
    assert len(times(IntervalClock(timedelta(days=300_000), start_date=U), 100, U)) == 9
    assert times(IntervalClock(timedelta.max, start_date=U), 100, U) == []
    assert times(IntervalClock(HOUR), 1, pendulum.datetime(9999, 12, 31)) == []


@given(
    st.timedeltas(timedelta(microseconds=1), timedelta(days=5000)),
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),
)
def test_in_utc_events_are_start_plus_a_whole_number_of_intervals(
    interval: timedelta, start: datetime, after: datetime
) -> None:
    times = IntervalSchedule(start, interval).next(5, after=after)
    found = [datetime.fromisoformat(time.naive().isoformat()) for time in times]

    assert len(found) == 5
    assert found[0] > after
    assert found[0] == start or found[0] - interval <= after
    for k, time in enumerate(found):
        assert (time - start) % interval == timedelta(0)
        assert time == found[0] + k * interval


@given(st.integers(1, 10_000), st.integers(0, 50))
def test_asking_for_more_gives_the_same_and_more(seconds: int, n: int) -> None:
    schedule = Schedule([IntervalClock(timedelta(seconds=seconds))])

    assert schedule.next(n, after=U) == schedule.next(n + 3, after=U)[:n]
