"""Runs for times of a schedule that are over: which ones are missing, and making them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.schedules.clocks import ClockEvent

__all__ = ["Missing", "make_run", "missing_times", "moment"]

#: Times that are looked at in one go.
_CHUNK = 500
#: Runs that are made with one command at most.
MOST = 10_000


@dataclass(frozen=True)
class Missing:
    """A time of the schedule that has no run."""

    time: datetime.datetime
    """When the run should have started."""
    parameters: dict[str, Any]
    """What the clock gives to its runs."""
    labels: list[str] | None
    """Labels that the clock gives to its runs."""


def moment(text: str, option: str) -> datetime.datetime:
    """A date or time in any usual form, in UTC if it names no zone.

    Raises:
        CommandError: it is none.
    """
    from dateutil import parser

    try:
        found = parser.parse(text)
    except (ValueError, OverflowError):
        raise CommandError(f"{option} {text!r} is no date or time.", exit_code=_exit_codes.USAGE) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=datetime.timezone.utc)


def missing_times(
    client: Client, flow: dict[str, Any], since: datetime.datetime, until: datetime.datetime
) -> list[Missing]:
    """Times of a flow's schedule, from `since` until before `until`, that have no run.

    Args:
        client: the client.
        flow: the row of the flow, with `flow_group_id`, `schedule` and `flow_group { schedule }`.
        since: the first moment.
        until: the first moment that is not meant any more.

    Raises:
        CommandError: the flow has no schedule, or there are too many times.
    """
    group: dict[str, Any] = flow["flow_group"] or {}
    schedule: Any = group.get("schedule") or flow["schedule"]
    if not schedule:
        raise CommandError(f"Flow {flow['name']!r} has no schedule.", exit_code=_exit_codes.CONFLICT)
    known = _known(client, flow["flow_group_id"], since, until)
    return [
        Missing(
            event.start_time,
            dict(event.parameter_defaults),
            list(event.labels) if event.labels is not None else None,
        )
        for event in _events(schedule, since, until)
        if event.start_time not in known
    ]


def _events(schedule: Any, since: datetime.datetime, until: datetime.datetime) -> list[ClockEvent]:
    from prefect.serialization.schedule import ScheduleSchema

    loaded = ScheduleSchema().load(schedule)
    found: list[ClockEvent] = []
    after = since - datetime.timedelta(microseconds=1)
    while True:
        chunk = loaded.next(_CHUNK, after=after, return_events=True)
        wanted = [event for event in chunk if event.start_time < until]
        found += wanted
        if len(wanted) < _CHUNK:
            return found
        if len(found) > MOST:
            raise CommandError(
                f"The schedule has more than {MOST:,} times in this range.",
                hint="Take a shorter range.",
                exit_code=_exit_codes.USAGE,
            )
        after = wanted[-1].start_time


def _known(
    client: Client, group_id: str, since: datetime.datetime, until: datetime.datetime
) -> set[datetime.datetime]:
    """Times that have a run, whatever became of it."""
    from prefect.backend._query import parse_time, rows

    where = {
        "flow": {"flow_group_id": {"_eq": group_id}},
        "scheduled_start_time": {"_gte": since.isoformat(), "_lt": until.isoformat()},
    }
    found = rows("flow_run", where, "scheduled_start_time", client=client)
    return {parse_time(cast("str", row.scheduled_start_time)) for row in found}


def make_run(
    client: Client, flow: dict[str, Any], missing: Missing, parameters: dict[str, Any], labels: list[str]
) -> str:
    """Make the run of a time, which starts as soon as an agent takes it; its id."""
    return client.create_flow_run(
        flow_id=flow["id"],
        parameters={**missing.parameters, **parameters} or None,
        labels=labels or missing.labels,
        scheduled_start_time=missing.time,
        # Two commands at the same time make one run.
        idempotency_key=f"backfill {flow['flow_group_id']} {missing.time.isoformat()}",
    )
