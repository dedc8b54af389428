"""Schedules as JSON: what comes back fires at the same moments."""

from __future__ import annotations

import datetime
import itertools
import json
from typing import Any

import pendulum
import pytest
from dateutil import rrule
from hypothesis import given
from hypothesis import strategies as st

from prefect import _wire
from prefect.schedules import Schedule, clocks, filters
from prefect.serialization.schedule import (
    ADJUSTMENTS,
    FILTERS,
    ClockSchema,
    RRuleBaseSchema,
    RRuleSchema,
    ScheduleSchema,
)
from prefect.utilities.serialization import ValidationError

ZONES = st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])
STARTS = st.builds(
    lambda day, hour, zone: pendulum.datetime(2031, 1, 1, hour, tz=zone).add(days=day),
    st.integers(0, 364),
    st.integers(4, 23),
    ZONES,
)
DEFAULTS = st.dictionaries(st.sampled_from("ab"), st.none() | st.integers(), max_size=2)
LABELS = st.none() | st.lists(st.sampled_from("xyz"), max_size=2)
SETTINGS = {"parameter_defaults": DEFAULTS, "labels": LABELS}
# In its JSON a rule keeps the offset of its start, not the zone, as in 1.4.1: these clocks never change.
STEADY = st.builds(
    lambda day, hour, zone: pendulum.datetime(2031, 1, 1, hour, tz=zone).add(days=day),
    st.integers(0, 99),
    st.integers(0, 23),
    st.sampled_from(["UTC", "Asia/Tokyo"]),
)
RULES = st.builds(
    rrule.rrule,
    st.sampled_from([rrule.DAILY, rrule.WEEKLY, rrule.HOURLY]),
    dtstart=STEADY | st.just(datetime.datetime(2031, 5, 4, 3)),
    interval=st.integers(1, 3),
    count=st.none() | st.integers(1, 5),
    byweekday=st.none() | st.sampled_from([(rrule.MO,), (rrule.TU, rrule.SA)]),
)
CLOCKS = st.one_of(
    st.builds(
        clocks.IntervalClock,
        st.timedeltas(datetime.timedelta(minutes=1), datetime.timedelta(days=40)),
        start_date=STARTS,
        **SETTINGS,
    ),
    st.builds(
        clocks.CronClock, st.sampled_from(["5 4 * * *", "*/20 * 1 * 3"]), start_date=STARTS, **SETTINGS
    ),
    st.builds(clocks.DatesClock, st.lists(STARTS, min_size=1, max_size=4), **SETTINGS),
    st.builds(clocks.RRuleClock, RULES, **SETTINGS),
)
AFTER = pendulum.datetime(2031, 1, 1)


def events_of(clock: Any) -> list[Any]:
    found = itertools.islice(clock.events(after=AFTER), 5)
    return [(event.start_time, event.parameter_defaults, event.labels) for event in found]


@given(CLOCKS)
def test_a_clock_that_travelled_fires_at_the_same_moments(clock: Any) -> None:
    data = json.loads(json.dumps(ClockSchema().dump(clock)))

    again = ClockSchema().load(data)

    assert type(again) is type(clock)
    assert events_of(again) == events_of(clock)
    assert ClockSchema().dump(again) == data


@given(CLOCKS)
def test_the_json_of_a_schedule_is_the_one_of_its_struct(clock: Any) -> None:
    data = json.loads(
        json.dumps(ScheduleSchema().dump(Schedule(clocks=[clock], filters=[filters.is_weekend])))
    )

    assert json.loads(_wire.encode(_wire.from_builtins(data, _wire.Schedule))) == data


@pytest.mark.parametrize(
    "until", [None, pendulum.datetime(2031, 1, 4, tz="Asia/Tokyo"), datetime.datetime(2031, 1, 4)]
)
def test_a_rule_keeps_its_end(until: datetime.datetime | None) -> None:
    zone = "Asia/Tokyo" if until is None or until.tzinfo else None
    start = pendulum.datetime(2031, 1, 1, tz=zone) if zone else datetime.datetime(2031, 1, 1)
    rule = rrule.rrule(rrule.DAILY, dtstart=start, until=until)

    again = RRuleSchema().load(RRuleSchema().dump(rule))

    assert list(itertools.islice(again, 9)) == list(itertools.islice(rule, 9))


def test_a_set_of_rules_keeps_all_its_parts() -> None:
    rules = rrule.rruleset()
    rules.rrule(rrule.rrule(rrule.DAILY, dtstart=datetime.datetime(2031, 1, 1), count=9))
    rules.exrule(rrule.rrule(rrule.DAILY, dtstart=datetime.datetime(2031, 1, 1), count=3, interval=2))
    rules.rdate(datetime.datetime(2031, 3, 1))
    rules.exdate(datetime.datetime(2031, 1, 2))

    data = json.loads(json.dumps(RRuleBaseSchema().dump(rules)))

    assert data["type"] == "rruleset"
    assert list(RRuleBaseSchema().load(data)) == list(rules)


def test_a_rule_without_the_dates_beside_it_takes_those_of_its_text() -> None:
    rule = RRuleSchema().load({"rr": "DTSTART:20310203T040000\nRRULE:FREQ=DAILY;COUNT=2"})

    assert list(rule) == [datetime.datetime(2031, 2, 3, 4), datetime.datetime(2031, 2, 4, 4)]


@pytest.mark.parametrize("data", [{"rr": "every day"}, {"rr": 5}])
def test_what_is_no_rule_is_refused(data: Any) -> None:
    with pytest.raises(ValidationError, match="rr: Not a valid recurrence rule"):
        RRuleSchema().load(data)


def test_a_rule_must_be_there() -> None:
    with pytest.raises(ValidationError, match=r"rr: Missing data for required field\."):
        RRuleSchema().load({})


def test_clocks_made_by_servers_may_lack_all_that_is_optional() -> None:
    schedule = ScheduleSchema().load(
        {
            "type": "Schedule",
            "clocks": [
                {"type": "CronClock", "cron": "0 * * * *"},
                {"type": "IntervalClock", "interval": 60000000},
            ],
        }
    )

    cron, interval = schedule.clocks
    assert cron.cron == "0 * * * *"
    assert interval.interval == datetime.timedelta(minutes=1)
    assert schedule.filters == []


def test_intervals_under_a_minute_stay_local() -> None:
    clock = clocks.IntervalClock(datetime.timedelta(seconds=30))

    with pytest.raises(ValueError, match="Interval can not be less than one minute"):
        ClockSchema().dump(clock)
    with pytest.raises(ValueError, match="Interval can not be less than one minute"):
        ClockSchema().load({"type": "IntervalClock", "interval": 30_000_000})


def test_filters_of_the_user_stay_local() -> None:
    schedule = Schedule(clocks=[clocks.CronClock("* * * * *")], filters=[lambda dt: True])

    with pytest.raises(ValidationError, match=r"custom functions aren't supported for `Schedule\.filters`"):
        ScheduleSchema().dump(schedule)


def test_parameter_defaults_must_be_json() -> None:
    clock = clocks.CronClock("* * * * *", parameter_defaults={"when": pendulum.now()})

    with pytest.raises(ValidationError, match=r"values for `CronClock\.parameter_defaults` must be JSON"):
        ClockSchema().dump(clock)


@pytest.mark.parametrize("function", [*FILTERS, *ADJUSTMENTS], ids=lambda function: function.__name__)
def test_every_filter_and_adjustment_can_be_named(function: Any) -> None:
    assert function.__module__.startswith("prefect.schedules.")
    assert "<locals>" not in function.__qualname__


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "clocks: Missing data for required field."),
        ({"clocks": [{"type": "CronClock"}]}, "clocks.0.cron: Missing data for required field."),
        ({"clocks": [], "filters": [{"fn": "x"}]}, "filters.0: Invalid function reference: {'fn': 'x'}"),
    ],
)
def test_what_is_no_schedule_is_refused(data: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ScheduleSchema().load(data)
    assert str(caught.value) == message
