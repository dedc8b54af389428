"""Artifacts: links, Markdown and other things that tasks leave for people to look at."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain import policy
from prefect.server.domain.common import dump, get, name_of, new_id, stamp, tenant_of
from prefect.server.domain.registry import JSON, IdPayload, SuccessPayload, Uuid, mutation
from prefect.server.errors import BadInputError
from prefect.server.security.caller import Caller

__all__: list[str] = []


class CreateTaskRunArtifactInput(msgspec.Struct):
    """A new artifact.

    Attributes:
        kind: `link` with `{link: url}`, `markdown` with `{markdown: text}`, or what clients agree on.
    """

    task_run_id: Uuid
    kind: str
    data: JSON
    tenant_id: Uuid | None = None


class UpdateTaskRunArtifactInput(msgspec.Struct):
    """An artifact's new data."""

    task_run_artifact_id: Uuid
    data: JSON


class DeleteTaskRunArtifactInput(msgspec.Struct):
    """The artifact to delete."""

    task_run_artifact_id: Uuid


@mutation(role="user")
def create_task_run_artifact(
    tx: Transaction, caller: Caller, input: CreateTaskRunArtifactInput, now: datetime.datetime
) -> IdPayload:
    """Leave an artifact with a task run."""
    tenant_of(caller, input.tenant_id)
    run = get(tx, caller, "task_run", input.task_run_id, "Task run", "id, tenant_id, flow_run_id")
    artifact_id = new_id()
    tx.execute(
        "INSERT INTO task_run_artifact (id, created, updated, tenant_id, task_run_id, kind, data) "
        "VALUES (:id, :now, :now, :tenant_id, :task_run_id, :kind, :data)",
        {
            "id": artifact_id,
            "now": stamp(now),
            "tenant_id": run.tenant_id,
            "task_run_id": run.id,
            "kind": name_of(input.kind, "The kind of an artifact"),
            "data": _data(input.data),
        },
    )
    tx.emit("artifact", run.flow_run_id, run.tenant_id)
    return IdPayload(artifact_id)


@mutation(role="user")
def update_task_run_artifact(
    tx: Transaction, caller: Caller, input: UpdateTaskRunArtifactInput, now: datetime.datetime
) -> SuccessPayload:
    """Replace an artifact's data."""
    artifact = get(tx, caller, "task_run_artifact", input.task_run_artifact_id, "Artifact", "id, task_run_id")
    tx.execute(
        "UPDATE task_run_artifact SET data = :data, updated = :now WHERE id = :id",
        {"id": artifact.id, "data": _data(input.data), "now": stamp(now)},
    )
    _tell(tx, artifact.task_run_id, caller.tenant_id)
    return SuccessPayload()


@mutation(role="user")
def delete_task_run_artifact(
    tx: Transaction, caller: Caller, input: DeleteTaskRunArtifactInput, now: datetime.datetime
) -> SuccessPayload:
    """Delete an artifact."""
    del now
    artifact = get(tx, caller, "task_run_artifact", input.task_run_artifact_id, "Artifact", "id, task_run_id")
    tx.execute("DELETE FROM task_run_artifact WHERE id = :id", {"id": artifact.id})
    _tell(tx, artifact.task_run_id, caller.tenant_id)
    return SuccessPayload()


def _data(value: Any) -> str:
    text = dump(value) or "null"
    size, most = len(text.encode()), policy.current().limits.artifact_bytes
    if size > most:
        raise BadInputError(
            f"The data of an artifact is at most {most:,} bytes of JSON; this has {size:,}. "
            "Store it elsewhere and leave a link."
        )
    return text


def _tell(tx: Transaction, task_run_id: str, tenant_id: str) -> None:
    flow_run_id = tx.scalar("SELECT flow_run_id FROM task_run WHERE id = :id", {"id": task_run_id})
    if flow_run_id:
        tx.emit("artifact", flow_run_id, tenant_id)
