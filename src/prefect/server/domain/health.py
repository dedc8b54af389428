"""Whether the server keeps up: how far its scheduler and its queue are behind, and how large its database is."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, cast

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain.common import load, stamp
from prefect.server.domain.registry import query
from prefect.server.domain.schedule_clocks import next_events
from prefect.server.domain.states import DUE_STATES
from prefect.server.errors import BadInputError
from prefect.server.security.caller import Caller

__all__: list[str] = []

#: Flows without runs ahead that are looked at: each costs the reading of its schedule.
_MOST = 20


class ServerHealth(msgspec.Struct):
    """How well the server keeps up.

    Attributes:
        database: sqlite or postgresql.
        database_bytes: size of the whole database.
        scheduler_lag_s: for how long a flow with an active schedule has had no run ahead although one should
            be there; 0 when each has one.
        queue_waiting: flow runs that are due and that no agent has taken.
        queue_oldest: when the first of these was due.
    """

    database: str
    database_bytes: float
    scheduler_lag_s: float
    queue_waiting: int
    queue_oldest: Annotated[str, msgspec.Meta(title="timestamptz")] | None


@query(role="read-only")
def server_health(tx: Transaction, caller: Caller, now: datetime.datetime) -> ServerHealth:
    """How well the server keeps up with the schedules and runs of the caller's tenant."""
    states = ", ".join(f"'{state}'" for state in sorted(DUE_STATES))
    queue = tx.one_or_none(
        "SELECT count(*) AS waiting, min(state_start_time) AS oldest FROM flow_run "
        f"WHERE tenant_id = :tenant_id AND state IN ({states}) AND state_start_time <= :now",
        {"tenant_id": caller.tenant_id, "now": stamp(now)},
    )
    size = (
        "SELECT pg_database_size(current_database())"
        if tx.dialect == "postgresql"
        else "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    )
    assert queue is not None  # a count is one row
    return ServerHealth(
        tx.dialect, float(tx.scalar(size, {})), _lag_s(tx, caller, now), queue.waiting, queue.oldest
    )


def _lag_s(tx: Transaction, caller: Caller, now: datetime.datetime) -> float:
    rows = tx.rows(
        "SELECT f.updated, coalesce(g.schedule, f.schedule) AS timetable, "
        "(SELECT max(r.scheduled_start_time) FROM flow_run r WHERE r.flow_id = f.id AND r.auto_scheduled) "
        "AS latest FROM flow f JOIN flow_group g ON g.id = f.flow_group_id "
        "WHERE f.tenant_id = :tenant_id AND f.is_schedule_active AND NOT f.archived "
        "AND coalesce(g.schedule, f.schedule) IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM flow_run r WHERE r.flow_id = f.id AND r.auto_scheduled "
        f"AND r.scheduled_start_time > :now) ORDER BY f.updated LIMIT {_MOST}",
        {"tenant_id": caller.tenant_id, "now": stamp(now)},
    )
    lag_s = 0.0
    for row in rows:
        since = max(cast("str", row.updated), cast("str", row.latest or ""))
        behind_s = (now - datetime.datetime.fromisoformat(since)).total_seconds()
        if behind_s > lag_s and _has_more(load(row.timetable), now):
            lag_s = behind_s
    return lag_s


def _has_more(schedule: Any, now: datetime.datetime) -> bool:
    """Whether a schedule goes on; one that cannot be read makes no runs, and that is said in the log."""
    try:
        return bool(next_events(schedule, now, 1))
    except BadInputError:
        return False
