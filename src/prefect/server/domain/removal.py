"""What foreign keys do not take away with a run: its log lines and its concurrency slots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect.server.database.store import Transaction

__all__ = ["delete_scheduled_runs", "forget_runs"]


def forget_runs(tx: Transaction, condition: str, params: Mapping[str, Any]) -> None:
    """Delete what belongs to flow runs that are about to be deleted.

    Args:
        tx: the transaction.
        condition: SQL on columns of `flow_run`, of our own making.
        params: its parameters.
    """
    runs = f"SELECT id FROM flow_run WHERE {condition}"
    freed = tx.rows(
        "DELETE FROM concurrency_slot WHERE (kind = 'label' AND run_id IN "
        f"({runs})) OR (kind = 'tag' AND run_id IN (SELECT id FROM task_run WHERE flow_run_id IN ({runs}))) "
        "RETURNING tenant_id",
        params,
    )
    tx.execute(f"DELETE FROM log WHERE flow_run_id IN ({runs})", params)
    for tenant_id in {row[0] for row in freed}:
        tx.emit("queue", tenant_id, tenant_id)


def delete_scheduled_runs(tx: Transaction, flow_condition: str, params: Mapping[str, Any]) -> int:
    """Delete the runs that the scheduler made and nobody has taken yet; how many.

    Args:
        tx: the transaction.
        flow_condition: SQL on columns of `flow`, of our own making.
        params: its parameters.
    """
    condition = (
        f"auto_scheduled AND state = 'Scheduled' AND flow_id IN (SELECT id FROM flow WHERE {flow_condition})"
    )
    forget_runs(tx, condition, params)
    return tx.execute(f"DELETE FROM flow_run WHERE {condition}", params)
