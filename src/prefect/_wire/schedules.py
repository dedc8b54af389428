"""Schedules on the wire: clocks, and the filters and adjustments of their events."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct, field

from prefect._wire.base import JSON, Wire

__all__ = [
    "AnyClock",
    "AnyRRule",
    "CronClock",
    "DatesClock",
    "FunctionReference",
    "IntervalClock",
    "PlainRRule",
    "RRule",
    "RRuleClock",
    "RRuleSet",
    "Schedule",
    "ZonedDate",
]


class ZonedDate(Struct):
    """A moment, as wall time and zone: later moments computed from it follow the zone's rules."""

    #: ISO 8601 without offset.
    dt: str
    #: IANA name, or an offset such as `+05:00`; none is UTC.
    tz: str | None


class FunctionReference(Struct):
    """A function of the library, with the arguments it was made with.

    Dates among the arguments are texts: `//datetime:<ISO>`, `//time:<HH:MM:SS>`, `//timedelta:<seconds>`.
    """

    #: Dotted path.
    fn: str
    kwargs: dict[str, Any] = {}


class PlainRRule(Wire):
    """One iCal recurrence rule."""

    rr: str | None = None
    dtstart: str | None = field(name="_dtstart", default=None)
    until: str | None = field(name="_until", default=None)


class RRule(PlainRRule, tag="rrule"):
    """One iCal recurrence rule, where a set could be as well."""


class RRuleSet(Wire, tag="rruleset"):
    """Rules and dates, added and excluded."""

    rrule: list[PlainRRule] = field(name="_rrule", default_factory=list)
    rdate: list[str] = field(name="_rdate", default_factory=list)
    exrule: list[PlainRRule] = field(name="_exrule", default_factory=list)
    exdate: list[str] = field(name="_exdate", default_factory=list)


AnyRRule: TypeAlias = RRule | RRuleSet


class CronClock(Wire, tag="CronClock", kw_only=True):
    """Events by a cron line, in the zone of the start date."""

    cron: str
    start_date: ZonedDate | None = None
    end_date: ZonedDate | None = None
    parameter_defaults: dict[str, JSON] | None = {}
    #: None leaves the labels of the flow; a list replaces them.
    labels: list[str] | None = None
    day_or: bool | None = True


class IntervalClock(Wire, tag="IntervalClock", kw_only=True):
    """Events at equal distances."""

    #: Microseconds, a minute or more.
    interval: int
    start_date: ZonedDate | None = None
    end_date: ZonedDate | None = None
    parameter_defaults: dict[str, JSON] | None = {}
    labels: list[str] | None = None


class DatesClock(Wire, tag="DatesClock", kw_only=True):
    """Events at given moments."""

    dates: list[ZonedDate]
    parameter_defaults: dict[str, JSON] | None = {}
    labels: list[str] | None = None


class RRuleClock(Wire, tag="RRuleClock", kw_only=True):
    """Events by iCal recurrence rules."""

    rrule_obj: AnyRRule
    start_date: ZonedDate | None = None
    end_date: ZonedDate | None = None
    parameter_defaults: dict[str, JSON] | None = {}
    labels: list[str] | None = None


AnyClock: TypeAlias = CronClock | IntervalClock | DatesClock | RRuleClock


class Schedule(Wire, kw_only=True):
    """Clocks, whose events are kept or dropped by filters and then moved by adjustments."""

    clocks: list[AnyClock]
    #: All must hold.
    filters: list[FunctionReference] = []
    #: One must hold, if there are any.
    or_filters: list[FunctionReference] = []
    #: None may hold.
    not_filters: list[FunctionReference] = []
    adjustments: list[FunctionReference] = []
