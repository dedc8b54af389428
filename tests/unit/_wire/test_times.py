from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect._wire.times import parse_any_time, parse_time, time_text

OFFSETS = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda delta: timezone(timedelta(minutes=delta // timedelta(minutes=1)))
)


@given(st.datetimes(timezones=OFFSETS))
def test_a_moment_survives_as_text(moment: datetime) -> None:
    found = parse_time(time_text(moment))

    assert found == moment
    assert found.utcoffset() == moment.utcoffset()


@given(st.datetimes())
def test_naive_moments_are_utc(moment: datetime) -> None:
    assert parse_time(time_text(moment)) == moment.replace(tzinfo=timezone.utc)
    assert parse_any_time(moment.isoformat()) == moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-01-02T03:04:05Z", "2030-01-02T03:04:05+00:00"),
        ("2030-01-02 03:04:05", "2030-01-02T03:04:05+00:00"),
        ("2030-01-02T03:04Z", "2030-01-02T03:04:00+00:00"),
        ("2030-01-02T03:04:05.123456789Z", "2030-01-02T03:04:05.123456+00:00"),
        ("2030-01-02T03:04:05.1-05", "2030-01-02T03:04:05.100000-05:00"),
        ("2030-01-02T03:04:05+0530", "2030-01-02T03:04:05+05:30"),
        ("2030-01-02T03:04:05.5+05:30", "2030-01-02T03:04:05.500000+05:30"),
    ],
)
def test_all_usual_forms_are_read_on_every_python(text: str, expected: str) -> None:
    assert parse_time(text).isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "2030-01-02", "yesterday", "2030-13-02T00:00:00", "2030-01-02T25:00:00Z"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)
