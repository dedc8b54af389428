"""Tasks and edges that come after their flow, some hundreds in each request.

Clients of 1.x register a large flow in batches. What a batch costs must not grow with what came
before: the flow's own JSON, which grows with every task, is written again once, when the last batch
has come, and until then the tasks of the others wait in rows of `flow_part`.
"""

from __future__ import annotations

import datetime
import json
from typing import Any, cast

from prefect.server.database.sql import in_list
from prefect.server.database.store import Row, Transaction
from prefect.server.domain import flow_rows
from prefect.server.domain.common import dump, load, stamp
from prefect.server.domain.new_runs import insert_task_runs
from prefect.server.domain.serialized_flows import EdgeRow, TaskRow

__all__ = ["COLUMNS", "add_edges", "add_tasks", "join_parts"]

#: What these functions need of a flow.
COLUMNS = "id, tenant_id, reference_slugs"

#: wire: clients of 1.x send this many tasks while there are more, and end with fewer, or none.
_BATCH = 500


def add_tasks(tx: Transaction, flow: Row, tasks: list[TaskRow], now: datetime.datetime) -> None:
    """Add tasks: to their table, to runs that were not started yet, and to the flow's own JSON.

    Args:
        tx: the transaction.
        flow: `COLUMNS` of the flow, locked.
        tasks: the tasks; known ones stay as they are.
        now: the time (UTC).
    """
    key = {"flow_id": flow.id, "slugs": json.dumps([task.slug for task in tasks])}
    chosen = f"slug IN {in_list(tx.dialect, 'slugs')}"
    known = {row[0] for row in tx.rows(f"SELECT slug FROM task WHERE flow_id = :flow_id AND {chosen}", key)}
    unseen = [task for task in tasks if task.slug not in known]
    if unseen:
        flow_rows.add_tasks(tx, flow.id, flow.tenant_id, unseen, load(flow.reference_slugs), now)
        tx.execute(
            "INSERT INTO flow_part (flow_id, number, tasks) VALUES (:flow_id, (SELECT coalesce(max(number), 0) + 1 "
            "FROM flow_part WHERE flow_id = :flow_id), :tasks)",
            {"flow_id": flow.id, "tasks": dump([task.serialized for task in unseen])},
        )
        ids = f"SELECT id FROM task WHERE flow_id = :flow_id AND {chosen}"
        insert_task_runs(tx, "f.flow_id = :flow_id AND f.state = 'Scheduled'", key, now, ids)
    if len(tasks) < _BATCH:
        join_parts(tx, flow.id, now)


def add_edges(tx: Transaction, flow: Row, edges: list[EdgeRow], now: datetime.datetime) -> None:
    """Add edges; known ones stay as they are.

    Args:
        tx: the transaction.
        flow: `COLUMNS` of the flow, locked.
        edges: the edges.
        now: the time (UTC).

    Raises:
        BadInputError: an edge names a task that the flow does not have.
    """
    join_parts(tx, flow.id, now)
    flow_rows.add_edges(tx, flow.id, flow.tenant_id, edges, load(flow.reference_slugs), now)


def join_parts(tx: Transaction, flow_id: str, now: datetime.datetime) -> None:
    """Write the tasks that wait into the flow's own JSON."""
    key = {"flow_id": flow_id}
    parts = tx.rows("SELECT tasks FROM flow_part WHERE flow_id = :flow_id ORDER BY number", key)
    if not parts:
        return
    serialized = cast(
        "dict[str, Any]", load(tx.scalar("SELECT serialized_flow FROM flow WHERE id = :flow_id", key))
    )
    listed = cast("list[Any]", serialized.get("tasks") or [])
    serialized["tasks"] = [*listed, *(task for part in parts for task in load(part.tasks))]
    tx.execute(
        "UPDATE flow SET serialized_flow = :serialized, updated = :now WHERE id = :flow_id",
        {**key, "serialized": dump(serialized), "now": stamp(now)},
    )
    tx.execute("DELETE FROM flow_part WHERE flow_id = :flow_id", key)
