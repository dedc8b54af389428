"""Concurrency limits: how many runs of a label, how many task runs of a tag, at once."""

from __future__ import annotations

import datetime
import json
from typing import Literal, cast

import msgspec

from prefect.server.database.sql import has_any, in_list
from prefect.server.database.store import Transaction
from prefect.server.domain import slots
from prefect.server.domain.common import get, name_of, new_id, stamp
from prefect.server.domain.registry import IdPayload, SuccessPayload, Uuid, mutation, query
from prefect.server.domain.states import HOLDING_STATES
from prefect.server.errors import BadInputError
from prefect.server.security.caller import Caller

__all__: list[str] = []

_COLUMN: dict[str, str] = {"task_tag_limit": "tag", "flow_concurrency_limit": "name"}
_Table = Literal["task_tag_limit", "flow_concurrency_limit"]


class UpdateTaskTagLimitInput(msgspec.Struct):
    """How many task runs of a tag may run at once."""

    tag: str
    limit: int


class DeleteTaskTagLimitInput(msgspec.Struct):
    """The limit to remove."""

    limit_id: Uuid


class UpdateTaskConcurrencyLimitInput(msgspec.Struct):
    """How many task runs of a tag may run at once."""

    name: str
    limit: int


class DeleteTaskConcurrencyLimitInput(msgspec.Struct):
    """The limit to remove."""

    limit_id: Uuid


class UpdateFlowConcurrencyLimitInput(msgspec.Struct):
    """How many flow runs of a label may run at once."""

    label: str
    limit: int


class DeleteFlowConcurrencyLimitInput(msgspec.Struct):
    """The limit to remove."""

    limit_id: Uuid


class FlowConcurrency(msgspec.Struct):
    """How much of a label's limit is used.

    Attributes:
        usage: flow runs that hold a slot.
        limit: how many may; null without a limit.
    """

    label: str
    usage: int
    limit: int | None


class TaskConcurrency(msgspec.Struct):
    """How much of a tag's limit is used.

    Attributes:
        usage: task runs that hold a slot.
        limit: how many may; null without a limit.
    """

    name: str
    usage: int
    limit: int | None


@mutation(role="admin")
def update_task_tag_limit(
    tx: Transaction, caller: Caller, input: UpdateTaskTagLimitInput, now: datetime.datetime
) -> IdPayload:
    """Set the limit of a tag."""
    return _set(tx, caller, "task_tag_limit", input.tag, input.limit, now)


@mutation(role="admin")
def update_task_concurrency_limit(
    tx: Transaction, caller: Caller, input: UpdateTaskConcurrencyLimitInput, now: datetime.datetime
) -> IdPayload:
    """Set the limit of a tag."""
    return _set(tx, caller, "task_tag_limit", input.name, input.limit, now)


@mutation(role="admin")
def update_flow_concurrency_limit(
    tx: Transaction, caller: Caller, input: UpdateFlowConcurrencyLimitInput, now: datetime.datetime
) -> IdPayload:
    """Set the limit of a label."""
    return _set(tx, caller, "flow_concurrency_limit", input.label, input.limit, now)


@mutation(role="admin")
def delete_task_tag_limit(
    tx: Transaction, caller: Caller, input: DeleteTaskTagLimitInput, now: datetime.datetime
) -> SuccessPayload:
    """Remove the limit of a tag."""
    return _delete(tx, caller, "task_tag_limit", input.limit_id)


@mutation(role="admin")
def delete_task_concurrency_limit(
    tx: Transaction, caller: Caller, input: DeleteTaskConcurrencyLimitInput, now: datetime.datetime
) -> SuccessPayload:
    """Remove the limit of a tag."""
    return _delete(tx, caller, "task_tag_limit", input.limit_id)


@mutation(role="admin")
def delete_flow_concurrency_limit(
    tx: Transaction, caller: Caller, input: DeleteFlowConcurrencyLimitInput, now: datetime.datetime
) -> SuccessPayload:
    """Remove the limit of a label."""
    return _delete(tx, caller, "flow_concurrency_limit", input.limit_id)


@query(role="read-only")
def flow_concurrency(
    tx: Transaction, caller: Caller, now: datetime.datetime, labels: list[str] | None = None
) -> list[FlowConcurrency]:
    """How much of the limits of labels is used; of all that have one when no labels are given."""
    del now
    return [FlowConcurrency(*entry) for entry in _usage(tx, caller, "label", labels)]


@query(role="read-only")
def task_concurrency(
    tx: Transaction, caller: Caller, now: datetime.datetime, names: list[str] | None = None
) -> list[TaskConcurrency]:
    """How much of the limits of tags is used; of all that have one when no tags are given."""
    del now
    return [TaskConcurrency(*entry) for entry in _usage(tx, caller, "tag", names)]


def _usage(
    tx: Transaction, caller: Caller, kind: slots.Kind, names: list[str] | None
) -> list[tuple[str, int, int | None]]:
    known = {name: (used, maximum) for name, used, maximum in slots.usage(tx, caller.tenant_id, kind)}
    found: list[tuple[str, int, int | None]] = []
    for name in known if names is None else names:
        used, maximum = known.get(name, (0, None))
        found.append((name, used, maximum))
    return found


def _set(
    tx: Transaction, caller: Caller, table: _Table, name: str, limit: int, now: datetime.datetime
) -> IdPayload:
    if limit < 0:
        raise BadInputError(f"A limit is 0 or more, not {limit}.")
    column = _COLUMN[table]
    row = tx.one_or_none(
        f'INSERT INTO {table} (id, created, updated, tenant_id, {column}, "limit") '
        f"VALUES (:id, :now, :now, :tenant_id, :name, :limit) ON CONFLICT (tenant_id, {column}) "
        'DO UPDATE SET "limit" = excluded."limit", updated = excluded.updated RETURNING id',
        {
            "id": new_id(),
            "now": stamp(now),
            "tenant_id": caller.tenant_id,
            "name": name_of(name, f"The {column} of a limit"),
            "limit": limit,
        },
    )
    assert row is not None
    _count_running(tx, caller.tenant_id, table, name.strip(), now)
    tx.emit("queue", caller.tenant_id, caller.tenant_id)
    return IdPayload(cast("str", row.id))


def _count_running(tx: Transaction, tenant_id: str, table: _Table, name: str, now: datetime.datetime) -> None:
    """Runs that were there before the limit hold slots of it too."""
    if table == "flow_concurrency_limit":
        kind, source, names = "label", "flow_run r", "r.labels"
    else:
        kind, source, names = "tag", "task_run r JOIN task k ON k.id = r.task_id", "k.tags"
    tx.execute(
        "INSERT INTO concurrency_slot (tenant_id, kind, name, run_id, taken) "
        f"SELECT r.tenant_id, '{kind}', CAST(:name AS TEXT), r.id, CAST(:now AS TEXT) FROM {source} "
        f"WHERE r.tenant_id = :tenant_id AND r.state IN {in_list(tx.dialect, 'holding')} "
        f"AND {has_any(tx.dialect, names, 'names')} ON CONFLICT DO NOTHING",
        {
            "tenant_id": tenant_id,
            "name": name,
            "names": json.dumps([name]),
            "holding": json.dumps(HOLDING_STATES),
            "now": stamp(now),
        },
    )


def _delete(tx: Transaction, caller: Caller, table: _Table, limit_id: str) -> SuccessPayload:
    column = _COLUMN[table]
    limit = get(tx, caller, table, limit_id, "Limit", f"id, {column} AS name")
    tx.execute(f"DELETE FROM {table} WHERE id = :id", {"id": limit.id})
    kind = "tag" if table == "task_tag_limit" else "label"
    tx.execute(
        "DELETE FROM concurrency_slot WHERE tenant_id = :tenant_id AND kind = :kind AND name = :name",
        {"tenant_id": caller.tenant_id, "kind": kind, "name": limit.name},
    )
    tx.emit("queue", caller.tenant_id, caller.tenant_id)
    return SuccessPayload()
