"""Clocks as people write them, and the schedule they make: its JSON as clients register it, and its moments."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from typing import TYPE_CHECKING, Any, cast

import msgspec

from prefect.server.domain.registry import JSON
from prefect.server.errors import BadInputError

if TYPE_CHECKING:
    from prefect.schedules import Schedule
    from prefect.schedules.clocks import ClockEvent

__all__ = ["Clocks", "load_schedule", "next_events", "schedule_json"]

#: Clocks of one schedule, and characters of one rule.
_MOST_CLOCKS, _LONGEST_RULE = 50, 1_000
#: What a rule may say beside its start: one of these, and not faster than an hour.
_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")


class CronClockInput(msgspec.Struct):
    """Runs by a cron line.

    Attributes:
        parameter_defaults: parameters of these runs.
        labels: labels of these runs; null leaves those of the flow.
    """

    cron: str
    parameter_defaults: JSON | None = None
    labels: list[str] | None = None


class IntervalClockInput(msgspec.Struct):
    """Runs at equal distances.

    Attributes:
        interval: seconds, 60 or more.
        parameter_defaults: parameters of these runs.
        labels: labels of these runs; null leaves those of the flow.
    """

    interval: int
    parameter_defaults: JSON | None = None
    labels: list[str] | None = None


class RRuleClockInput(msgspec.Struct):
    """Runs by a recurrence rule of iCalendar.

    Attributes:
        rrule: the rule, such as `FREQ=MONTHLY;BYDAY=1MO;BYHOUR=9;BYMINUTE=0`, with a line `DTSTART:…`
            before it if it does not begin today; or the rule as clients register it (`rrule_obj`).
        parameter_defaults: parameters of these runs.
        labels: labels of these runs; null leaves those of the flow.
    """

    rrule: JSON
    parameter_defaults: JSON | None = None
    labels: list[str] | None = None


class Clocks(msgspec.Struct, kw_only=True):
    """Clocks of a schedule.

    Attributes:
        timezone: IANA name of the zone that the clocks run in; UTC when null. A recurrence rule keeps the
            distance from UTC that the zone has at the rule's start.
    """

    cron_clocks: list[CronClockInput] | None = None
    interval_clocks: list[IntervalClockInput] | None = None
    rrule_clocks: list[RRuleClockInput] | None = None
    timezone: str | None = None


def load_schedule(value: Any) -> Schedule:
    """The schedule of its JSON.

    Raises:
        BadInputError: it is none, or its clocks cannot run.
    """
    from prefect.serialization.schedule import ScheduleSchema

    try:
        return ScheduleSchema().load(value)
    except Exception as exc:  # many libraries read it; whatever they object to is the input's fault
        raise BadInputError(f"The schedule cannot be used: {exc}") from exc


def next_events(schedule: dict[str, Any], now: datetime.datetime, count: int) -> list[ClockEvent]:
    """The events of a schedule after now, `count` at most.

    Raises:
        BadInputError: a clock cannot run.
    """
    return load_schedule(schedule).next(count, after=now, return_events=True)


def schedule_json(clocks: Clocks, now: datetime.datetime) -> dict[str, Any]:
    """The JSON of a schedule with these clocks, which begins now.

    Raises:
        BadInputError: there is no such zone, no clock, or a clock that cannot run; the message says which.
    """
    zone_name = clocks.timezone or "UTC"
    try:
        zone = zoneinfo.ZoneInfo(zone_name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise BadInputError(
            f"There is no time zone {zone_name!r}; zones are named such as Europe/Berlin."
        ) from exc
    start = {"dt": now.astimezone(zone).replace(tzinfo=None).isoformat(), "tz": zone_name}
    found: list[dict[str, Any]] = [
        {"type": "CronClock", "cron": cron.cron, "start_date": start, **_given(cron)}
        for cron in clocks.cron_clocks or ()
    ]
    for interval in clocks.interval_clocks or ():
        if interval.interval < 60:
            raise BadInputError(f"An interval is 60 seconds or more, not {interval.interval}.")
        microseconds = interval.interval * 1_000_000
        found.append(
            {"type": "IntervalClock", "interval": microseconds, "start_date": start, **_given(interval)}
        )
    found += [
        {
            "type": "RRuleClock",
            "rrule_obj": _rule(rule.rrule, now.astimezone(zone), zone),
            "start_date": start,
            **_given(rule),
        }
        for rule in clocks.rrule_clocks or ()
    ]
    if not found:
        raise BadInputError(
            "A schedule has at least one clock: give cron_clocks, interval_clocks or rrule_clocks."
        )
    if len(found) > _MOST_CLOCKS:
        raise BadInputError(f"A schedule has {_MOST_CLOCKS} clocks at most, not {len(found)}.")
    return {"type": "Schedule", "clocks": found}


def _given(clock: CronClockInput | IntervalClockInput | RRuleClockInput) -> dict[str, Any]:
    """What a clock gives its runs."""
    defaults = clock.parameter_defaults
    if defaults is not None and not isinstance(defaults, dict):
        raise BadInputError('parameter_defaults is a JSON object such as {"a": 1}.')
    given: dict[str, Any] = {"parameter_defaults": defaults or {}}
    if clock.labels is not None:
        given["labels"] = clock.labels
    return given


def _rule(rule: Any, now: datetime.datetime, zone: zoneinfo.ZoneInfo) -> Any:
    """A rule as clients register it: `{"type": "rrule", "rr": …, "_dtstart": …, "_until": …}`."""
    if isinstance(rule, dict):
        return cast("dict[str, Any]", rule)
    if not isinstance(rule, str):
        raise BadInputError("rrule is a text such as FREQ=MONTHLY;BYDAY=1MO, or the JSON of a rule.")
    from dateutil.rrule import rrule as single
    from dateutil.rrule import rrulestr

    from prefect.serialization.schedule import RRuleBaseSchema

    text = rule.strip()
    if len(text) > _LONGEST_RULE:
        raise BadInputError(f"A rule has {_LONGEST_RULE} characters at most, not {len(text)}.")
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    until = re.search(r"UNTIL=(\w+)", text, re.IGNORECASE)
    ends_in_utc = until is not None and until[1].upper().endswith("Z")
    try:
        # dateutil wants both ends of a rule to have a zone, or none of them.
        made = rrulestr(text, dtstart=midnight.replace(tzinfo=zone) if ends_in_utc else midnight)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as exc:
        raise BadInputError(
            f"{text!r} is no recurrence rule: {exc}. A rule is such as "
            "FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=9;BYMINUTE=0."
        ) from exc
    if not isinstance(made, single):
        raise BadInputError("Give one rule for each clock; a schedule may have many clocks.")
    if not any(f"FREQ={frequency}" in text.upper() for frequency in _FREQUENCIES):
        raise BadInputError(f"FREQ is one of {', '.join(_FREQUENCIES)}; for shorter times set an interval.")
    return RRuleBaseSchema().dump(made.replace(**_zoned(made, zone)))


def _zoned(rule: Any, zone: zoneinfo.ZoneInfo) -> dict[str, Any]:
    """The ends of a rule with a zone: the only one that JSON of rules has is a distance from UTC."""
    begin: datetime.datetime = rule._dtstart
    end: datetime.datetime | None = rule._until
    offset = begin.utcoffset() if begin.tzinfo is not None else begin.replace(tzinfo=zone).utcoffset()
    fixed = datetime.timezone(offset or datetime.timedelta())
    ends = {"dtstart": begin.replace(tzinfo=fixed)}
    if end is not None:
        ends["until"] = end.replace(tzinfo=fixed) if end.tzinfo is None else end
    return ends
