"""Flows: registered, archived, moved and deleted."""

from __future__ import annotations

import datetime
from typing import Any, cast

import msgspec

from prefect.server.database.store import Row, Transaction
from prefect.server.domain import flow_parts, flow_rows, schedules
from prefect.server.domain.common import dump, get, load_object, lock_for_update, new_id, stamp
from prefect.server.domain.registry import JSON, IdPayload, SuccessPayload, Uuid, mutation
from prefect.server.domain.removal import forget_runs
from prefect.server.domain.serialized_flows import ParsedFlow, parse_edges, parse_flow, parse_tasks, unpack
from prefect.server.errors import BadInputError
from prefect.server.security.caller import Caller

__all__: list[str] = []

#: Settings of a new flow group.
_GROUP_SETTINGS: dict[str, Any] = {
    "heartbeat_enabled": True,
    "lazarus_enabled": True,
    "version_locking_enabled": False,
}


class RegisterFlowInput(msgspec.Struct):
    """A flow to register.

    Attributes:
        serialized_flow: the flow, as JSON or compressed (base64 of gzip).
        project_id: the project it is for.
        version_group_id: what it is a new version of; by name and project when null.
        set_schedule_active: whether its schedule makes runs; true when null.
        idempotency_key: with the key of the last registration, nothing new is made.
        description: description of the flow.
        force: make a version although the key is known; the key is kept for the next registration.
    """

    serialized_flow: JSON
    project_id: Uuid
    version_group_id: str | None = None
    set_schedule_active: bool | None = None
    idempotency_key: str | None = None
    description: str | None = None
    force: bool | None = None


class CreateFlowInput(RegisterFlowInput):
    """A flow to register."""


class CreateFlowFromCompressedStringInput(msgspec.Struct):
    """A flow to register; see `create_flow_input`."""

    serialized_flow: str
    project_id: Uuid
    version_group_id: str | None = None
    set_schedule_active: bool | None = None
    idempotency_key: str | None = None
    description: str | None = None


class RegisterFlowsInput(msgspec.Struct):
    """Flows to register, in one transaction."""

    flows: list[RegisterFlowInput]


class RegisteredFlow(msgspec.Struct):
    """A flow that was registered.

    Attributes:
        id: the flow; null when it was refused.
        is_new: whether a version was made; false when the idempotency key was known.
        version: its version.
        error: why it was refused.
    """

    id: Uuid | None
    is_new: bool = False
    version: int | None = None
    error: str | None = None


class RegisterFlowsPayload(msgspec.Struct):
    """One entry for each flow that was sent, in their order."""

    flows: list[RegisteredFlow]


class RegisterTasksInput(msgspec.Struct):
    """Tasks of a flow that was created without them."""

    flow_id: Uuid
    serialized_tasks: JSON


class RegisterEdgesInput(msgspec.Struct):
    """Edges of a flow that was created without them."""

    flow_id: Uuid
    serialized_edges: JSON


class ArchiveFlowInput(msgspec.Struct):
    """The flow to archive."""

    flow_id: Uuid


class DeleteFlowInput(msgspec.Struct):
    """The flow to delete: one version."""

    flow_id: Uuid


class UpdateFlowProjectInput(msgspec.Struct):
    """The project to move a flow to."""

    flow_id: Uuid
    project_id: Uuid


@mutation(role="user")
def create_flow(tx: Transaction, caller: Caller, input: CreateFlowInput, now: datetime.datetime) -> IdPayload:
    """Register a flow."""
    return IdPayload(_register(tx, caller, parse_flow(input.serialized_flow), input, now).id)


@mutation(role="user")
def create_flow_from_compressed_string(
    tx: Transaction, caller: Caller, input: CreateFlowFromCompressedStringInput, now: datetime.datetime
) -> IdPayload:
    """Register a flow that was compressed."""
    return IdPayload(_register(tx, caller, parse_flow(unpack(input.serialized_flow)), input, now).id)


@mutation(role="user")
def register_flows(
    tx: Transaction, caller: Caller, input: RegisterFlowsInput, now: datetime.datetime
) -> RegisterFlowsPayload:
    """Register many flows; those that cannot be read are refused, each with its reason."""
    replies: list[RegisteredFlow] = []
    for entry in input.flows:
        value = entry.serialized_flow
        try:
            is_packed = isinstance(value, str) and not value.lstrip().startswith("{")
            flow = parse_flow(unpack(cast("str", value)) if is_packed else value)
            _check_edges(flow)
        except BadInputError as exc:
            replies.append(RegisteredFlow(None, error=exc.message))
            continue
        replies.append(_register(tx, caller, flow, entry, now))
    return RegisterFlowsPayload(replies)


@mutation(role="user")
def register_tasks(
    tx: Transaction, caller: Caller, input: RegisterTasksInput, now: datetime.datetime
) -> SuccessPayload:
    """Add tasks to a flow; known ones stay as they are."""
    tasks = parse_tasks(input.serialized_tasks)
    flow = get(tx, caller, "flow", input.flow_id, "Flow", flow_parts.COLUMNS, lock=True)
    flow_parts.add_tasks(tx, flow, tasks, now)
    return SuccessPayload()


@mutation(role="user")
def register_edges(
    tx: Transaction, caller: Caller, input: RegisterEdgesInput, now: datetime.datetime
) -> SuccessPayload:
    """Add edges to a flow; known ones stay as they are."""
    edges = parse_edges(input.serialized_edges)
    flow = get(tx, caller, "flow", input.flow_id, "Flow", flow_parts.COLUMNS, lock=True)
    flow_parts.add_edges(tx, flow, edges, now)
    return SuccessPayload()


@mutation(role="user")
def archive_flow(
    tx: Transaction, caller: Caller, input: ArchiveFlowInput, now: datetime.datetime
) -> SuccessPayload:
    """Archive a flow: it is kept with its history and does not run any more."""
    flow = get(tx, caller, "flow", input.flow_id, "Flow", "id, archived", lock=True)
    if not flow.archived:
        flow_rows.archive(tx, flow.id, caller.tenant_id, now)
    return SuccessPayload()


@mutation(role="user")
def delete_flow(
    tx: Transaction, caller: Caller, input: DeleteFlowInput, now: datetime.datetime
) -> SuccessPayload:
    """Delete one version of a flow with its runs; the flow group goes with its last version."""
    del now
    flow = get(tx, caller, "flow", input.flow_id, "Flow", "id, flow_group_id")
    forget_runs(tx, "flow_id = :id", {"id": flow.id})
    tx.execute("DELETE FROM flow WHERE id = :id", {"id": flow.id})
    tx.execute(
        "DELETE FROM flow_group WHERE id = :id AND NOT EXISTS (SELECT 1 FROM flow WHERE flow_group_id = :id)",
        {"id": flow.flow_group_id},
    )
    tx.emit("flow", flow.id, caller.tenant_id)
    return SuccessPayload()


@mutation(role="user")
def update_flow_project(
    tx: Transaction, caller: Caller, input: UpdateFlowProjectInput, now: datetime.datetime
) -> IdPayload:
    """Move a flow, with all its versions, to another project."""
    flow = get(tx, caller, "flow", input.flow_id, "Flow", "id, flow_group_id")
    project = get(tx, caller, "project", input.project_id, "Project", "id")
    tx.execute(
        "UPDATE flow SET project_id = :project_id, updated = :now WHERE flow_group_id = :group_id",
        {"project_id": project.id, "group_id": flow.flow_group_id, "now": stamp(now)},
    )
    tx.emit("flow", flow.id, caller.tenant_id)
    return IdPayload(flow.id)


# -- registering ----------------------------------------------------------------------


def _register(
    tx: Transaction,
    caller: Caller,
    flow: ParsedFlow,
    input: RegisterFlowInput | CreateFlowFromCompressedStringInput,
    now: datetime.datetime,
) -> RegisteredFlow:
    # The project is the lock: copies of one request make one group and one version.
    project = get(tx, caller, "project", input.project_id, "Project", "id, tenant_id", lock=True)
    group = _group_of(tx, project, flow.name, input.version_group_id, now)
    settings = load_object(group.settings)
    key = input.idempotency_key
    is_forced = isinstance(input, RegisterFlowInput) and input.force
    if key is not None and settings.get("idempotency_key") == key and not is_forced:
        existing = tx.one_or_none(
            "SELECT id, version FROM flow WHERE flow_group_id = :id AND NOT archived ORDER BY version DESC LIMIT 1",
            {"id": group.id},
        )
        if existing is not None:
            return RegisteredFlow(existing.id, is_new=False, version=existing.version)
    settings["idempotency_key"] = key
    older = tx.rows("SELECT id FROM flow WHERE flow_group_id = :id AND NOT archived", {"id": group.id})
    for row in older:
        flow_rows.archive(tx, row.id, caller.tenant_id, now)
    flow_id = flow_rows.insert_flow(
        tx,
        flow,
        project_id=project.id,
        group=group,
        settings=settings,
        description=input.description,
        now=now,
    )
    tx.execute(
        "UPDATE flow_group SET settings = :settings, updated = :now WHERE id = :id",
        {"id": group.id, "settings": dump(settings), "now": stamp(now)},
    )
    if input.set_schedule_active is not False:
        schedules.activate_if_possible(tx, caller, flow_id, now)
    version = tx.scalar("SELECT version FROM flow WHERE id = :id", {"id": flow_id})
    return RegisteredFlow(flow_id, is_new=True, version=version)


def _group_of(
    tx: Transaction, project: Row, name: str, version_group_id: str | None, now: datetime.datetime
) -> Row:
    """The flow group of a flow to register, locked; made if there is none."""
    if version_group_id is None:
        version_group_id = tx.scalar(
            "SELECT version_group_id FROM flow WHERE project_id = :project_id AND name = :name "
            "ORDER BY created DESC, version DESC LIMIT 1",
            {"project_id": project.id, "name": name},
        )
    params = {
        "id": new_id(),
        "now": stamp(now),
        "tenant_id": project.tenant_id,
        "name": version_group_id or new_id(),
        "settings": dump(_GROUP_SETTINGS),
    }
    tx.execute(
        "INSERT INTO flow_group (id, created, updated, tenant_id, name, settings, default_parameters) "
        "VALUES (:id, :now, :now, :tenant_id, :name, :settings, '{}') ON CONFLICT (tenant_id, name) DO NOTHING",
        params,
    )
    group = tx.one_or_none(
        "SELECT id, tenant_id, name, settings FROM flow_group WHERE tenant_id = :tenant_id AND name = :name"
        f"{lock_for_update(tx)}",
        params,
    )
    assert group is not None
    return group


def _check_edges(flow: ParsedFlow) -> None:
    known = {task.slug for task in flow.tasks}
    unknown = sorted({slug for edge in flow.edges for slug in (edge.upstream, edge.downstream)} - known)
    if unknown:
        raise BadInputError(
            f"Edges of flow {flow.name!r} name tasks it does not have: {', '.join(unknown[:10])}."
        )
