"""Schedules of flows: switched on and off, and set for a whole flow group."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, cast

import msgspec

from prefect.server.database.store import Row, Transaction
from prefect.server.database.times import utc
from prefect.server.domain.common import dump, get, load, load_list, load_object, stamp
from prefect.server.domain.registry import JSON, SuccessPayload, Uuid, mutation, query
from prefect.server.domain.removal import delete_scheduled_runs
from prefect.server.domain.schedule_clocks import Clocks, load_schedule, next_events, schedule_json
from prefect.server.errors import BadInputError
from prefect.server.security.caller import Caller

__all__ = ["activate_if_possible", "load_schedule"]

#: wire: the words that old clients show.
_REQUIRED = "Can not schedule a flow that has required parameters."


class SetScheduleActiveInput(msgspec.Struct):
    """The flow whose schedule makes runs from now on."""

    flow_id: Uuid


class SetScheduleInactiveInput(msgspec.Struct):
    """The flow whose schedule makes no runs any more."""

    flow_id: Uuid


class SetFlowGroupScheduleInput(Clocks, kw_only=True):
    """A schedule for all versions of a flow: its clocks, and the zone they run in."""

    flow_group_id: Uuid


class SchedulePreviewArgs(Clocks, kw_only=True):
    """A schedule to look ahead with.

    Attributes:
        count: how many moments; 10 when null, 100 at most.
    """

    count: int | None = None


class ScheduledMoment(msgspec.Struct):
    """A moment at which a run would be due.

    Attributes:
        start_time: when.
        parameter_defaults: parameters that its clock gives it.
        labels: labels that its clock gives it; null leaves those of the flow.
    """

    start_time: Annotated[str, msgspec.Meta(title="timestamptz")]
    parameter_defaults: JSON
    labels: JSON | None


class DeleteFlowGroupScheduleInput(msgspec.Struct):
    """The flow group whose schedule is removed; that of the flow holds again."""

    flow_group_id: Uuid


@mutation(role="user")
def set_schedule_active(
    tx: Transaction, caller: Caller, input: SetScheduleActiveInput, now: datetime.datetime
) -> SuccessPayload:
    """Let a flow's schedule make runs; without a schedule nothing happens."""
    flow = _flow(tx, caller, input.flow_id)
    if _schedule_of(flow) is None:
        return SuccessPayload(False)
    if flow.archived:
        return SuccessPayload(False, f"Flow {flow.id} is archived, and archived flows do not run.")
    _check_parameters(flow)
    _set_active(tx, flow, True, now)
    return SuccessPayload()


@mutation(role="user")
def set_schedule_inactive(
    tx: Transaction, caller: Caller, input: SetScheduleInactiveInput, now: datetime.datetime
) -> SuccessPayload:
    """Let a flow's schedule make no more runs; those it made that nobody took are deleted."""
    flow = _flow(tx, caller, input.flow_id)
    _set_active(tx, flow, False, now)
    delete_scheduled_runs(tx, "id = :id", {"id": flow.id})
    return SuccessPayload()


@mutation(role="user")
def set_flow_group_schedule(
    tx: Transaction, caller: Caller, input: SetFlowGroupScheduleInput, now: datetime.datetime
) -> SuccessPayload:
    """Set the schedule of all versions of a flow."""
    group = get(tx, caller, "flow_group", input.flow_group_id, "Flow group", "id", lock=True)
    schedule = schedule_json(input, now)
    if not next_events(schedule, now, 1):
        raise BadInputError("This schedule never fires: no moment after now fits all of a clock's rules.")
    _set_group_schedule(tx, group.id, dump(schedule), caller.tenant_id, now)
    return SuccessPayload()


@query(role="read-only")
def schedule_preview(
    tx: Transaction, caller: Caller, now: datetime.datetime, args: SchedulePreviewArgs
) -> list[ScheduledMoment]:
    """When a schedule would make runs, without setting it."""
    del tx, caller
    count = 10 if args.count is None else args.count
    if not 1 <= count <= 100:
        raise BadInputError(f"count is 1 to 100, not {count}.")
    return [
        ScheduledMoment(stamp(utc(event.start_time)), event.parameter_defaults or {}, event.labels)
        for event in next_events(schedule_json(args, now), now, count)
    ]


@mutation(role="user")
def delete_flow_group_schedule(
    tx: Transaction, caller: Caller, input: DeleteFlowGroupScheduleInput, now: datetime.datetime
) -> SuccessPayload:
    """Remove the schedule of a flow group; that of the flow holds again."""
    group = get(tx, caller, "flow_group", input.flow_group_id, "Flow group", "id", lock=True)
    _set_group_schedule(tx, group.id, None, caller.tenant_id, now)
    return SuccessPayload()


def activate_if_possible(tx: Transaction, caller: Caller, flow_id: str, now: datetime.datetime) -> bool:
    """Activate the schedule of a flow that was just registered; whether it was.

    Registration does not fail for a schedule that cannot run yet.
    """
    flow = _flow(tx, caller, flow_id)
    if _schedule_of(flow) is None:
        return False
    try:
        _check_parameters(flow)
    except BadInputError:
        return False
    _set_active(tx, flow, True, now)
    return True


# -- parts ----------------------------------------------------------------------------


def _flow(tx: Transaction, caller: Caller, flow_id: str) -> Row:
    get(tx, caller, "flow", flow_id, "Flow", "id", lock=True)
    row = tx.one_or_none(
        "SELECT f.id, f.tenant_id, f.archived, f.parameters, f.schedule, g.schedule AS group_schedule, "
        "g.default_parameters FROM flow f JOIN flow_group g ON g.id = f.flow_group_id WHERE f.id = :id",
        {"id": flow_id},
    )
    assert row is not None
    return row


def _schedule_of(flow: Row) -> dict[str, Any] | None:
    return load(flow.group_schedule) or load(flow.schedule)


def _check_parameters(flow: Row) -> None:
    """Every clock has to give the required parameters that the flow group does not give."""
    required = {entry.get("name") for entry in load_list(flow.parameters) if entry.get("required")}
    required.difference_update(load_object(flow.default_parameters))
    if not required:
        return
    clocks = cast("list[dict[str, Any]]", (_schedule_of(flow) or {}).get("clocks") or [])
    if not clocks or any(required - (clock.get("parameter_defaults") or {}).keys() for clock in clocks):
        raise BadInputError(_REQUIRED)


def _set_active(tx: Transaction, flow: Row, is_active: bool, now: datetime.datetime) -> None:
    tx.execute(
        "UPDATE flow SET is_schedule_active = :active, updated = :now WHERE id = :id",
        {"id": flow.id, "active": is_active, "now": stamp(now)},
    )
    tx.emit("schedule", flow.id, flow.tenant_id)
    tx.emit("flow", flow.id, flow.tenant_id)


def _set_group_schedule(
    tx: Transaction, group_id: str, schedule: str | None, tenant_id: str, now: datetime.datetime
) -> None:
    tx.execute(
        "UPDATE flow_group SET schedule = :schedule, updated = :now WHERE id = :id",
        {"id": group_id, "schedule": schedule, "now": stamp(now)},
    )
    delete_scheduled_runs(tx, "flow_group_id = :id", {"id": group_id})
    for row in tx.rows("SELECT id FROM flow WHERE flow_group_id = :id AND NOT archived", {"id": group_id}):
        tx.emit("schedule", row.id, tenant_id)
        tx.emit("flow", row.id, tenant_id)
