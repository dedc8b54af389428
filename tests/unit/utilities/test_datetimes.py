from __future__ import annotations

import pickle
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect.utilities.datetimes import retry_delay

HOUR = timedelta(hours=1)


def test_a_plain_delay_stays_the_same() -> None:
    delay = retry_delay(timedelta(seconds=3))

    assert [delay(run) for run in (1, 2, 50)] == [timedelta(seconds=3)] * 3


def test_keywords_make_the_interval() -> None:
    assert retry_delay(minutes=3)(1) == timedelta(minutes=3)
    assert retry_delay(None, 0, 60, minutes=3)(1) == timedelta(minutes=4)


def test_backoff_doubles_from_the_third_run_on() -> None:
    delay = retry_delay(seconds=3, exponential_backoff=True)

    assert [delay(run).total_seconds() for run in range(1, 6)] == [3, 3, 6, 12, 24]


def test_no_delay_exceeds_the_maximum() -> None:
    delay = retry_delay(seconds=3, exponential_backoff=True)

    assert delay(20) == timedelta(hours=2)
    assert delay(5000) == timedelta(hours=2)
    assert retry_delay(days=1, max_delay=HOUR)(1) == HOUR
    assert retry_delay(seconds=0, exponential_backoff=True)(5000) == timedelta(0)


@given(st.integers(1, 60), st.floats(0, 1), st.booleans())
def test_jitter_stays_within_its_share_of_the_delay(run: int, jitter: float, growing: bool) -> None:
    plain = retry_delay(seconds=10, exponential_backoff=growing)(run)

    delay = retry_delay(seconds=10, exponential_backoff=growing, jitter=jitter)(run)

    assert abs(delay - plain) <= plain * jitter + timedelta(microseconds=1)
    assert delay >= timedelta(0)


def test_jitter_spreads_delays() -> None:
    delay = retry_delay(seconds=10, jitter=0.5)

    assert len({delay(1) for _ in range(20)}) > 1


def test_delays_travel_to_other_processes() -> None:
    delay = pickle.loads(pickle.dumps(retry_delay(seconds=3, exponential_backoff=True)))

    assert delay(4) == timedelta(seconds=12)
    assert repr(delay) == "<retry_delay: 0:00:03, exponential, at most 2:00:00>"


@pytest.mark.parametrize("kwargs", [{"interval": HOUR, "minutes": 1}, {}])
def test_exactly_one_way_to_give_the_interval(kwargs: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="interval"):
        retry_delay(**kwargs)  # type: ignore[arg-type]


def test_jitter_is_a_fraction() -> None:
    with pytest.raises(ValueError, match="`jitter` is a fraction between 0 and 1, not 10"):
        retry_delay(seconds=1, jitter=10)
