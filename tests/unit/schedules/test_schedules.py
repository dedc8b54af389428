"""Schedules: events of several clocks, filtered and adjusted."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import pendulum
import pytest
from dateutil import rrule

import prefect.schedules
from prefect.schedules import (
    CronSchedule,
    IntervalSchedule,
    RRuleSchedule,
    Schedule,
    adjustments,
    filters,
)
from prefect.schedules.clocks import Clock, ClockEvent, CronClock, DatesClock, IntervalClock, RRuleClock

U = pendulum.datetime(2020, 1, 1)  # a Wednesday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def every(interval: timedelta, **settings: Any) -> IntervalClock:
    return IntervalClock(interval, start_date=U, **settings)


# ---------------------------------------------------------------------- next
def test_next_gives_the_next_times_in_order() -> None:
    schedule = Schedule([every(6 * HOUR)])

    assert schedule.next(3, after=U) == [U.add(hours=6), U.add(hours=12), U.add(hours=18)]
    assert {type(found) for found in schedule.next(3, after=U)} == {pendulum.DateTime}


def test_next_gives_events_when_asked() -> None:
    [event] = Schedule([every(HOUR, parameter_defaults={"x": 1}, labels=["a"])]).next(
        1, after=U, return_events=True
    )

    assert type(event) is ClockEvent
    assert (event.start_time, event.parameter_defaults, event.labels) == (U.add(hours=1), {"x": 1}, ["a"])


def test_without_after_times_are_in_the_future() -> None:
    found = Schedule([every(HOUR), CronClock("* * * * *")]).next(5)

    assert found[0] > datetime.now(timezone.utc) - timedelta(seconds=30)


def test_ten_thousand_times_are_ten_thousand_times() -> None:
    for schedule in [
        IntervalSchedule(U, HOUR),
        CronSchedule("*/5 9-17 * * 1-5"),
        RRuleSchedule(rrule.rrule(rrule.DAILY, dtstart=datetime(2020, 1, 1))),
        Schedule([every(HOUR), every(7 * HOUR), CronClock("0 0 1 * *")]),
        Schedule([every(HOUR)], filters=[filters.is_weekday, filters.at_time(time(8))]),
    ]:
        found = schedule.next(10_000, after=U)
        assert len(found) == len(set(found)) == 10_000
        assert found == sorted(found)


@pytest.mark.parametrize("n", [0, -1])
def test_no_times_are_no_times(n: int) -> None:
    assert Schedule([every(HOUR)]).next(n, after=U) == []


@pytest.mark.parametrize("n", [None, "2", 2.5])
def test_a_number_that_is_none_is_refused(n: Any) -> None:
    with pytest.raises(TypeError):
        Schedule([every(HOUR)]).next(n)


@pytest.mark.parametrize("after", ["2020-01-01", date(2020, 1, 1), 0])
def test_a_moment_that_is_no_datetime_is_refused(after: Any) -> None:
    for clocks in ([], [every(HOUR)]):
        with pytest.raises(TypeError, match="A schedule needs a datetime"):
            Schedule(clocks).next(1, after=after)


def test_after_may_be_any_kind_of_datetime() -> None:
    schedule = Schedule([every(HOUR)])

    for after in [
        U,
        datetime(2020, 1, 1),
        datetime(2020, 1, 1, 9, tzinfo=timezone(9 * HOUR)),
        U.in_tz("Asia/Tokyo"),
    ]:
        assert schedule.next(1, after=after) == [U.add(hours=1)]


# ---------------------------------------------------------------------- clocks
def test_events_of_clocks_are_merged_and_repetitions_left_out() -> None:
    schedule = Schedule([every(6 * HOUR), every(4 * HOUR), DatesClock([U.add(hours=12), U.add(hours=13)])])

    assert [found.hour for found in schedule.next(8, after=U)] == [4, 6, 8, 12, 13, 16, 18, 20]


def test_events_at_one_moment_with_other_parameters_or_labels_stay() -> None:
    schedule = Schedule(
        [
            every(DAY, labels=["a"]),
            every(DAY, parameter_defaults={"x": [1]}),
            every(DAY, parameter_defaults={"x": [1]}),
            every(DAY),
            every(DAY, labels=["a"]),
        ]
    )

    found = schedule.next(4, after=U, return_events=True)

    assert [(event.start_time.day, event.labels, event.parameter_defaults) for event in found] == [
        (2, ["a"], {}),
        (2, None, {"x": [1]}),
        (2, None, {}),
        (3, ["a"], {}),
    ]


def test_the_same_moment_in_two_zones_is_one_event_in_the_zone_of_the_first_clock() -> None:
    tokyo = IntervalClock(DAY, start_date=U.in_timezone("Asia/Tokyo"))

    assert [found.timezone_name for found in Schedule([tokyo, every(DAY)]).next(2, after=U)] == [
        "Asia/Tokyo"
    ] * 2
    assert [found.timezone_name for found in Schedule([every(DAY), tokyo]).next(2, after=U)] == ["UTC"] * 2


def test_a_clock_of_ones_own_gives_events_and_gets_after_as_it_is() -> None:
    seen = []

    class Sundial(Clock):
        def events(self, after: datetime | None = None) -> Iterator[ClockEvent]:
            seen.append(after)
            for days in (1, 1, 2):
                yield ClockEvent(U.add(days=days), self.parameter_defaults, self.labels)

    schedule = Schedule([Sundial(labels=["a"])])

    assert schedule.next(5, after=datetime(2020, 1, 1)) == [U.add(days=1), U.add(days=2)]
    assert [event.labels for event in schedule.next(5, return_events=True)] == [["a"], ["a"]]
    assert seen == [datetime(2020, 1, 1), None]


def test_times_are_pendulum_objects_even_if_a_clock_or_an_adjustment_gives_others() -> None:
    class Plain(Clock):
        def events(self, after: datetime | None = None) -> Iterator[ClockEvent]:
            yield ClockEvent(datetime(2020, 1, 1, 9, tzinfo=timezone(9 * HOUR)))  # type: ignore[arg-type]

    for schedule in [
        Schedule([Plain()]),
        Schedule([DatesClock([U])], adjustments=[lambda dt: datetime(2020, 1, 1)]),
    ]:
        [found] = schedule.next(1, after=datetime(2019, 1, 1))
        assert (type(found), found) == (pendulum.DateTime, U)


def test_a_subclass_of_a_clock_may_change_its_events() -> None:
    class Late(IntervalClock):
        def events(self, after: datetime | None = None) -> Iterator[ClockEvent]:
            for event in super().events(after):
                yield ClockEvent(event.start_time.add(minutes=1), event.parameter_defaults, event.labels)

    assert Schedule([Late(HOUR, start_date=U)]).next(1, after=U) == [U.add(hours=1, minutes=1)]


def test_start_and_end_are_those_of_all_clocks() -> None:
    schedule = Schedule(
        [
            every(HOUR, end_date=U.add(days=1)),
            IntervalClock(HOUR, start_date=U.subtract(days=1), end_date=U),
            IntervalClock(HOUR),
        ]
    )

    assert (schedule.start_date, schedule.end_date) == (U.subtract(days=1), U.add(days=1))
    assert (Schedule([]).start_date, Schedule([IntervalClock(HOUR)]).end_date) == (None, None)


def test_a_schedule_without_clocks_gives_nothing() -> None:
    assert Schedule([]).next(3) == []


def test_clocks_may_come_from_any_iterable() -> None:
    schedule = Schedule(clock for clock in [every(HOUR)])

    assert schedule.next(1, after=U) == schedule.next(1, after=U) == [U.add(hours=1)]


@pytest.mark.parametrize("clocks", [None, 3, every(HOUR)])
def test_what_is_no_list_of_clocks_is_refused(clocks: Any) -> None:
    with pytest.raises(TypeError, match="clocks should be a list of clocks"):
        Schedule(clocks)


def test_a_list_of_something_else_is_refused_when_the_schedule_is_made() -> None:
    with pytest.raises(TypeError, match=r"clocks should be a list of clocks; .*Schedule"):
        Schedule([IntervalSchedule(interval=HOUR)])  # type: ignore[list-item]


# ---------------------------------------------------------------------- filters
def test_an_event_passes_all_filters_one_or_filter_and_no_not_filter() -> None:
    schedule = Schedule(
        [every(HOUR)],
        filters=[filters.is_weekday, filters.between_dates(1, 1, 1, 31)],
        or_filters=[filters.at_time(time(9)), filters.between_times(time(22), time(23))],
        not_filters=[filters.is_day_of_week(3), filters.on_datetime(U.add(hours=22))],
    )

    assert [found.format("D HH") for found in schedule.next(6, after=U)] == [
        "1 09", "1 23", "3 09", "3 22", "3 23", "6 09",
    ]  # fmt: skip


def test_filters_see_the_time_in_the_zone_of_the_clock() -> None:
    seen = []
    clock = CronClock("0 9 * * *", start_date=pendulum.datetime(2020, 1, 1, tz="Asia/Tokyo"))

    Schedule([clock], filters=[lambda dt: seen.append(dt) or True]).next(1, after=U)

    assert [(type(dt), dt.isoformat()) for dt in seen] == [(pendulum.DateTime, "2020-01-02T09:00:00+09:00")]


def test_filters_may_say_yes_and_no_with_any_value() -> None:
    assert Schedule([every(HOUR)], filters=[lambda dt: "yes"]).next(1, after=U)  # type: ignore[list-item,return-value]
    assert Schedule([every(HOUR)], or_filters=[lambda dt: None, lambda dt: 1]).next(1, after=U)  # type: ignore[list-item,return-value]
    assert Schedule([every(HOUR)], not_filters=[lambda dt: None]).next(1, after=U)  # type: ignore[list-item,return-value]


def test_filters_that_never_hold_end_the_schedule() -> None:
    assert Schedule([every(HOUR)], filters=[lambda dt: False]).next(1, after=U) == []


def test_a_rare_day_is_found_among_the_minutes_of_a_year() -> None:
    schedule = Schedule(
        [every(timedelta(minutes=1))], filters=[filters.on_date(12, 31), filters.at_time(time(23, 59))]
    )

    assert schedule.next(2, after=U) == [
        pendulum.datetime(2020, 12, 31, 23, 59),
        pendulum.datetime(2021, 12, 31, 23, 59),
    ]


# ---------------------------------------------------------------------- adjustments
def test_adjustments_are_made_one_after_the_other() -> None:
    schedule = Schedule(
        [every(DAY, labels=["a"])], adjustments=[adjustments.add(DAY), adjustments.next_weekday]
    )

    found = schedule.next(3, after=U, return_events=True)

    # Thursday to Friday; Friday over Saturday to Monday; Saturday over Sunday to the same Monday.
    assert [(event.start_time.day, event.labels) for event in found] == [(3, ["a"]), (6, ["a"]), (7, ["a"])]


def test_filters_look_before_adjustments() -> None:
    schedule = Schedule([every(DAY)], filters=[filters.is_weekend], adjustments=[adjustments.next_weekday])

    assert [found.day for found in schedule.next(2, after=U)] == [6, 13]


def test_adjustments_may_go_back() -> None:
    schedule = Schedule([every(6 * HOUR)], adjustments=[adjustments.add(-2 * DAY)])

    assert schedule.next(1, after=U) == [pendulum.datetime(2019, 12, 30, 6)]


def test_adjustments_to_one_moment_end_the_schedule() -> None:
    assert Schedule([every(DAY)], adjustments=[lambda dt: U]).next(3, after=U) == [U]


# ---------------------------------------------------------------------- the short forms
def test_the_short_forms_make_schedules_of_one_clock() -> None:
    rule = rrule.rrule(rrule.DAILY, dtstart=datetime(2020, 1, 1))
    [interval] = IntervalSchedule(U, HOUR, U.add(days=1)).clocks
    [cron] = CronSchedule("0 9 13 * 5", U, U.add(days=1), False).clocks
    [rules] = RRuleSchedule(rule, U, U.add(days=1)).clocks

    for clock in (interval, cron, rules):
        assert (clock.start_date, clock.end_date) == (U, U.add(days=1))
    assert isinstance(interval, IntervalClock)
    assert isinstance(cron, CronClock)
    assert isinstance(rules, RRuleClock)
    assert (interval.interval, cron.cron, cron.day_or, rules.rrule_obj) == (HOUR, "0 9 13 * 5", False, rule)


def test_a_schedule_survives_pickling() -> None:
    schedule = Schedule([every(HOUR), CronClock("0 9 * * *")], filters=[filters.is_weekday])

    assert pickle.loads(pickle.dumps(schedule)).next(9, after=U) == schedule.next(9, after=U)


@pytest.mark.parametrize("name", ["OneTimeSchedule", "UnionSchedule"])
def test_what_was_removed_long_ago_names_its_replacement(name: str) -> None:
    with pytest.raises(ImportError, match="clocks="):
        getattr(prefect.schedules, name)
    with pytest.raises(ImportError, match="clocks="):
        getattr(prefect.schedules.schedules, name)


def test_importing_schedules_loads_no_date_library() -> None:
    check = (
        "import sys, prefect.schedules; "
        "print(*sorted({'pendulum', 'croniter', 'dateutil', 'pytz'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
