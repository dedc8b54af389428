"""The engine's time: the machine's, unless a test says otherwise."""

from __future__ import annotations

import datetime

from prefect.testing import FakeClock
from prefect.utilities import clock

MOMENT = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)


def test_the_time_is_aware_and_that_of_the_machine() -> None:
    before = datetime.datetime.now(datetime.timezone.utc)
    now = clock.now()

    assert before <= now <= datetime.datetime.now(datetime.timezone.utc)
    assert now.tzinfo is datetime.timezone.utc


def test_waiting_for_a_time_returns_when_it_has_come() -> None:
    moment = clock.now() + datetime.timedelta(milliseconds=5)
    clock.wait_until(moment)
    assert clock.now() >= moment

    clock.wait_until(moment - datetime.timedelta(days=1))  # has come long ago


def test_a_fake_clock_stands_in_and_goes_away() -> None:
    with FakeClock(MOMENT) as fake:
        assert clock.now() == MOMENT
        clock.wait_until(MOMENT + datetime.timedelta(hours=1))
        assert clock.now() == fake.now() == MOMENT + datetime.timedelta(hours=1)
        clock.wait_until(MOMENT)  # never goes back
        assert clock.now() == MOMENT + datetime.timedelta(hours=1)
        assert fake.advance(seconds=30) == MOMENT + datetime.timedelta(hours=1, seconds=30)
    assert clock.now() != fake.now()


def test_fake_clocks_nest() -> None:
    with FakeClock(MOMENT):
        with FakeClock("2040-01-01"):
            assert clock.now().year == 2040
        assert clock.now() == MOMENT
