"""A flow on a schedule: every two seconds, three times, it notes how full the disk is.

    python examples/scheduled.py
    prefect run -p examples/scheduled.py --schedule

Without `--schedule`, `prefect run` runs it once and now.
"""

from __future__ import annotations

import csv
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import prefect
from prefect import Flow, Parameter, task
from prefect.schedules import Schedule
from prefect.schedules.clocks import IntervalClock

OUTPUT = Path(__file__).resolve().parent / "output" / "scheduled"


@task
def look_at_disk(folder: str) -> dict[str, Any]:
    usage = shutil.disk_usage(folder)
    # The time for which the run was planned, not the time at which it got round to it.
    planned = prefect.context.scheduled_start_time
    return {
        "time": planned.isoformat(timespec="seconds"),
        "folder": folder,
        "free": usage.free,
        "total": usage.total,
    }


@task(log_stdout=True)
def note_down(row: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)
    print(f"{row['folder']}: {row['free'] / row['total']:.0%} free")


# A clock without an end would go on for ever. An interval counts from `start_date`, and only
# times after now are events, so the first run is one interval from now.
start = datetime.now(timezone.utc)
clock = IntervalClock(
    interval=timedelta(seconds=2),
    start_date=start,
    end_date=start + timedelta(seconds=7),
    parameter_defaults={"folder": str(Path.home())},
)

with Flow("disk-watch", schedule=Schedule(clocks=[clock])) as flow:
    folder = Parameter("folder", default=".")
    note_down(look_at_disk(folder), OUTPUT / "disk.csv")


if __name__ == "__main__":
    flow.run()
    print(f"\n{OUTPUT / 'disk.csv'}:")
    print((OUTPUT / "disk.csv").read_text(encoding="utf-8"))
