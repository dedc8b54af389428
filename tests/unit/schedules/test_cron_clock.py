"""Cron lines mean what croniter says, on a clock without changes; and they end."""

from __future__ import annotations

import calendar
import pickle
from datetime import datetime, timedelta
from itertools import islice

import pendulum
import pytest
from croniter import CroniterBadDateError, croniter
from hypothesis import assume, given
from hypothesis import strategies as st

from prefect.schedules import CronSchedule, Schedule
from prefect.schedules.clocks import CronClock

U = pendulum.datetime(2020, 1, 1)


def times(clock: CronClock, n: int, after: datetime) -> list[datetime]:
    return [event.start_time for event in islice(clock.events(after=after), n)]


# ---------------------------------------------------------------------- lines
def item(low: int, high: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    number = st.integers(low, high).map(str)
    value = st.one_of(number, st.sampled_from(names)) if names else number
    step = st.integers(1, max(2, (high - low) // 2))
    return st.one_of(
        value,
        st.builds("{}-{}".format, value, value),
        st.builds("{}-{}/{}".format, value, value, step),
        st.builds("*/{}".format, step),
        st.builds("{}/{}".format, number, step),
    )


def field(low: int, high: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    items = item(low, high, names)
    return st.one_of(st.just("*"), st.lists(items, min_size=1, max_size=3).map(",".join))


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "TUE", "wed", "thu", "Fri", "sat")
dates = st.one_of(
    field(1, 31),
    st.just("?"),
    st.just("L"),
    st.builds("L,{}".format, st.integers(1, 31)),
    st.builds("{}W".format, st.integers(1, 31)),
)
weekdays = st.one_of(
    field(0, 7, WEEKDAYS),
    st.builds("{}#{}".format, st.sampled_from(WEEKDAYS), st.integers(1, 5)),
    st.builds(
        "{}#{},{}#{}".format, st.integers(0, 6), st.integers(1, 5), st.integers(0, 6), st.integers(1, 5)
    ),
    st.builds("L{}".format, st.integers(0, 6)),
)
lines = st.one_of(
    st.tuples(field(0, 59), field(0, 23), dates, field(1, 12, MONTHS), weekdays),
    st.tuples(field(0, 59), field(0, 23), dates, field(1, 12, MONTHS), weekdays, field(0, 59)),
    st.tuples(
        field(0, 59), field(0, 23), dates, field(1, 12, MONTHS), weekdays, field(0, 59), field(1970, 2099)
    ),
).map(" ".join)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2090, 1, 1))


@given(lines, moments, st.booleans())
def test_in_utc_a_cron_line_fires_when_croniter_does(line: str, after: datetime, day_or: bool) -> None:
    assume(croniter.is_valid(line))
    reference = croniter(line, after, ret_type=datetime, day_or=day_or)
    expected = []
    is_over = False
    for _ in range(20):
        try:
            expected.append(reference.get_next())
        except CroniterBadDateError:  # it looks fifty years ahead
            is_over = True
            break

    found = [time.naive() for time in CronSchedule(line, day_or=day_or).next(20, after=after)]  # type: ignore[attr-defined]

    assert found[: len(expected)] == expected
    if not is_over:
        assert len(found) == 20
    elif len(found) > len(expected):
        last = max([after, *expected])
        assert is_rare(line) or found[len(expected)] - last > timedelta(days=365 * 49)


def is_rare(line: str) -> bool:
    """croniter gives up on some lines with `W` or `#` whose days do come."""
    return "W" in line or "#" in line or "L" in line.split()[4]


@given(lines)
def test_a_line_is_valid_if_croniter_says_so(line: str) -> None:
    if croniter.is_valid(line):
        assert CronClock(line).cron == line
    else:
        with pytest.raises(ValueError, match="Invalid cron string"):
            CronClock(line)


@pytest.mark.parametrize(
    "line",
    ["", "bad", "* * * *", "* * * * * * * *", "60 * * * *", "* 24 * * *", "*/0 * * * *", "0 0 * * 1#6", "@reboot", "h h * * *", "0 0 L-1 * *", "0 0 * * 5L", "0 0 * * 1#2,3"],
)  # fmt: skip
def test_an_invalid_line_is_refused_with_the_line_and_the_reason(line: str) -> None:
    with pytest.raises(ValueError, match="Invalid cron string") as caught:
        CronClock(line)
    assert f"Invalid cron string: {line} (" in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("line", [None, 5, ["* * * * *"]])
def test_a_line_that_is_no_text_is_refused(line: object) -> None:
    with pytest.raises(TypeError, match="A cron line is a text"):
        CronClock(line)  # type: ignore[arg-type]


@pytest.mark.parametrize("line", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 1 1 * 0 1999"])
def test_a_line_that_never_comes_true_gives_nothing(line: str) -> None:
    assert CronSchedule(line).next(5, after=U) == []


def test_a_leap_day_on_a_monday_is_found_decades_ahead() -> None:
    schedule = CronSchedule("0 0 29 2 1", day_or=False)

    found = schedule.next(3, after=pendulum.datetime(2080, 1, 1))

    leap_years = [year for year in range(2080, 2200) if calendar.isleap(year)]
    assert [time.year for time in found] == [
        year for year in leap_years if datetime(year, 2, 29).weekday() == 0
    ][:3]


def test_as_many_times_come_as_are_asked_for() -> None:
    found = CronSchedule("*/5 9-17 * * 1-5").next(10_000, after=U)

    assert len(set(found)) == 10_000
    assert found == sorted(found)


def test_seconds_and_years_may_be_given() -> None:
    assert [time.isoformat() for time in CronSchedule("0 0 1 1 * */30 2030").next(9, after=U)] == [
        "2030-01-01T00:00:00+00:00",
        "2030-01-01T00:00:30+00:00",
    ]


def test_a_random_value_stays_the_same() -> None:
    schedule = CronSchedule("R R * * *")

    assert schedule.next(3, after=U) == schedule.next(3, after=U)


# ---------------------------------------------------------------------- zone, start and end
def test_the_zone_is_that_of_the_start_and_not_of_after() -> None:
    paris = CronClock("0 9 * * *", start_date=pendulum.datetime(2020, 7, 1, tz="Europe/Paris"))
    nowhere = CronClock("0 9 * * *")

    after = pendulum.datetime(2020, 7, 1, 12, tz="Asia/Tokyo")

    assert times(paris, 1, after)[0].isoformat() == "2020-07-01T09:00:00+02:00"
    assert times(nowhere, 1, after)[0].isoformat() == "2020-07-01T09:00:00+00:00"


def test_the_start_fires_and_nothing_does_before_it() -> None:
    clock = CronClock("0 9 * * *", start_date=pendulum.datetime(2021, 1, 1, 9))

    assert times(clock, 2, U) == [pendulum.datetime(2021, 1, 1, 9), pendulum.datetime(2021, 1, 2, 9)]
    assert times(clock, 1, pendulum.datetime(2021, 1, 1, 9)) == [pendulum.datetime(2021, 1, 2, 9)]


def test_a_time_a_microsecond_after_is_after() -> None:
    clock = CronClock("0 9 * * *")

    assert times(clock, 1, pendulum.datetime(2020, 1, 1, 8, 59, 59, 999_999)) == [
        pendulum.datetime(2020, 1, 1, 9)
    ]
    assert times(clock, 1, pendulum.datetime(2020, 1, 1, 9, 0, 0, 1)) == [pendulum.datetime(2020, 1, 2, 9)]


def test_the_end_fires_and_nothing_does_after_it() -> None:
    clock = CronClock("0 9 * * *", end_date=pendulum.datetime(2020, 1, 2, 9))

    assert times(clock, 9, U) == [pendulum.datetime(2020, 1, 1, 9), pendulum.datetime(2020, 1, 2, 9)]
    assert times(clock, 9, pendulum.datetime(2020, 1, 2, 9)) == []


def test_day_or_says_whether_one_of_two_days_will_do() -> None:
    friday_the_13th = CronClock("0 0 13 * 5", day_or=False)
    both = CronClock("0 0 13 * 5")

    assert [time.format("YYYY-MM-DD") for time in times(friday_the_13th, 2, U)] == [
        "2020-03-13",
        "2020-11-13",
    ]  # type: ignore[attr-defined]
    assert [time.format("YYYY-MM-DD") for time in times(both, 3, U)] == [
        "2020-01-03",
        "2020-01-10",
        "2020-01-13",
    ]  # type: ignore[attr-defined]
    assert CronClock("0 0 13 * 5", day_or=None).day_or is True


def test_parameters_and_labels_come_with_the_events() -> None:
    clock = CronClock("0 9 * * *", parameter_defaults={"x": 1}, labels=["a"])

    [event] = islice(clock.events(after=U), 1)

    assert (event.parameter_defaults, event.labels) == ({"x": 1}, ["a"])


def test_a_clock_survives_pickling() -> None:
    clock = CronClock("0 9 * * *", start_date=pendulum.datetime(2020, 1, 1, tz="Europe/Paris"), day_or=False)

    again = pickle.loads(pickle.dumps(clock))

    assert vars(again) == vars(clock)
    assert Schedule([again]).next(3, after=U) == Schedule([clock]).next(3, after=U)


def test_the_end_of_the_calendar_is_the_end() -> None:
    assert len(CronSchedule("0 0 1 1 *").next(10_000, after=pendulum.datetime(9990, 6, 1))) == 8
    assert CronSchedule("0 0 1 1 *").next(1, after=pendulum.datetime(9999, 12, 31, 23)) == []
    tokyo = pendulum.datetime(1, 1, 1, tz="Asia/Tokyo")
    assert len(CronSchedule("0 0 1 1 *", start_date=tokyo).next(3, after=tokyo)) == 3
