"""Deletes what tenants do not want to keep: old runs with all that belongs to them, log lines, artifacts.

Off until a tenant's settings say for how many days: `flow_run_retention_days`,
`log_retention_days`, `artifact_retention_days`. Work is done in small pieces, so that nobody waits long for it.
"""

from __future__ import annotations

import datetime
from typing import Any

from prefect.server.database.sql import in_list
from prefect.server.database.store import Transaction
from prefect.server.domain.common import dump, load, stamp
from prefect.server.domain.removal import forget_runs
from prefect.server.domain.states import FINISHED_STATES
from prefect.server.security.sessions import delete_ended

__all__ = ["Retention"]

#: Rows deleted in one transaction, of each kind.
_LINES = 2_000
_TASK_RUNS = 300


class Retention:
    """Deletes old runs and log lines, and sessions that ended."""

    name = "retention"
    every_s = 60.0
    topics: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.has_more = False

    def observe(self, now: datetime.datetime, is_interrupted: bool) -> None:
        """Nothing depends on how time passed."""

    def tick(self, tx: Transaction, now: datetime.datetime) -> int:
        """Delete one piece; how many rows."""
        self.has_more = False
        deleted = delete_ended(tx, now)
        for tenant in tx.rows("SELECT id, settings FROM tenant"):
            settings: dict[str, Any] = load(tenant.settings) or {}
            for name, delete in (
                ("log_retention_days", _delete_lines),
                ("artifact_retention_days", _delete_artifacts),
            ):
                days = settings.get(name)
                if isinstance(days, int):
                    count = delete(tx, tenant.id, _before(now, days))
                    self.has_more = self.has_more or count == _LINES
                    deleted += count
            days = settings.get("flow_run_retention_days")
            if isinstance(days, int):
                count = _delete_run(tx, tenant.id, _before(now, days))
                self.has_more = self.has_more or count > 0
                deleted += count
        return deleted


def _before(now: datetime.datetime, days: int) -> str:
    return stamp(now - datetime.timedelta(days=max(days, 1)))


def _delete_lines(tx: Transaction, tenant_id: str, before: str) -> int:
    return tx.execute(
        "DELETE FROM log WHERE id IN (SELECT id FROM log WHERE tenant_id = :tenant_id "
        f"AND timestamp < :before ORDER BY timestamp LIMIT {_LINES})",
        {"tenant_id": tenant_id, "before": before},
    )


def _delete_artifacts(tx: Transaction, tenant_id: str, before: str) -> int:
    return tx.execute(
        "DELETE FROM task_run_artifact WHERE id IN (SELECT id FROM task_run_artifact WHERE tenant_id = :tenant_id "
        f"AND created < :before ORDER BY created LIMIT {_LINES})",
        {"tenant_id": tenant_id, "before": before},
    )


def _delete_run(tx: Transaction, tenant_id: str, before: str) -> int:
    """Delete a piece of the oldest finished run, or the run itself when that is all there is of it."""
    run_id = tx.scalar(
        "SELECT id FROM flow_run WHERE tenant_id = :tenant_id AND scheduled_start_time < :before "
        f"AND state_timestamp < :before AND state IN {in_list(tx.dialect, 'finished')} "
        "ORDER BY scheduled_start_time LIMIT 1",
        {"tenant_id": tenant_id, "before": before, "finished": dump(sorted(FINISHED_STATES))},
    )
    if run_id is None:
        return 0
    own = {"id": run_id}
    lines = tx.execute(
        f"DELETE FROM log WHERE id IN (SELECT id FROM log WHERE flow_run_id = :id LIMIT {_LINES})", own
    )
    tasks = tx.execute(
        f"DELETE FROM task_run WHERE id IN (SELECT id FROM task_run WHERE flow_run_id = :id LIMIT {_TASK_RUNS})",
        own,
    )
    if lines == _LINES or tasks == _TASK_RUNS:
        return lines + tasks
    forget_runs(tx, "id = :id", own)
    runs = tx.execute("DELETE FROM flow_run WHERE id = :id", own)
    tx.emit("flow_run", run_id, tenant_id)
    return lines + tasks + runs
