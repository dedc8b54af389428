"""JSON of schedules and their clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from prefect._wire import schedules as structs
from prefect.schedules import adjustments, clocks, filters, schedules
from prefect.utilities._lazy import removed_names
from prefect.utilities.serialization import (
    DateTimeTZ,
    Nested,
    ObjectSchema,
    OneOfSchema,
    StatefulFunctionReference,
    ValidationError,
    fields,
)

if TYPE_CHECKING:
    from dateutil import rrule

__all__ = [
    "ADJUSTMENTS",
    "FILTERS",
    "ClockSchema",
    "CronClockSchema",
    "DatesClockSchema",
    "IntervalClockSchema",
    "RRuleBaseSchema",
    "RRuleClockSchema",
    "RRuleSchema",
    "RRuleSetSchema",
    "ScheduleSchema",
]

__getattr__ = removed_names(__name__)

#: Filters a schedule may have when it is sent somewhere.
FILTERS: list[Callable[..., Any]] = [
    filters.on_datetime,
    filters.on_date,
    filters.at_time,
    filters.between_datetimes,
    filters.between_dates,
    filters.between_times,
    filters.is_weekday,
    filters.is_weekend,
    filters.is_month_end,
    filters.is_day_of_week,
    filters.is_month_start,
]
#: Adjustments a schedule may have when it is sent somewhere.
ADJUSTMENTS: list[Callable[..., Any]] = [adjustments.add, adjustments.next_weekday]

_MINIMUM_INTERVAL = timedelta(minutes=1)


class _ClockSchema(ObjectSchema):
    """The keys that need more than their type, where a clock has them."""

    start_date = DateTimeTZ(allow_none=True)
    end_date = DateTimeTZ(allow_none=True)


class IntervalClockSchema(_ClockSchema, object_class=clocks.IntervalClock, wire=structs.IntervalClock):
    """An `IntervalClock`, of a minute or more."""

    interval = fields.TimeDelta(precision="microseconds", required=True)

    def dump_one(self, obj: Any) -> dict[str, Any]:
        """The JSON of a clock.

        Raises:
            ValueError: it is faster than servers may be asked to be.
        """
        _check_interval(obj.interval)
        return super().dump_one(obj)

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> Any:
        """The clock."""
        _check_interval(data["interval"])
        return super().create_object(data, **kwargs)


def _check_interval(interval: timedelta) -> None:
    if interval < _MINIMUM_INTERVAL:
        raise ValueError(
            "Interval can not be less than one minute when deploying to Prefect Cloud or a server; "
            f"this one is {interval}."
        )


class CronClockSchema(_ClockSchema, object_class=clocks.CronClock, wire=structs.CronClock):
    """A `CronClock`."""


class DatesClockSchema(ObjectSchema, object_class=clocks.DatesClock, wire=structs.DatesClock):
    """A `DatesClock`."""

    dates = fields.List(DateTimeTZ, required=True)


def _rrule_class() -> type[rrule.rrule]:
    from dateutil.rrule import rrule

    return rrule


def _rruleset_class() -> type[rrule.rruleset]:
    from dateutil.rrule import rruleset

    return rruleset


class RRuleSchema(ObjectSchema, object_class=_rrule_class, wire=structs.PlainRRule):
    """One iCal recurrence rule.

    The rule's own text knows no time zone: its first and last moment are written beside it.
    """

    rr = fields.Method("dump_rrule_str", "load_rrule_str")
    _dtstart = fields.DateTime(allow_none=True)
    _until = fields.DateTime(allow_none=True)

    def dump_rrule_str(self, obj: rrule.rrule) -> str:
        """The text of a rule."""
        return str(obj)

    def load_rrule_str(self, value: str) -> rrule.rrule:
        """The rule of a text.

        Raises:
            ValidationError: it is no rule.
        """
        from dateutil.rrule import rrulestr

        try:
            # The text has naive moments, whatever zone the rule is in.
            found: Any = rrulestr(value, ignoretz=True)
        except (TypeError, ValueError) as exc:
            raise ValidationError(f"Not a valid recurrence rule: {exc}.") from exc
        return found

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> Any:
        """The rule."""
        rule: Any = data.get("rr")
        if rule is None:
            raise ValidationError({"rr": ["Missing data for required field."]})
        start: datetime = data.get("_dtstart") or rule._dtstart
        until: datetime | None = data.get("_until") or rule._until
        if until is not None and until.tzinfo is None:
            until = until.replace(tzinfo=start.tzinfo)
        return rule.replace(dtstart=start, until=until)


class RRuleSetSchema(ObjectSchema, object_class=_rruleset_class, wire=structs.RRuleSet):
    """Recurrence rules and dates, added and excluded."""

    _rrule = fields.List(Nested(RRuleSchema))
    _rdate = fields.List(fields.DateTime)
    _exrule = fields.List(Nested(RRuleSchema))
    _exdate = fields.List(fields.DateTime)

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> Any:
        """The set."""
        found = _rruleset_class()()
        for key, add in (
            ("_rrule", found.rrule),
            ("_rdate", found.rdate),
            ("_exrule", found.exrule),
            ("_exdate", found.exdate),
        ):
            for value in data.get(key, ()):
                add(value)
        return found


class RRuleBaseSchema(OneOfSchema):
    """A recurrence rule, or a set of them."""

    type_schemas = {"rrule": RRuleSchema, "rruleset": RRuleSetSchema}


class RRuleClockSchema(_ClockSchema, object_class=clocks.RRuleClock, wire=structs.RRuleClock):
    """An `RRuleClock`."""

    rrule_obj = Nested(RRuleBaseSchema, required=True)


class ClockSchema(OneOfSchema):
    """A clock of any kind."""

    type_schemas = {
        "IntervalClock": IntervalClockSchema,
        "CronClock": CronClockSchema,
        "DatesClock": DatesClockSchema,
        "RRuleClock": RRuleClockSchema,
    }


class ScheduleSchema(ObjectSchema, object_class=schedules.Schedule, wire=structs.Schedule):
    """A `Schedule`."""

    clocks = Nested(ClockSchema, many=True, required=True)
    filters = fields.List(StatefulFunctionReference(FILTERS))
    or_filters = fields.List(StatefulFunctionReference(FILTERS))
    not_filters = fields.List(StatefulFunctionReference(FILTERS))
    adjustments = fields.List(StatefulFunctionReference(ADJUSTMENTS))
