"""Concurrency slots: rows that are taken and freed in the transaction of the state change.

A flow run takes one slot for each of its labels that has a limit, and one of its flow if that has a
limit; a task run takes one for each of its tags that has one. They hold them from `Submitted` or
`Running` until they leave those states. All are needed: either all are taken or none.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from prefect.server.database.store import Transaction
from prefect.server.domain.common import load_object, lock_for_update, stamp

__all__ = [
    "MAX_ACTIVE_RUNS",
    "WHEN_REACHED",
    "FullFlow",
    "Kind",
    "count",
    "free",
    "full_flows",
    "full_names",
    "holders",
    "take",
    "take_of_flow",
    "usage",
]

#: Names of a flow group's settings: how many of its runs may be active, and what happens to more.
MAX_ACTIVE_RUNS, WHEN_REACHED = "max_active_runs", "when_max_active_runs"

#: What is limited; the limit of a flow (its group) stands in the group's settings.
Kind = Literal["label", "tag", "flow"]

_LIMITS = {
    "label": 'SELECT name, "limit" AS max FROM flow_concurrency_limit WHERE tenant_id = :tenant_id',
    "tag": 'SELECT tag AS name, "limit" AS max FROM task_tag_limit WHERE tenant_id = :tenant_id',
}
_INSERT = (
    "INSERT INTO concurrency_slot (tenant_id, kind, name, run_id, taken) "
    "VALUES (:tenant_id, :kind, :name, :run_id, :taken)"
)


class FullFlow(NamedTuple):
    """A flow group whose limit is reached.

    Attributes:
        id: the flow group.
        maximum: how many of its runs may be active.
        when_reached: what becomes of a run that is due: `wait`, `skip` or `cancel_oldest`.
    """

    id: str
    maximum: int
    when_reached: str


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
        used, own = _used(tx, {**key, "name": row.name})
        if own:
            continue
        if used >= row.max:
            return str(row.name)
        missing.append(row.name)
    tx.execute_many(_INSERT, [{**key, "name": name, "taken": stamp(now)} for name in missing])
    return None


def take_of_flow(
    tx: Transaction, tenant_id: str, group_id: str, maximum: int, run_id: str, now: datetime.datetime
) -> bool:
    """Take a slot of the run's flow, unless it holds one already; whether it has one now.

    Args:
        tx: the transaction.
        tenant_id: whose flow it is.
        group_id: the flow group.
        maximum: how many of its runs may be active.
        run_id: the run.
        now: the time (UTC).
    """
    # On PostgreSQL the row of the group is the lock that makes counting and taking one step.
    tx.scalar(f"SELECT id FROM flow_group WHERE id = :id{lock_for_update(tx)}", {"id": group_id})
    key = {"tenant_id": tenant_id, "kind": "flow", "name": group_id, "run_id": run_id}
    used, own = _used(tx, key)
    if own:
        return True
    if used >= maximum:
        return False
    tx.execute(_INSERT, {**key, "taken": stamp(now)})
    return True


def _used(tx: Transaction, key: Mapping[str, object]) -> tuple[int, int]:
    """How many slots are taken, and how many of them by the run itself."""
    row = tx.rows(
        "SELECT count(*) AS used, coalesce(sum(CASE WHEN run_id = :run_id THEN 1 ELSE 0 END), 0) AS own "
        "FROM concurrency_slot WHERE tenant_id = :tenant_id AND kind = :kind AND name = :name",
        key,
    )[0]
    return int(row.used), int(row.own)


def free(tx: Transaction, tenant_id: str, run_id: str) -> bool:
    """Give back whatever a run holds; whether it held anything."""
    freed = tx.execute("DELETE FROM concurrency_slot WHERE run_id = :run_id", {"run_id": run_id}) > 0
    if freed:
        tx.emit("queue", tenant_id, tenant_id)
    return freed


def full_names(tx: Transaction, tenant_id: str, kind: Kind) -> list[str]:
    """The names of a tenant's limits that have no free slot."""
    return [name for name, used, maximum in usage(tx, tenant_id, kind) if used >= maximum]


def full_flows(tx: Transaction, tenant_id: str) -> list[FullFlow]:
    """The flow groups of a tenant whose limit is reached."""
    full: list[FullFlow] = []
    for row in tx.rows(
        "SELECT g.id, g.settings, s.used FROM (SELECT name, count(*) AS used FROM concurrency_slot "
        "WHERE tenant_id = :tenant_id AND kind = 'flow' GROUP BY name) AS s JOIN flow_group g ON g.id = s.name",
        {"tenant_id": tenant_id},
    ):
        settings = load_object(row.settings)
        maximum = settings.get(MAX_ACTIVE_RUNS)
        if maximum is not None and row.used >= maximum:
            full.append(FullFlow(row.id, maximum, settings.get(WHEN_REACHED, "wait")))
    return full


def holders(tx: Transaction, tenant_id: str, kind: Kind, name: str, limit: int) -> list[str]:
    """Runs that hold the slots of a name, who has held one longest first."""
    rows = tx.rows(
        "SELECT run_id FROM concurrency_slot WHERE tenant_id = :tenant_id AND kind = :kind "
        "AND name = :name ORDER BY taken, run_id LIMIT :limit",
        {"tenant_id": tenant_id, "kind": kind, "name": name, "limit": limit},
    )
    return [str(row[0]) for row in rows]


def count(tx: Transaction, tenant_id: str, kind: Kind, name: str) -> int:
    """How many slots of a name are taken."""
    key = {"tenant_id": tenant_id, "kind": kind, "name": name, "run_id": ""}
    return _used(tx, key)[0]


def usage(tx: Transaction, tenant_id: str, kind: Kind) -> list[tuple[str, int, int]]:
    """`(name, slots taken, slots)` of a tenant's limits, by name."""
    rows = tx.rows(
        "SELECT l.name, (SELECT count(*) FROM concurrency_slot s WHERE s.tenant_id = :tenant_id "
        f"AND s.kind = :kind AND s.name = l.name) AS used, l.max FROM ({_LIMITS[kind]}) AS l ORDER BY l.name",
        {"tenant_id": tenant_id, "kind": kind},
    )
    return [(str(row.name), int(row.used), int(row.max)) for row in rows]
