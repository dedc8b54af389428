"""Dates clocks: given moments."""

from __future__ import annotations

import pickle
from datetime import datetime
from typing import Any

import pendulum
import pytest

from prefect.schedules import Schedule
from prefect.schedules.clocks import DatesClock

U = pendulum.datetime(2020, 1, 1)


def test_the_moments_come_in_order_and_once() -> None:
    clock = DatesClock([U.add(days=2), U.add(days=1), U.add(days=2), datetime(2020, 1, 4)])

    assert [event.start_time for event in clock.events(after=U)] == [U.add(days=k) for k in (1, 2, 3)]


def test_a_moment_in_two_zones_comes_in_the_first() -> None:
    clock = DatesClock([U.in_timezone("Europe/Berlin"), U])

    assert [event.start_time.isoformat() for event in clock.events(after=U.subtract(days=1))] == [
        "2020-01-01T01:00:00+01:00"
    ]


def test_only_later_moments_come() -> None:
    clock = DatesClock([U, U.add(days=1)], parameter_defaults={"x": 1}, labels=["a"])

    [event] = clock.events(after=U)

    assert (event.start_time, event.parameter_defaults, event.labels) == (U.add(days=1), {"x": 1}, ["a"])
    assert list(clock.events()) == []


def test_both_passes_of_a_repeated_hour_are_moments() -> None:
    first = pendulum.datetime(2024, 10, 27, 2, 30, tz="Europe/Berlin", fold=0)
    second = pendulum.datetime(2024, 10, 27, 2, 30, tz="Europe/Berlin", fold=1)

    found = Schedule([DatesClock([second, first])]).next(5, after=U)

    assert [time.isoformat() for time in found] == ["2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00"]


def test_the_dates_stay_as_they_were_given_and_tell_start_and_end() -> None:
    clock = DatesClock(date for date in [U.add(days=2), datetime(2020, 1, 1)])

    assert clock.dates == [U.add(days=2), U]
    assert (clock.start_date, clock.end_date) == (U, U.add(days=2))


def test_no_dates_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one date"):
        DatesClock([])


@pytest.mark.parametrize("value", ["2020-01-01", 5, None])
def test_a_date_that_is_no_datetime_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="A schedule needs a datetime"):
        DatesClock([value])


def test_a_clock_survives_pickling() -> None:
    clock = DatesClock([U.add(days=2), U])

    again = pickle.loads(pickle.dumps(clock))

    assert list(again.events(after=datetime(2019, 1, 1))) == list(clock.events(after=datetime(2019, 1, 1)))
