"""What `prefect.context` says inside a flow run and a task run.

Two layers, one for the flow run and one for each task run. Values that most tasks never look
at (dates, ids, names, loggers) are made when they are first read.
"""

from __future__ import annotations

import datetime
import os
import random
import time
from typing import TYPE_CHECKING, Any, cast

from prefect.utilities.context import Layer, LazyValues

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect.core.task import Task

#: Own source of ids: `random.seed` in user code must not make two runs share an id.
_ids = random.Random()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ids.seed)


def new_id() -> str:
    """A random UUID (version 4) as text; several times cheaper than `uuid.uuid4`."""
    bits = _ids.getrandbits(128)
    digits = f"{(bits & ~(0xF << 76) & ~(0x3 << 62)) | (0x4 << 76) | (0x2 << 62):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _as_datetime(value: Any) -> Any:
    """A date of the context as pendulum `DateTime`; texts are parsed."""
    import pendulum

    return cast("Any", pendulum.parse(value) if isinstance(value, str) else pendulum.instance(value))


def _time_of(timestamp: float) -> Callable[[Layer], Any]:
    def time_of(layer: Layer) -> Any:
        import pendulum

        return pendulum.from_timestamp(timestamp)

    return time_of


def _day(offset: int, form: str) -> Any:
    def day(layer: Layer) -> str:
        date: datetime.datetime = layer.lookup("date")
        return (date + datetime.timedelta(days=offset)).strftime(form)

    return day


_FLOW_RUN_VALUES: LazyValues = {
    "today": _day(0, "%Y-%m-%d"),
    "yesterday": _day(-1, "%Y-%m-%d"),
    "tomorrow": _day(1, "%Y-%m-%d"),
    "today_nodash": _day(0, "%Y%m%d"),
    "yesterday_nodash": _day(-1, "%Y%m%d"),
    "tomorrow_nodash": _day(1, "%Y%m%d"),
    "flow_run_id": lambda layer: new_id(),
    "flow_run_name": lambda layer: new_id(),
}


def flow_run_layer(values: dict[str, Any]) -> Layer:
    """The layer of a flow run.

    Args:
        values: what is known: `flow_name`, `parameters`, and what the caller of the run gave.
    """
    date = values.get("date")
    if date is not None:
        values["date"] = _as_datetime(date)
    started = _time_of(time.time())
    return Layer(values, {"date": started, "scheduled_start_time": started, **_FLOW_RUN_VALUES})


def flow_run_snapshot(layer: Layer) -> dict[str, Any]:
    """All values of a flow run's layer and below as one dictionary: for tasks that run elsewhere.

    Values that belong to this process or thread stay behind.
    """
    values = layer.flat()
    for key in ("logger", "flow", "caches", "_unused_task_tracker", "case", "resource"):
        values.pop(key, None)
    return values


def _task_full_name(layer: Layer) -> str:
    name: str = layer.lookup("task_name")
    index = layer.lookup("map_index")
    return name if index is None else f"{name}[{index}]"


def _task_logger(layer: Layer) -> Any:
    """The logger of a task run.

    A mapped child shares the logger of its task: one logger for each child would never be freed.
    """
    from prefect.utilities.logging import get_logger

    return get_logger(layer.lookup("task_name"))


TASK_RUN_VALUES: LazyValues = {
    "task_full_name": _task_full_name,
    "task_run_id": lambda layer: new_id(),
    "logger": _task_logger,
}


def task_values(task: Task, slug: str | None) -> dict[str, Any]:
    """What the context says in every run of a task.

    Args:
        task: the task.
        slug: the task's slug in its flow, where it is known.
    """
    return {
        "task_name": task.name,
        "task_slug": slug,
        "task_id": slug,
        "task_tags": task.tags,
    }
