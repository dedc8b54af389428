"""The end of an attempt at a flow run, told by who saw it."""

from __future__ import annotations

import datetime

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain.common import lock_for_update, stamp
from prefect.server.domain.lost_runs import LostRun
from prefect.server.domain.registry import Uuid, mutation
from prefect.server.domain.states import is_finished
from prefect.server.errors import NotFoundError
from prefect.server.security.caller import Caller

__all__: list[str] = []


class EndFlowRunAttemptInput(msgspec.Struct):
    """An attempt whose process is gone, or a run that was taken from the queue and is given back.

    Attributes:
        flow_run_id: the run.
        epoch: the attempt; the present one when null.
        reason: how it ended, as the beginning of a sentence; it stands in states and logs.
        left: whether its process left the run in order, as its tasks wait for a time; then the run waits with
            them, although no agent started it.
    """

    flow_run_id: Uuid
    epoch: int | None = None
    reason: str | None = None
    left: bool | None = None


class EndFlowRunAttemptPayload(msgspec.Struct):
    """What became of the run.

    Attributes:
        state: name of the state it is in now.
        success: false when the attempt was over before.
    """

    id: Uuid
    state: str | None
    success: bool = True


@mutation(role="user")
def end_flow_run_attempt(
    tx: Transaction, caller: Caller, input: EndFlowRunAttemptInput, now: datetime.datetime
) -> EndFlowRunAttemptPayload:
    """Say that nothing runs a flow run any more: its tasks retry or fail and it starts again, ends, or waits, now.

    Without it, that happens when the lease of the run ends.
    """
    query = (
        "SELECT r.*, f.settings AS flow_settings FROM flow_run r JOIN flow f ON f.id = r.flow_id "
        f"WHERE r.id = :id AND r.tenant_id = :tenant_id{lock_for_update(tx, 'r')}"
    )
    params = {"id": input.flow_run_id, "tenant_id": caller.tenant_id}
    run = tx.one_or_none(query, params)
    if run is None:
        raise NotFoundError(f"Flow run {input.flow_run_id} was not found.")
    if input.epoch is not None and input.epoch != run.epoch:
        return EndFlowRunAttemptPayload(run.id, run.state, success=False)
    if is_finished(run.state):
        return EndFlowRunAttemptPayload(run.id, run.state)
    reason = (input.reason or "Its process has ended").strip().rstrip(".")
    if LostRun(tx, run, now, reason, was_left=bool(input.left)).handle():
        # The reaper handles the rest of its many task runs.
        tx.execute("UPDATE flow_run SET lease_until = :now WHERE id = :id", {"id": run.id, "now": stamp(now)})
    else:
        tx.emit("queue", run.tenant_id, run.tenant_id)
    after = tx.one_or_none("SELECT state FROM flow_run WHERE id = :id", {"id": run.id})
    return EndFlowRunAttemptPayload(run.id, run.state if after is None else after.state)
