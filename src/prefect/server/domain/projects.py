"""Projects: folders of flows."""

from __future__ import annotations

import datetime

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain.common import get, name_of, new_id, stamp, tenant_of
from prefect.server.domain.registry import IdPayload, SuccessPayload, Uuid, mutation
from prefect.server.domain.removal import forget_runs
from prefect.server.errors import UniquenessError
from prefect.server.security.caller import Caller

__all__: list[str] = []


class CreateProjectInput(msgspec.Struct):
    """A new project; its name is unique in the tenant."""

    name: str
    tenant_id: Uuid | None = None
    description: str | None = None


class DeleteProjectInput(msgspec.Struct):
    """The project to delete."""

    project_id: Uuid


class SetProjectNameInput(msgspec.Struct):
    """A project's new name."""

    project_id: Uuid
    name: str


class SetProjectDescriptionInput(msgspec.Struct):
    """A project's new description; null for none."""

    project_id: Uuid
    description: str | None = None


@mutation(role="user")
def create_project(
    tx: Transaction, caller: Caller, input: CreateProjectInput, now: datetime.datetime
) -> IdPayload:
    """Create a project."""
    project_id = new_id()
    made = tx.execute(
        "INSERT INTO project (id, created, updated, tenant_id, name, description) "
        "VALUES (:id, :now, :now, :tenant_id, :name, :description) ON CONFLICT (tenant_id, name) DO NOTHING",
        {
            "id": project_id,
            "now": stamp(now),
            "tenant_id": tenant_of(caller, input.tenant_id),
            "name": name_of(input.name, "The name of a project"),
            "description": input.description,
        },
    )
    if not made:
        raise UniquenessError
    return IdPayload(project_id)


@mutation(role="user")
def delete_project(
    tx: Transaction, caller: Caller, input: DeleteProjectInput, now: datetime.datetime
) -> SuccessPayload:
    """Delete a project with its flows, their runs and logs."""
    del now
    get(tx, caller, "project", input.project_id, "Project", "id")
    # A flow group goes with its last version.
    groups = [
        row[0]
        for row in tx.rows(
            "SELECT DISTINCT flow_group_id FROM flow WHERE project_id = :id", {"id": input.project_id}
        )
    ]
    forget_runs(tx, "flow_id IN (SELECT id FROM flow WHERE project_id = :id)", {"id": input.project_id})
    tx.execute("DELETE FROM project WHERE id = :id", {"id": input.project_id})
    tx.execute_many(
        "DELETE FROM flow_group WHERE id = :id AND NOT EXISTS (SELECT 1 FROM flow WHERE flow_group_id = :id)",
        [{"id": group} for group in groups],
    )
    return SuccessPayload()


@mutation(role="user")
def set_project_name(
    tx: Transaction, caller: Caller, input: SetProjectNameInput, now: datetime.datetime
) -> IdPayload:
    """Rename a project."""
    get(tx, caller, "project", input.project_id, "Project", "id")
    tx.execute(
        "UPDATE project SET name = :name, updated = :now WHERE id = :id",
        {"id": input.project_id, "name": name_of(input.name, "The name of a project"), "now": stamp(now)},
    )
    return IdPayload(input.project_id)


@mutation(role="user")
def set_project_description(
    tx: Transaction, caller: Caller, input: SetProjectDescriptionInput, now: datetime.datetime
) -> IdPayload:
    """Describe a project."""
    get(tx, caller, "project", input.project_id, "Project", "id")
    tx.execute(
        "UPDATE project SET description = :description, updated = :now WHERE id = :id",
        {"id": input.project_id, "description": input.description, "now": stamp(now)},
    )
    return IdPayload(input.project_id)
