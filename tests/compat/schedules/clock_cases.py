"""Clocks whose events were recorded with 1.4.1, in ordinary weeks and when clocks change.

`python clock_cases.py > recorded.json`, run with Prefect 1.4.1, records them anew. So this file imports only what
both versions have. A case has a clock (or a schedule), the moment after which to look, and how many events.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import time, timedelta
from itertools import islice
from typing import Any

import pendulum
from dateutil import rrule

from prefect.schedules import Schedule, adjustments, clocks, filters

BERLIN, NEW_YORK, LORD_HOWE, APIA = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
CASES: dict[str, tuple[Callable[[], Any], Any, int]] = {}


def at(text: str, tz: str = "UTC") -> Any:
    return pendulum.parse(text, tz=tz)


def add(name: str, make: Callable[[], Any], after: Any, n: int = 8) -> None:
    assert name not in CASES
    CASES[name] = (make, after, n)


# ---------------------------------------------------------------------- ordinary weeks
START = at("2024-02-26T10:20:30")
for line in [
    "* * * * *",
    "*/5 9-17 * * 1-5",
    "0 3 1 * *",
    "0 9 * * mon-fri",
    "@hourly",
    "@daily",
    "@weekly",
    "@monthly",
    "@yearly",
    "0 0 L * *",
    "0 12 L,15 * *",
    "30 6 * * 1#2",
    "30 6 * * L5",
    "0 0 29 2 *",
    "0 0 13 * 5",
    "0 0 1-7 jan,jul sun",
    "0 22-4/2 * * *",
    "5/20 * * * *",
    "58-3 * * * *",
    "0 0 * * 0",
    "0 0 * * 7",
    "0 0 ? * 6-1",
    "0 0 */10 * *",
    "0 0 * * * */20",
    "15 10 * * * 30",
    "0 0 1 1 * 0 2030-2090",
    "0 0 31 * *",
    "0 0 15W * *",
]:
    add(f"cron {line}", lambda line=line: clocks.CronClock(line), START)
    add(
        f"cron {line}, New York",
        lambda line=line: clocks.CronClock(line, start_date=at("2024-02-01", NEW_YORK)),
        START,
        3,
    )
for line in ["0 0 13 * 5", "0 0 1-7 * mon", "0 0 29 2 4", "0 0 L * 5"]:
    add(f"cron {line}, both days", lambda line=line: clocks.CronClock(line, day_or=False), START, 5)
add(
    "cron, start in the future",
    lambda: clocks.CronClock("0 9 * * *", start_date=at("2025-01-01T09:00", BERLIN)),
    START,
    3,
)
add(
    "cron, start a microsecond late",
    lambda: clocks.CronClock("0 9 * * *", start_date=at("2025-01-01T09:00:00.000001")),
    START,
    3,
)
add(
    "cron, end included",
    lambda: clocks.CronClock("0 9 * * *", end_date=at("2024-02-28T09:00")),
    START,
)
for seconds in (1, 60, 90, 300, 3600, 7 * 3600, 86_400, 90_000, 7 * 86_400, 1000 * 86_400):
    for name, start in [
        ("", None),
        (", start before", at("2024-01-10T04:05:06", NEW_YORK)),
        (", start after", at("2024-03-02T01:02:03.000004", "Asia/Kolkata")),
    ]:
        add(
            f"interval of {seconds} s{name}",
            lambda seconds=seconds, start=start: clocks.IntervalClock(
                timedelta(seconds=seconds), start_date=start
            ),
            START,
            4,
        )
add(
    "interval, after is an event", lambda: clocks.IntervalClock(timedelta(hours=1)), at("2024-02-26T10:00"), 3
)
add(
    "interval, start is after",
    lambda: clocks.IntervalClock(timedelta(hours=1), start_date=START),
    START,
    3,
)
add(
    "interval, end included",
    lambda: clocks.IntervalClock(timedelta(hours=6), start_date=at("2024-02-26"), end_date=at("2024-02-27")),
    START,
)
add(
    "interval, end before start",
    lambda: clocks.IntervalClock(timedelta(hours=6), start_date=at("2024-02-26"), end_date=at("2024-02-25")),
    START,
)
add(
    "dates",
    lambda: clocks.DatesClock([at("2024-03-02"), at("2024-03-01T05:00", BERLIN), at("2024-01-01")]),
    START,
)
for text in [
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3;COUNT=5",
    "FREQ=DAILY;UNTIL=20240301T000000",
    "FREQ=WEEKLY;BYDAY=MO,WE;INTERVAL=2",
    "FREQ=WEEKLY;BYDAY=SU;INTERVAL=2;WKST=SU",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
    "FREQ=YEARLY;BYEASTER=0",
    "FREQ=HOURLY;INTERVAL=5",
    "FREQ=HOURLY;BYHOUR=9,17",
    "FREQ=MINUTELY;INTERVAL=7;BYHOUR=8",
    "FREQ=SECONDLY;INTERVAL=11",
    "FREQ=DAILY;BYHOUR=6,18;BYMINUTE=0,30",
]:
    add(
        f"rrule {text}",
        lambda text=text: clocks.RRuleClock(rrule.rrulestr(f"DTSTART:20240103T040506\nRRULE:{text}")),
        START,
        5,
    )


def rule_set() -> Any:
    found = rrule.rruleset()
    found.rrule(rrule.rrule(rrule.DAILY, dtstart=at("2024-02-20").naive(), count=12))
    found.rrule(rrule.rrule(rrule.WEEKLY, dtstart=at("2024-02-21").naive(), count=3))
    found.exdate(at("2024-02-29").naive())
    found.exrule(rrule.rrule(rrule.DAILY, dtstart=at("2024-02-20").naive(), interval=7))
    return found


add("rrule set", lambda: clocks.RRuleClock(rule_set()), START, 20)
add(
    "rrule, start and end",
    lambda: clocks.RRuleClock(
        rrule.rrule(rrule.DAILY, dtstart=at("2024-01-01", NEW_YORK)),
        start_date=at("2024-03-01"),
        end_date=at("2024-03-05"),
    ),
    START,
)
DAY = clocks.IntervalClock(timedelta(days=1), start_date=at("2024-02-24T08:00"))
HOUR = clocks.IntervalClock(timedelta(hours=1), start_date=at("2024-02-24"))
add("schedule of two clocks", lambda: Schedule([DAY, HOUR]), START, 30)
add("schedule of weekdays", lambda: Schedule([DAY], filters=[filters.is_weekday]), START, 8)
add(
    "schedule with all filters",
    lambda: Schedule(
        [HOUR],
        filters=[filters.is_weekday, filters.between_dates(11, 30, 3, 15)],
        or_filters=[filters.between_times(time(22), time(3)), filters.at_time(time(12))],
        not_filters=[filters.is_month_end, filters.is_day_of_week(1), filters.on_date(3, 1)],
    ),
    START,
    30,
)
THIRD_DAY = clocks.IntervalClock(timedelta(days=3), start_date=at("2024-02-24T08:00"))
add(
    "schedule with next_weekday",
    lambda: Schedule([THIRD_DAY], adjustments=[adjustments.next_weekday]),
    START,
    9,
)
add(
    "schedule with add", lambda: Schedule([DAY], adjustments=[adjustments.add(timedelta(hours=30))]), START, 3
)

# ---------------------------------------------------------------------- when clocks change
# Zone and a moment shortly before the change.
CHANGES = {
    "Berlin spring": at("2024-03-31T00:30", BERLIN),
    "Berlin autumn": at("2024-10-27T00:30", BERLIN),
    "New York spring": at("2024-03-10T00:30", NEW_YORK),
    "New York autumn": at("2024-11-03T00:30", NEW_YORK),
    "Lord Howe spring": at("2024-10-06T00:30", LORD_HOWE),
    "Lord Howe autumn": at("2024-04-07T00:30", LORD_HOWE),
    "Apia 2011": at("2011-12-29T22:30", APIA),
}
for change, hour_before in CHANGES.items():
    day_before = hour_before.subtract(days=1)
    for line in ["0 * * * *", "*/20 * * * *", "30 * * * *", "0 */2 * * *", "0,30 1-3 * * *", "*/20 2 * * *"]:
        add(
            f"cron {line}, {change}",
            lambda line=line, start=day_before: clocks.CronClock(line, start_date=start),
            hour_before,
            12,
        )
    for line in ["15 1", "30 1", "45 1", "15 2", "30 2", "0 12", "0 3", "0 0"]:
        add(
            f"cron {line} * * *, {change}",
            lambda line=line, start=day_before: clocks.CronClock(f"{line} * * *", start_date=start),
            day_before,
            3,
        )
    # Started a week before. (On the first day 1.4.1 counts elapsed time, later on the wall clock.)
    for hour, minute in [(0, 0), (1, 45), (2, 15)]:
        start = day_before.subtract(days=7).at(hour, minute)
        for minutes in [10, 30, 60, 360, 720, 1440, 2160, 10_080]:
            add(
                f"interval of {minutes} min from {hour}:{minute:02}, {change}",
                lambda minutes=minutes, start=start: clocks.IntervalClock(
                    timedelta(minutes=minutes), start_date=start
                ),
                hour_before if minutes <= 60 else day_before,
                12 if minutes <= 60 else 5,
            )
        for freq in [rrule.HOURLY, rrule.DAILY, rrule.WEEKLY]:
            add(
                f"rrule of frequency {freq} from {hour}:{minute:02}, {change}",
                lambda freq=freq, start=start: clocks.RRuleClock(rrule.rrule(freq, dtstart=start)),
                hour_before if freq == rrule.HOURLY else day_before,
                6 if freq == rrule.HOURLY else 4,
            )


def describe(case: tuple[Callable[[], Any], Any, int]) -> list[str]:
    """The events of a case, in the time of their zone."""
    make, after, n = case
    found = make()
    if isinstance(found, Schedule):
        times = found.next(n, after=after)
    else:
        times = [event.start_time for event in islice(found.events(after=after), n)]
    return [time.isoformat() for time in times]


if __name__ == "__main__":
    json.dump({name: describe(case) for name, case in CASES.items()}, sys.stdout, indent=0)
