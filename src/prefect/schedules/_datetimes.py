# ruff: noqa: DTZ901  (naive datetimes are wall times, or moments in UTC)
"""Datetimes at the border: users give any kind, and get pendulum's.

Inside this package a moment is a naive `datetime` in UTC, and a wall time is a naive `datetime` that
says what a clock on some wall shows.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pendulum import DateTime

__all__ = ["as_datetime", "fixed_offset", "now", "shifted", "to_moment", "zone_of"]

# dateutil names its zones by file, as "/usr/share/zoneinfo/Europe/Berlin" or "Europe/Berlin".
_ZONE_FILE = re.compile(r"(?:.*/zoneinfo/)?([A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*)")


def now() -> datetime:
    """This moment, naive in UTC."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def to_moment(value: datetime) -> datetime:
    """The moment of a datetime, naive in UTC. A naive datetime is in UTC already.

    Raises:
        TypeError: it is no datetime.
    """
    _check(value)
    # Called on the class, since pendulum's own methods of these names are slow.
    wall = datetime.combine(datetime.date(value), datetime.time(value))
    offset = value.utcoffset()
    return wall.replace(fold=0) if offset is None else shifted(wall.replace(fold=0), -offset)


def shifted(moment: datetime, by: timedelta) -> datetime:
    """A moment or wall time that is so much later, within the calendar."""
    try:
        return moment + by
    except OverflowError:
        return datetime.max if by > timedelta(0) else datetime.min


def as_datetime(value: datetime) -> DateTime:
    """The same moment as a pendulum `DateTime`, in the same time zone. Naive datetimes are in UTC.

    A wall time that does not exist becomes the one that clocks show at that moment.

    Raises:
        TypeError: it is no datetime.
    """
    import pendulum

    moment, zone = to_moment(value), zone_of(value)
    wall = moment.replace(tzinfo=timezone.utc).astimezone(zone)
    return pendulum.DateTime(
        wall.year,
        wall.month,
        wall.day,
        wall.hour,
        wall.minute,
        wall.second,
        wall.microsecond,
        zone,
        fold=wall.fold,
    )


def zone_of(value: datetime) -> tzinfo:
    """The time zone of a datetime, as pendulum has it: with its IANA name, or a fixed offset.

    Zones of zoneinfo, pytz and dateutil are recognised. One without a name and with a changing offset
    is returned as it is.
    """
    import pendulum

    zone = value.tzinfo
    if zone is None or zone is timezone.utc:
        return pendulum.UTC
    if isinstance(zone, (pendulum.Timezone, pendulum.FixedTimezone)):
        return zone
    name = _name_of(zone)
    if name is not None:
        try:
            return pendulum.timezone(name)
        except ValueError:
            pass  # a zone of the user's own making, known under its object only
    offset = fixed_offset(zone)
    if offset is None:
        return zone
    return pendulum.FixedTimezone(int(offset.total_seconds())) if offset else pendulum.UTC


def _name_of(zone: tzinfo) -> str | None:
    # zoneinfo and new dateutil: key; pytz: zone; old dateutil: _filename.
    for attribute in ("key", "zone", "_filename"):
        name: object = getattr(zone, attribute, None)
        if isinstance(name, str):
            found = _ZONE_FILE.fullmatch(name)
            return found[1] if found else None
    return None


def _check(value: object) -> None:
    if not isinstance(value, datetime):
        raise TypeError(f"A schedule needs a datetime, not {value!r} ({type(value).__name__}).")


def fixed_offset(zone: tzinfo) -> timedelta | None:
    """The offset of a zone in which clocks never change; None if they do."""
    try:
        return zone.utcoffset(None)
    except (AttributeError, TypeError):  # a class of the user's own that looks at the datetime
        return None
