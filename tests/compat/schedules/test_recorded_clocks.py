"""Clocks and schedules give the events that 1.4.1 gave, except while clocks change and it went wrong."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
try:
    import clock_cases
finally:
    sys.path.remove(str(HERE))

RECORDED: dict[str, list[str]] = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))
CHANGES = clock_cases.CHANGES
DURING_CHANGES = [name for name in clock_cases.CASES if name.rpartition(", ")[2] in CHANGES]
IN_ORDINARY_WEEKS = [name for name in clock_cases.CASES if name not in DURING_CHANGES]

#: Moments of the changes (UTC), and their sizes in hours.
MOMENTS = {
    "Berlin spring": (datetime(2024, 3, 31, 1), 1),
    "Berlin autumn": (datetime(2024, 10, 27, 1), 1),
    "New York spring": (datetime(2024, 3, 10, 7), 1),
    "New York autumn": (datetime(2024, 11, 3, 6), 1),
    "Lord Howe spring": (datetime(2024, 10, 5, 15, 30), 0.5),
    "Lord Howe autumn": (datetime(2024, 4, 6, 15), 0.5),
    "Apia 2011": (datetime(2011, 12, 30, 10), 24),
}
#: What 1.4.1 lost in the hours after a change.
LOST_BY_1_4_1 = {
    "cron */20 * * * *, Berlin autumn": {"2024-10-27T03:00:00+01:00"},
    "cron */20 * * * *, New York autumn": {"2024-11-03T02:00:00-05:00"},
    "cron */20 2 * * *, Berlin autumn": {"2024-10-28T02:00:00+01:00"},
}


def test_every_case_was_recorded() -> None:
    assert sorted(clock_cases.CASES) == sorted(RECORDED)
    assert {name.rpartition(", ")[2] for name in DURING_CHANGES} == set(MOMENTS)


@pytest.mark.parametrize("name", IN_ORDINARY_WEEKS)
def test_the_events_are_those_of_1_4_1(name: str) -> None:
    assert clock_cases.describe(clock_cases.CASES[name]) == RECORDED[name]


# In repeated hours 1.4.1 loses times, or takes the second.
@pytest.mark.parametrize(
    "name", [name for name in DURING_CHANGES if name.startswith("cron") and "autumn" not in name]
)
def test_cron_lines_skip_and_make_up_for_hours_as_in_1_4_1(name: str) -> None:
    assert clock_cases.describe(clock_cases.CASES[name]) == RECORDED[name]


@pytest.mark.parametrize("name", DURING_CHANGES)
def test_before_and_after_a_change_the_events_are_those_of_1_4_1(name: str) -> None:
    found = clock_cases.describe(clock_cases.CASES[name])
    recorded = sorted({*RECORDED[name]} | LOST_BY_1_4_1.get(name, set()), key=moment)
    last = min(moment(found[-1]), moment(recorded[-1]))
    assert away_from(name, found, last) == away_from(name, recorded, last)


def away_from(name: str, times: list[str], last: datetime) -> list[str]:
    """The times up to a last one, without those in hours that are repeated or skipped."""
    at, hours = MOMENTS[name.rpartition(", ")[2]]
    size = timedelta(hours=hours)
    return [time for time in times if moment(time) <= last and not at - size <= moment(time) <= at + size]


def moment(time: str) -> datetime:
    return datetime.fromisoformat(time).astimezone(timezone.utc).replace(tzinfo=None)
