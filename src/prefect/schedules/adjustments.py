"""Adjustments for schedules: functions that move the events that passed the filters.

```python
from prefect.schedules import Schedule, adjustments
from prefect.schedules.clocks import CronClock

first_working_day = Schedule(clocks=[CronClock("0 9 1 * *")], adjustments=[adjustments.next_weekday])
```

Any function from a datetime to a datetime will do. Only those of this module can be sent to a backend.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from prefect.schedules._datetimes import as_datetime

if TYPE_CHECKING:
    from pendulum import DateTime

__all__ = ["add", "next_weekday"]


def add(interval: timedelta) -> Callable[[datetime], DateTime]:
    """An adjustment that moves events by a distance, into the future or the past.

    Args:
        interval: how far, in time that passes: a day later is another time of day when clocks change.
    """

    def move(dt: datetime) -> DateTime:
        return as_datetime(dt) + interval

    return move


def next_weekday(dt: datetime) -> DateTime:
    """An adjustment that moves Saturdays and Sundays to the next Monday, at the same time of day.

    Args:
        dt: the datetime to move.
    """
    moved = as_datetime(dt)
    days = 7 - moved.weekday()
    return moved.add(days=days) if days <= 2 else moved
