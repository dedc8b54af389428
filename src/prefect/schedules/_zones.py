"""From wall times to moments: what becomes of them when clocks change.

The rule, for every clock of this package:

- a wall time that occurs twice fires once, the first time;
- a wall time that does not exist fires at the first instant after the gap;
- what repeats within the time that clocks jump (an hour, nearly everywhere) goes on in real time: it
  fires in both passes of a repeated hour, and has nothing to make up for in a skipped one.

A change is looked at as a whole: clocks jump from one offset to another at one moment. In no zone do
changes lie closer together than three days.
"""

# ruff: noqa: DTZ001, DTZ901  (naive datetimes are wall times, or moments in UTC)
from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING, NamedTuple

from prefect.schedules._datetimes import fixed_offset, shifted

if TYPE_CHECKING:
    from pendulum import DateTime

__all__ = ["FIXED", "REAL_TIME", "Pace", "Zone", "zone"]

_STRIDE = timedelta(days=2)
_NEAR = timedelta(days=3)
_SECOND = timedelta(seconds=1)
_YEARS = range(2, 9999)  # around the ends of the calendar, offsets would leave it


class Pace(NamedTuple):
    """How times repeat, compared with the size of a change of the clocks.

    Attributes:
        repeat: in an overlap of this size or more, wall times fire in both passes.
        skip: in a gap of this size or more, the wall times in it are left out.
    """

    repeat: timedelta
    skip: timedelta


FIXED = Pace(timedelta.max, timedelta.max)
"""Wall times that are meant as they are: each fires once."""
REAL_TIME = Pace(timedelta(0), timedelta(0))
"""Wall times that stand for going on and on: whenever clocks show one, it fires."""


class Change(NamedTuple):
    """Clocks jump: at the moment `at` (naive UTC), from one offset to another."""

    at: datetime
    before: timedelta
    after: timedelta


@lru_cache(maxsize=1024)
def _shared_zone(tz: tzinfo) -> Zone:
    return Zone(tz)


def zone(tz: tzinfo) -> Zone:
    """What is known about a time zone. Changes are looked up once per zone and year."""
    try:
        return _shared_zone(tz)
    except TypeError:  # old dateutil's zones have no hash
        return Zone(tz)


class Zone:
    """A time zone and the changes of its clocks.

    Args:
        tz: the zone; the datetimes made here have it.
    """

    __slots__ = ("_changes", "_fixed", "tz")

    def __init__(self, tz: tzinfo) -> None:
        self.tz = tz
        self._fixed = fixed_offset(tz)
        self._changes: dict[int, tuple[Change, ...]] = {}

    def earliest_wall(self, after: datetime) -> datetime:
        """The first wall time that may fire after a moment (naive UTC)."""
        if self._fixed is not None:
            return shifted(after, self._fixed)
        offset = self._offset(after)
        for change in self._around(after):
            # In the first pass of an overlap, the second pass begins at an earlier wall time.
            if change.at + (change.after - change.before) <= after < change.at:
                return change.at + change.after
        return shifted(after, offset)

    def moments(
        self, walls: Iterable[datetime], after: datetime, pace: Pace, until: datetime | None = None
    ) -> Iterator[DateTime]:
        """The public datetimes at which wall times fire, strictly increasing.

        Args:
            walls: naive, strictly increasing, from `earliest_wall(after)` on or before.
            after: naive UTC; what fires then or earlier is left out.
            pace: what to do in gaps and overlaps.
            until: naive UTC; nothing later fires.
        """
        from pendulum import DateTime

        tz = self.tz
        if self._fixed is None:
            fired = self._resolved(walls, after, pace, until)
        else:
            fired = _between(walls, self._fixed, after, until)
        for wall in fired:
            # The plain constructor: pendulum's other ways to make one cost ten times as much.
            yield DateTime(
                wall.year,
                wall.month,
                wall.day,
                wall.hour,
                wall.minute,
                wall.second,
                wall.microsecond,
                tz,
                fold=wall.fold,
            )

    def _resolved(
        self, walls: Iterable[datetime], after: datetime, pace: Pace, until: datetime | None
    ) -> Iterator[datetime]:
        """Wall times that exist, in the order of their moments, with `fold` set in second passes."""
        offset = timedelta(0)
        clear_until = datetime.min  # up to there, `offset` holds and every wall time occurs once
        overlap: Change | None = None
        second_pass: list[datetime] = []
        landing: datetime | None = None  # where a gap was made up for
        is_early = True
        for wall in walls:
            if wall >= clear_until:
                offset, clear_until, change = self._at(wall)
                if overlap is not None and overlap != change:
                    yield from _between(second_pass, overlap.after, after, until)
                    overlap = None
                if change is None:
                    if wall == landing:
                        continue
                elif change.after > change.before:
                    if pace.skip > change.after - change.before and landing != change.at + change.after:
                        landing = change.at + change.after
                        yield from _between((landing,), change.after, after, until)
                    continue
                elif pace.repeat <= change.before - change.after:
                    if overlap is None:
                        overlap, second_pass = change, []
                    second_pass.append(wall.replace(fold=1))
            if is_early:
                if wall - offset <= after:
                    continue
                is_early = False
            if until is not None and wall - offset > until:
                break
            yield wall
        if overlap is not None:
            yield from _between(second_pass, overlap.after, after, until)

    def _at(self, wall: datetime) -> tuple[timedelta, datetime, Change | None]:
        """What holds at a wall time.

        Returns:
            The offset (the first of two), the wall time until which it holds alone, and the change
            whose gap or overlap this is.
        """
        offset: timedelta | None = None
        for change in self._around(wall):
            start = change.at + min(change.before, change.after)
            if wall < start:
                return change.before, start, None
            if wall < change.at + max(change.before, change.after):
                return change.before, wall, change
            offset = change.after
        if offset is None:
            offset = self._offset(wall)
        next_year = shifted(wall, _NEAR).year + 1
        return offset, datetime(next_year, 1, 1) - _NEAR if next_year <= MAXYEAR else datetime.max, None

    def _around(self, moment: datetime) -> list[Change]:
        """The changes of the year of a moment, and of the next or last when it is near."""
        first, last = shifted(moment, -_NEAR).year, shifted(moment, _NEAR).year
        found = list(self._in_year(first))
        if last != first:
            found += self._in_year(last)
        return found

    def _in_year(self, year: int) -> tuple[Change, ...]:
        found = self._changes.get(year)
        if found is None:
            found = self._changes[year] = tuple(self._search(year)) if year in _YEARS else ()
        return found

    def _search(self, year: int) -> Iterator[Change]:
        # No time zone library tells its changes, so they are found by looking.
        low, end = datetime(year, 1, 1), datetime(year + 1, 1, 1)
        before = self._offset(low)
        while low < end:
            high = min(low + _STRIDE, end)
            after = self._offset(high)
            if after != before:
                yield Change(self._moment_of_change(low, high, before), before, after)
            low, before = high, after

    def _moment_of_change(self, low: datetime, high: datetime, before: timedelta) -> datetime:
        while high - low > _SECOND:
            middle = low + (high - low) // _SECOND // 2 * _SECOND
            if self._offset(middle) == before:
                low = middle
            else:
                high = middle
        return high

    def _offset(self, moment: datetime) -> timedelta:
        """The offset at a moment (naive UTC)."""
        if moment.year not in _YEARS:
            moment = moment.replace(year=min(max(moment.year, 2), 9998), day=min(moment.day, 28))
        offset = moment.replace(tzinfo=timezone.utc).astimezone(self.tz).utcoffset()
        assert offset is not None
        return offset


def _between(
    walls: Iterable[datetime], offset: timedelta, after: datetime, until: datetime | None
) -> Iterable[datetime]:
    """The wall times that are after one moment and not after another, at a fixed offset."""
    first = shifted(after, offset)
    late = dropwhile(lambda wall: wall <= first, walls)
    if until is None:
        return late
    last = shifted(until, offset)
    return takewhile(lambda wall: wall <= last, late)
