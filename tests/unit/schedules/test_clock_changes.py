"""When the clocks of a time zone change: one rule for all clocks, checked in every zone.

The expected events are computed here minute by minute, from the definition of the rule alone.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from importlib import resources
from itertools import islice, pairwise, takewhile
from typing import NamedTuple

import pendulum
import pytest
from dateutil import rrule
from hypothesis import given
from hypothesis import strategies as st

from prefect.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule
from prefect.schedules.clocks import Clock, CronClock, DatesClock, IntervalClock, RRuleClock

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = sorted(zoneinfo.available_timezones() - {"Factory", "localtime"})


# ---------------------------------------------------------------------- the rule in examples
BERLIN, NEW_YORK, LORD_HOWE, APIA = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)


@pytest.mark.parametrize(
    ("zone", "cron", "after", "expected"),
    [
        # A fixed time that occurs twice fires once, the first time.
        (BERLIN, "30 2 * * *", "2024-10-26T12:00", "10-27T02:30+02:00 10-28T02:30+01:00"),
        (NEW_YORK, "30 1 * * *", "2024-11-02T12:00", "11-03T01:30-04:00 11-04T01:30-05:00"),
        (LORD_HOWE, "45 1 * * *", "2024-04-06T12:00", "04-07T01:45+11:00 04-08T01:45+10:30"),
        (
            BERLIN,
            "0 1,2,3 * * *",
            "2024-10-27T00:00",
            "10-27T01:00+02:00 10-27T02:00+02:00 10-27T03:00+01:00",
        ),
        (BERLIN, "0 */2 * * *", "2024-10-27T00:00", "10-27T02:00+02:00 10-27T04:00+01:00"),
        # One that does not exist fires at the first instant after the gap.
        (BERLIN, "30 2 * * *", "2024-03-30T12:00", "03-31T03:00+02:00 04-01T02:30+02:00"),
        (NEW_YORK, "30 2 * * *", "2024-03-09T12:00", "03-10T03:00-04:00 03-11T02:30-04:00"),
        (LORD_HOWE, "15 2 * * *", "2024-10-05T12:00", "10-06T02:30+11:00 10-07T02:15+11:00"),
        (APIA, "0 12 * * *", "2011-12-29T06:00", "12-29T12:00-10:00 12-31T00:00+14:00 12-31T12:00+14:00"),
        (APIA, "0 12 30 12 *", "2011-12-01T00:00", "12-31T00:00+14:00 12-30T12:00+14:00"),
        # Several times in one gap fire once; so does one that falls on the end of the gap.
        (BERLIN, "0,30 2 * * *", "2024-03-30T12:00", "03-31T03:00+02:00 04-01T02:00+02:00"),
        (BERLIN, "0 2,3 * * *", "2024-03-30T12:00", "03-31T03:00+02:00 04-01T02:00+02:00"),
        (BERLIN, "*/20 2 * * *", "2024-03-30T12:00", "03-31T03:00+02:00 04-01T02:00+02:00"),
        # Every hour is every hour that passes.
        (
            BERLIN,
            "0 * * * *",
            "2024-10-27T00:30",
            "10-27T01:00+02:00 10-27T02:00+02:00 10-27T02:00+01:00 10-27T03:00+01:00",
        ),
        (BERLIN, "30 * * * *", "2024-03-31T00:30", "03-31T01:30+01:00 03-31T03:30+02:00"),
        (LORD_HOWE, "0 * * * *", "2024-10-06T00:30", "10-06T01:00+10:30 10-06T03:00+11:00"),
        (
            LORD_HOWE,
            "*/20 * * * *",
            "2024-04-07T01:20",
            "04-07T01:40+11:00 04-07T01:40+10:30 04-07T02:00+10:30",
        ),
        # Minutes with a `*` go on in both passes of the hour.
        (
            BERLIN,
            "*/30 2 * * *",
            "2024-10-26T12:00",
            "10-27T02:00+02:00 10-27T02:30+02:00 10-27T02:00+01:00 10-27T02:30+01:00 10-28T02:00+01:00",
        ),
    ],
)
def test_a_cron_line_follows_the_rule(zone: str, cron: str, after: str, expected: str) -> None:
    start = pendulum.parse(after, tz=zone)
    assert isinstance(start, pendulum.DateTime)

    times = CronSchedule(cron, start_date=start).next(len(expected.split()), after=start)

    assert short(times) == expected.split()


@pytest.mark.parametrize(
    ("zone", "interval", "start", "after", "expected"),
    [
        # Days, and intervals longer than the change, are fixed times of the wall clock.
        (BERLIN, DAY, "2024-10-01T02:30", "2024-10-26T12:00", "10-27T02:30+02:00 10-28T02:30+01:00"),
        (BERLIN, DAY, "2024-03-01T02:30", "2024-03-30T12:00", "03-31T03:00+02:00 04-01T02:30+02:00"),
        (BERLIN, 6 * HOUR, "2024-01-01T00:00", "2024-07-01T01:00", "07-01T06:00+02:00 07-01T12:00+02:00"),
        (BERLIN, 6 * HOUR, "2024-10-01T02:00", "2024-10-26T21:00", "10-27T02:00+02:00 10-27T08:00+01:00"),
        (LORD_HOWE, HOUR, "2024-04-01T00:45", "2024-04-07T00:50", "04-07T01:45+11:00 04-07T02:45+10:30"),
        (APIA, DAY, "2011-12-01T12:00", "2011-12-29T13:00", "12-31T00:00+14:00 12-31T12:00+14:00"),
        # Shorter ones go on.
        (
            BERLIN,
            HOUR,
            "2024-10-01T00:00",
            "2024-10-27T01:30",
            "10-27T02:00+02:00 10-27T02:00+01:00 10-27T03:00+01:00",
        ),
        (BERLIN, HOUR, "2024-03-01T00:15", "2024-03-31T01:00", "03-31T01:15+01:00 03-31T03:15+02:00"),
        (
            BERLIN,
            20 * MINUTE,
            "2024-10-01T00:00",
            "2024-10-27T01:50",
            "10-27T02:00+02:00 10-27T02:20+02:00 10-27T02:40+02:00 10-27T02:00+01:00",
        ),
        (
            LORD_HOWE,
            30 * MINUTE,
            "2024-04-01T00:00",
            "2024-04-07T01:00",
            "04-07T01:30+11:00 04-07T01:30+10:30 04-07T02:00+10:30",
        ),
        (
            APIA,
            6 * HOUR,
            "2011-12-01T00:00",
            "2011-12-29T17:00",
            "12-29T18:00-10:00 12-31T00:00+14:00 12-31T06:00+14:00",
        ),
    ],
)
def test_an_interval_follows_the_rule(
    zone: str, interval: timedelta, start: str, after: str, expected: str
) -> None:
    begin, moment = pendulum.parse(start, tz=zone), pendulum.parse(after, tz=zone)
    assert isinstance(begin, pendulum.DateTime)
    assert isinstance(moment, pendulum.DateTime)

    times = IntervalSchedule(begin, interval).next(len(expected.split()), after=moment)

    assert short(times) == expected.split()


@pytest.mark.parametrize(
    ("rule", "start", "after", "expected"),
    [
        ("FREQ=DAILY", "2024-10-01T02:30", "2024-10-26T12:00", "10-27T02:30+02:00 10-28T02:30+01:00"),
        ("FREQ=WEEKLY", "2024-03-10T02:30", "2024-03-30T12:00", "03-31T03:00+02:00 04-07T02:30+02:00"),
        (
            "FREQ=MONTHLY;BYDAY=-1SU",
            "2024-03-10T02:30",
            "2024-03-30T12:00",
            "03-31T03:00+02:00 04-28T02:30+02:00",
        ),
        (
            "FREQ=HOURLY",
            "2024-10-01T00:00",
            "2024-10-27T01:30",
            "10-27T02:00+02:00 10-27T02:00+01:00 10-27T03:00+01:00",
        ),
        ("FREQ=HOURLY", "2024-03-01T00:15", "2024-03-31T01:00", "03-31T01:15+01:00 03-31T03:15+02:00"),
        (
            "FREQ=HOURLY;BYHOUR=2",
            "2024-10-01T00:00",
            "2024-10-27T01:30",
            "10-27T02:00+02:00 10-28T02:00+01:00",
        ),
        (
            "FREQ=HOURLY;BYHOUR=2",
            "2024-03-01T00:15",
            "2024-03-31T01:00",
            "03-31T03:00+02:00 04-01T02:15+02:00",
        ),
        (
            "FREQ=MINUTELY;INTERVAL=30;BYHOUR=2",
            "2024-10-01T00:00",
            "2024-10-27T01:30",
            "10-27T02:00+02:00 10-27T02:30+02:00 10-27T02:00+01:00 10-27T02:30+01:00",
        ),
        (
            "FREQ=MINUTELY;BYHOUR=2;BYMINUTE=0,30",
            "2024-10-01T00:00",
            "2024-10-27T01:30",
            "10-27T02:00+02:00 10-27T02:30+02:00 10-28T02:00+01:00",
        ),
        (
            "FREQ=MINUTELY;BYMINUTE=30",
            "2024-10-01T00:00",
            "2024-10-27T01:30",
            "10-27T02:30+02:00 10-27T02:30+01:00",
        ),
    ],
)
def test_a_recurrence_rule_follows_the_rule(rule: str, start: str, after: str, expected: str) -> None:
    begin, moment = pendulum.parse(start, tz=BERLIN), pendulum.parse(after, tz=BERLIN)
    assert isinstance(moment, pendulum.DateTime)

    found = rrule.rrulestr(rule, dtstart=begin)

    times = RRuleSchedule(found).next(len(expected.split()), after=moment)

    assert short(times) == expected.split()


def test_a_start_in_the_second_pass_of_an_hour_fires_then() -> None:
    start = pendulum.datetime(2024, 10, 27, 2, 30, tz=BERLIN, fold=1)

    daily = IntervalSchedule(start, DAY).next(2, after=start.subtract(days=1))
    hourly = IntervalSchedule(start, HOUR).next(2, after=start.subtract(days=1))

    assert short(daily) == ["10-27T02:30+01:00", "10-28T02:30+01:00"]
    assert short(hourly) == ["10-27T02:30+01:00", "10-27T03:30+01:00"]


def test_a_start_that_does_not_exist_is_what_clocks_show_at_that_moment() -> None:
    start = datetime(2024, 3, 31, 2, 30, tzinfo=zoneinfo.ZoneInfo(BERLIN))

    [first] = IntervalSchedule(start, DAY).next(1, after=datetime(2024, 3, 30))

    assert short([first]) == ["03-31T03:30+02:00"]


def test_events_of_a_repeated_hour_are_told_apart_when_clocks_are_merged() -> None:
    start = pendulum.datetime(2024, 10, 1, tz=BERLIN)
    schedule = Schedule(
        [IntervalClock(HOUR, start_date=start), CronClock("*/30 * * * *", start_date=start.in_tz("UTC"))]
    )

    found = schedule.next(6, after=pendulum.datetime(2024, 10, 27, 1, 45, tz=BERLIN))

    assert [time.in_tz("UTC").format("HH:mm") for time in found] == [
        "00:00", "00:30", "01:00", "01:30", "02:00", "02:30",
    ]  # fmt: skip


def short(times: Iterable[datetime]) -> list[str]:
    return [time.isoformat(timespec="minutes")[5:] for time in times]


# ---------------------------------------------------------------------- every zone
class Change(NamedTuple):
    """Clocks jump at a moment (naive UTC) from one offset to another."""

    zone: str
    at: datetime
    before: timedelta
    after: timedelta

    @property
    def size(self) -> timedelta:
        return abs(self.after - self.before)


def offset_at(moment: datetime, tz: zoneinfo.ZoneInfo) -> timedelta:
    found = moment.replace(tzinfo=timezone.utc).astimezone(tz).utcoffset()
    assert found is not None
    return found


@cache
def changes_of(zone: str, first_year: int = 1970, last_year: int = 2100) -> tuple[Change, ...]:
    """All changes of a zone, found by looking every third day."""
    tz = zoneinfo.ZoneInfo(zone)
    found = []
    low, end = datetime(first_year, 1, 1), datetime(last_year, 12, 31)
    offset = offset_at(low, tz)
    while low < end:
        high = low + 3 * DAY
        if (next_offset := offset_at(high, tz)) != offset:
            a, b = low, high
            while b - a > timedelta(seconds=1):
                middle = a + timedelta(seconds=(b - a).total_seconds() // 2)
                a, b = (middle, b) if offset_at(middle, tz) == offset else (a, middle)
            found.append(Change(zone, b, offset, next_offset))
        low, offset = high, next_offset
    return tuple(found)


def expected_events(
    matches: Callable[[datetime], bool], change: Change, reach: timedelta, *, twice: bool, make_up: bool
) -> list[datetime]:
    """Moments around a change at which wall times that match fire, by definition."""
    found = set()
    low, high = change.at - reach, change.at + reach
    for offset, start, end in [(change.before, low, change.at), (change.after, change.at, high)]:
        wall = next_minute(start + offset)
        while wall - offset < end:
            is_second = start == change.at and wall < change.at + change.before
            if matches(wall) and (twice or not is_second):
                found.add(wall - offset)
            wall += MINUTE
    if make_up:
        wall = next_minute(change.at + change.before)
        while wall < change.at + change.after:
            if matches(wall):
                found.add(change.at)
            wall += MINUTE
    return sorted(found)


def next_minute(moment: datetime) -> datetime:
    whole = moment.replace(second=0, microsecond=0)
    return whole if whole == moment else whole + MINUTE


def events_around(clock: Clock, change: Change, reach: timedelta) -> list[datetime]:
    """What a clock gives around a change, as naive UTC."""
    after = change.at - reach - timedelta(microseconds=1)
    times = (event.start_time for event in clock.events(after.replace(tzinfo=timezone.utc)))
    moments = (time.in_timezone("UTC").naive() for time in times)
    return list(takewhile(lambda moment: moment < change.at + reach, moments))


def local(moment: datetime, change: Change) -> pendulum.DateTime:
    return pendulum.instance(moment.replace(tzinfo=timezone.utc)).in_timezone(change.zone)


@st.composite
def some_change(draw: st.DrawFn) -> Change:
    """A change of any zone in any year from 1970 to 2100; in a zone without changes, nothing at all."""
    zone = draw(st.sampled_from(ZONES))
    changes = changes_of(zone)
    if changes:
        return draw(st.sampled_from(changes))
    offset = offset_at(datetime(2000, 1, 1), zoneinfo.ZoneInfo(zone))
    return Change(zone, datetime(draw(st.integers(1970, 2100)), 6, 1), offset, offset)


def values(highest: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, highest), min_size=1, max_size=5, unique=True).map(sorted)


@st.composite
def cron_field(draw: st.DrawFn, highest: int, steps: tuple[int, int]) -> tuple[str, list[int]]:
    kind = draw(st.sampled_from(["every", "step", "list"]))
    if kind == "every":
        return "*", list(range(highest + 1))
    if kind == "step":
        step = draw(st.integers(*steps))
        return f"*/{step}", list(range(0, highest + 1, step))
    found = draw(values(highest))
    return ",".join(map(str, found)), found


@given(some_change(), cron_field(59, (2, 59)), cron_field(23, (2, 23)), st.integers(0, 60))
def test_in_every_zone_a_cron_line_fires_when_the_rule_says(
    change: Change, minute: tuple[str, list[int]], hour: tuple[str, list[int]], seconds: int
) -> None:
    cron = f"{minute[0]} {hour[0]} * * *"
    reach = change.size + DAY + timedelta(seconds=seconds)
    clock = CronClock(cron, start_date=local(change.at - reach, change))

    found = events_around(clock, change, reach)

    assert found == expected_events(
        lambda wall: wall.minute in minute[1] and wall.hour in hour[1],
        change,
        reach,
        twice=hour[0] == "*" or "*" in minute[0],
        make_up=hour[0] != "*",
    )


@given(some_change(), st.integers(1, 5000), st.integers(0, 3000))
def test_in_every_zone_an_interval_fires_when_the_rule_says(
    change: Change, minutes: int, minutes_before: int
) -> None:
    step, reach = minutes * MINUTE, change.size + DAY
    start = next_minute(change.at - reach - minutes_before * MINUTE + change.before)
    clock = IntervalClock(step, start_date=local(start - change.before, change))

    found = events_around(clock, change, reach)

    assert found == expected_events(
        lambda wall: (wall - start) % step == timedelta(0) and wall >= start,
        change,
        reach,
        twice=step < DAY and step <= change.size,
        make_up=step >= DAY or step > change.size,
    )


@given(
    some_change(),
    st.sampled_from([(rrule.DAILY, DAY), (rrule.HOURLY, HOUR), (rrule.MINUTELY, MINUTE)]),
    st.integers(1, 100),
    st.integers(0, 3000),
)
def test_in_every_zone_a_recurrence_rule_fires_when_the_rule_says(
    change: Change, freq: tuple[int, timedelta], interval: int, minutes_before: int
) -> None:
    step, reach = freq[1] * interval, change.size + DAY
    start = next_minute(change.at - reach - minutes_before * MINUTE + change.before)
    begin = local(start - change.before, change)
    clock = RRuleClock(rrule.rrule(freq[0], interval=interval, dtstart=begin))

    found = events_around(clock, change, reach)

    assert found == expected_events(
        lambda wall: (wall - start) % step == timedelta(0) and wall >= start,
        change,
        reach,
        twice=freq[0] != rrule.DAILY and step <= change.size,
        make_up=freq[0] == rrule.DAILY or step > change.size,
    )


@given(some_change(), st.data())
def test_asking_again_after_each_event_gives_the_same_events(change: Change, data: st.DataObject) -> None:
    start = local(change.at - 2 * DAY, change)
    clock = data.draw(
        st.sampled_from(
            [
                CronClock("*/20 * * * *", start_date=start),
                CronClock("30 0-4 * * *", start_date=start),
                CronClock("*/30 1-3 * * *", start_date=start),
                IntervalClock(10 * MINUTE, start_date=start),
                IntervalClock(HOUR, start_date=start),
                IntervalClock(DAY, start_date=start),
                RRuleClock(rrule.rrule(rrule.HOURLY, dtstart=start)),
                RRuleClock(rrule.rrule(rrule.DAILY, dtstart=start, byhour=[1, 2, 3], byminute=[0, 30])),
                DatesClock([local(change.at + hours * HOUR, change) for hours in range(-9, 9)]),
            ]
        )
    )
    schedule = Schedule([clock])
    after = local(change.at - change.size - 2 * HOUR, change)
    found = schedule.next(12, after=after)
    moments = [time.timestamp() for time in found]
    assert len(found) > 1
    assert all(a < b for a, b in pairwise(moments))

    for time in found:
        [again] = schedule.next(1, after=after)
        assert again.timestamp() == time.timestamp()
        assert again.utcoffset() == time.utcoffset()
        after = again


@pytest.mark.slow
@pytest.mark.parametrize("first_letter", sorted({zone[0] for zone in ZONES}))
def test_at_every_change_of_every_zone_a_daily_time_fires_once(first_letter: str) -> None:
    seen = set()
    for zone in ZONES:
        if zone[0] != first_letter:
            continue
        for change in changes_of(zone):
            if change[1:] in seen:  # zones share their history
                continue
            seen.add(change[1:])
            wall = next_minute(change.at + min(change.before, change.after))
            clock = CronClock(f"{wall.minute} {wall.hour} * * *", start_date=local(change.at - DAY, change))
            during = change.at if change.after > change.before else wall - change.before
            if wall - min(change.before, change.after) >= change.at + change.size:
                continue  # a change that is shorter than a minute
            if change.size < 4 * HOUR:
                assert events_around(clock, change, 20 * HOUR) == [during], change
            else:
                assert during in events_around(clock, change, 20 * HOUR + change.size), change


@given(some_change(), st.integers(-3000, 3000))
def test_every_time_is_after_the_moment_asked_for(change: Change, minutes: int) -> None:
    after = local(change.at + minutes * MINUTE, change)
    for schedule in [
        CronSchedule("*/7 * * * *", start_date=local(change.at - 9 * DAY, change)),
        CronSchedule("17 * * * *", start_date=local(change.at - 9 * DAY, change)),
        IntervalSchedule(local(change.at - 9 * DAY, change), 13 * MINUTE),
    ]:
        [first] = schedule.next(1, after=after)
        assert timedelta(0) < first - after
        assert (first - after).total_seconds() <= 3600 + change.size.total_seconds()


def test_zones_of_other_libraries_are_the_same_zones() -> None:
    import pytz
    from dateutil import tz as dateutil_zones

    wall = datetime(2024, 3, 30, 2, 30)
    starts = [
        wall.replace(tzinfo=zoneinfo.ZoneInfo(BERLIN)),
        wall.replace(tzinfo=dateutil_zones.gettz(BERLIN)),
        pytz.timezone(BERLIN).localize(wall),
        pendulum.datetime(2024, 3, 30, 2, 30, tz=BERLIN),
    ]
    for start in starts:
        found = CronSchedule("30 2 * * *", start_date=start).next(2, after=datetime(2024, 3, 30))
        assert [time.timezone_name for time in found] == [BERLIN, BERLIN]
        assert short(found) == ["03-30T02:30+01:00", "03-31T03:00+02:00"]


def test_fixed_offsets_of_other_libraries_are_kept() -> None:
    import pytz
    from dateutil import tz as dateutil_zones

    wall = datetime(2024, 3, 30, 2, 30)
    for zone in [
        timezone(HOUR * 3),
        pytz.FixedOffset(180),
        dateutil_zones.tzoffset("somewhere", 3 * 3600),
        pendulum.FixedTimezone(3 * 3600),
    ]:
        found = CronSchedule("0 9 * * *", start_date=wall.replace(tzinfo=zone)).next(1, after=wall)
        assert short(found) == ["03-30T09:00+03:00"]
    for zone in [timezone.utc, pytz.utc, dateutil_zones.UTC, zoneinfo.ZoneInfo("UTC"), None]:
        found = CronSchedule("0 9 * * *", start_date=wall.replace(tzinfo=zone)).next(1, after=wall)
        assert [time.timezone_name for time in found] == ["UTC"]


def test_a_zone_without_a_name_changes_its_clocks_too() -> None:
    from dateutil import tz as dateutil_zones

    zone = dateutil_zones.tzstr("CET-1CEST,M3.5.0,M10.5.0/3")
    start = datetime(2024, 3, 30, tzinfo=zone)

    found = list(islice(CronClock("30 2 * * *", start_date=start).events(after=start), 3))

    assert short(event.start_time for event in found) == [
        "03-30T02:30+01:00", "03-31T03:00+02:00", "04-01T02:30+02:00",
    ]  # fmt: skip


def test_a_zone_read_from_a_file_keeps_its_own_name() -> None:
    with resources.files("tzdata").joinpath("zoneinfo", "Europe", "Berlin").open("rb") as file:
        zone = zoneinfo.ZoneInfo.from_file(file, key="Company/Berlin")  # type: ignore[arg-type]
    start = datetime(2024, 3, 30, tzinfo=zone)

    [first, second] = CronSchedule("30 2 * * *", start_date=start).next(2, after=start)

    assert short([first, second]) == ["03-30T02:30+01:00", "03-31T03:00+02:00"]
    assert first.tzinfo is zone


def test_a_zone_of_ones_own_works_as_well() -> None:
    class Camp(tzinfo):
        """An hour ahead, from the second day on two."""

        def utcoffset(self, dt: datetime) -> timedelta:  # type: ignore[override]
            return HOUR + self.dst(dt)

        def dst(self, dt: datetime) -> timedelta:  # type: ignore[override]
            return HOUR if dt.replace(tzinfo=None) >= datetime(2024, 7, 2, 2) else timedelta(0)

    start = datetime(2024, 7, 1, tzinfo=Camp())

    found = CronSchedule("30 2 * * *", start_date=start).next(3, after=start)

    assert short(found) == ["07-01T02:30+01:00", "07-02T03:00+02:00", "07-03T02:30+02:00"]
