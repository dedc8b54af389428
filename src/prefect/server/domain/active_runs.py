"""How many runs of a flow may be active at once, and what becomes of one that is due when they are.

A run is active from `Submitted` until it has ended. One that is due while as many are active as may be waits, is
skipped, or has the oldest active one cancelled: that is looked at whenever an agent asks for work.
"""

from __future__ import annotations

import datetime
import json
from typing import Literal

import msgspec

from prefect.server.database.sql import in_list
from prefect.server.database.store import Transaction
from prefect.server.domain import slots, transitions
from prefect.server.domain.common import get, load_object, lock_for_update, stamp, write_settings
from prefect.server.domain.registry import SuccessPayload, Uuid, mutation
from prefect.server.domain.states import HOLDING_STATES, parse_state
from prefect.server.errors import BadInputError
from prefect.server.security.caller import Caller

__all__ = ["make_room"]

#: Runs that are skipped at once; the next question skips the next ones.
_SKIPPED_AT_ONCE = 100


class SetFlowGroupMaxActiveRunsInput(msgspec.Struct):
    """How many runs of a flow may be active at once.

    Attributes:
        flow_group_id: the flow group.
        limit: how many, 1 or more; null for no limit.
        when_reached: what becomes of a run that is due when so many are active: `wait` until one has ended; `skip`,
            for runs that a schedule made (others wait); `cancel_oldest`, so that the new one takes its place.
    """

    flow_group_id: Uuid
    limit: int | None = None
    when_reached: Literal["wait", "skip", "cancel_oldest"] = "wait"


@mutation(role="user")
def set_flow_group_max_active_runs(
    tx: Transaction, caller: Caller, input: SetFlowGroupMaxActiveRunsInput, now: datetime.datetime
) -> SuccessPayload:
    """Say how many runs of a flow may be active at once, and what becomes of more."""
    if input.limit is not None and input.limit < 1:
        raise BadInputError(
            f"A flow may have 1 active run or more, not {input.limit}. Pause its schedule to stop it."
        )
    group = get(tx, caller, "flow_group", input.flow_group_id, "Flow group", "id, settings", lock=True)
    settings = load_object(group.settings)
    for name in (slots.MAX_ACTIVE_RUNS, slots.WHEN_REACHED):
        settings.pop(name, None)
    if input.limit is not None:
        settings[slots.MAX_ACTIVE_RUNS], settings[slots.WHEN_REACHED] = input.limit, input.when_reached
    write_settings(tx, group.id, settings, now)
    _count_active(tx, caller.tenant_id, group.id, input.limit, now)
    tx.emit("flow", group.id, caller.tenant_id)
    tx.emit("queue", caller.tenant_id, caller.tenant_id)
    return SuccessPayload()


def _count_active(
    tx: Transaction, tenant_id: str, group_id: str, limit: int | None, now: datetime.datetime
) -> None:
    """Runs that are active already hold slots of a new limit; without one there are no slots."""
    key = {"tenant_id": tenant_id, "name": group_id}
    if limit is None:
        tx.execute(
            "DELETE FROM concurrency_slot WHERE tenant_id = :tenant_id AND kind = 'flow' AND name = :name",
            key,
        )
        return
    tx.execute(
        "INSERT INTO concurrency_slot (tenant_id, kind, name, run_id, taken) "
        "SELECT r.tenant_id, 'flow', f.flow_group_id, r.id, coalesce(r.start_time, CAST(:now AS TEXT)) "
        "FROM flow_run r JOIN flow f ON f.id = r.flow_id WHERE f.flow_group_id = :name "
        f"AND r.tenant_id = :tenant_id AND r.state IN {in_list(tx.dialect, 'holding')} ON CONFLICT DO NOTHING",
        {**key, "holding": json.dumps(HOLDING_STATES), "now": stamp(now)},
    )


def make_room(tx: Transaction, tenant_id: str, now: datetime.datetime) -> list[str]:
    """Skip what is to be skipped, cancel what is to make room; the flow groups that may start nothing now."""
    full = slots.full_flows(tx, tenant_id)
    for flow in full:
        if flow.when_reached == "skip":
            _skip_due(tx, tenant_id, flow, now)
        elif flow.when_reached == "cancel_oldest":
            _cancel_oldest(tx, tenant_id, flow, now)
    return [flow.id for flow in full]


def _due(more: str = "") -> str:
    return (
        "FROM flow_run WHERE tenant_id = :tenant_id AND state = 'Scheduled' AND state_start_time <= :now "
        f"AND flow_id IN (SELECT id FROM flow WHERE flow_group_id = :group){more}"
    )


def _skip_due(tx: Transaction, tenant_id: str, flow: slots.FullFlow, now: datetime.datetime) -> None:
    skipped = parse_state(
        {"type": "Skipped", "message": f"Skipped: {_under_way(flow.maximum)} when this one was due."}, now
    )
    rows = tx.rows(
        f"SELECT * {_due(' AND auto_scheduled')} ORDER BY state_start_time LIMIT {_SKIPPED_AT_ONCE}"
        f"{lock_for_update(tx)}",
        {"tenant_id": tenant_id, "now": stamp(now), "group": flow.id},
    )
    for run in rows:
        transitions.cancel_task_runs(tx, run.id, tenant_id, skipped, now)
        transitions.write_state(tx, "flow_run", run, skipped, now)


def _cancel_oldest(tx: Transaction, tenant_id: str, flow: slots.FullFlow, now: datetime.datetime) -> None:
    params = {"tenant_id": tenant_id, "now": stamp(now), "group": flow.id}
    if tx.scalar(f"SELECT 1 {_due()} LIMIT 1", params) is None:
        return
    oldest, *_ = ids = slots.holders(tx, tenant_id, "flow", flow.id, flow.maximum)
    cancelling = tx.scalar(
        f"SELECT 1 FROM flow_run WHERE id IN {in_list(tx.dialect, 'ids')} AND state = 'Cancelling' LIMIT 1",
        {"ids": json.dumps(ids)},
    )
    if cancelling is not None:
        return  # one makes room already, whoever asked for that
    run = tx.one_or_none(f"SELECT * FROM flow_run WHERE id = :id{lock_for_update(tx)}", {"id": oldest})
    if run is not None and run.state in HOLDING_STATES and run.state != "Cancelling":
        message = f"A newer run is due, and {_under_way(flow.maximum)}."
        transitions.write_state(
            tx, "flow_run", run, parse_state({"type": "Cancelling", "message": message}, now), now
        )


def _under_way(maximum: int) -> str:
    return "a run of the flow was under way" if maximum == 1 else f"{maximum} runs of the flow were under way"
