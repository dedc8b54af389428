"""Runs that wait for each other: who holds what a run needs, and waits for runs itself.

A run that was started by a task run knows its parent. A holder of a slot, or of a place at an agent,
that is above the run, or has runs below it that are due and do not start, does not go on before one
of those does, if it waits for them.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable

from prefect.server.database.sql import in_list
from prefect.server.database.store import Transaction
from prefect.server.domain.common import stamp
from prefect.server.domain.states import DUE_STATES

__all__ = ["all_wait_for_others", "runs_above"]

#: Generations that are looked at, up and down.
_DEEPEST = 20


def runs_above(tx: Transaction, run_id: str) -> list[str]:
    """The runs that started a run, directly or through others, nearest first.

    Args:
        tx: the transaction.
        run_id: the flow run.
    """
    rows = tx.rows(
        "WITH RECURSIVE above(id, depth) AS (SELECT t.flow_run_id, 1 FROM flow_run f "
        "JOIN task_run t ON t.id = f.parent_task_run_id WHERE f.id = :run_id "
        "UNION ALL SELECT t.flow_run_id, above.depth + 1 FROM above JOIN flow_run f ON f.id = above.id "
        "JOIN task_run t ON t.id = f.parent_task_run_id WHERE above.depth < :deepest) "
        "SELECT id FROM above ORDER BY depth",
        {"run_id": run_id, "deepest": _DEEPEST},
    )
    return [str(row[0]) for row in rows]


def all_wait_for_others(
    tx: Transaction, run_id: str, holder_ids: Iterable[str], now: datetime.datetime
) -> bool:
    """Whether each of these runs is above a run, or above others that are due and do not start.

    Args:
        tx: the transaction.
        run_id: the run that waits for them.
        holder_ids: the runs.
        now: the time (UTC).
    """
    holders = set(holder_ids)
    others = holders.difference(runs_above(tx, run_id))
    if not others:
        return bool(holders)
    due = ", ".join(f"'{state}'" for state in DUE_STATES)
    rows = tx.rows(
        "WITH RECURSIVE below(top, id, depth) AS (SELECT f.id, f.id, 0 FROM flow_run f "
        f"WHERE f.id IN {in_list(tx.dialect, 'holders')} "
        "UNION ALL SELECT below.top, f.id, below.depth + 1 FROM below JOIN task_run t ON t.flow_run_id = below.id "
        "JOIN flow_run f ON f.parent_task_run_id = t.id WHERE below.depth < :deepest) "
        "SELECT DISTINCT below.top FROM below JOIN flow_run f ON f.id = below.id "
        f"WHERE below.depth > 0 AND f.state IN ({due}) AND f.state_start_time <= :now",
        {"holders": json.dumps(sorted(others)), "deepest": _DEEPEST, "now": stamp(now)},
    )
    return others == {str(row[0]) for row in rows}
