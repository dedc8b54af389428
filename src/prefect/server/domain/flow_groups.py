"""Flow groups: what holds for all versions of a flow."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain.common import clean_text, dump, get, load_object, stamp, write_settings
from prefect.server.domain.flow_runs import json_object
from prefect.server.domain.registry import JSON, SuccessPayload, Uuid, mutation
from prefect.server.domain.removal import forget_runs
from prefect.server.domain.run_configs import check_storage, checked_run_config
from prefect.server.security.caller import Caller

__all__: list[str] = []


class DeleteFlowGroupInput(msgspec.Struct):
    """The flow group to delete, with all its versions."""

    flow_group_id: Uuid


class SetFlowGroupDescriptionInput(msgspec.Struct):
    """A flow group's new description; null for none."""

    flow_group_id: Uuid
    description: str | None = None


class SetFlowGroupLabelsInput(msgspec.Struct):
    """A flow group's labels: null takes those of the flow, `[]` is none at all."""

    flow_group_id: Uuid
    labels: list[str] | None = None


class SetFlowGroupRunConfigInput(msgspec.Struct):
    """A flow group's run config; null takes that of the flow."""

    flow_group_id: Uuid
    run_config: JSON | None = None


class SetFlowGroupDefaultParametersInput(msgspec.Struct):
    """Parameters that win over the defaults of the flow."""

    flow_group_id: Uuid
    parameters: JSON


class EnableFlowHeartbeatInput(msgspec.Struct):
    """A flow whose runs send heartbeats."""

    flow_id: Uuid


class DisableFlowHeartbeatInput(msgspec.Struct):
    """A flow whose runs send no heartbeats."""

    flow_id: Uuid


class EnableFlowLazarusProcessInput(msgspec.Struct):
    """A flow whose dead runs are started again."""

    flow_id: Uuid


class DisableFlowLazarusProcessInput(msgspec.Struct):
    """A flow whose dead runs stay dead."""

    flow_id: Uuid


class EnableFlowVersionLockInput(msgspec.Struct):
    """A flow whose runs take states for their current version only."""

    flow_id: Uuid


class DisableFlowVersionLockInput(msgspec.Struct):
    """A flow whose runs take states for any version."""

    flow_id: Uuid


@mutation(role="user")
def delete_flow_group(
    tx: Transaction, caller: Caller, input: DeleteFlowGroupInput, now: datetime.datetime
) -> SuccessPayload:
    """Delete a flow with all its versions and runs."""
    del now
    group = get(tx, caller, "flow_group", input.flow_group_id, "Flow group", "id")
    forget_runs(tx, "flow_id IN (SELECT id FROM flow WHERE flow_group_id = :id)", {"id": group.id})
    tx.execute("DELETE FROM flow_group WHERE id = :id", {"id": group.id})
    tx.emit("flow", group.id, caller.tenant_id)
    return SuccessPayload()


@mutation(role="user")
def set_flow_group_description(
    tx: Transaction, caller: Caller, input: SetFlowGroupDescriptionInput, now: datetime.datetime
) -> SuccessPayload:
    """Describe a flow."""
    return _set(tx, caller, input.flow_group_id, "description", input.description, now)


@mutation(role="user")
def set_flow_group_labels(
    tx: Transaction, caller: Caller, input: SetFlowGroupLabelsInput, now: datetime.datetime
) -> SuccessPayload:
    """Set the labels of the runs of a flow."""
    labels = None if input.labels is None else sorted({clean_text(label) for label in input.labels})
    return _set(tx, caller, input.flow_group_id, "labels", dump(labels), now)


@mutation(role="user")
def set_flow_group_run_config(
    tx: Transaction, caller: Caller, input: SetFlowGroupRunConfigInput, now: datetime.datetime
) -> SuccessPayload:
    """Set the run config of the runs of a flow."""
    run_config = checked_run_config(json_object(input.run_config, "run_config"))
    group = get(tx, caller, "flow_group", input.flow_group_id, "Flow group", "id")
    check_storage(tx, run_config, "f.flow_group_id = :id AND NOT f.archived", id=group.id)
    return _set(tx, caller, group.id, "run_config", dump(run_config), now)


@mutation(role="user")
def set_flow_group_default_parameters(
    tx: Transaction, caller: Caller, input: SetFlowGroupDefaultParametersInput, now: datetime.datetime
) -> SuccessPayload:
    """Set the parameters of the runs of a flow that give none."""
    parameters = dump(json_object(input.parameters, "parameters") or {})
    return _set(tx, caller, input.flow_group_id, "default_parameters", parameters, now)


@mutation(role="user")
def enable_flow_heartbeat(
    tx: Transaction, caller: Caller, input: EnableFlowHeartbeatInput, now: datetime.datetime
) -> SuccessPayload:
    """Let the runs of a flow send heartbeats, so that dead ones are noticed."""
    return _merge(tx, caller, input.flow_id, {"heartbeat_enabled": True, "disable_heartbeat": False}, now)


@mutation(role="user")
def disable_flow_heartbeat(
    tx: Transaction, caller: Caller, input: DisableFlowHeartbeatInput, now: datetime.datetime
) -> SuccessPayload:
    """Let the runs of a flow send no heartbeats; dead ones are not noticed."""
    return _merge(tx, caller, input.flow_id, {"heartbeat_enabled": False, "disable_heartbeat": True}, now)


@mutation(role="user")
def enable_flow_lazarus_process(
    tx: Transaction, caller: Caller, input: EnableFlowLazarusProcessInput, now: datetime.datetime
) -> SuccessPayload:
    """Start dead runs of a flow again."""
    return _merge(tx, caller, input.flow_id, {"lazarus_enabled": True}, now)


@mutation(role="user")
def disable_flow_lazarus_process(
    tx: Transaction, caller: Caller, input: DisableFlowLazarusProcessInput, now: datetime.datetime
) -> SuccessPayload:
    """Do not start dead runs of a flow again."""
    return _merge(tx, caller, input.flow_id, {"lazarus_enabled": False}, now)


@mutation(role="user")
def enable_flow_version_lock(
    tx: Transaction, caller: Caller, input: EnableFlowVersionLockInput, now: datetime.datetime
) -> SuccessPayload:
    """Refuse states of a flow's runs that were sent for a version that is not the current one."""
    return _merge(tx, caller, input.flow_id, {"version_locking_enabled": True}, now)


@mutation(role="user")
def disable_flow_version_lock(
    tx: Transaction, caller: Caller, input: DisableFlowVersionLockInput, now: datetime.datetime
) -> SuccessPayload:
    """Take states of a flow's runs for any version."""
    return _merge(tx, caller, input.flow_id, {"version_locking_enabled": False}, now)


def _set(
    tx: Transaction, caller: Caller, group_id: str, column: str, value: str | None, now: datetime.datetime
) -> SuccessPayload:
    get(tx, caller, "flow_group", group_id, "Flow group", "id")
    tx.execute(
        f"UPDATE flow_group SET {column} = :value, updated = :now WHERE id = :id",
        {"id": group_id, "value": value, "now": stamp(now)},
    )
    tx.emit("flow", group_id, caller.tenant_id)
    return SuccessPayload()


def _merge(
    tx: Transaction, caller: Caller, flow_id: str, changes: dict[str, Any], now: datetime.datetime
) -> SuccessPayload:
    flow = get(tx, caller, "flow", flow_id, "Flow", "id, flow_group_id")
    group = get(tx, caller, "flow_group", flow.flow_group_id, "Flow group", "id, settings", lock=True)
    settings = {**load_object(group.settings), **changes}
    write_settings(tx, group.id, settings, now)
    tx.emit("flow", flow.id, caller.tenant_id)
    return SuccessPayload()
