"""Adjustments move events."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pendulum
import pytest

from prefect.schedules import adjustments

U = pendulum.datetime(2020, 1, 1)  # a Wednesday
BERLIN = "Europe/Berlin"


def test_add_moves_by_a_distance() -> None:
    assert adjustments.add(timedelta(hours=30))(U) == pendulum.datetime(2020, 1, 2, 6)
    assert adjustments.add(timedelta(days=-1))(datetime(2020, 1, 1)) == pendulum.datetime(2019, 12, 31)


def test_add_counts_time_that_passes() -> None:
    day_before = pendulum.datetime(2020, 3, 28, 12, tz=BERLIN)

    assert adjustments.add(timedelta(days=1))(day_before).isoformat() == "2020-03-29T13:00:00+02:00"
    assert adjustments.add(timedelta(hours=23))(day_before).isoformat() == "2020-03-29T12:00:00+02:00"


@pytest.mark.parametrize(
    ("day", "moved"),
    [(1, 1), (2, 2), (3, 3), (4, 6), (5, 6), (6, 6)],
)
def test_next_weekday_moves_weekends_to_monday(day: int, moved: int) -> None:
    for dt in [
        pendulum.datetime(2020, 1, day, 12, 30, tz=BERLIN),
        datetime(2020, 1, day, 12, 30),
        datetime(2020, 1, day, 12, 30, tzinfo=timezone.utc),
    ]:
        found = adjustments.next_weekday(dt)
        assert found.naive() == pendulum.naive(2020, 1, moved, 12, 30)
        assert type(found) is pendulum.DateTime
        assert found.utcoffset() == (dt.utcoffset() or timedelta(0))


def test_next_weekday_keeps_the_time_of_day_when_clocks_change() -> None:
    saturday = pendulum.datetime(2020, 3, 28, 12, tz=BERLIN)

    assert adjustments.next_weekday(saturday).isoformat() == "2020-03-30T12:00:00+02:00"
