"""Events: a moment, parameters and labels."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pendulum
import pytest

from prefect.schedules.clocks import Clock, ClockEvent

U = pendulum.datetime(2024, 10, 27)
BERLIN = "Europe/Berlin"
FIRST_PASS = pendulum.datetime(2024, 10, 27, 2, 30, tz=BERLIN, fold=0)
SECOND_PASS = pendulum.datetime(2024, 10, 27, 2, 15, tz=BERLIN, fold=1)


def test_an_event_has_parameters_and_labels_or_says_there_are_none() -> None:
    bare = ClockEvent(U)
    full = ClockEvent(U, parameter_defaults={"x": 1}, labels=["b", "a"])

    assert (bare.start_time, bare.parameter_defaults, bare.labels) == (U, {}, None)
    assert (full.start_time, full.parameter_defaults, full.labels) == (U, {"x": 1}, ["b", "a"])


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        (ClockEvent(U, {"x": 1}, ["a"]), True),
        (ClockEvent(U.in_timezone("Asia/Tokyo"), {"x": 1}, ["a"]), True),
        (ClockEvent(U.add(seconds=1), {"x": 1}, ["a"]), False),
        (ClockEvent(U, {"x": 2}, ["a"]), False),
        (ClockEvent(U, {"x": 1}, ["a", "b"]), False),
        (ClockEvent(U, {"x": 1}), False),
        (U, True),
        (U.in_timezone("Asia/Tokyo"), True),
        (datetime(2024, 10, 27, tzinfo=timezone.utc), True),
        (U.add(seconds=1), False),
        (3, False),
    ],
)
def test_events_are_equal_if_all_of_them_is_and_equal_their_moment(other: Any, equal: bool) -> None:
    assert (ClockEvent(U, {"x": 1}, ["a"]) == other) is equal


def test_events_are_ordered_by_their_moments() -> None:
    early, late = ClockEvent(U), ClockEvent(U.add(hours=1), labels=["a"])

    assert early < late
    assert late > early
    assert not early < early
    assert not early > early
    assert early < U.add(minutes=1) < late
    assert early > U.subtract(minutes=1)
    assert sorted([late, early]) == [early, late]


def test_passes_of_a_repeated_hour_are_in_order() -> None:
    first, second = ClockEvent(FIRST_PASS), ClockEvent(SECOND_PASS)

    assert first < second  # 2:30 is before 2:15
    assert second > first
    assert first == ClockEvent(FIRST_PASS.in_timezone("UTC"))
    assert first != ClockEvent(FIRST_PASS.add(hours=1))


def test_an_event_compares_with_nothing_else() -> None:
    with pytest.raises(TypeError):
        ClockEvent(U) < 3  # type: ignore[operator]  # noqa: B015
    with pytest.raises(TypeError):
        ClockEvent(U) > "2024"  # type: ignore[operator]  # noqa: B015


def test_an_event_cannot_be_hashed_since_it_can_change() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(ClockEvent(U))


def test_an_event_shows_all_of_it() -> None:
    assert "2024-10-27" in repr(ClockEvent(U, {"x": 1}, ["a"]))
    assert "['a'],{'x': 1}" in repr(ClockEvent(U, {"x": 1}, ["a"]))


def test_a_clock_without_events_says_what_to_define() -> None:
    class Silent(Clock):
        pass

    with pytest.raises(NotImplementedError, match="Silent has to define `events`"):
        Silent().events()


def test_a_clock_keeps_what_it_was_given() -> None:
    clock = Clock(datetime(2020, 1, 1), U, {"x": 1}, ["a"])

    assert clock.start_date == pendulum.datetime(2020, 1, 1)
    assert (clock.end_date, clock.parameter_defaults, clock.labels) == (U, {"x": 1}, ["a"])
    assert (Clock().start_date, Clock().end_date, Clock().parameter_defaults, Clock().labels) == (
        None,
        None,
        {},
        None,
    )
    assert Clock(labels=[]).labels == []
