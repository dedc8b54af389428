"""Timestamps have one text, whose order is the order of time."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect.server.database.times import from_text, to_text

_MOMENTS = st.datetimes(
    min_value=datetime.datetime(1900, 1, 1),
    max_value=datetime.datetime(2200, 1, 1),
    timezones=st.integers(-840, 840).map(lambda n: datetime.timezone(datetime.timedelta(minutes=n))),
)


@given(_MOMENTS, _MOMENTS)
def test_texts_are_ordered_as_times_are(one: datetime.datetime, two: datetime.datetime) -> None:
    assert from_text(to_text(one)) == one
    assert (to_text(one) < to_text(two)) == (one < two)
    assert len(to_text(one)) == 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-01-02T03:04:05Z", "2030-01-02T03:04:05.000000+00:00"),
        ("2030-01-02T03:04:05.5+02:00", "2030-01-02T01:04:05.500000+00:00"),
        ("2030-01-02T03:04:05.1234567+0000", "2030-01-02T03:04:05.123456+00:00"),
        ("2030-01-02T03:04:05.123", "2030-01-02T03:04:05.123000+00:00"),
        ("2030-01-02T03:04-05:30", "2030-01-02T08:34:00.000000+00:00"),
        ("2030-01-02", "2030-01-02T00:00:00.000000+00:00"),
    ],
)
def test_iso_texts_of_other_programs_are_read(text: str, expected: str) -> None:
    assert to_text(from_text(text)) == expected


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="tomorrow"):
        from_text("tomorrow")
