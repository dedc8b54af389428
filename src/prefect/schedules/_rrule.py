"""iCal recurrence rules: dateutil counts them on the wall clock, the zone of their start resolves them."""

# ruff: noqa: DTZ901  (naive datetimes are wall times, or moments in UTC)
from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import dropwhile, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol, cast

from prefect.schedules._datetimes import as_datetime, to_moment, zone_of
from prefect.schedules._steps import LAST_WALL, steps
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
_HOURLY, _MINUTELY = 4, 5
#: The calendar repeats after 400 years: what did not occur by then never does.
_CYCLE = timedelta(days=146_097)
_DAYS = timedelta(days=2)
#: For what a set excludes: both passes of a repeated wall time.
_EVERY_PASS = Pace(timedelta(0), FIXED.skip)


class _Rule(Protocol):
    """The parts of `dateutil.rrule.rrule` that are used here."""

    _freq: int
    _interval: int
    _dtstart: datetime
    _until: datetime | None
    _count: int | None
    _byhour: object
    _byminute: object
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
    """The wall times of a rule from one on, in order."""
    if rule._original_rule or rule._freq not in _UNITS or rule._until is not None:
        return _searched(rule, start) if rule._count is None else _from(rule, start)
    # Nothing but equal steps. dateutil would walk here from the start of the rule.
    first, step = _naive(rule._dtstart), _UNITS[rule._freq] * rule._interval
    walls = steps(first, step, start)
    if rule._count is None:
        return walls
    end = first + rule._count * step
    return takewhile(lambda wall: wall < end, walls)


def _searched(rule: _Rule, start: datetime) -> Iterator[datetime]:
    """The wall times of a rule without count.

    dateutil walks from the start of a rule, and looks until the year 9999 for a date that never comes.
    Both are made short: by a later start, and by windows of which the first empty one is the last.
    """
    low = max(start, _naive(rule._dtstart))
    window = _CYCLE * min(rule._interval, 20)
    is_empty = False
    while low < LAST_WALL and not is_empty:
        high = low + window if LAST_WALL - low > window else LAST_WALL
        is_last = rule._until is not None and _naive(rule._until) <= high + _DAYS
        # A rule's own end may be in another zone than its start. It stays as it is.
        end = rule._until if is_last else high.replace(tzinfo=rule._dtstart.tzinfo)
        is_empty = True
        for wall in _from(rule.replace(dtstart=_start_near(rule, low), until=end, cache=False), low):
            is_empty = False
            yield wall
        if is_last:
            return
        low = high + timedelta(seconds=1)


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
    walls = found if rule._dtstart.tzinfo is None else (time.replace(tzinfo=None) for time in found)
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
