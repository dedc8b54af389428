"""Recurrence rules fire when dateutil says, from wherever one looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice, takewhile
from typing import Any

import pendulum
import pytest
from dateutil import rrule
from hypothesis import given, reject
from hypothesis import strategies as st

from prefect.schedules import RRuleSchedule
from prefect.schedules.clocks import RRuleClock

U = pendulum.datetime(2020, 1, 1)
BERLIN = "Europe/Berlin"
START = datetime(2020, 1, 1, 9)


def times(rule: Any, n: int, after: datetime, **settings: Any) -> list[pendulum.DateTime]:
    return RRuleSchedule(rule, **settings).next(n, after=after)


def naive(rule: Any, n: int, after: datetime) -> list[datetime]:
    return [datetime.fromisoformat(time.naive().isoformat()) for time in times(rule, n, after)]


# ---------------------------------------------------------------------- as dateutil says
def some(strategy: st.SearchStrategy[int]) -> st.SearchStrategy[list[int] | None]:
    return st.one_of(st.none(), st.none(), st.lists(strategy, min_size=1, max_size=4, unique=True))


UNITS = {
    rrule.YEARLY: timedelta(days=366),
    rrule.MONTHLY: timedelta(days=31),
    rrule.WEEKLY: timedelta(days=7),
    rrule.DAILY: timedelta(days=1),
    rrule.HOURLY: timedelta(hours=1),
    rrule.MINUTELY: timedelta(minutes=1),
    rrule.SECONDLY: timedelta(seconds=1),
}


# Only what comes true sooner or later: for the rest dateutil takes minutes to find out.
@st.composite
def rules(draw: st.DrawFn, fastest: int = rrule.SECONDLY) -> rrule.rrule:
    freq = draw(st.integers(rrule.YEARLY, fastest))
    settings: dict[str, Any] = {
        "dtstart": draw(st.datetimes(datetime(1970, 1, 1), datetime(2030, 1, 1))),
        "interval": draw(st.integers(1, 40)),
        "wkst": draw(st.sampled_from([None, rrule.SU, rrule.MO, rrule.TH])),
        "bymonth": draw(some(st.integers(1, 12))),
        "bymonthday": draw(some(st.integers(-28, 28).filter(bool))),
        "byweekday": draw(some(st.integers(0, 6))),
        "byhour": draw(some(st.integers(0, 23))),
        "byminute": draw(some(st.integers(0, 59))),
    }
    if freq <= rrule.MONTHLY:
        weekday = st.builds(
            lambda day, n: day(n), st.sampled_from(rrule.weekdays), st.sampled_from([-1, 1, 2])
        )
        settings["byweekday"] = draw(st.one_of(st.none(), st.lists(weekday, min_size=1, max_size=2)))
    if any(value for key, value in settings.items() if key.startswith("by")):
        settings["bysetpos"] = draw(some(st.sampled_from([1, -1])))
    if draw(st.booleans()):
        settings["until"] = settings["dtstart"] + draw(st.integers(0, 300)) * UNITS[freq]
    elif draw(st.booleans()):
        settings["count"] = draw(st.integers(1, 40))
    try:
        rule = rrule.rrule(freq, **settings)
        list(rule.replace(until=settings["dtstart"] + 2 * UNITS[freq], count=None))
    except ValueError:  # dateutil sees, now or on its way, that the rule is empty
        reject()
    return rule


@given(rules(), st.integers(-20, 2000), st.integers(1, 12))
def test_in_utc_a_rule_fires_when_dateutil_says(rule: rrule.rrule, steps: int, n: int) -> None:
    after = rule._dtstart + steps * UNITS[rule._freq]
    end = after + 500 * UNITS[rule._freq]

    expected = before(end, rule.replace(until=min(rule._until or end, end)) if rule._count is None else rule)

    assert before(end, naive(rule, n, after)) == [time for time in expected if time > after][:n]


def before(end: datetime, found: Iterable[datetime]) -> list[datetime]:
    return list(takewhile(lambda time: time < end, found))


@given(
    st.lists(rules(rrule.DAILY), min_size=1, max_size=2),
    st.lists(rules(rrule.DAILY), max_size=1),
    st.data(),
)
def test_in_utc_a_set_of_rules_fires_when_dateutil_says(
    included: list[rrule.rrule], excluded: list[rrule.rrule], data: st.DataObject
) -> None:
    start = min(rule._dtstart for rule in included)
    end = start + 300 * min(UNITS[rule._freq] for rule in [*included, *excluded])
    ending = [rule.replace(until=min(rule._until or end, end), count=None) for rule in [*included, *excluded]]
    rule_set = rrule.rruleset()
    for rule in ending[: len(included)]:
        rule_set.rrule(rule)
    for rule in ending[len(included) :]:
        rule_set.exrule(rule)
    times_of_rules = [time for rule in ending for time in rule]
    for time in data.draw(st.lists(st.sampled_from(times_of_rules), max_size=3)) if times_of_rules else []:
        rule_set.exdate(time)
        rule_set.rdate(time + timedelta(minutes=7))

    assert naive(rule_set, 200, datetime(1969, 1, 1)) == list(islice(rule_set, 200))


def test_a_rule_that_began_long_ago_is_not_walked_through() -> None:
    rule = rrule.rrule(rrule.SECONDLY, interval=7, dtstart=datetime(1970, 1, 1), bysecond=[0, 7, 14, 21])

    found = naive(rule, 3, datetime(2026, 1, 1))  # a quarter of a billion steps from its start

    assert len(found) == 3
    assert all((time - datetime(1970, 1, 1)) % timedelta(seconds=7) == timedelta(0) for time in found)
    assert found[-1] - found[0] < timedelta(minutes=10)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=23",
        "FREQ=HOURLY;BYSETPOS=2",
    ],
)
def test_a_rule_that_never_comes_true_gives_nothing(text: str) -> None:
    assert naive(rrule.rrulestr(text, dtstart=START), 1, START) == []


def test_a_rare_rule_is_found_centuries_ahead() -> None:
    rule = rrule.rrule(rrule.YEARLY, interval=100, dtstart=datetime(2000, 2, 29))

    # Only every fourth century has a leap day.
    assert naive(rule, 3, datetime(2001, 1, 1)) == [datetime(year, 2, 29) for year in (2400, 2800, 3200)]


def test_as_many_times_come_as_are_asked_for() -> None:
    found = naive(rrule.rrule(rrule.WEEKLY, byweekday=rrule.MO, dtstart=START), 30_000, START)

    assert len(set(found)) == 30_000  # more than the 20,871 Mondays of four centuries
    assert found == sorted(found)


# ---------------------------------------------------------------------- zone, start and end
def test_a_naive_rule_is_in_utc_whatever_the_zone_of_the_start_date() -> None:
    rule = rrule.rrule(rrule.DAILY, dtstart=START)

    found = times(rule, 2, U, start_date=pendulum.datetime(2020, 1, 5, 10, tz=BERLIN))

    assert [time.isoformat() for time in found] == ["2020-01-05T09:00:00+00:00", "2020-01-06T09:00:00+00:00"]


def test_the_zone_is_that_of_the_rule() -> None:
    rule = rrule.rrule(rrule.WEEKLY, dtstart=pendulum.datetime(2020, 3, 26, 9, tz=BERLIN))

    found = times(rule, 2, U)

    assert [time.isoformat() for time in found] == ["2020-03-26T09:00:00+01:00", "2020-04-02T09:00:00+02:00"]
    assert {type(time) for time in found} == {pendulum.DateTime}
    assert found[0].timezone_name == BERLIN


def test_start_and_end_fire_and_nothing_does_before_or_after() -> None:
    rule = rrule.rrule(rrule.DAILY, dtstart=START)

    found = times(
        rule, 9, U, start_date=pendulum.datetime(2020, 1, 3, 9), end_date=pendulum.datetime(2020, 1, 5, 9)
    )

    assert [time.day for time in found] == [3, 4, 5]
    assert times(rule, 1, pendulum.datetime(2020, 1, 3, 9))[0].day == 4


def test_the_end_of_a_rule_may_be_in_another_zone() -> None:
    rule = rrule.rrule(
        rrule.DAILY,
        dtstart=pendulum.datetime(2020, 3, 26, 9, tz=BERLIN),
        until=pendulum.datetime(2020, 3, 29, 7),
    )

    assert [time.day for time in times(rule, 9, U)] == [26, 27, 28, 29]


def test_a_count_is_counted_from_the_start_of_the_rule() -> None:
    rule = rrule.rrule(rrule.DAILY, count=5, dtstart=START)

    assert [time.day for time in times(rule, 9, pendulum.datetime(2020, 1, 3))] == [3, 4, 5]
    assert times(rule, 9, pendulum.datetime(2020, 1, 6)) == []


def test_a_set_has_rules_dates_and_exceptions_in_several_zones() -> None:
    rule_set = rrule.rruleset()
    rule_set.rrule(
        rrule.rrule(rrule.DAILY, count=4, dtstart=pendulum.datetime(2020, 3, 27, 2, 30, tz=BERLIN))
    )
    rule_set.rrule(rrule.rrule(rrule.DAILY, count=2, dtstart=pendulum.datetime(2020, 3, 27, 1, 30)))
    rule_set.rdate(pendulum.datetime(2020, 3, 28, 12, tz="Asia/Tokyo"))
    rule_set.rdate(pendulum.datetime(2020, 3, 30, 2, 30, tz=BERLIN))
    rule_set.exdate(pendulum.datetime(2020, 3, 28, 1, 30))
    rule_set.exdate(datetime(2020, 3, 29, 2, 30, tzinfo=pendulum.timezone(BERLIN)))  # which does not exist

    assert [time.isoformat(timespec="minutes") for time in times(rule_set, 9, U)] == [
        "2020-03-27T02:30+01:00",
        "2020-03-28T12:00+09:00",
        "2020-03-30T02:30+02:00",
    ]


def test_an_exception_in_a_repeated_hour_leaves_out_both_passes() -> None:
    rule_set = rrule.rruleset()
    rule_set.rrule(rrule.rrule(rrule.HOURLY, dtstart=pendulum.datetime(2024, 10, 27, tz=BERLIN)))
    rule_set.exdate(datetime(2024, 10, 27, 2, tzinfo=pendulum.timezone(BERLIN)))

    found = times(rule_set, 4, U)

    assert [time.isoformat(timespec="minutes")[11:] for time in found] == [
        "00:00+02:00", "01:00+02:00", "03:00+01:00", "04:00+01:00",
    ]  # fmt: skip


def test_a_rule_class_of_ones_own_has_the_last_word() -> None:
    class Fibonacci(rrule.rrule):
        def __iter__(self) -> Iterator[datetime]:
            a, b = 1, 2
            while True:
                yield START + timedelta(days=a)
                a, b = b, a + b

    found = times(Fibonacci(rrule.DAILY, dtstart=START), 4, U.add(days=4), end_date=U.add(days=30))

    assert [time.naive() for time in found] == [START + timedelta(days=days) for days in (5, 8, 13, 21)]


@pytest.mark.parametrize("value", ["FREQ=DAILY", None, date(2020, 1, 1), [START]])
def test_what_is_no_rule_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="rrule_obj must be an rrule or rruleset"):
        RRuleClock(value)


def test_parameters_and_labels_come_with_the_events() -> None:
    clock = RRuleClock(rrule.rrule(rrule.DAILY, dtstart=START), parameter_defaults={"x": 1}, labels=["a"])

    [event] = islice(clock.events(after=U), 1)

    assert (event.parameter_defaults, event.labels) == ({"x": 1}, ["a"])
