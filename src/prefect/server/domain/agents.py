"""Agents: the processes that take runs from the queue, and their settings."""

from __future__ import annotations

import datetime
import json
from typing import cast

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain.common import clean_text, dump, get, name_of, new_id, stamp, tenant_of
from prefect.server.domain.registry import JSON, IdPayload, SuccessPayload, Uuid, mutation
from prefect.server.security.caller import Caller

__all__: list[str] = []


class RegisterAgentInput(msgspec.Struct):
    """An agent that starts.

    Attributes:
        type: name of its class.
        name: its name.
        labels: its labels; it takes runs whose labels are all among them.
        tenant_id: the tenant it works for; the caller's when null.
        agent_config_id: its settings.
    """

    type: str
    name: str | None = None
    labels: list[str] | None = None
    tenant_id: Uuid | None = None
    agent_config_id: Uuid | None = None


class DeleteAgentInput(msgspec.Struct):
    """The agent to forget; it comes back when it starts again."""

    agent_id: Uuid


class CreateAgentConfigInput(msgspec.Struct):
    """Settings for agents."""

    tenant_id: Uuid | None = None
    name: str | None = None
    settings: JSON | None = None


class UpdateAgentConfigInput(msgspec.Struct):
    """Settings of agents; null leaves what there is."""

    agent_config_id: Uuid
    name: str | None = None
    settings: JSON | None = None


class DeleteAgentConfigInput(msgspec.Struct):
    """The settings to delete."""

    agent_config_id: Uuid


@mutation(role="user")
def register_agent(
    tx: Transaction, caller: Caller, input: RegisterAgentInput, now: datetime.datetime
) -> IdPayload:
    """Announce an agent; one that started before with the same name, type, version and labels is found again."""
    tenant_id = tenant_of(caller, input.tenant_id)
    config_id = input.agent_config_id
    if config_id is not None:
        get(tx, caller, "agent_config", config_id, "Agent config", "id")
    labels = sorted({clean_text(label) for label in input.labels or ()})
    kind = name_of(input.type, "The type of an agent")
    name = None if input.name is None else clean_text(input.name)
    params = {
        "id": new_id(),
        "now": stamp(now),
        "tenant_id": tenant_id,
        "config_id": config_id,
        "type": kind,
        "name": name,
        "labels": dump(labels),
        "version": caller.core_version,
        "identity": json.dumps([name, kind, caller.core_version, labels], separators=(",", ":")),
    }
    row = tx.one_or_none(
        "INSERT INTO agent (id, created, updated, tenant_id, agent_config_id, type, name, labels, core_version, "
        "last_queried, identity) VALUES (:id, :now, :now, :tenant_id, :config_id, :type, :name, :labels, :version, "
        ":now, :identity) ON CONFLICT (tenant_id, identity) DO UPDATE SET updated = excluded.updated, "
        "agent_config_id = coalesce(excluded.agent_config_id, agent.agent_config_id) RETURNING id",
        params,
    )
    assert row is not None
    tx.emit("agent", row.id, tenant_id)
    return IdPayload(cast("str", row.id))


@mutation(role="user")
def delete_agent(
    tx: Transaction, caller: Caller, input: DeleteAgentInput, now: datetime.datetime
) -> SuccessPayload:
    """Forget an agent; its runs stay."""
    del now
    get(tx, caller, "agent", input.agent_id, "Agent", "id")
    tx.execute("DELETE FROM agent WHERE id = :id", {"id": input.agent_id})
    tx.emit("agent", input.agent_id, caller.tenant_id)
    return SuccessPayload()


@mutation(role="user")
def create_agent_config(
    tx: Transaction, caller: Caller, input: CreateAgentConfigInput, now: datetime.datetime
) -> IdPayload:
    """Make settings that agents read when they start."""
    config_id = new_id()
    tx.execute(
        "INSERT INTO agent_config (id, created, updated, tenant_id, name, settings) "
        "VALUES (:id, :now, :now, :tenant_id, :name, :settings)",
        {
            "id": config_id,
            "now": stamp(now),
            "tenant_id": tenant_of(caller, input.tenant_id),
            "name": input.name,
            "settings": dump({} if input.settings is None else input.settings),
        },
    )
    return IdPayload(config_id)


@mutation(role="user")
def update_agent_config(
    tx: Transaction, caller: Caller, input: UpdateAgentConfigInput, now: datetime.datetime
) -> IdPayload:
    """Change settings of agents."""
    get(tx, caller, "agent_config", input.agent_config_id, "Agent config", "id")
    changes = {"name": input.name, "settings": dump(input.settings)}
    for column, value in changes.items():
        if value is not None:
            tx.execute(
                f"UPDATE agent_config SET {column} = :value, updated = :now WHERE id = :id",
                {"id": input.agent_config_id, "value": value, "now": stamp(now)},
            )
    return IdPayload(input.agent_config_id)


@mutation(role="user")
def delete_agent_config(
    tx: Transaction, caller: Caller, input: DeleteAgentConfigInput, now: datetime.datetime
) -> SuccessPayload:
    """Delete settings of agents; agents that had them keep running."""
    del now
    get(tx, caller, "agent_config", input.agent_config_id, "Agent config", "id")
    tx.execute("DELETE FROM agent_config WHERE id = :id", {"id": input.agent_config_id})
    return SuccessPayload()
