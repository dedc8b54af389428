"""All tables, as plain data.

Columns that clients read are those of the 1.x API, by name; the server's own are at the end of
each table. Every table that belongs to a tenant has `tenant_id`. `RELATIONS` says how rows lead
to other rows in the GraphQL API. `metadata` makes SQLAlchemy tables of it, for migrations: the
server itself does without, because importing SQLAlchemy costs more than starting it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "PUBLIC_TABLES",
    "RELATIONS",
    "TABLES",
    "Check",
    "Column",
    "ColumnKind",
    "Index",
    "Relation",
    "Table",
    "Unique",
    "table",
]

ColumnKind = Literal["uuid", "timestamp", "json", "text", "integer", "boolean", "bytes"]
OnDelete = Literal["CASCADE", "SET NULL"]


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: its name.
        kind: what it holds; `types` says how each database keeps it.
        nullable: whether it may be NULL.
        is_primary: whether it belongs to the primary key.
        is_unique: whether its values are unique by themselves.
        references: table whose `id` it holds.
        on_delete: what becomes of the row when the one it refers to is deleted.
        default: value of rows that say none (of the writer, not of the database).
    """

    name: str
    kind: ColumnKind
    nullable: bool = True
    is_primary: bool = False
    is_unique: bool = False
    references: str | None = None
    on_delete: OnDelete = "CASCADE"
    default: int | bool | None = None


class Unique:
    """Columns that are unique together."""

    def __init__(self, *columns: str) -> None:
        self.columns = columns


class Index:
    """An index over columns; named after them unless `name` is given.

    With `has` it holds the rows where that column is not null, and costs the others nothing.
    """

    def __init__(self, *columns: str, name: str | None = None, has: str | None = None) -> None:
        self.columns = columns
        self.name = name
        self.has = has


@dataclass(frozen=True)
class Check:
    """A condition, as SQL, that all rows fulfil."""

    sql: str
    name: str


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: its name.
        columns: `{name: Column}`, in order.
        constraints: what else holds for it.
    """

    name: str
    columns: dict[str, Column]
    constraints: tuple[Unique | Index | Check, ...]


#: All tables by name; those that others refer to come first.
TABLES: dict[str, Table] = {}


def _table(name: str, *parts: Column | Unique | Index | Check) -> None:
    columns = {part.name: part for part in parts if isinstance(part, Column)}
    TABLES[name] = Table(name, columns, tuple(part for part in parts if not isinstance(part, Column)))


def table(name: str) -> Table:
    """The table of that name."""
    return TABLES[name]


def _id() -> Column:
    return Column("id", "uuid", nullable=False, is_primary=True)


def _times() -> tuple[Column, Column]:
    return Column("created", "timestamp", nullable=False), Column("updated", "timestamp", nullable=False)


def _tenant() -> Column:
    return _ref("tenant_id", "tenant")


def _ref(name: str, target: str, *, nullable: bool = False, on_delete: OnDelete = "CASCADE") -> Column:
    return Column(name, "uuid", nullable, references=target, on_delete=on_delete)


def _flag(name: str, default: bool) -> Column:
    return Column(name, "boolean", nullable=False, default=default)


# -- tenants and people ---------------------------------------------------------------

_table(
    "tenant",
    _id(),
    *_times(),
    Column("name", "text", nullable=False),
    Column("slug", "text", nullable=False, is_unique=True),
    Column("info", "json"),
    Column("settings", "json", nullable=False),
)

_table(
    "user",
    _id(),
    *_times(),
    Column("username", "text", nullable=False, is_unique=True),
    Column("email", "text"),
    Column("first_name", "text"),
    Column("last_name", "text"),
    Column("account_type", "text", nullable=False),  # USER or SERVICE
    Column("default_membership_id", "uuid"),
    Column("settings", "json", nullable=False),
)

_table(
    "membership",
    _id(),
    *_times(),
    _tenant(),
    _ref("user_id", "user"),
    Column("role", "text", nullable=False),  # read-only, user, admin
    Unique("tenant_id", "user_id"),
    Index("user_id"),
)

_table(
    "auth_api_key",
    _id(),
    *_times(),
    Column("name", "text", nullable=False),
    _ref("user_id", "user"),
    _ref("default_tenant_id", "tenant", nullable=True),
    Column("expires_at", "timestamp"),
    Column("last_used", "timestamp"),
    Column("prefix", "text", nullable=False),  # its first characters, to tell keys apart
    Column("digest", "text", nullable=False, is_unique=True),  # sha256 (hex) of the whole key
    Column("revoked", "timestamp"),
    Index("user_id"),
)

_table(
    "session",
    _id(),
    *_times(),
    _ref("user_id", "user"),
    _ref("key_id", "auth_api_key"),
    _ref("tenant_id", "tenant"),
    Column("digest", "text", nullable=False, is_unique=True),  # sha256 (hex) of the cookie
    Column("expires_at", "timestamp", nullable=False),
    Column("revoked", "timestamp"),
)

# -- flows ----------------------------------------------------------------------------

_table(
    "project",
    _id(),
    *_times(),
    _tenant(),
    Column("name", "text", nullable=False),
    Column("description", "text"),
    Unique("tenant_id", "name"),
)

_table(
    "flow_group",
    _id(),
    *_times(),
    _tenant(),
    Column("name", "text", nullable=False),
    Column("description", "text"),
    Column("labels", "json"),  # null: those of the flow; []: none
    Column("schedule", "json"),
    Column("settings", "json", nullable=False),
    Column("default_parameters", "json", nullable=False),
    Column("run_config", "json"),
    Unique("tenant_id", "name"),
)

_table(
    "flow",
    _id(),
    *_times(),
    _tenant(),
    _ref("project_id", "project"),
    _ref("flow_group_id", "flow_group"),
    Column("version_group_id", "text", nullable=False),
    Column("name", "text", nullable=False),
    Column("version", "integer", nullable=False),
    _flag("archived", False),
    Column("description", "text"),
    Column("core_version", "text"),
    Column("serialized_flow", "json", nullable=False),
    Column("parameters", "json", nullable=False),
    Column("storage", "json"),
    Column("run_config", "json"),
    Column("environment", "json"),
    Column("schedule", "json"),
    _flag("is_schedule_active", False),
    # The settings of the flow group, kept here too: 1.x clients read `flow { settings }`.
    Column("settings", "json", nullable=False),
    # Slugs of the tasks that decide its state, where others than the last ones do.
    Column("reference_slugs", "json"),
    Unique("flow_group_id", "version"),
    Index("tenant_id", "name"),
    Index("project_id"),
    Index("tenant_id", "created"),
)

_table(
    "task",
    _id(),
    *_times(),
    _tenant(),
    _ref("flow_id", "flow"),
    Column("name", "text"),
    Column("slug", "text", nullable=False),
    Column("description", "text"),
    Column("type", "text"),
    Column("max_retries", "integer"),
    Column("retry_delay", "text"),  # HH:MM:SS
    Column("trigger", "text"),
    Column("tags", "json", nullable=False),
    _flag("mapped", False),
    _flag("auto_generated", False),
    Column("cache_key", "text"),
    _flag("is_reference_task", False),
    _flag("is_root_task", False),
    _flag("is_terminal_task", False),
    Unique("flow_id", "slug"),
    Index("tenant_id", "created"),
)

_table(
    "edge",
    _id(),
    *_times(),
    _tenant(),
    _ref("flow_id", "flow"),
    _ref("upstream_task_id", "task"),
    _ref("downstream_task_id", "task"),
    Column("key", "text"),
    _flag("mapped", False),
    # Unlike 1.x, one task may feed another through several arguments.
    Unique("flow_id", "downstream_task_id", "upstream_task_id", "key"),
    Index("upstream_task_id"),
    Index("downstream_task_id"),
)

_table(
    "flow_part",  # tasks on their way into `flow.serialized_flow`
    Column("flow_id", "uuid", nullable=False, is_primary=True, references="flow"),
    Column("number", "integer", nullable=False, is_primary=True),
    Column("tasks", "json", nullable=False),
)

# -- runs -----------------------------------------------------------------------------

_table(
    "agent_config",
    _id(),
    *_times(),
    _tenant(),
    Column("name", "text"),
    Column("settings", "json", nullable=False),
)

_table(
    "agent",
    _id(),
    *_times(),
    _tenant(),
    _ref("agent_config_id", "agent_config", nullable=True, on_delete="SET NULL"),
    Column("type", "text", nullable=False),
    Column("name", "text"),
    Column("labels", "json", nullable=False),
    Column("core_version", "text"),
    Column("last_queried", "timestamp"),
    # One row for each (name, type, version, labels), however often an agent starts.
    Column("identity", "text", nullable=False),
    Unique("tenant_id", "identity"),
)

_table(
    "flow_run",
    _id(),
    *_times(),
    _tenant(),
    _ref("flow_id", "flow"),
    Column("name", "text", nullable=False),
    Column("version", "integer", nullable=False),
    Column("parameters", "json", nullable=False),
    Column("context", "json", nullable=False),
    Column("labels", "json", nullable=False),
    Column("run_config", "json"),
    Column("scheduled_start_time", "timestamp", nullable=False),
    _flag("auto_scheduled", False),
    Column("idempotency_key", "text"),
    _ref("agent_id", "agent", nullable=True, on_delete="SET NULL"),
    _ref("created_by_id", "user", nullable=True, on_delete="SET NULL"),
    Column("parent_task_run_id", "uuid"),
    Column("start_time", "timestamp"),
    Column("end_time", "timestamp"),
    Column("heartbeat", "timestamp"),
    Column("state", "text"),
    Column("state_timestamp", "timestamp"),
    Column("state_message", "text"),
    Column("state_result", "json"),
    Column("state_start_time", "timestamp"),
    Column("serialized_state", "json"),
    Column("times_resurrected", "integer", nullable=False, default=0),
    # Which attempt may report: writes that name an earlier one are refused.
    Column("epoch", "integer", nullable=False, default=0),
    # Until when the attempt is taken to be alive; null while nothing runs.
    Column("lease_until", "timestamp"),
    # Until when cancelling may take, before the run is called cancelled.
    Column("cancel_deadline", "timestamp"),
    # Who runs the attempt: what its process calls itself. Null until one says so.
    Column("holder", "text"),
    Unique("flow_id", "idempotency_key"),
    # The few that wait for a time, and all by state: both stay small steps from one end.
    Index("tenant_id", "state", "state_start_time", name="ix_flow_run_queue", has="state_start_time"),
    Index("tenant_id", "state", "state_timestamp"),
    Index("tenant_id", "created"),
    Index("tenant_id", "scheduled_start_time"),
    Index("tenant_id", "start_time", has="start_time"),
    Index("tenant_id", "name"),
    Index("flow_id", "scheduled_start_time"),
    Index("lease_until", name="ix_flow_run_lease", has="lease_until"),
    Index("cancel_deadline", name="ix_flow_run_cancel_deadline", has="cancel_deadline"),
    Index("parent_task_run_id", has="parent_task_run_id"),
    Index("agent_id", has="agent_id"),
)

_table(
    "task_run",
    _id(),
    *_times(),
    _tenant(),
    _ref("flow_run_id", "flow_run"),
    _ref("task_id", "task"),
    Column("map_index", "integer", nullable=False),
    Column("name", "text"),
    Column("version", "integer", nullable=False),
    Column("cache_key", "text"),
    Column("start_time", "timestamp"),
    Column("end_time", "timestamp"),
    Column("heartbeat", "timestamp"),
    Column("state", "text"),
    Column("state_timestamp", "timestamp"),
    Column("state_message", "text"),
    Column("state_result", "json"),
    Column("state_start_time", "timestamp"),
    Column("serialized_state", "json"),
    Column("run_count", "integer", nullable=False, default=0),
    Column("epoch", "integer", nullable=False, default=0),
    Unique("flow_run_id", "task_id", "map_index"),
    Index("flow_run_id", "state"),
    Index("tenant_id", "state", "state_start_time", name="ix_task_run_due", has="state_start_time"),
    Index("tenant_id", "cache_key", "state", "state_timestamp", name="ix_task_run_cached", has="cache_key"),
    Index("task_id", "state", "state_timestamp"),
    Index("tenant_id", "start_time", has="start_time"),
)

_table(
    "flow_run_state",
    _id(),
    *_times(),
    _tenant(),
    _ref("flow_run_id", "flow_run"),
    Column("timestamp", "timestamp", nullable=False),
    Column("state", "text", nullable=False),
    Column("message", "text"),
    Column("result", "json"),
    Column("start_time", "timestamp"),
    Column("serialized_state", "json", nullable=False),
    Column("version", "integer", nullable=False),
    Unique("flow_run_id", "version"),
)

_table(
    "task_run_state",
    _id(),
    *_times(),
    _tenant(),
    _ref("task_run_id", "task_run"),
    Column("timestamp", "timestamp", nullable=False),
    Column("state", "text", nullable=False),
    Column("message", "text"),
    Column("result", "json"),
    Column("start_time", "timestamp"),
    Column("serialized_state", "json", nullable=False),
    Column("version", "integer", nullable=False),
    Unique("task_run_id", "version"),
)

_table(
    "log",
    _id(),  # made of the line, so that a batch that is sent twice is written once
    *_times(),
    _tenant(),
    # Logs may come for runs that were deleted, so these are no foreign keys.
    Column("flow_run_id", "uuid", nullable=False),
    Column("task_run_id", "uuid"),
    Column("timestamp", "timestamp", nullable=False),
    Column("name", "text"),
    Column("level", "text"),
    Column("message", "text"),
    Column("info", "json"),
    _flag("is_loaded_from_archive", False),
    Column("sequence", "integer"),  # the client's count of lines of the run, from clients that count
    Index("flow_run_id", "timestamp"),
    Index("task_run_id", "timestamp"),
    Index("tenant_id", "timestamp"),
)

_table(
    "task_run_artifact",
    _id(),
    *_times(),
    _tenant(),
    _ref("task_run_id", "task_run"),
    Column("kind", "text", nullable=False),
    Column("data", "json", nullable=False),
    Index("task_run_id"),
    Index("tenant_id", "created"),
)

_table(
    "message",
    _id(),
    *_times(),
    _tenant(),
    _ref("user_id", "user", nullable=True),
    Column("type", "text", nullable=False),
    Column("text", "text"),
    Column("content", "json"),
    _flag("read", False),
    Index("tenant_id", "created"),
)

# -- limits, secrets, values ----------------------------------------------------------

_table(
    "task_tag_limit",
    _id(),
    *_times(),
    _tenant(),
    Column("tag", "text", nullable=False),
    Column("limit", "integer", nullable=False),
    Unique("tenant_id", "tag"),
    Check('"limit" >= 0', "limit_not_negative"),
)

_table(
    "flow_concurrency_limit",
    _id(),
    *_times(),
    _tenant(),
    Column("name", "text", nullable=False),
    Column("limit", "integer", nullable=False),
    Unique("tenant_id", "name"),
    Check('"limit" >= 0', "limit_not_negative"),
)

#: One row for each slot that is taken: by a flow run for a label, by a task run for a tag.
_table(
    "concurrency_slot",
    Column("tenant_id", "uuid", nullable=False, is_primary=True, references="tenant"),
    Column("kind", "text", nullable=False, is_primary=True),  # label or tag
    Column("name", "text", nullable=False, is_primary=True),
    Column("run_id", "uuid", nullable=False, is_primary=True),
    Column("taken", "timestamp", nullable=False),
    Index("run_id", name="ix_concurrency_slot_run"),
)

_table(
    "key_value",
    _id(),
    *_times(),
    _tenant(),
    Column("key", "text", nullable=False),
    Column("value", "json"),
    Unique("tenant_id", "key"),
)

_table(
    "secret",
    _id(),
    *_times(),
    _tenant(),
    Column("name", "text", nullable=False),
    Column("key_id", "text", nullable=False),  # which key of the ring encrypted it
    Column("ciphertext", "bytes", nullable=False),  # nonce and AES-256-GCM
    Unique("tenant_id", "name"),
)

#: Facts about the database itself: schema, encryption canary, when services last ran.
_table(
    "server_meta",
    Column("key", "text", nullable=False, is_primary=True),
    Column("value", "text", nullable=False),
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
    "flow": frozenset({"reference_slugs"}),
    "task": frozenset(),
    "edge": frozenset(),
    "flow_run": frozenset({"created_by_id", "holder"}),
    "task_run": frozenset({"run_count"}),
    "flow_run_state": frozenset(),
    "task_run_state": frozenset(),
    "log": frozenset(),
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
