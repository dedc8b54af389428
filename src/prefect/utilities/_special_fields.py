"""Fields for bytes, ids, zoned dates, sets and values that must be JSON."""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, ClassVar, cast

from prefect._wire.times import parse_any_time
from prefect.utilities._fields import Field, List, String, ValidationError

__all__ = ["UUID", "Bytes", "DateTimeTZ", "JSONCompatible", "SortedList"]

_PLAIN_JSON = frozenset({str, int, float, bool, type(None)})


class JSONCompatible(Field):
    """Any value that JSON has; others are errors that name the attribute."""

    plain: ClassVar[frozenset[type]] = _PLAIN_JSON

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        if _is_json(value):
            return value
        raise ValidationError(
            f"When running with Prefect Cloud/Server, values for `{type(obj).__name__}.{attr}` must be JSON "
            f"compatible. Unable to serialize `{value!r}`."
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if type(value) in _PLAIN_JSON or _is_json(value):
            return value
        raise ValidationError(f"Values must be JSON compatible, got `{value!r}`")


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


class Bytes(Field):
    """Bytes, as base64."""

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        return base64.b64encode(value).decode("ascii")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return base64.b64decode(value)
        except (TypeError, binascii.Error, ValueError) as exc:
            raise ValidationError("Not valid base64.") from exc


class UUID(String):
    """An id, as text in memory as well."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return str(value if isinstance(value, uuid.UUID) else uuid.UUID(value))
        except (AttributeError, TypeError, ValueError) as exc:
            raise ValidationError("Not a valid UUID.") from exc


class SortedList(List):
    """A set of texts, as sorted array."""

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        found: list[Any] = super()._serialize(value, attr, obj, **kwargs) if value else []
        found.sort()
        return found


class DateTimeTZ(Field):
    """A moment in a time zone, as `{"dt": wall time, "tz": name of the zone}`.

    Unlike an offset, the name keeps later moments computed from this one right when clocks change.
    It is read as pendulum `DateTime`. Naive datetimes are UTC.
    """

    _offset: ClassVar[re.Pattern[str]] = re.compile(r"([+-])(\d\d):?(\d\d)")

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        moment = cast("datetime", value)
        return {"dt": moment.replace(tzinfo=None).isoformat(), "tz": zone_name(moment)}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        import pendulum

        if not isinstance(value, Mapping) or not isinstance(value.get("dt"), str):  # pyright: ignore[reportUnknownMemberType]
            raise ValidationError(
                'Not a valid zoned datetime: {"dt": "2030-01-02T03:04:05", "tz": "Europe/Berlin"}.'
            )
        pair = cast("Mapping[str, Any]", value)
        zone: Any = pair.get("tz") or "UTC"
        try:
            moment = parse_any_time(pair["dt"])
            found = self._offset.fullmatch(zone)
            if found is not None:
                sign, hours, minutes = found.groups()
                zone = (1 if sign == "+" else -1) * (int(hours) * 3600 + int(minutes) * 60)
            tz: tzinfo = pendulum.FixedTimezone(zone) if isinstance(zone, int) else pendulum.Timezone(zone)
        except ValueError as exc:
            raise ValidationError(f"Not a valid zoned datetime: {exc}") from exc
        if moment.tzinfo is not None:  # hand-made JSON: the offset says it all
            return pendulum.instance(moment).in_timezone(tz)
        # compat: of a wall time that occurs twice, the second; one that does not exist moves on.
        return pendulum.instance(moment.replace(fold=1), tz=tz)


def zone_name(moment: datetime) -> str:
    """The IANA name of a moment's zone, or its offset (`+05:00`) if the zone has no name."""
    zone = moment.tzinfo
    if zone is None or zone is timezone.utc:
        return "UTC"
    name = getattr(zone, "key", None) or getattr(zone, "zone", None) or getattr(zone, "name", None)
    if isinstance(name, str) and name:
        return name
    offset = moment.utcoffset() or timedelta()
    minutes = int(abs(offset).total_seconds() // 60)
    return f"{'-' if offset < timedelta() else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
