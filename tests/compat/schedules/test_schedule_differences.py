"""What docs/differences.md says of schedules is true."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pendulum
import pytest
from dateutil import rrule

from prefect.schedules import (
    CronSchedule,
    IntervalSchedule,
    RRuleSchedule,
    Schedule,
    adjustments,
    filters,
)
from prefect.schedules.clocks import DatesClock, IntervalClock

U = pendulum.datetime(2020, 1, 1)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.difference("When clocks changed, hourly schedules")
def test_an_hourly_schedule_fires_once_in_each_hour_that_passes() -> None:
    for start in [pendulum.datetime(2026, month, 1, tz="Europe/Berlin") for month in (3, 10)]:
        after = start.add(days=20)
        for schedule in [
            CronSchedule("0 * * * *", start_date=start),
            IntervalSchedule(start, HOUR),
            RRuleSchedule(rrule.rrule(rrule.HOURLY, dtstart=start)),
        ]:
            moments = [time.in_timezone("UTC") for time in schedule.next(24 * 20, after=after)]
            assert moments == [after.in_timezone("UTC").add(hours=k + 1) for k in range(24 * 20)]


@pytest.mark.difference("A schedule filtered by")
def test_a_schedule_looks_further_than_ten_thousand_events() -> None:
    schedule = Schedule([IntervalClock(timedelta(minutes=1))], filters=[filters.on_date(12, 31)])

    assert len(schedule.next(2000, after=U)) == 2000


@pytest.mark.difference("`next(0)`")
def test_no_times_are_no_times() -> None:
    assert IntervalSchedule(U, DAY).next(0, after=U) == []


@pytest.mark.difference("A cron line that never comes true")
def test_a_cron_line_that_never_comes_true_gives_no_times() -> None:
    assert CronSchedule("0 0 30 2 *").next(1, after=U) == []


@pytest.mark.difference("A cron clock missed")
def test_a_cron_clock_looks_from_the_microsecond() -> None:
    nine = pendulum.datetime(2020, 1, 1, 9)

    assert CronSchedule("0 9 * * *").next(1, after=nine.subtract(microseconds=1)) == [nine]


@pytest.mark.difference("A cron clock in a zone with a fixed offset")
def test_a_cron_clock_may_be_in_a_zone_with_a_fixed_offset() -> None:
    start = datetime(2020, 1, 1, tzinfo=timezone(3 * HOUR))

    [first] = CronSchedule("0 9 * * *", start_date=start).next(1, after=start)

    assert first.isoformat() == "2020-01-01T09:00:00+03:00"


@pytest.mark.difference("Naive dates in a `DatesClock`")
def test_naive_datetimes_are_in_utc_in_every_clock() -> None:
    rule = rrule.rrule(rrule.DAILY, dtstart=datetime(2020, 1, 2))

    assert Schedule([DatesClock([datetime(2020, 1, 2)])]).next(1, after=U) == [U.add(days=1)]
    assert RRuleSchedule(rule, end_date=U.add(days=1)).next(9, after=U) == [U.add(days=1)]


@pytest.mark.difference("`next_weekday` gave")
def test_events_that_are_moved_to_one_moment_are_one() -> None:
    schedule = Schedule([IntervalClock(DAY, start_date=U)], adjustments=[adjustments.next_weekday])

    assert [time.day for time in schedule.next(5, after=U)] == [2, 3, 6, 7, 8]


@pytest.mark.difference("`between_dates` within one month")
def test_between_dates_may_reach_around_the_year_from_any_day() -> None:
    but_a_few_days = filters.between_dates(2, 20, 2, 10)

    assert but_a_few_days(pendulum.datetime(2020, 7, 1))
    assert not but_a_few_days(pendulum.datetime(2020, 2, 15))
