"""The work queue: which runs an agent may take now.

Two kinds of runs are handed out: those that wait for a time that has come, and running ones whose
process has ended because a task has to wait (a long retry, an approval) and that task is due. Runs
for whose labels or flow no slot is free are left out, and so is everything while the queue is paused.
"""

from __future__ import annotations

import datetime
import json

import msgspec

from prefect.server.database.sql import has_any, in_list, is_subset, json_length
from prefect.server.database.store import Transaction
from prefect.server.domain import active_runs, slots
from prefect.server.domain.common import clean_text, load_object, stamp, tenant_of
from prefect.server.domain.registry import DateTime, Uuid, mutation
from prefect.server.domain.states import DUE_STATES, HOLDING_STATES
from prefect.server.security.caller import Caller

__all__ = ["MAX_RUNS"]

#: Runs in one answer.
MAX_RUNS = 25
_MOST_RUNS = 500
#: How exactly `agent.last_queried` is kept: a waiting agent looks every second.
_SEEN_S = 5.0


class GetRunsInQueueInput(msgspec.Struct):
    """What an agent asks for.

    Attributes:
        tenant_id: the tenant; the caller's when null.
        before: runs that are due by then; now when null.
        labels: labels of the agent.
        wait_s: seconds to wait for a run, when there is none.
        limit: most ids in the answer; 25 when null.
        lease_s: seconds for which nobody else is offered these runs; null to offer them to all
            until one agent submits them, as in 1.x.
        agent_limit: most runs that the asking agent may have under way, these included; those of an
            earlier process of the same agent count, as long as they are alive. No limit when null.
    """

    tenant_id: Uuid | None = None
    before: DateTime | None = None
    labels: list[str] | None = None
    wait_s: float | None = None
    limit: int | None = None
    lease_s: float | None = None
    agent_limit: int | None = None


class GetRunsInQueuePayload(msgspec.Struct):
    """Runs to take, those that wait longest first."""

    flow_run_ids: list[str]

    @property
    def found(self) -> bool:
        """Whether there is any."""
        return bool(self.flow_run_ids)


@mutation(role="user")
def get_runs_in_queue(
    tx: Transaction, caller: Caller, input: GetRunsInQueueInput, now: datetime.datetime
) -> GetRunsInQueuePayload:
    """Find the runs that an agent may take. They stay in the queue until they are submitted."""
    tenant_id = tenant_of(caller, input.tenant_id)
    _note_agent(tx, caller, tenant_id, now)
    settings = load_object(tx.scalar("SELECT settings FROM tenant WHERE id = :id", {"id": tenant_id}))
    if settings.get("work_queue_paused"):
        return GetRunsInQueuePayload([])
    labels = sorted({clean_text(label) for label in input.labels or ()})
    full = slots.full_names(tx, tenant_id, "label")
    full_flows = active_runs.make_room(tx, tenant_id, now)
    most = MAX_RUNS if input.limit is None else input.limit
    if input.agent_limit is not None:
        most = min(most, input.agent_limit - _under_way(tx, caller, tenant_id, now))
        if most <= 0:
            return GetRunsInQueuePayload([])
    params = {
        "tenant_id": tenant_id,
        "before": stamp(input.before or now),
        "now": stamp(now),
        "labels": json.dumps(labels),
        "full": json.dumps(full),
        "full_flows": json.dumps(full_flows),
        "limit": max(0, min(most, _MOST_RUNS)),
        # More than fit: on PostgreSQL another agent may be taking some of them.
        "most": max(0, min(most, _MOST_RUNS)) + _MOST_RUNS,
    }
    sql = _sql(tx, bool(labels), bool(full), bool(full_flows), input.lease_s is not None)
    ids = [str(row[0]) for row in tx.rows(sql, params)]
    if ids and input.lease_s is not None:
        until = now + datetime.timedelta(seconds=max(0.0, input.lease_s))
        tx.execute(
            f"UPDATE flow_run SET lease_until = :until WHERE id IN {in_list(tx.dialect, 'ids')} "
            "AND (lease_until IS NULL OR lease_until < :until)",
            {"ids": json.dumps(ids), "until": stamp(until)},
        )
    return GetRunsInQueuePayload(ids)


#: As they stand in a statement: with values the planners would not see that few runs wait.
_DUE = "(" + ", ".join(f"'{state}'" for state in DUE_STATES) + ")"


def _sql(tx: Transaction, has_labels: bool, has_full: bool, has_full_flows: bool, reserves: bool) -> str:
    fits = is_subset(tx.dialect, "r.labels", "labels")
    if has_labels:
        fits += f" AND {json_length(tx.dialect, 'r.labels')} > 0"
    # A run that holds its slots keeps them; only those that would need new ones are held back.
    free = f" AND NOT {has_any(tx.dialect, 'r.labels', 'full')}" if has_full else ""
    if has_full_flows:
        of_full = f"SELECT id FROM flow WHERE flow_group_id IN {in_list(tx.dialect, 'full_flows')}"
        free += f" AND r.flow_id NOT IN ({of_full})"
    is_left = "(r.lease_until IS NULL OR r.lease_until <= :now)"
    due_tasks = (
        "EXISTS (SELECT 1 FROM task_run t WHERE t.flow_run_id = r.id "
        f"AND t.state IN {_DUE} AND t.state_start_time <= :before"
    )
    # While its process lives, a run does its short retries itself: a second process would repeat
    # tasks. Nobody waits in a process for an approval, so what was approved is due at once. A process
    # that says who it is says also when it leaves, or it is missed: until then nobody else gets the run.
    is_back = f"r.holder IS NULL AND ({is_left} OR {due_tasks} AND t.state IN ('Resume', 'Paused')))"
    is_due = f"state_start_time <= :before AND {is_left}{free} AND {fits}"
    skip = " FOR NO KEY UPDATE OF r SKIP LOCKED" if reserves and tx.dialect == "postgresql" else ""
    # First the few that something waits for, found by two indexes; then what is asked of each.
    return (
        f"SELECT r.id FROM flow_run r WHERE r.id IN ({_longest_due(is_due)} "
        f"UNION SELECT flow_run_id FROM task_run WHERE tenant_id = :tenant_id AND state IN {_DUE} "
        f"AND state_start_time <= :before) AND ("
        f"(r.state IN {_DUE} AND r.{is_due}) OR "
        f"(r.state = 'Running' AND {due_tasks}) AND {is_back} AND {fits})) "
        f"ORDER BY coalesce(r.state_start_time, r.state_timestamp), r.id LIMIT :limit{skip}"
    )


def _longest_due(is_due: str) -> str:
    """Ids of the runs that are due for the longest time, of each state as many as fill an answer.

    With thousands that are due, this walks the first steps of an index instead of sorting them all.
    """
    return " UNION ALL ".join(
        f"SELECT id FROM (SELECT r.id FROM flow_run r WHERE r.tenant_id = :tenant_id AND r.state = '{state}' "
        f"AND r.{is_due} ORDER BY r.state_start_time, r.id LIMIT :most) AS {state.lower()}"
        for state in DUE_STATES
    )


def _under_way(tx: Transaction, caller: Caller, tenant_id: str, now: datetime.datetime) -> int:
    """How many runs of the asking agent are alive."""
    if caller.agent_id is None:
        return 0
    count = tx.scalar(
        "SELECT count(*) FROM flow_run WHERE agent_id = :agent_id AND tenant_id = :tenant_id "
        f"AND state IN {in_list(tx.dialect, 'holding')} AND lease_until > :now",
        {
            "agent_id": caller.agent_id,
            "tenant_id": tenant_id,
            "holding": json.dumps(HOLDING_STATES),
            "now": stamp(now),
        },
    )
    return int(count or 0)


def _note_agent(tx: Transaction, caller: Caller, tenant_id: str, now: datetime.datetime) -> None:
    if caller.agent_id is None:
        return
    seen = tx.execute(
        "UPDATE agent SET last_queried = :now, updated = :now, core_version = coalesce(:version, core_version) "
        "WHERE id = :id AND tenant_id = :tenant_id AND (last_queried IS NULL OR last_queried <= :before)",
        {
            "id": caller.agent_id,
            "tenant_id": tenant_id,
            "now": stamp(now),
            "before": stamp(now - datetime.timedelta(seconds=_SEEN_S)),
            "version": caller.core_version,
        },
    )
    if seen:
        tx.emit("agent", caller.agent_id, tenant_id)
