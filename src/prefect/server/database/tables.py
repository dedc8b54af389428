"""All tables.

Columns that clients read are those of the 1.x API, by name; the server's own are at the end of
each table. Every table that belongs to a tenant has `tenant_id`. `RELATIONS` says how rows lead
to other rows in the GraphQL API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, UniqueConstraint

from prefect.server.database.types import Json, Text, Timestamp, Uuid

__all__ = ["PUBLIC_TABLES", "RELATIONS", "Relation", "metadata", "table"]

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _id() -> Column[Any]:
    return Column("id", Uuid, primary_key=True)


def _times() -> tuple[Column[Any], Column[Any]]:
    return Column("created", Timestamp, nullable=False), Column("updated", Timestamp, nullable=False)


def _tenant(nullable: bool = False) -> Column[Any]:
    return Column("tenant_id", Uuid, ForeignKey("tenant.id", ondelete="CASCADE"), nullable=nullable)


def _ref(name: str, target: str, *, nullable: bool = False, ondelete: str = "CASCADE") -> Column[Any]:
    return Column(name, Uuid, ForeignKey(f"{target}.id", ondelete=ondelete), nullable=nullable)


def _flag(name: str, default: bool) -> Column[Any]:
    return Column(name, sa.Boolean(create_constraint=False), nullable=False, default=default)


# -- tenants and people ---------------------------------------------------------------

tenant = sa.Table(
    "tenant",
    metadata,
    _id(),
    *_times(),
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("info", Json),
    Column("settings", Json, nullable=False),
)

user = sa.Table(
    "user",
    metadata,
    _id(),
    *_times(),
    Column("username", Text, nullable=False, unique=True),
    Column("email", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("account_type", Text, nullable=False),  # USER or SERVICE
    Column("default_membership_id", Uuid),
    Column("settings", Json, nullable=False),
)

membership = sa.Table(
    "membership",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    _ref("user_id", "user"),
    Column("role", Text, nullable=False),  # read-only, user, admin
    UniqueConstraint("tenant_id", "user_id"),
    Index(None, "user_id"),
)

auth_api_key = sa.Table(
    "auth_api_key",
    metadata,
    _id(),
    *_times(),
    Column("name", Text, nullable=False),
    _ref("user_id", "user"),
    _ref("default_tenant_id", "tenant", nullable=True),
    Column("expires_at", Timestamp),
    Column("last_used", Timestamp),
    Column("prefix", Text, nullable=False),  # its first characters, to tell keys apart
    Column("digest", Text, nullable=False, unique=True),  # sha256 (hex) of the whole key
    Column("revoked", Timestamp),
    Index(None, "user_id"),
)

session = sa.Table(
    "session",
    metadata,
    _id(),
    *_times(),
    _ref("user_id", "user"),
    _ref("key_id", "auth_api_key"),
    _ref("tenant_id", "tenant"),
    Column("digest", Text, nullable=False, unique=True),  # sha256 (hex) of the cookie
    Column("expires_at", Timestamp, nullable=False),
    Column("revoked", Timestamp),
)

# -- flows ----------------------------------------------------------------------------

project = sa.Table(
    "project",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    Column("name", Text, nullable=False),
    Column("description", Text),
    UniqueConstraint("tenant_id", "name"),
)

flow_group = sa.Table(
    "flow_group",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("labels", Json),  # null: those of the flow; []: none
    Column("schedule", Json),
    Column("settings", Json, nullable=False),
    Column("default_parameters", Json, nullable=False),
    Column("run_config", Json),
    UniqueConstraint("tenant_id", "name"),
)

flow = sa.Table(
    "flow",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    _ref("project_id", "project"),
    _ref("flow_group_id", "flow_group"),
    Column("version_group_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", sa.Integer, nullable=False),
    _flag("archived", False),
    Column("description", Text),
    Column("core_version", Text),
    Column("serialized_flow", Json, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("storage", Json),
    Column("run_config", Json),
    Column("environment", Json),
    Column("schedule", Json),
    _flag("is_schedule_active", False),
    # The settings of the flow group, kept here too: 1.x clients read `flow { settings }`.
    Column("settings", Json, nullable=False),
    UniqueConstraint("flow_group_id", "version"),
    Index(None, "tenant_id", "name"),
    Index(None, "project_id"),
    Index(None, "tenant_id", "created"),
)

task = sa.Table(
    "task",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    _ref("flow_id", "flow"),
    Column("name", Text),
    Column("slug", Text, nullable=False),
    Column("description", Text),
    Column("type", Text),
    Column("max_retries", sa.Integer),
    Column("retry_delay", Text),  # HH:MM:SS
    Column("trigger", Text),
    Column("tags", Json, nullable=False),
    _flag("mapped", False),
    _flag("auto_generated", False),
    Column("cache_key", Text),
    _flag("is_reference_task", False),
    _flag("is_root_task", False),
    _flag("is_terminal_task", False),
    UniqueConstraint("flow_id", "slug"),
    Index(None, "tenant_id", "created"),
)

edge = sa.Table(
    "edge",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    _ref("flow_id", "flow"),
    _ref("upstream_task_id", "task"),
    _ref("downstream_task_id", "task"),
    Column("key", Text),
    _flag("mapped", False),
    # Unlike 1.x, one task may feed another through several arguments.
    UniqueConstraint("flow_id", "downstream_task_id", "upstream_task_id", "key"),
    Index(None, "upstream_task_id"),
    Index(None, "downstream_task_id"),
)

# -- runs -----------------------------------------------------------------------------

agent_config = sa.Table(
    "agent_config",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    Column("name", Text),
    Column("settings", Json, nullable=False),
)

agent = sa.Table(
    "agent",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    _ref("agent_config_id", "agent_config", nullable=True, ondelete="SET NULL"),
    Column("type", Text, nullable=False),
    Column("name", Text),
    Column("labels", Json, nullable=False),
    Column("core_version", Text),
    Column("last_queried", Timestamp),
    # One row for each (name, type, version, labels), however often an agent starts.
    Column("identity", Text, nullable=False),
    UniqueConstraint("tenant_id", "identity"),
)

flow_run = sa.Table(
    "flow_run",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    _ref("flow_id", "flow"),
    Column("name", Text, nullable=False),
    Column("version", sa.Integer, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("context", Json, nullable=False),
    Column("labels", Json, nullable=False),
    Column("run_config", Json),
    Column("scheduled_start_time", Timestamp, nullable=False),
    _flag("auto_scheduled", False),
    Column("idempotency_key", Text),
    _ref("agent_id", "agent", nullable=True, ondelete="SET NULL"),
    _ref("created_by_id", "user", nullable=True, ondelete="SET NULL"),
    Column("parent_task_run_id", Uuid),
    Column("start_time", Timestamp),
    Column("end_time", Timestamp),
    Column("heartbeat", Timestamp),
    Column("state", Text),
    Column("state_timestamp", Timestamp),
    Column("state_message", Text),
    Column("state_result", Json),
    Column("state_start_time", Timestamp),
    Column("serialized_state", Json),
    Column("times_resurrected", sa.Integer, nullable=False, default=0),
    # Which attempt may report: writes that name an earlier one are refused.
    Column("epoch", sa.Integer, nullable=False, default=0),
    # Until when the attempt is taken to be alive; null while nothing runs.
    Column("lease_until", Timestamp),
    # Until when cancelling may take, before the run is called cancelled.
    Column("cancel_deadline", Timestamp),
    UniqueConstraint("flow_id", "idempotency_key"),
    Index("ix_flow_run_queue", "tenant_id", "state", "state_start_time"),
    Index(None, "tenant_id", "created"),
    Index(None, "tenant_id", "scheduled_start_time"),
    Index(None, "tenant_id", "start_time"),
    Index(None, "tenant_id", "name"),
    Index(None, "flow_id", "scheduled_start_time"),
    Index("ix_flow_run_lease", "lease_until"),
    Index("ix_flow_run_cancel_deadline", "cancel_deadline"),
    Index(None, "parent_task_run_id"),
    Index(None, "agent_id"),
)

task_run = sa.Table(
    "task_run",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    _ref("flow_run_id", "flow_run"),
    _ref("task_id", "task"),
    Column("map_index", sa.Integer, nullable=False),
    Column("name", Text),
    Column("version", sa.Integer, nullable=False),
    Column("cache_key", Text),
    Column("start_time", Timestamp),
    Column("end_time", Timestamp),
    Column("heartbeat", Timestamp),
    Column("state", Text),
    Column("state_timestamp", Timestamp),
    Column("state_message", Text),
    Column("state_result", Json),
    Column("state_start_time", Timestamp),
    Column("serialized_state", Json),
    Column("run_count", sa.Integer, nullable=False, default=0),
    Column("epoch", sa.Integer, nullable=False, default=0),
    UniqueConstraint("flow_run_id", "task_id", "map_index"),
    Index(None, "flow_run_id", "state"),
    Index("ix_task_run_due", "tenant_id", "state", "state_start_time"),
    Index("ix_task_run_cached", "tenant_id", "cache_key", "state", "state_timestamp"),
    Index(None, "task_id", "state", "state_timestamp"),
    Index(None, "tenant_id", "start_time"),
)

flow_run_state = sa.Table(
    "flow_run_state",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    _ref("flow_run_id", "flow_run"),
    Column("timestamp", Timestamp, nullable=False),
    Column("state", Text, nullable=False),
    Column("message", Text),
    Column("result", Json),
    Column("start_time", Timestamp),
    Column("serialized_state", Json, nullable=False),
    Column("version", sa.Integer, nullable=False),
    UniqueConstraint("flow_run_id", "version"),
    Index(None, "tenant_id", "timestamp"),
)

task_run_state = sa.Table(
    "task_run_state",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    _ref("task_run_id", "task_run"),
    Column("timestamp", Timestamp, nullable=False),
    Column("state", Text, nullable=False),
    Column("message", Text),
    Column("result", Json),
    Column("start_time", Timestamp),
    Column("serialized_state", Json, nullable=False),
    Column("version", sa.Integer, nullable=False),
    UniqueConstraint("task_run_id", "version"),
    Index(None, "tenant_id", "timestamp"),
)

log = sa.Table(
    "log",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    # Logs may come for runs that were deleted, so these are no foreign keys.
    Column("flow_run_id", Uuid, nullable=False),
    Column("task_run_id", Uuid),
    Column("timestamp", Timestamp, nullable=False),
    Column("name", Text),
    Column("level", Text),
    Column("message", Text),
    Column("info", Json),
    _flag("is_loaded_from_archive", False),
    Column("sequence", sa.Integer),  # the client's count of lines of the run, from clients that count
    # Hash of the line, to write a batch that is sent twice only once.
    Column("identity", Text, nullable=False),
    UniqueConstraint("flow_run_id", "identity"),
    Index(None, "flow_run_id", "timestamp"),
    Index(None, "task_run_id", "timestamp"),
    Index(None, "tenant_id", "timestamp"),
)

task_run_artifact = sa.Table(
    "task_run_artifact",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    _ref("task_run_id", "task_run"),
    Column("kind", Text, nullable=False),
    Column("data", Json, nullable=False),
    Index(None, "task_run_id"),
    Index(None, "tenant_id", "created"),
)

message = sa.Table(
    "message",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    _ref("user_id", "user", nullable=True),
    Column("type", Text, nullable=False),
    Column("text", Text),
    Column("content", Json),
    _flag("read", False),
    Index(None, "tenant_id", "created"),
)

# -- limits, secrets, values ----------------------------------------------------------

task_tag_limit = sa.Table(
    "task_tag_limit",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    Column("tag", Text, nullable=False),
    Column("limit", sa.Integer, nullable=False),
    UniqueConstraint("tenant_id", "tag"),
    CheckConstraint('"limit" >= 0', name="limit_not_negative"),
)

flow_concurrency_limit = sa.Table(
    "flow_concurrency_limit",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    Column("name", Text, nullable=False),
    Column("limit", sa.Integer, nullable=False),
    UniqueConstraint("tenant_id", "name"),
    CheckConstraint('"limit" >= 0', name="limit_not_negative"),
)

#: One row for each slot that is taken: by a flow run for a label, by a task run for a tag.
concurrency_slot = sa.Table(
    "concurrency_slot",
    metadata,
    Column("tenant_id", Uuid, ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),  # label or tag
    Column("name", Text, primary_key=True),
    Column("run_id", Uuid, primary_key=True),
    Column("taken", Timestamp, nullable=False),
    Index("ix_concurrency_slot_run", "run_id"),
)

key_value = sa.Table(
    "key_value",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    Column("key", Text, nullable=False),
    Column("value", Json),
    UniqueConstraint("tenant_id", "key"),
)

secret = sa.Table(
    "secret",
    metadata,
    _id(),
    *_times(),
    _tenant(),
    Column("name", Text, nullable=False),
    Column("key_id", Text, nullable=False),  # which key of the ring encrypted it
    Column("ciphertext", sa.LargeBinary, nullable=False),  # nonce and AES-256-GCM
    UniqueConstraint("tenant_id", "name"),
)

#: Facts about the database itself: schema, encryption canary, when services last ran.
server_meta = sa.Table(
    "server_meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False)
)


@dataclass(frozen=True)
class Relation:
    """How rows of a table lead to rows of another.

    Attributes:
        name: field of the GraphQL type.
        target: table it leads to.
        kind: one row, or a list (which also has `<name>_aggregate`).
        local: column of this table.
        remote: column of the target that equals it.
    """

    name: str
    target: str
    kind: Literal["object", "array"]
    local: str
    remote: str


def _one(name: str, target: str | None = None, local: str | None = None) -> Relation:
    return Relation(name, target or name, "object", local or f"{name}_id", "id")


def _many(name: str, target: str, remote: str, local: str = "id") -> Relation:
    return Relation(name, target, "array", local, remote)


RELATIONS: dict[str, tuple[Relation, ...]] = {
    "tenant": (
        _many("projects", "project", "tenant_id"),
        _many("flows", "flow", "tenant_id"),
        _many("flow_groups", "flow_group", "tenant_id"),
    ),
    "project": (_one("tenant"), _many("flows", "flow", "project_id")),
    "flow_group": (_one("tenant"), _many("flows", "flow", "flow_group_id")),
    "flow": (
        _one("flow_group"),
        _one("project"),
        _one("tenant"),
        _many("tasks", "task", "flow_id"),
        _many("edges", "edge", "flow_id"),
        _many("flow_runs", "flow_run", "flow_id"),
    ),
    "task": (
        _one("flow"),
        _many("task_runs", "task_run", "task_id"),
        _many("upstream_edges", "edge", "downstream_task_id"),
        _many("downstream_edges", "edge", "upstream_task_id"),
    ),
    "edge": (
        _one("flow"),
        _one("upstream_task", "task"),
        _one("downstream_task", "task"),
    ),
    "flow_run": (
        _one("flow"),
        _one("agent"),
        _one("tenant"),
        _one("created_by", "user"),
        _one("parent_task_run", "task_run"),
        _many("states", "flow_run_state", "flow_run_id"),
        _many("task_runs", "task_run", "flow_run_id"),
        _many("logs", "log", "flow_run_id"),
    ),
    "task_run": (
        _one("flow_run"),
        _one("task"),
        _one("tenant"),
        _many("states", "task_run_state", "task_run_id"),
        _many("logs", "log", "task_run_id"),
        _many("artifacts", "task_run_artifact", "task_run_id"),
        _many("child_flow_runs", "flow_run", "parent_task_run_id"),
    ),
    "flow_run_state": (_one("flow_run"),),
    "task_run_state": (_one("task_run"),),
    "log": (_one("flow_run"), _one("task_run")),
    "agent": (_one("agent_config"), _many("flow_runs", "flow_run", "agent_id")),
    "agent_config": (_many("agents", "agent", "agent_config_id"),),
    "task_run_artifact": (_one("task_run"),),
    "message": (_one("user"),),
    "auth_api_key": (_one("created_by", "user", "user_id"),),
    "membership": (_one("tenant"), _one("user")),
    "user": (_many("memberships", "membership", "user_id"),),
}

#: Tables readable through the API, and the columns of each that are not.
PUBLIC_TABLES: dict[str, frozenset[str]] = {
    "tenant": frozenset(),
    "project": frozenset(),
    "flow_group": frozenset(),
    "flow": frozenset(),
    "task": frozenset(),
    "edge": frozenset(),
    "flow_run": frozenset({"created_by_id"}),
    "task_run": frozenset({"run_count"}),
    "flow_run_state": frozenset(),
    "task_run_state": frozenset(),
    "log": frozenset({"identity"}),
    "agent": frozenset({"identity"}),
    "agent_config": frozenset(),
    "task_run_artifact": frozenset(),
    "message": frozenset(),
    "key_value": frozenset(),
    "auth_api_key": frozenset({"digest"}),
    "task_tag_limit": frozenset(),
    "flow_concurrency_limit": frozenset(),
    "membership": frozenset(),
    "user": frozenset(),
}


def table(name: str) -> sa.Table:
    """The table of that name."""
    return metadata.tables[name]
