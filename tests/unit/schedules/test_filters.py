"""Filters say whether an event may happen at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timezone
from typing import Any

import pendulum
import pytest

from prefect.schedules import filters

U = pendulum.datetime(2020, 1, 1)  # a Wednesday


@pytest.mark.parametrize(
    ("holds", "right", "wrong"),
    [
        (
            filters.on_date(3, 4),
            ["2020-03-04T00:00", "2021-03-04T23:59"],
            ["2020-03-05T00:00", "2020-04-04T00:00"],
        ),
        (
            filters.at_time(time(9, 30)),
            ["2020-03-04T09:30"],
            ["2020-03-04T09:30:00.000001", "2020-03-04T10:30"],
        ),
        (
            filters.between_times(time(9), time(17)),
            ["2020-01-01T09:00", "2020-01-01T17:00", "2020-01-01T12:00"],
            ["2020-01-01T08:59:59", "2020-01-01T17:00:01", "2020-01-01T00:00"],
        ),
        (
            filters.between_times(time(22), time(3)),
            ["2020-01-01T22:00", "2020-01-01T03:00", "2020-01-01T00:00"],
            ["2020-01-01T21:59", "2020-01-01T03:01", "2020-01-01T12:00"],
        ),
        (
            filters.between_dates(2, 5, 3, 10),
            ["2020-02-05T00:00", "2020-03-10T23:59", "2020-02-29T00:00", "2020-03-01T00:00"],
            ["2020-02-04T23:59", "2020-03-11T00:00", "2020-01-07T00:00"],
        ),
        (
            filters.between_dates(12, 20, 1, 6),
            ["2020-12-20T00:00", "2020-12-31T00:00", "2021-01-06T00:00"],
            ["2020-12-19T00:00", "2021-01-07T00:00", "2021-06-01T00:00"],
        ),
        (
            filters.between_dates(2, 20, 2, 10),
            ["2020-02-20T00:00", "2020-07-01T00:00", "2021-02-10T00:00"],
            ["2020-02-11T00:00", "2020-02-19T00:00"],
        ),
        (filters.between_dates(2, 5, 2, 5), ["2020-02-05T12:00"], ["2020-02-04T12:00", "2020-02-06T12:00"]),
        (
            filters.is_weekday,
            ["2020-01-01T00:00", "2020-01-03T23:59"],
            ["2020-01-04T00:00", "2020-01-05T23:59"],
        ),
        (
            filters.is_weekend,
            ["2020-01-04T00:00", "2020-01-05T23:59"],
            ["2020-01-01T00:00", "2020-01-06T00:00"],
        ),
        (
            filters.is_month_end,
            ["2020-01-31T05:00", "2020-02-29T00:00", "2021-02-28T00:00", "2020-12-31T23:59"],
            ["2020-02-28T00:00", "2020-01-30T23:59", "2020-02-01T00:00"],
        ),
        (filters.is_month_start, ["2020-01-01T05:00"], ["2020-01-02T00:00", "2020-01-31T00:00"]),
        # From Monday, as 1.4.1 does it; its documentation says Sunday.
        (filters.is_day_of_week(0), ["2020-01-06T00:00"], ["2020-01-05T00:00", "2020-01-07T00:00"]),
        (filters.is_day_of_week(6), ["2020-01-05T00:00"], ["2020-01-04T00:00", "2020-01-06T00:00"]),
    ],
)
def test_a_filter_holds_at_the_right_times(
    holds: Callable[[datetime], bool], right: list[str], wrong: list[str]
) -> None:
    for kind in (pendulum.parse, datetime.fromisoformat):
        assert [holds(kind(text)) for text in right] == [True] * len(right)  # type: ignore[arg-type]
        assert [holds(kind(text)) for text in wrong] == [False] * len(wrong)  # type: ignore[arg-type]


def test_filters_of_moments_compare_moments_in_any_zone() -> None:
    tokyo = U.in_timezone("Asia/Tokyo")

    for given in (U, datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=timezone.utc), tokyo):
        at, within = filters.on_datetime(given), filters.between_datetimes(given, U.add(days=1))
        assert at(U)
        assert at(tokyo)
        assert not at(U.add(microseconds=1))
        assert within(U)
        assert within(tokyo.add(days=1))
        assert not within(U.subtract(microseconds=1))
        assert not within(U.add(days=1, microseconds=1))


def test_filters_of_days_and_times_look_at_the_wall_clock_of_the_event() -> None:
    midnight_in_berlin = pendulum.datetime(2020, 1, 4, tz="Europe/Berlin")  # still Friday in UTC

    assert filters.is_weekend(midnight_in_berlin)
    assert filters.at_time(time(0))(midnight_in_berlin)
    assert filters.on_date(1, 4)(midnight_in_berlin)


@pytest.mark.parametrize(
    ("made", "arguments"),
    [
        (filters.on_datetime(U), {"dt": U}),
        (filters.on_date(1, 2), {"month": 1, "day": 2}),
        (filters.at_time(time(1)), {"t": time(1)}),
        (filters.between_datetimes(U, U.add(days=1)), {"start": U, "end": U.add(days=1)}),
        (filters.between_times(time(1), time(2)), {"start": time(1), "end": time(2)}),
        (filters.between_dates(1, 2, 3, 4), {"start_month": 1, "start_day": 2, "end_month": 3, "end_day": 4}),
        (filters.is_day_of_week(3), {"day_of_week": 3}),
    ],
)
def test_a_made_filter_can_be_written_down(made: Any, arguments: dict[str, Any]) -> None:
    # What serialization reads: the factory's name, and its arguments in the closure.
    cells = [cell.cell_contents for cell in made.__closure__]
    assert dict(zip(made.__code__.co_freevars, cells, strict=True)) == arguments
    factory = made.__qualname__.split(".<locals>")[0]
    assert getattr(filters, factory).__module__ == made.__module__ == "prefect.schedules.filters"
