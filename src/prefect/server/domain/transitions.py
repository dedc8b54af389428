"""Accepting the states that runners, agents, people and services set.

1.x servers allowed every transition, and old clients rely on it (restarting a finished run,
marking a success as failed). What is refused here is what would let one run execute twice or a
cancelled one come back:

    Submitted   only from a state that waits for a time, so that one agent gets the run
    Running     not after Cancelling or Cancelled (flow runs); only while the flow run is Running
                (task runs); only with a slot for every limited label or tag, else it is `Queued`
    any         from an earlier attempt (epoch), or a stale version where versions are locked
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from prefect.server.database.sql import in_list, json_value, new_uuid
from prefect.server.database.store import Row, Transaction
from prefect.server.domain import policy, slots
from prefect.server.domain.common import (
    dump,
    load_list,
    load_object,
    lock_for_update,
    new_id,
    stamp,
    uuid_prefix,
)
from prefect.server.domain.states import (
    DUE_STATES,
    ENDING_STATES,
    FINISHED_STATES,
    HOLDING_STATES,
    ParsedState,
    carry_inputs,
    is_finished,
    parse_state,
)
from prefect.server.errors import StateUpdateError, VersionLockingError
from prefect.server.security.caller import Caller

__all__ = [
    "Outcome",
    "cancel_task_runs",
    "create_first_state",
    "set_flow_run_state",
    "set_task_run_state",
    "set_task_runs",
    "write_state",
]

Table = Literal["flow_run", "task_run"]

#: What is looked at of a run whose state is set.
_RUN = ("id", "tenant_id", "version", "state", "state_start_time", "start_time", "end_time", "heartbeat")
_FLOW_RUN = ", ".join(f"r.{name}" for name in (*_RUN, "labels", "epoch", "agent_id"))
_TASK_RUN = ", ".join(f"t.{name}" for name in (*_RUN, "flow_run_id", "serialized_state"))


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of a state that was sent.

    Attributes:
        status: SUCCESS, or QUEUED when the run has to wait for a slot.
        message: more about it.
        state: name of the state the run is in now.
        version: version of the run now.
        epoch: attempt that the flow run is at now.
    """

    status: Literal["SUCCESS", "QUEUED"]
    message: str | None
    state: str
    version: int
    epoch: int = 0


def set_flow_run_state(
    tx: Transaction,
    caller: Caller,
    flow_run_id: str,
    state: Any,
    now: datetime.datetime,
    *,
    version: int | None = None,
    epoch: int | None = None,
    lease_s: float | None = None,
) -> Outcome:
    """Set the state of a flow run.

    Args:
        tx: the transaction.
        caller: who sets it.
        flow_run_id: the run.
        state: the state's JSON.
        now: the time (UTC).
        version: the version the sender saw; checked where the flow locks versions, or with `epoch`.
        epoch: the attempt the sender belongs to; senders that know no epochs leave it out.
        lease_s: with Submitted: seconds until the agent renews its claim; agents of 1.x, which
            cannot, leave it out and get the configured grace.

    Raises:
        StateUpdateError: the run does not exist, or the state is refused.
        BadInputError: not a state.
    """
    run = _locked_flow_run(tx, caller, flow_run_id)
    new = parse_state(state, now)
    _check_epoch(run, run.epoch, epoch)
    _check_version(run, load_object(run.flow_settings), version, epoch)
    if new.type == "Submitted":
        if run.state not in DUE_STATES:
            raise StateUpdateError(
                "State update failed: this run has already been submitted."
                if run.state in HOLDING_STATES
                else f"State update failed: this run is {run.state}, and only a scheduled run can be submitted."
            )
        missing = _take_slots(tx, run, now)
        if missing is not None:
            raise StateUpdateError(f"State update failed: {missing}.")
    elif new.type == "Running":
        if run.state in ("Cancelling", "Cancelled"):
            raise StateUpdateError(f"State update failed: flow run {run.id} is {run.state} and cannot run.")
        missing = _take_slots(tx, run, now)
        if missing is not None:
            return _queue(tx, "flow_run", run, new, f"{missing[0].upper()}{missing[1:]}.", now)
    elif new.type == "Cancelled":
        cancel_task_runs(tx, run.id, run.tenant_id, new, now)
    return write_state(tx, "flow_run", run, new, now, agent_id=caller.agent_id, lease_s=lease_s)


def set_task_run_state(
    tx: Transaction,
    caller: Caller,
    task_run_id: str,
    state: Any,
    now: datetime.datetime,
    *,
    version: int | None = None,
    epoch: int | None = None,
) -> Outcome:
    """Set the state of a task run; see `set_flow_run_state`. `epoch` is that of its flow run.

    Raises:
        StateUpdateError: the run does not exist, or the state is refused.
        BadInputError: not a state.
    """
    parsed = parse_state(state, now)
    run = _locked_task_run(tx, caller, task_run_id, holds_flow_run=parsed.type == "Running")
    new = carry_inputs(parsed, run.serialized_state)
    _check_epoch(run, run.flow_run_epoch, epoch)
    _check_version(run, load_object(run.flow_settings), version, epoch)
    if new.type == "Submitted" and run.state in HOLDING_STATES:
        # An agent brings back a flow run that waited for this task: the first one does.
        raise StateUpdateError(
            f"State update failed for task run ID {run.id}: this run has already been submitted."
        )
    if new.type == "Running":
        if run.flow_run_state != "Running":
            raise StateUpdateError(
                f"State update failed for task run ID {run.id}: "
                f"flow run {run.flow_run_id} is not in a running state."
            )
        tags = new.tags or load_list(run.task_tags)
        taken = slots.take(tx, run.tenant_id, "tag", tags, run.id, now)
        if taken is not None:
            return _queue(tx, "task_run", run, new, f"No slot is free for the tag {taken!r}.", now)
    return write_state(tx, "task_run", run, new, now)


# -- parts ----------------------------------------------------------------------------


def _locked_flow_run(tx: Transaction, caller: Caller, run_id: str) -> Row:
    run = tx.one_or_none(
        f"SELECT {_FLOW_RUN}, f.settings AS flow_settings, f.flow_group_id FROM flow_run r JOIN flow f ON f.id = r.flow_id "
        f"WHERE r.id = :id AND r.tenant_id = :tenant_id{lock_for_update(tx, 'r')}",
        {"id": run_id, "tenant_id": caller.tenant_id},
    )
    if run is None:
        raise StateUpdateError(f"State update failed for flow run ID {run_id}: there is no such run.")
    return run


def _locked_task_run(tx: Transaction, caller: Caller, run_id: str, holds_flow_run: bool) -> Row:
    # To start a task the flow run is held too: it cannot be cancelled after it was looked at.
    share = " FOR SHARE OF r" if holds_flow_run and tx.dialect == "postgresql" else ""
    run = tx.one_or_none(
        f"SELECT {_TASK_RUN}, r.state AS flow_run_state, r.epoch AS flow_run_epoch, f.settings AS flow_settings, "
        "k.tags AS task_tags FROM flow_run r JOIN task_run t ON t.flow_run_id = r.id "
        "JOIN flow f ON f.id = r.flow_id JOIN task k ON k.id = t.task_id "
        f"WHERE t.id = :id AND t.tenant_id = :tenant_id{share}{lock_for_update(tx, 't')}",
        {"id": run_id, "tenant_id": caller.tenant_id},
    )
    if run is None:
        raise StateUpdateError(f"State update failed for task run ID {run_id}: there is no such run.")
    return run


def _take_slots(tx: Transaction, run: Row, now: datetime.datetime) -> str | None:
    """Take the slots of a flow run; else why there are none, in words that a sentence ends with."""
    maximum = load_object(run.flow_settings).get(slots.MAX_ACTIVE_RUNS)
    if maximum is not None and not slots.take_of_flow(
        tx, run.tenant_id, run.flow_group_id, maximum, run.id, now
    ):
        runs = "run" if maximum == 1 else "runs"
        return f"the flow has {maximum} {runs} under way, and may have no more"
    taken = slots.take(tx, run.tenant_id, "label", load_list(run.labels), run.id, now)
    if taken is None:
        return None
    if maximum is not None and run.state not in HOLDING_STATES:
        slots.free(tx, run.tenant_id, run.id)
    return f"no slot is free for the label {taken!r}"


def _check_epoch(run: Row, current: int, epoch: int | None) -> None:
    if epoch is not None and epoch != current:
        raise _stale(run, f"the flow run is at attempt {current}, this is attempt {epoch}")


def _check_version(run: Row, settings: dict[str, Any], version: int | None, epoch: int | None) -> None:
    if version is None or not (epoch is not None or settings.get("version_locking_enabled")):
        return
    if version != run.version:
        raise _stale(run, f"it is at version {run.version}, and version {version} was sent")


def _stale(run: Row, why: str) -> VersionLockingError:
    return VersionLockingError(f"State update failed for run ID {run.id}: {why}. Read the run again.")


def _queue(
    tx: Transaction, table: Table, run: Row, wanted: ParsedState, message: str, now: datetime.datetime
) -> Outcome:
    """Store `Queued`: the client waits and asks again; if it dies, an agent takes the run later.

    wire: the state must really be stored, or old clients ask without a pause.
    """
    due = now + datetime.timedelta(seconds=policy.current().queued_for_s)
    queued = parse_state(
        {
            "type": "Queued",
            "message": message,
            "start_time": stamp(due),
            "state": json.loads(wanted.json),
            "context": {"tags": list(wanted.tags)} if wanted.tags else {},
        },
        now,
    )
    outcome = write_state(tx, table, run, queued, now)
    return msgspec.structs.replace(outcome, status="QUEUED", message=message)


def write_state(
    tx: Transaction,
    table: Table,
    run: Row,
    new: ParsedState,
    now: datetime.datetime,
    *,
    agent_id: str | None = None,
    lease_s: float | None = None,
) -> Outcome:
    """Append a state to a run's history and make it the run's, without asking any rule.

    Args:
        tx: the transaction.
        table: `flow_run` or `task_run`.
        run: the run's row, locked.
        new: the state.
        now: the time (UTC).
        agent_id: the agent that submits a flow run.
        lease_s: seconds until a submitted flow run's lease ends; by policy when None.
    """
    version = run.version + 1
    moment = stamp(now)
    values: dict[str, Any] = {
        "id": run.id,
        "tenant_id": run.tenant_id,
        "state_id": new_id(),
        "now": moment,
        "version": version,
        "state": new.type,
        "message": new.message,
        "result": new.result,
        "start": new.start_time,
        "json": new.json,
        "started": moment if new.type == "Running" and run.start_time is None else run.start_time,
        "ended": moment if new.type in ENDING_STATES else run.end_time if is_finished(new.type) else None,
        "heartbeat": moment if new.type in ("Running", "Submitted") else run.heartbeat,
    }
    tx.execute(
        f"INSERT INTO {table}_state (id, created, updated, tenant_id, {table}_id, timestamp, state, message, "
        "result, start_time, serialized_state, version) VALUES (:state_id, :now, :now, :tenant_id, :id, :now, "
        ":state, :message, :result, :start, :json, :version)",
        values,
    )
    more = ""
    if table == "flow_run":
        more = _flow_run_columns(run, new, now, values, agent_id, lease_s)
    elif new.run_count is not None:
        more = ", run_count = :run_count"
        values["run_count"] = new.run_count
    # A column that is set costs its indexes, also when the value is the same.
    more += "".join(
        f", {column} = :{name}"
        for column, name in (("start_time", "started"), ("end_time", "ended"), ("state_start_time", "start"))
        if values[name] != run[column]
    )
    tx.execute(
        f"UPDATE {table} SET updated = :now, version = :version, state = :state, state_timestamp = :now, "
        "state_message = :message, state_result = :result, serialized_state = :json, heartbeat = :heartbeat"
        f"{more} WHERE id = :id",
        values,
    )
    if new.type not in HOLDING_STATES and run.state in HOLDING_STATES:
        slots.free(tx, run.tenant_id, run.id)
    tx.emit(table, run.id, run.tenant_id)
    if table == "task_run":
        tx.emit("flow_run_tasks", run.flow_run_id, run.tenant_id)
    if new.type in DUE_STATES:
        tx.emit("queue", run.tenant_id, run.tenant_id)
    epoch = values["epoch"] if table == "flow_run" else getattr(run, "flow_run_epoch", 0)
    return Outcome("SUCCESS", None, new.type, version, epoch)


def _flow_run_columns(
    run: Row,
    new: ParsedState,
    now: datetime.datetime,
    values: dict[str, Any],
    agent_id: str | None,
    lease_s: float | None,
) -> str:
    rules = policy.current()
    lease: float | None = None
    if new.type == "Submitted":
        lease = rules.submitted_grace_s if lease_s is None else lease_s
    elif new.type in ("Running", "Cancelling"):
        lease = rules.zombie_after_s
    deadline = now + datetime.timedelta(seconds=rules.cancel_grace_s) if new.type == "Cancelling" else None
    values.update(
        agent_id=agent_id if new.type == "Submitted" else None,
        epoch=run.epoch + 1 if _starts_attempt(run.state, new.type) else run.epoch,
        lease=None if lease is None else stamp(now + datetime.timedelta(seconds=lease)),
        deadline=None if deadline is None else stamp(deadline),
    )
    # The agent is what a header says: one that is unknown, or another tenant's, is none.
    agent = "(SELECT a.id FROM agent a WHERE a.id = :agent_id AND a.tenant_id = :tenant_id)"
    taken = f", agent_id = coalesce({agent}, flow_run.agent_id)" if values["agent_id"] else ""
    # Whoever ran it does so no more; the next one says who it is.
    left = ", holder = NULL" if values["epoch"] != run.epoch or is_finished(new.type) else ""
    return f"{taken}{left}, epoch = :epoch, lease_until = :lease, cancel_deadline = :deadline"


def _starts_attempt(old: str | None, new: str) -> bool:
    """Whether what ran the flow run so far may report no more.

    `Queued` is no new attempt: the process that asked for the slot waits and asks again.
    """
    return new == "Submitted" or (old in HOLDING_STATES and new in DUE_STATES and new != "Queued")


def cancel_task_runs(
    tx: Transaction, flow_run_id: str, tenant_id: str, new: ParsedState, now: datetime.datetime
) -> None:
    """Give every unfinished task run of a flow run the same `Cancelled` state."""
    condition = f"(state IS NULL OR state NOT IN {in_list(tx.dialect, 'finished')})"
    params = {"finished": dump(sorted(FINISHED_STATES))}
    set_task_runs(tx, flow_run_id, tenant_id, new, now, condition, params)


def set_task_runs(
    tx: Transaction,
    flow_run_id: str,
    tenant_id: str,
    new: ParsedState,
    now: datetime.datetime,
    condition: str,
    params: Mapping[str, Any],
) -> int:
    """Give many task runs of a flow run the same state, however many in a few statements; how many.

    Args:
        tx: the transaction.
        flow_run_id: the flow run.
        tenant_id: whose it is.
        new: a state in which a task run holds no slot; inputs that are stored are kept.
        now: the time (UTC).
        condition: SQL on columns of `task_run`, of our own making.
        params: its parameters.
    """
    values = {
        **params,
        "id": flow_run_id,
        "tenant_id": tenant_id,
        "now": stamp(now),
        "state": new.type,
        "message": new.message,
        "result": new.result,
        "json": new.json,
        "uuid_prefix": uuid_prefix(),
        "ended": stamp(now) if new.type in ENDING_STATES else None,
    }
    chosen = f"flow_run_id = :id AND {condition}"
    result = json_value(tx.dialect, "result")
    if tx.dialect == "postgresql":
        text = (
            "jsonb_set(CAST(:json AS jsonb), '{cached_inputs}', "
            "coalesce(serialized_state -> 'cached_inputs', CAST('{}' AS jsonb)))"
        )
    else:
        text = (
            "json_set(:json, '$.cached_inputs', json(coalesce(serialized_state -> '$.cached_inputs', '{}')))"
        )
    count = tx.execute(
        "INSERT INTO task_run_state (id, created, updated, tenant_id, task_run_id, timestamp, state, message, "
        f"result, serialized_state, version) SELECT {new_uuid(tx.dialect)}, CAST(:now AS TEXT), "
        "CAST(:now AS TEXT), tenant_id, id, CAST(:now AS TEXT), CAST(:state AS TEXT), CAST(:message AS TEXT), "
        f"{result}, {text}, version + 1 FROM task_run WHERE {chosen}",
        values,
    )
    if not count:
        return 0
    tx.execute(
        "DELETE FROM concurrency_slot WHERE tenant_id = :tenant_id AND kind = 'tag' "
        f"AND run_id IN (SELECT id FROM task_run WHERE {chosen})",
        values,
    )
    tx.execute(
        "UPDATE task_run SET updated = :now, version = version + 1, state = :state, state_timestamp = :now, "
        f"state_message = :message, state_result = {result}, state_start_time = NULL, "
        f"serialized_state = {text}, end_time = :ended WHERE {chosen}",
        values,
    )
    tx.emit("flow_run_tasks", flow_run_id, tenant_id)
    tx.emit("queue", tenant_id, tenant_id)
    return count


def create_first_state(
    tx: Transaction, table: Table, run_id: str, state: dict[str, Any], now: datetime.datetime
) -> Outcome:
    """The first state of a run that was just inserted with version 0."""
    run = tx.one_or_none(f"SELECT * FROM {table} WHERE id = :id", {"id": run_id})
    assert run is not None
    return write_state(tx, table, run, parse_state(state, now), now)
