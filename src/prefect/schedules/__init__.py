"""When flows run: clocks give events, filters choose among them, adjustments move them.

```python
from datetime import timedelta
from prefect.schedules import CronSchedule, IntervalSchedule

every_hour = IntervalSchedule(interval=timedelta(hours=1))
every_morning = CronSchedule("0 9 * * *")
```

The clocks are in `prefect.schedules.clocks`, the functions for filters and adjustments in
`prefect.schedules.filters` and `prefect.schedules.adjustments`.
"""

from __future__ import annotations

from prefect.schedules import adjustments as adjustments
from prefect.schedules import clocks as clocks
from prefect.schedules import filters as filters
from prefect.schedules import schedules as schedules
from prefect.schedules.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Schedule
from prefect.utilities._lazy import removed_names

__all__ = ["CronSchedule", "IntervalSchedule", "RRuleSchedule", "Schedule"]

__getattr__ = removed_names(__name__)
