"""Flow runs: made, renamed, labelled, cancelled, deleted, and kept alive by heartbeats."""

from __future__ import annotations

import datetime
import json
from typing import Any, cast

import msgspec

from prefect.server.database.sql import in_list
from prefect.server.database.store import Row, Transaction
from prefect.server.domain import claims, policy, transitions
from prefect.server.domain.common import clean_text, dump, get, name_of, stamp
from prefect.server.domain.new_runs import FLOW_COLUMNS, RunRequest, insert_flow_run
from prefect.server.domain.registry import JSON, DateTime, IdPayload, SuccessPayload, Uuid, mutation
from prefect.server.domain.removal import forget_runs
from prefect.server.domain.run_configs import check_storage, checked_run_config
from prefect.server.domain.states import HOLDING_STATES, is_finished
from prefect.server.errors import BadInputError, NotFoundError
from prefect.server.security.caller import Caller

__all__ = ["json_object"]


class CreateFlowRunInput(msgspec.Struct):
    """A flow run to make.

    Attributes:
        flow_id: the flow; or
        version_group_id: the group whose newest unarchived version runs.
        parameters: values for the flow's parameters.
        context: values for `prefect.context`.
        labels: labels; null takes those of run config, flow group or flow.
        run_config: run config; null takes that of the flow group or flow.
        scheduled_start_time: when it is due; now when null.
        idempotency_key: asked twice with one key, there is one run.
        flow_run_name: its name; made up when null.
    """

    flow_id: Uuid | None = None
    version_group_id: str | None = None
    parameters: JSON | None = None
    context: JSON | None = None
    labels: list[str] | None = None
    run_config: JSON | None = None
    scheduled_start_time: DateTime | None = None
    idempotency_key: str | None = None
    flow_run_name: str | None = None


class CancelFlowRunInput(msgspec.Struct):
    """The flow run to cancel."""

    flow_run_id: Uuid


class CancelFlowRunPayload(msgspec.Struct):
    """What became of it.

    Attributes:
        state: name of the state the run is in now.
    """

    state: str | None
    id: Uuid | None = None


class DeleteFlowRunInput(msgspec.Struct):
    """The flow run to delete."""

    flow_run_id: Uuid


class SetFlowRunNameInput(msgspec.Struct):
    """A flow run's new name."""

    flow_run_id: Uuid
    name: str


class SetFlowRunLabelsInput(msgspec.Struct):
    """A flow run's new labels."""

    flow_run_id: Uuid
    labels: list[str]


class UpdateFlowRunHeartbeatInput(msgspec.Struct):
    """The flow run that is alive.

    Attributes:
        epoch: the attempt that says so; clients that know no epochs leave it out.
        lease_s: seconds until it must be heard of again; by policy when null.
        wait_s: seconds to wait for news of the run before answering; 12 at most.
        holder: what the process calls itself that starts to run it; refused while another one does.
    """

    flow_run_id: Uuid
    epoch: int | None = None
    lease_s: float | None = None
    wait_s: float | None = None
    holder: str | None = None

    @property
    def waits_for(self) -> tuple[str, str]:
        """Topic and id of the event that ends the wait."""
        return "flow_run", self.flow_run_id


class UpdateFlowRunHeartbeatPayload(msgspec.Struct):
    """What whoever runs it has to know.

    Attributes:
        success: whether the attempt may go on.
        error: why not.
        state: name of the state that the run is in now.
        epoch: the attempt that may report now.
        lease_s: seconds within which the run has to be heard of again.
    """

    success: bool = True
    error: str | None = None
    state: str | None = None
    epoch: int | None = None
    lease_s: float | None = None

    @property
    def found(self) -> bool:
        """Whether there is something that cannot wait: the run has to stop."""
        return not self.success or self.state in ("Cancelling", "Cancelled")


@mutation(role="user")
def create_flow_run(
    tx: Transaction, caller: Caller, input: CreateFlowRunInput, now: datetime.datetime
) -> IdPayload:
    """Make a run of a flow."""
    flow = _flow_of(tx, caller, input)
    if flow.archived:
        raise BadInputError(
            f"Flow {flow.id} is archived, and archived flows do not run. Run the newest version of {flow.name!r}."
        )
    run_config = checked_run_config(json_object(input.run_config, "run_config"))
    check_storage(tx, run_config, "f.id = :id", id=flow.id)
    request = RunRequest(
        start_time=input.scheduled_start_time or now,
        parameters=json_object(input.parameters, "parameters"),
        context=json_object(input.context, "context"),
        labels=input.labels,
        run_config=run_config,
        name=input.flow_run_name,
        idempotency_key=input.idempotency_key,
        created_by=caller.user_id,
    )
    run_id, _ = insert_flow_run(tx, flow, request, now)
    return IdPayload(run_id)


@mutation(role="user")
def cancel_flow_run(
    tx: Transaction, caller: Caller, input: CancelFlowRunInput, now: datetime.datetime
) -> CancelFlowRunPayload:
    """Cancel a flow run: one that runs is told to stop, any other is cancelled at once."""
    run = get(tx, caller, "flow_run", input.flow_run_id, "Flow run", "id, state", lock=True)
    if is_finished(run.state):
        return CancelFlowRunPayload(run.state, run.id)
    if run.state == "Cancelling":
        return CancelFlowRunPayload(run.state, run.id)
    if run.state == "Running":
        state = {"type": "Cancelling", "message": "Flow run is cancelling."}
    else:
        state = {"type": "Cancelled", "message": "Flow run was cancelled before it ran."}
    outcome = transitions.set_flow_run_state(tx, caller, run.id, state, now)
    return CancelFlowRunPayload(outcome.state, run.id)


@mutation(role="user")
def delete_flow_run(
    tx: Transaction, caller: Caller, input: DeleteFlowRunInput, now: datetime.datetime
) -> SuccessPayload:
    """Delete a flow run with its task runs, states and logs."""
    del now
    run = get(tx, caller, "flow_run", input.flow_run_id, "Flow run", "id")
    forget_runs(tx, "id = :id", {"id": run.id})
    tx.execute("DELETE FROM flow_run WHERE id = :id", {"id": run.id})
    tx.emit("flow_run", run.id, caller.tenant_id)
    return SuccessPayload()


@mutation(role="user")
def set_flow_run_name(
    tx: Transaction, caller: Caller, input: SetFlowRunNameInput, now: datetime.datetime
) -> SuccessPayload:
    """Rename a flow run; its version stays."""
    run = get(tx, caller, "flow_run", input.flow_run_id, "Flow run", "id")
    tx.execute(
        "UPDATE flow_run SET name = :name, updated = :now WHERE id = :id",
        {"id": run.id, "name": name_of(input.name, "The name of a flow run"), "now": stamp(now)},
    )
    tx.emit("flow_run", run.id, caller.tenant_id)
    return SuccessPayload()


@mutation(role="user")
def set_flow_run_labels(
    tx: Transaction, caller: Caller, input: SetFlowRunLabelsInput, now: datetime.datetime
) -> IdPayload:
    """Give a flow run other labels, so that other agents take it."""
    run = get(tx, caller, "flow_run", input.flow_run_id, "Flow run", "id, state")
    if run.state in HOLDING_STATES:
        raise BadInputError(
            f"Flow run {run.id} is {run.state}: it has its agent already, and labels choose one."
        )
    tx.execute(
        "UPDATE flow_run SET labels = :labels, updated = :now WHERE id = :id",
        {
            "id": run.id,
            "labels": dump(sorted({clean_text(label) for label in input.labels})),
            "now": stamp(now),
        },
    )
    tx.emit("flow_run", run.id, caller.tenant_id)
    tx.emit("queue", caller.tenant_id, caller.tenant_id)
    return IdPayload(run.id)


@mutation(role="user")
def update_flow_run_heartbeat(
    tx: Transaction, caller: Caller, input: UpdateFlowRunHeartbeatInput, now: datetime.datetime
) -> UpdateFlowRunHeartbeatPayload:
    """Say that a flow run is alive, and hear whether it is to stop: renews its lease. Its version stays."""
    lease_s = policy.current().zombie_after_s if input.lease_s is None else max(0.0, input.lease_s)
    if input.holder is not None:
        claim = claims.take(tx, caller, input.flow_run_id, input.holder, input.epoch, lease_s, now)
        return UpdateFlowRunHeartbeatPayload(
            not claim.refusal, claim.refusal, claim.state, claim.epoch, lease_s
        )
    changed = tx.execute(
        "UPDATE flow_run SET heartbeat = :now, updated = :now, lease_until = CASE WHEN state IN "
        f"{in_list(tx.dialect, 'holding')} AND (lease_until IS NULL OR lease_until < :lease OR heartbeat > :now) "
        "THEN :lease ELSE lease_until END WHERE id = :id AND tenant_id = :tenant_id "
        "AND epoch = coalesce(:epoch, epoch)",
        {
            "id": input.flow_run_id,
            "tenant_id": caller.tenant_id,
            "now": stamp(now),
            "lease": stamp(now + datetime.timedelta(seconds=lease_s)),
            "holding": json.dumps(HOLDING_STATES),
            "epoch": input.epoch,
        },
    )
    run = get(tx, caller, "flow_run", input.flow_run_id, "Flow run", "id, epoch, state")
    error = None
    if not changed:
        error = f"Flow run {run.id} is at attempt {run.epoch}; attempt {input.epoch} is over and must stop."
    return UpdateFlowRunHeartbeatPayload(not error, error, run.state, run.epoch, lease_s)


def json_object(value: Any, name: str) -> dict[str, Any] | None:
    """A JSON input that has to be an object, or null.

    Raises:
        BadInputError: it is something else.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            pass
    if not isinstance(value, dict):
        raise BadInputError(f'{name} is a JSON object such as {{"a": 1}}, not {type(value).__name__}.')
    return cast("dict[str, Any]", value)


def _flow_of(tx: Transaction, caller: Caller, input: CreateFlowRunInput) -> Row:
    source = f"SELECT {FLOW_COLUMNS} FROM flow f JOIN flow_group g ON g.id = f.flow_group_id"
    # The flow cannot be archived before its run is there to be cancelled with the others.
    lock = " FOR SHARE OF f" if tx.dialect == "postgresql" else ""
    if input.flow_id is not None:
        flow = tx.one_or_none(
            f"{source} WHERE f.id = :id AND f.tenant_id = :tenant_id{lock}",
            {"id": input.flow_id, "tenant_id": caller.tenant_id},
        )
        if flow is None:
            raise NotFoundError(f"Flow {input.flow_id} was not found.")
        return flow
    if input.version_group_id is None:
        raise BadInputError("Which flow is to run? Give flow_id or version_group_id.")
    flow = tx.one_or_none(
        f"{source} WHERE f.tenant_id = :tenant_id AND f.version_group_id = :group AND NOT f.archived "
        f"ORDER BY f.version DESC LIMIT 1{lock}",
        {"tenant_id": caller.tenant_id, "group": input.version_group_id},
    )
    if flow is None:
        raise NotFoundError(f"An unarchived flow of version group {input.version_group_id} was not found.")
    return flow
