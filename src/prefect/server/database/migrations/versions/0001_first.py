"""The first schema.

Revision: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from prefect.server.database import types

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "server_meta",
        sa.Column("key", types.Text(), nullable=False),
        sa.Column("value", types.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_server_meta")),
    )
    op.create_table(
        "tenant",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("name", types.Text(), nullable=False),
        sa.Column("slug", types.Text(), nullable=False),
        sa.Column("info", types.Json(), nullable=True),
        sa.Column("settings", types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenant_slug")),
    )
    op.create_table(
        "user",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("username", types.Text(), nullable=False),
        sa.Column("email", types.Text(), nullable=True),
        sa.Column("first_name", types.Text(), nullable=True),
        sa.Column("last_name", types.Text(), nullable=True),
        sa.Column("account_type", types.Text(), nullable=False),
        sa.Column("default_membership_id", types.Uuid(length=36), nullable=True),
        sa.Column("settings", types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("username", name=op.f("uq_user_username")),
    )
    op.create_table(
        "agent_config",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("name", types.Text(), nullable=True),
        sa.Column("settings", types.Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_agent_config_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_config")),
    )
    op.create_table(
        "auth_api_key",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("name", types.Text(), nullable=False),
        sa.Column("user_id", types.Uuid(length=36), nullable=False),
        sa.Column("default_tenant_id", types.Uuid(length=36), nullable=True),
        sa.Column("expires_at", types.Timestamp(length=32), nullable=True),
        sa.Column("last_used", types.Timestamp(length=32), nullable=True),
        sa.Column("prefix", types.Text(), nullable=False),
        sa.Column("digest", types.Text(), nullable=False),
        sa.Column("revoked", types.Timestamp(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["default_tenant_id"],
            ["tenant.id"],
            name=op.f("fk_auth_api_key_default_tenant_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_auth_api_key_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_auth_api_key_digest")),
    )
    op.create_index(op.f("ix_auth_api_key_user_id"), "auth_api_key", ["user_id"], unique=False)
    op.create_table(
        "concurrency_slot",
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("kind", types.Text(), nullable=False),
        sa.Column("name", types.Text(), nullable=False),
        sa.Column("run_id", types.Uuid(length=36), nullable=False),
        sa.Column("taken", types.Timestamp(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_concurrency_slot_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "name", "run_id", name=op.f("pk_concurrency_slot")),
    )
    op.create_index("ix_concurrency_slot_run", "concurrency_slot", ["run_id"], unique=False)
    op.create_table(
        "flow_concurrency_limit",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("name", types.Text(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.CheckConstraint('"limit" >= 0', name=op.f("ck_flow_concurrency_limit_limit_not_negative")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_flow_concurrency_limit_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_concurrency_limit")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_flow_concurrency_limit_tenant_id_name")),
    )
    op.create_table(
        "flow_group",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("name", types.Text(), nullable=False),
        sa.Column("description", types.Text(), nullable=True),
        sa.Column("labels", types.Json(), nullable=True),
        sa.Column("schedule", types.Json(), nullable=True),
        sa.Column("settings", types.Json(), nullable=False),
        sa.Column("default_parameters", types.Json(), nullable=False),
        sa.Column("run_config", types.Json(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_flow_group_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_group")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_flow_group_tenant_id_name")),
    )
    op.create_table(
        "key_value",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("key", types.Text(), nullable=False),
        sa.Column("value", types.Json(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_key_value_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_value")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_key_value_tenant_id_key")),
    )
    op.create_table(
        "log",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("flow_run_id", types.Uuid(length=36), nullable=False),
        sa.Column("task_run_id", types.Uuid(length=36), nullable=True),
        sa.Column("timestamp", types.Timestamp(length=32), nullable=False),
        sa.Column("name", types.Text(), nullable=True),
        sa.Column("level", types.Text(), nullable=True),
        sa.Column("message", types.Text(), nullable=True),
        sa.Column("info", types.Json(), nullable=True),
        sa.Column("is_loaded_from_archive", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_log_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log")),
    )
    op.create_index(op.f("ix_log_flow_run_id_timestamp"), "log", ["flow_run_id", "timestamp"], unique=False)
    op.create_index(op.f("ix_log_task_run_id_timestamp"), "log", ["task_run_id", "timestamp"], unique=False)
    op.create_index(op.f("ix_log_tenant_id_timestamp"), "log", ["tenant_id", "timestamp"], unique=False)
    op.create_table(
        "membership",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("user_id", types.Uuid(length=36), nullable=False),
        sa.Column("role", types.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_membership_tenant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_membership_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
        sa.UniqueConstraint("tenant_id", "user_id", name=op.f("uq_membership_tenant_id_user_id")),
    )
    op.create_index(op.f("ix_membership_user_id"), "membership", ["user_id"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("user_id", types.Uuid(length=36), nullable=True),
        sa.Column("type", types.Text(), nullable=False),
        sa.Column("text", types.Text(), nullable=True),
        sa.Column("content", types.Json(), nullable=True),
        sa.Column("read", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_message_tenant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_message_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(op.f("ix_message_tenant_id_created"), "message", ["tenant_id", "created"], unique=False)
    op.create_table(
        "project",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("name", types.Text(), nullable=False),
        sa.Column("description", types.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_project_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_project_tenant_id_name")),
    )
    op.create_table(
        "secret",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("name", types.Text(), nullable=False),
        sa.Column("key_id", types.Text(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_secret_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_secret")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_secret_tenant_id_name")),
    )
    op.create_table(
        "task_tag_limit",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("tag", types.Text(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.CheckConstraint('"limit" >= 0', name=op.f("ck_task_tag_limit_limit_not_negative")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_task_tag_limit_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_tag_limit")),
        sa.UniqueConstraint("tenant_id", "tag", name=op.f("uq_task_tag_limit_tenant_id_tag")),
    )
    op.create_table(
        "agent",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("agent_config_id", types.Uuid(length=36), nullable=True),
        sa.Column("type", types.Text(), nullable=False),
        sa.Column("name", types.Text(), nullable=True),
        sa.Column("labels", types.Json(), nullable=False),
        sa.Column("core_version", types.Text(), nullable=True),
        sa.Column("last_queried", types.Timestamp(length=32), nullable=True),
        sa.Column("identity", types.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_config_id"],
            ["agent_config.id"],
            name=op.f("fk_agent_agent_config_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_agent_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent")),
        sa.UniqueConstraint("tenant_id", "identity", name=op.f("uq_agent_tenant_id_identity")),
    )
    op.create_table(
        "flow",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("project_id", types.Uuid(length=36), nullable=False),
        sa.Column("flow_group_id", types.Uuid(length=36), nullable=False),
        sa.Column("version_group_id", types.Text(), nullable=False),
        sa.Column("name", types.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("description", types.Text(), nullable=True),
        sa.Column("core_version", types.Text(), nullable=True),
        sa.Column("serialized_flow", types.Json(), nullable=False),
        sa.Column("parameters", types.Json(), nullable=False),
        sa.Column("storage", types.Json(), nullable=True),
        sa.Column("run_config", types.Json(), nullable=True),
        sa.Column("environment", types.Json(), nullable=True),
        sa.Column("schedule", types.Json(), nullable=True),
        sa.Column("is_schedule_active", sa.Boolean(), nullable=False),
        sa.Column("settings", types.Json(), nullable=False),
        sa.Column("reference_slugs", types.Json(), nullable=True),
        sa.ForeignKeyConstraint(
            ["flow_group_id"], ["flow_group.id"], name=op.f("fk_flow_flow_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_flow_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_flow_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow")),
        sa.UniqueConstraint("flow_group_id", "version", name=op.f("uq_flow_flow_group_id_version")),
    )
    op.create_index(op.f("ix_flow_project_id"), "flow", ["project_id"], unique=False)
    op.create_index(op.f("ix_flow_tenant_id_created"), "flow", ["tenant_id", "created"], unique=False)
    op.create_index(op.f("ix_flow_tenant_id_name"), "flow", ["tenant_id", "name"], unique=False)
    op.create_table(
        "session",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("user_id", types.Uuid(length=36), nullable=False),
        sa.Column("key_id", types.Uuid(length=36), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("digest", types.Text(), nullable=False),
        sa.Column("expires_at", types.Timestamp(length=32), nullable=False),
        sa.Column("revoked", types.Timestamp(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["key_id"], ["auth_api_key.id"], name=op.f("fk_session_key_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_session_tenant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_session_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("digest", name=op.f("uq_session_digest")),
    )
    op.create_table(
        "flow_run",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("flow_id", types.Uuid(length=36), nullable=False),
        sa.Column("name", types.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("parameters", types.Json(), nullable=False),
        sa.Column("context", types.Json(), nullable=False),
        sa.Column("labels", types.Json(), nullable=False),
        sa.Column("run_config", types.Json(), nullable=True),
        sa.Column("scheduled_start_time", types.Timestamp(length=32), nullable=False),
        sa.Column("auto_scheduled", sa.Boolean(), nullable=False),
        sa.Column("idempotency_key", types.Text(), nullable=True),
        sa.Column("agent_id", types.Uuid(length=36), nullable=True),
        sa.Column("created_by_id", types.Uuid(length=36), nullable=True),
        sa.Column("parent_task_run_id", types.Uuid(length=36), nullable=True),
        sa.Column("start_time", types.Timestamp(length=32), nullable=True),
        sa.Column("end_time", types.Timestamp(length=32), nullable=True),
        sa.Column("heartbeat", types.Timestamp(length=32), nullable=True),
        sa.Column("state", types.Text(), nullable=True),
        sa.Column("state_timestamp", types.Timestamp(length=32), nullable=True),
        sa.Column("state_message", types.Text(), nullable=True),
        sa.Column("state_result", types.Json(), nullable=True),
        sa.Column("state_start_time", types.Timestamp(length=32), nullable=True),
        sa.Column("serialized_state", types.Json(), nullable=True),
        sa.Column("times_resurrected", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("lease_until", types.Timestamp(length=32), nullable=True),
        sa.Column("cancel_deadline", types.Timestamp(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agent.id"], name=op.f("fk_flow_run_agent_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_flow_run_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["flow_id"], ["flow.id"], name=op.f("fk_flow_run_flow_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_flow_run_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_run")),
        sa.UniqueConstraint("flow_id", "idempotency_key", name=op.f("uq_flow_run_flow_id_idempotency_key")),
    )
    op.create_index(
        op.f("ix_flow_run_agent_id"),
        "flow_run",
        ["agent_id"],
        unique=False,
        sqlite_where=sa.text("agent_id IS NOT NULL"),
        postgresql_where=sa.text("agent_id IS NOT NULL"),
    )
    op.create_index(
        "ix_flow_run_cancel_deadline",
        "flow_run",
        ["cancel_deadline"],
        unique=False,
        sqlite_where=sa.text("cancel_deadline IS NOT NULL"),
        postgresql_where=sa.text("cancel_deadline IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_flow_run_flow_id_scheduled_start_time"),
        "flow_run",
        ["flow_id", "scheduled_start_time"],
        unique=False,
    )
    op.create_index(
        "ix_flow_run_lease",
        "flow_run",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("lease_until IS NOT NULL"),
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_flow_run_parent_task_run_id"),
        "flow_run",
        ["parent_task_run_id"],
        unique=False,
        sqlite_where=sa.text("parent_task_run_id IS NOT NULL"),
        postgresql_where=sa.text("parent_task_run_id IS NOT NULL"),
    )
    op.create_index(
        "ix_flow_run_queue",
        "flow_run",
        ["tenant_id", "state", "state_start_time"],
        unique=False,
        sqlite_where=sa.text("state_start_time IS NOT NULL"),
        postgresql_where=sa.text("state_start_time IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_flow_run_tenant_id_state_state_timestamp"),
        "flow_run",
        ["tenant_id", "state", "state_timestamp"],
        unique=False,
    )
    op.create_index(op.f("ix_flow_run_tenant_id_created"), "flow_run", ["tenant_id", "created"], unique=False)
    op.create_index(op.f("ix_flow_run_tenant_id_name"), "flow_run", ["tenant_id", "name"], unique=False)
    op.create_index(
        op.f("ix_flow_run_tenant_id_scheduled_start_time"),
        "flow_run",
        ["tenant_id", "scheduled_start_time"],
        unique=False,
    )
    op.create_index(
        op.f("ix_flow_run_tenant_id_start_time"),
        "flow_run",
        ["tenant_id", "start_time"],
        unique=False,
        sqlite_where=sa.text("start_time IS NOT NULL"),
        postgresql_where=sa.text("start_time IS NOT NULL"),
    )
    op.create_table(
        "task",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("flow_id", types.Uuid(length=36), nullable=False),
        sa.Column("name", types.Text(), nullable=True),
        sa.Column("slug", types.Text(), nullable=False),
        sa.Column("description", types.Text(), nullable=True),
        sa.Column("type", types.Text(), nullable=True),
        sa.Column("max_retries", sa.Integer(), nullable=True),
        sa.Column("retry_delay", types.Text(), nullable=True),
        sa.Column("trigger", types.Text(), nullable=True),
        sa.Column("tags", types.Json(), nullable=False),
        sa.Column("mapped", sa.Boolean(), nullable=False),
        sa.Column("auto_generated", sa.Boolean(), nullable=False),
        sa.Column("cache_key", types.Text(), nullable=True),
        sa.Column("is_reference_task", sa.Boolean(), nullable=False),
        sa.Column("is_root_task", sa.Boolean(), nullable=False),
        sa.Column("is_terminal_task", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["flow_id"], ["flow.id"], name=op.f("fk_task_flow_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_task_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("flow_id", "slug", name=op.f("uq_task_flow_id_slug")),
    )
    op.create_index(op.f("ix_task_tenant_id_created"), "task", ["tenant_id", "created"], unique=False)
    op.create_table(
        "flow_part",
        sa.Column("flow_id", types.Uuid(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tasks", types.Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flow_id"], ["flow.id"], name=op.f("fk_flow_part_flow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("flow_id", "number", name=op.f("pk_flow_part")),
    )
    op.create_table(
        "edge",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("flow_id", types.Uuid(length=36), nullable=False),
        sa.Column("upstream_task_id", types.Uuid(length=36), nullable=False),
        sa.Column("downstream_task_id", types.Uuid(length=36), nullable=False),
        sa.Column("key", types.Text(), nullable=True),
        sa.Column("mapped", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["downstream_task_id"], ["task.id"], name=op.f("fk_edge_downstream_task_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["flow_id"], ["flow.id"], name=op.f("fk_edge_flow_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_edge_tenant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["upstream_task_id"], ["task.id"], name=op.f("fk_edge_upstream_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edge")),
        sa.UniqueConstraint(
            "flow_id",
            "downstream_task_id",
            "upstream_task_id",
            "key",
            name=op.f("uq_edge_flow_id_downstream_task_id_upstream_task_id_key"),
        ),
    )
    op.create_index(op.f("ix_edge_downstream_task_id"), "edge", ["downstream_task_id"], unique=False)
    op.create_index(op.f("ix_edge_upstream_task_id"), "edge", ["upstream_task_id"], unique=False)
    op.create_table(
        "flow_run_state",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("flow_run_id", types.Uuid(length=36), nullable=False),
        sa.Column("timestamp", types.Timestamp(length=32), nullable=False),
        sa.Column("state", types.Text(), nullable=False),
        sa.Column("message", types.Text(), nullable=True),
        sa.Column("result", types.Json(), nullable=True),
        sa.Column("start_time", types.Timestamp(length=32), nullable=True),
        sa.Column("serialized_state", types.Json(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flow_run_id"], ["flow_run.id"], name=op.f("fk_flow_run_state_flow_run_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_flow_run_state_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_run_state")),
        sa.UniqueConstraint("flow_run_id", "version", name=op.f("uq_flow_run_state_flow_run_id_version")),
    )
    op.create_table(
        "task_run",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("flow_run_id", types.Uuid(length=36), nullable=False),
        sa.Column("task_id", types.Uuid(length=36), nullable=False),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("name", types.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cache_key", types.Text(), nullable=True),
        sa.Column("start_time", types.Timestamp(length=32), nullable=True),
        sa.Column("end_time", types.Timestamp(length=32), nullable=True),
        sa.Column("heartbeat", types.Timestamp(length=32), nullable=True),
        sa.Column("state", types.Text(), nullable=True),
        sa.Column("state_timestamp", types.Timestamp(length=32), nullable=True),
        sa.Column("state_message", types.Text(), nullable=True),
        sa.Column("state_result", types.Json(), nullable=True),
        sa.Column("state_start_time", types.Timestamp(length=32), nullable=True),
        sa.Column("serialized_state", types.Json(), nullable=True),
        sa.Column("run_count", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flow_run_id"], ["flow_run.id"], name=op.f("fk_task_run_flow_run_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["task.id"], name=op.f("fk_task_run_task_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_task_run_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_run")),
        sa.UniqueConstraint(
            "flow_run_id", "task_id", "map_index", name=op.f("uq_task_run_flow_run_id_task_id_map_index")
        ),
    )
    op.create_index(
        "ix_task_run_cached",
        "task_run",
        ["tenant_id", "cache_key", "state", "state_timestamp"],
        unique=False,
        sqlite_where=sa.text("cache_key IS NOT NULL"),
        postgresql_where=sa.text("cache_key IS NOT NULL"),
    )
    op.create_index(
        "ix_task_run_due",
        "task_run",
        ["tenant_id", "state", "state_start_time"],
        unique=False,
        sqlite_where=sa.text("state_start_time IS NOT NULL"),
        postgresql_where=sa.text("state_start_time IS NOT NULL"),
    )
    op.create_index(op.f("ix_task_run_flow_run_id_state"), "task_run", ["flow_run_id", "state"], unique=False)
    op.create_index(
        op.f("ix_task_run_task_id_state_state_timestamp"),
        "task_run",
        ["task_id", "state", "state_timestamp"],
        unique=False,
    )
    op.create_index(
        op.f("ix_task_run_tenant_id_start_time"),
        "task_run",
        ["tenant_id", "start_time"],
        unique=False,
        sqlite_where=sa.text("start_time IS NOT NULL"),
        postgresql_where=sa.text("start_time IS NOT NULL"),
    )
    op.create_table(
        "task_run_artifact",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("task_run_id", types.Uuid(length=36), nullable=False),
        sa.Column("kind", types.Text(), nullable=False),
        sa.Column("data", types.Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_run_id"],
            ["task_run.id"],
            name=op.f("fk_task_run_artifact_task_run_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_task_run_artifact_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_run_artifact")),
    )
    op.create_index(
        op.f("ix_task_run_artifact_task_run_id"), "task_run_artifact", ["task_run_id"], unique=False
    )
    op.create_index(
        op.f("ix_task_run_artifact_tenant_id_created"),
        "task_run_artifact",
        ["tenant_id", "created"],
        unique=False,
    )
    op.create_table(
        "task_run_state",
        sa.Column("id", types.Uuid(length=36), nullable=False),
        sa.Column("created", types.Timestamp(length=32), nullable=False),
        sa.Column("updated", types.Timestamp(length=32), nullable=False),
        sa.Column("tenant_id", types.Uuid(length=36), nullable=False),
        sa.Column("task_run_id", types.Uuid(length=36), nullable=False),
        sa.Column("timestamp", types.Timestamp(length=32), nullable=False),
        sa.Column("state", types.Text(), nullable=False),
        sa.Column("message", types.Text(), nullable=True),
        sa.Column("result", types.Json(), nullable=True),
        sa.Column("start_time", types.Timestamp(length=32), nullable=True),
        sa.Column("serialized_state", types.Json(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_run_id"], ["task_run.id"], name=op.f("fk_task_run_state_task_run_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_task_run_state_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_run_state")),
        sa.UniqueConstraint("task_run_id", "version", name=op.f("uq_task_run_state_task_run_id_version")),
    )
