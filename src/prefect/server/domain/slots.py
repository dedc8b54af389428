"""Concurrency slots: rows that are taken and freed in the transaction of the state change.

A flow run takes one slot for each of its labels that has a limit, a task run one for each of its
tags that has one, and holds them from `Submitted` or `Running` until it leaves those states. All
are needed: either all are taken or none.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Literal

from prefect.server.database.store import Transaction
from prefect.server.domain.common import lock_for_update, stamp

__all__ = ["Kind", "free", "full_names", "take", "usage"]

Kind = Literal["label", "tag"]

_LIMITS = {
    "label": 'SELECT name, "limit" AS max FROM flow_concurrency_limit WHERE tenant_id = :tenant_id',
    "tag": 'SELECT tag AS name, "limit" AS max FROM task_tag_limit WHERE tenant_id = :tenant_id',
}


def take(
    tx: Transaction, tenant_id: str, kind: Kind, names: Iterable[str], run_id: str, now: datetime.datetime
) -> str | None:
    """Take the slots a run needs, unless it holds them already.

    Args:
        tx: the transaction.
        tenant_id: whose limits count.
        kind: whether the names are labels or tags.
        run_id: the run.
        now: the time (UTC).
        names: labels of the flow run, or tags of the task run.

    Returns:
        None when they are taken; else the name that has no free slot, and nothing was taken.
    """
    wanted = set(names)
    if not wanted:
        return None
    # On PostgreSQL the rows of the limits are the lock that makes counting and taking one step.
    lock = lock_for_update(tx)
    order = " ORDER BY 1"
    limits = [
        row for row in tx.rows(_LIMITS[kind] + order + lock, {"tenant_id": tenant_id}) if row.name in wanted
    ]
    if not limits:
        return None
    key = {"tenant_id": tenant_id, "kind": kind, "run_id": run_id}
    missing: list[str] = []
    for row in limits:
        used, own = tx.rows(
            "SELECT count(*) AS used, coalesce(sum(CASE WHEN run_id = :run_id THEN 1 ELSE 0 END), 0) AS own "
            "FROM concurrency_slot WHERE tenant_id = :tenant_id AND kind = :kind AND name = :name",
            {**key, "name": row.name},
        )[0]
        if own:
            continue
        if used >= row.max:
            return str(row.name)
        missing.append(row.name)
    tx.execute_many(
        "INSERT INTO concurrency_slot (tenant_id, kind, name, run_id, taken) "
        "VALUES (:tenant_id, :kind, :name, :run_id, :taken)",
        [{**key, "name": name, "taken": stamp(now)} for name in missing],
    )
    return None


def free(tx: Transaction, tenant_id: str, run_id: str) -> bool:
    """Give back whatever a run holds; whether it held anything."""
    freed = tx.execute("DELETE FROM concurrency_slot WHERE run_id = :run_id", {"run_id": run_id}) > 0
    if freed:
        tx.emit("queue", tenant_id, tenant_id)
    return freed


def full_names(tx: Transaction, tenant_id: str, kind: Kind) -> list[str]:
    """The names of a tenant's limits that have no free slot."""
    return [name for name, used, maximum in usage(tx, tenant_id, kind) if used >= maximum]


def usage(tx: Transaction, tenant_id: str, kind: Kind) -> list[tuple[str, int, int]]:
    """`(name, slots taken, slots)` of a tenant's limits, by name."""
    rows = tx.rows(
        "SELECT l.name, (SELECT count(*) FROM concurrency_slot s WHERE s.tenant_id = :tenant_id "
        f"AND s.kind = :kind AND s.name = l.name) AS used, l.max FROM ({_LIMITS[kind]}) AS l ORDER BY l.name",
        {"tenant_id": tenant_id, "kind": kind},
    )
    return [(str(row.name), int(row.used), int(row.max)) for row in rows]
