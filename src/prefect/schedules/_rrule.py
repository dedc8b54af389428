"""iCal recurrence rules: dateutil counts them on the wall clock, the zone of their start resolves them."""

# ruff: noqa: DTZ001, DTZ901  (naive datetimes are wall times, or moments in UTC)
from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import dropwhile, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol, cast

from prefect.schedules._datetimes import as_datetime, to_moment, zone_of
from prefect.schedules._steps import steps
from prefect.schedules._zones import FIXED, Pace, zone

if TYPE_CHECKING:
    from pendulum import DateTime

__all__ = ["is_rule", "rule_moments"]

#: The frequencies of dateutil that are distances; before them come years (0) and months (1).
_UNITS = {
    2: timedelta(weeks=1),
    3: timedelta(days=1),
    4: timedelta(hours=1),
    5: timedelta(minutes=1),
    6: timedelta(seconds=1),
}
_WEEKLY, _HOURLY, _MINUTELY = 2, 4, 5
_DAY_FILTERS = {"bymonth", "bymonthday", "byyearday", "byeaster", "byweekno", "byweekday"}
#: For what a set excludes: both passes of a repeated wall time.
_EVERY_PASS = Pace(timedelta(0), FIXED.skip)


class _Rule(Protocol):
    """The parts of `dateutil.rrule.rrule` that are used here."""

    _freq: int
    _interval: int
    _dtstart: datetime
    _until: datetime | None
    _count: int | None
    _byhour: Collection[int] | None
    _byminute: Collection[int] | None
    _bysecond: Collection[int] | None
    _bysetpos: Collection[int] | None
    _original_rule: dict[str, object]

    def __iter__(self) -> Iterator[datetime]: ...
    def replace(self, **changes: object) -> _Rule: ...


class _RuleSet(Protocol):
    """The parts of `dateutil.rrule.rruleset` that are used here."""

    _rrule: list[Any]
    _rdate: list[datetime]
    _exrule: list[Any]
    _exdate: list[datetime]


def is_rule(value: object) -> bool:
    """Whether it is an `rrule` or an `rruleset` of dateutil."""
    from dateutil.rrule import rrulebase

    return isinstance(value, rrulebase)


def rule_moments(
    rule: object, after: datetime, until: datetime | None = None, pace: Pace | None = None
) -> Iterator[DateTime]:
    """The moments at which a rule or a set of rules fires, strictly increasing.

    Args:
        rule: an `rrule` or `rruleset`. A naive start is in UTC.
        after: naive UTC; what fires then or earlier is left out.
        until: naive UTC; nothing later fires.
        pace: what to do when clocks change, instead of what the rule means.
    """
    from dateutil.rrule import rrule, rruleset

    if type(rule) is rruleset:
        return _set_moments(cast("_RuleSet", rule), after, until)
    if type(rule) is rrule:
        plain = cast("_Rule", rule)
        place = zone(zone_of(plain._dtstart))
        walls = _walls(plain, place.earliest_wall(after))
        return place.moments(walls, after, pace or _pace(plain), until)
    return _own_moments(cast("Iterable[datetime]", rule), after, until)


def _pace(rule: _Rule) -> Pace:
    """What a rule means when clocks change: hourly and faster rules go on in real time."""
    if rule._freq < _HOURLY:
        return FIXED
    step = _UNITS[rule._freq] * rule._interval
    if rule._byhour is None:
        return Pace(step, step)
    if rule._freq >= _MINUTELY and rule._byminute is None:
        return Pace(step, FIXED.skip)
    return FIXED


def _walls(rule: _Rule, start: datetime) -> Iterator[datetime]:
    """The wall times of a rule from one on, in order.

    dateutil walks from the start of a rule, and looks until the year 9999 for a time that never comes.
    Both are avoided here.
    """
    has_filters = any(value is not None for value in rule._original_rule.values())
    if not has_filters and rule._freq in _UNITS and rule._until is None:
        # Nothing but equal steps.
        first, step = _naive(rule._dtstart), _UNITS[rule._freq] * rule._interval
        walls, count = steps(first, step, start), rule._count
        return walls if count is None else takewhile(lambda wall: (wall - first) // step < count, walls)
    if not _ever_comes(rule):
        return iter(())
    if rule._count is not None:
        return _from(rule, start)
    low = _first_day(rule, max(start, _naive(rule._dtstart)))
    return _from(rule.replace(dtstart=_start_near(rule, low), cache=False), start)


def _ever_comes(rule: _Rule) -> bool:
    """Whether there is a day that passes the filters of a rule, and a time of that day."""
    positions = rule._bysetpos
    if positions is not None and min(map(abs, positions)) > _most_times(rule):
        return False
    filters = _day_filters(rule)
    return rule._freq < _WEEKLY or not filters or _ever_passes(filters)


def _most_times(rule: _Rule) -> int:
    """How many times a rule may give in one of its periods, from which positions choose."""
    days = (366, 31, 7, 1, 1, 1, 1)[rule._freq]
    hours, minutes, seconds = (
        1 if found is None else len(found) for found in (rule._byhour, rule._byminute, rule._bysecond)
    )
    faster = rule._freq - _HOURLY
    return (
        days * (hours if faster < 0 else 1) * (minutes if faster < 1 else 1) * (seconds if faster < 2 else 1)
    )


def _day_filters(rule: _Rule) -> tuple[tuple[str, object], ...]:
    given = rule._original_rule.items()
    return tuple((name, value) for name, value in given if name in _DAY_FILTERS and value is not None)


@lru_cache(maxsize=1024)
def _ever_passes(filters: tuple[tuple[str, object], ...]) -> bool:
    # The calendar repeats after 400 years, and dateutil looks until the end of 9999.
    return next(_days(datetime(9600, 1, 1), filters), None) is not None


def _first_day(rule: _Rule, low: datetime) -> datetime:
    """Not before which a rule fires again. dateutil would walk there hour by hour, or second by second."""
    filters = _day_filters(rule)
    if rule._freq < _HOURLY or not filters:
        return low
    return max(low, next(_days(datetime.combine(low.date(), time.min), filters), low))


def _days(start: datetime, filters: tuple[tuple[str, object], ...]) -> Iterator[datetime]:
    from dateutil.rrule import DAILY, rrule

    return iter(cast("Iterable[datetime]", rrule(DAILY, dtstart=start, **cast("Any", dict(filters)))))


def _start_near(rule: _Rule, wall: datetime) -> datetime:
    """A start shortly before a wall time, from which a rule without count gives the same times."""
    unit = _UNITS.get(rule._freq)
    if unit is None:
        return rule._dtstart
    start, step = _naive(rule._dtstart), unit * rule._interval
    passed = (wall - start) // step - 1
    return (start + passed * step).replace(tzinfo=rule._dtstart.tzinfo) if passed > 0 else rule._dtstart


def _from(rule: _Rule, start: datetime) -> Iterator[datetime]:
    found: Iterable[datetime] = rule
    walls = found if rule._dtstart.tzinfo is None else (wall.replace(tzinfo=None) for wall in found)
    return dropwhile(lambda wall: wall < start, walls)


def _set_moments(rules: _RuleSet, after: datetime, until: datetime | None) -> Iterator[DateTime]:
    """The moments of the rules and dates of a set, without those it excludes."""
    included = [rule_moments(rule, after, until) for rule in rules._rrule]
    included += [_date_moments(date, after, until, FIXED) for date in rules._rdate]
    excluded = [rule_moments(rule, after, until, _EVERY_PASS) for rule in rules._exrule]
    excluded += [_date_moments(date, after, until, _EVERY_PASS) for date in rules._exdate]
    left_out = _merged(excluded)
    out: datetime | None = datetime.min
    for moment, fired in _merged(included):
        while out is not None and out < moment:
            out = next(left_out, (None, None))[0]
        if out != moment:
            yield fired


def _date_moments(date: datetime, after: datetime, until: datetime | None, pace: Pace) -> Iterator[DateTime]:
    return zone(zone_of(date)).moments((_naive(date),), after, pace, until)


def _merged(streams: list[Iterator[DateTime]]) -> Iterator[tuple[datetime, DateTime]]:
    """The moments of several streams in order, each once, as naive UTC and as they are."""
    last: datetime | None = None
    keyed = [((to_moment(fired), fired) for fired in stream) for stream in streams]
    for moment, fired in heapq.merge(*keyed, key=itemgetter(0)):
        if moment != last:
            yield moment, fired
        last = moment


def _own_moments(rule: Iterable[datetime], after: datetime, until: datetime | None) -> Iterator[DateTime]:
    """The moments of a rule class of the user's own, which has the last word on what it gives."""
    for found in rule:
        moment = to_moment(found)
        if until is not None and moment > until:
            return
        if moment > after:
            after = moment
            yield as_datetime(found)


def _naive(value: datetime) -> datetime:
    return datetime.combine(datetime.date(value), datetime.time(value)).replace(fold=0)
