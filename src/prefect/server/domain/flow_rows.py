"""Writing flows, tasks and edges to their tables."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from prefect.server.database.sql import in_list, pairs_of
from prefect.server.database.store import Row, Transaction
from prefect.server.domain import transitions
from prefect.server.domain.common import dump, new_id, stamp
from prefect.server.domain.removal import delete_scheduled_runs
from prefect.server.domain.serialized_flows import EdgeRow, ParsedFlow, TaskRow
from prefect.server.domain.states import parse_state
from prefect.server.errors import BadInputError

__all__ = ["add_edges", "add_tasks", "archive", "insert_flow"]


def insert_flow(
    tx: Transaction,
    flow: ParsedFlow,
    *,
    project_id: str,
    group: Row,
    settings: Mapping[str, Any],
    description: str | None,
    now: datetime.datetime,
) -> str:
    """Insert the next version of a flow group, with its tasks and edges; its id.

    Args:
        tx: the transaction.
        flow: the flow.
        project_id: its project.
        group: id, tenant_id and name of the flow group, locked.
        settings: settings of the flow group.
        description: its description; that of the serialized flow when None.
        now: the time (UTC).
    """
    flow_id = new_id()
    tx.execute(
        "INSERT INTO flow (id, created, updated, tenant_id, project_id, flow_group_id, version_group_id, name, "
        "version, archived, description, core_version, serialized_flow, parameters, storage, run_config, "
        "environment, schedule, is_schedule_active, settings, reference_slugs) VALUES (:id, :now, :now, :tenant_id, :project_id, "
        ":group_id, :group_name, :name, (SELECT coalesce(max(version), 0) + 1 FROM flow WHERE flow_group_id = "
        ":group_id), :no, :description, :core_version, :serialized, :parameters, :storage, :run_config, "
        ":environment, :schedule, :no, :settings, :references)",
        {
            "id": flow_id,
            "now": stamp(now),
            "tenant_id": group.tenant_id,
            "project_id": project_id,
            "group_id": group.id,
            "group_name": group.name,
            "name": flow.name,
            "no": False,
            "description": description if description is not None else flow.description,
            "core_version": flow.core_version,
            "serialized": dump(flow.serialized),
            "parameters": dump(flow.parameters),
            "storage": dump(flow.storage),
            "run_config": dump(flow.run_config),
            "environment": dump(flow.environment),
            "schedule": dump(flow.schedule),
            "settings": dump(dict(settings)),
            "references": dump(flow.reference_tasks or None),
        },
    )
    references = flow.reference_tasks or None
    add_tasks(tx, flow_id, group.tenant_id, flow.tasks, references, now)
    add_edges(tx, flow_id, group.tenant_id, flow.edges, references, now)
    tx.emit("flow", flow_id, group.tenant_id)
    return flow_id


def add_tasks(
    tx: Transaction,
    flow_id: str,
    tenant_id: str,
    tasks: Iterable[TaskRow],
    reference_tasks: list[str] | None,
    now: datetime.datetime,
) -> None:
    """Insert tasks of a flow, those of known slugs left as they are."""
    moment = stamp(now)
    references = None if reference_tasks is None else frozenset(reference_tasks)
    values = [
        {
            "id": new_id(),
            "now": moment,
            "tenant_id": tenant_id,
            "flow_id": flow_id,
            "name": task.name,
            "slug": task.slug,
            "description": task.description,
            "type": task.type,
            "max_retries": task.max_retries,
            "retry_delay": task.retry_delay,
            "trigger": task.trigger,
            "tags": dump(task.tags),
            "no": False,
            "yes": True,
            "auto_generated": task.auto_generated,
            "cache_key": task.cache_key,
            # Without edges every task is a last one; edges that come change it.
            "is_reference": references is None or task.slug in references,
        }
        for task in tasks
    ]
    tx.execute_many(
        "INSERT INTO task (id, created, updated, tenant_id, flow_id, name, slug, description, type, max_retries, "
        "retry_delay, trigger, tags, mapped, auto_generated, cache_key, is_reference_task, is_root_task, "
        "is_terminal_task) VALUES (:id, :now, :now, :tenant_id, :flow_id, :name, :slug, :description, :type, "
        ":max_retries, :retry_delay, :trigger, :tags, :no, :auto_generated, :cache_key, :is_reference, :yes, :yes) "
        "ON CONFLICT (flow_id, slug) DO NOTHING",
        values,
    )


def add_edges(
    tx: Transaction,
    flow_id: str,
    tenant_id: str,
    edges: list[EdgeRow],
    reference_tasks: list[str] | None,
    now: datetime.datetime,
) -> None:
    """Insert edges of a flow, known ones left as they are. The flow's row is locked, or new.

    Raises:
        BadInputError: an edge names a task that the flow does not have.
    """
    if not edges:
        return
    slugs = sorted({slug for edge in edges for slug in (edge.upstream, edge.downstream)})
    ids = {
        cast("str", row.slug): cast("str", row.id)
        for row in tx.rows(
            f"SELECT id, slug FROM task WHERE flow_id = :flow_id AND slug IN {in_list(tx.dialect, 'slugs')}",
            {"flow_id": flow_id, "slugs": json.dumps(slugs)},
        )
    }
    unknown = [slug for slug in slugs if slug not in ids]
    if unknown:
        raise BadInputError(
            f"Edges name tasks that the flow does not have: {', '.join(unknown[:10])}. Register its tasks first."
        )
    # NULL keys are no conflict to a unique constraint, so what is known is looked up, pair by pair: a
    # task may have any number of edges.
    pairs = sorted({(ids[edge.downstream], ids[edge.upstream]) for edge in edges})
    known = {
        (row[0], row[1], row[2])
        for row in tx.rows(
            "SELECT e.upstream_task_id, e.downstream_task_id, e.key "
            f"FROM {pairs_of(tx.dialect, 'pairs')} AS pair JOIN edge e ON e.flow_id = :flow_id "
            "AND e.downstream_task_id = pair.first AND e.upstream_task_id = pair.second",
            {"flow_id": flow_id, "pairs": json.dumps(pairs)},
        )
    }
    moment = stamp(now)
    values: list[dict[str, Any]] = []
    for edge in edges:
        identity = (ids[edge.upstream], ids[edge.downstream], edge.key)
        if identity in known:
            continue
        known.add(identity)
        values.append(
            {
                "id": new_id(),
                "now": moment,
                "tenant_id": tenant_id,
                "flow_id": flow_id,
                "upstream": identity[0],
                "downstream": identity[1],
                "key": edge.key,
                "mapped": edge.mapped,
            }
        )
    tx.execute_many(
        "INSERT INTO edge (id, created, updated, tenant_id, flow_id, upstream_task_id, downstream_task_id, key, "
        "mapped) VALUES (:id, :now, :now, :tenant_id, :flow_id, :upstream, :downstream, :key, :mapped)",
        values,
    )
    _mark_places(tx, values, reference_tasks is None)


def _mark_places(tx: Transaction, edges: list[dict[str, Any]], ends_decide: bool) -> None:
    """Say of the tasks of new edges that they are mapped, not the first, not the last.

    Args:
        tx: the transaction.
        edges: the edges.
        ends_decide: whether the last tasks decide the flow's state.
    """
    changes = [
        ("mapped = :yes", {edge["downstream"] for edge in edges if edge["mapped"]}),
        ("is_root_task = :no", {edge["downstream"] for edge in edges}),
        (
            "is_terminal_task = :no" + (", is_reference_task = :no" if ends_decide else ""),
            {edge["upstream"] for edge in edges},
        ),
    ]
    for change, ids in changes:
        if ids:
            tx.execute(
                f"UPDATE task SET {change} WHERE id IN {in_list(tx.dialect, 'ids')}",
                {"ids": json.dumps(sorted(ids)), "yes": True, "no": False},
            )


def archive(tx: Transaction, flow_id: str, tenant_id: str, now: datetime.datetime) -> None:
    """Archive a flow: what the scheduler made for it is deleted, what people asked for is cancelled."""
    tx.execute(
        "UPDATE flow SET archived = :yes, updated = :now WHERE id = :id",
        {"id": flow_id, "yes": True, "now": stamp(now)},
    )
    delete_scheduled_runs(tx, "id = :id", {"id": flow_id})
    waiting = tx.rows("SELECT * FROM flow_run WHERE flow_id = :id AND state = 'Scheduled'", {"id": flow_id})
    cancelled = parse_state({"type": "Cancelled", "message": f"Flow {flow_id} was archived."}, now)
    for run in waiting:
        transitions.cancel_task_runs(tx, run.id, tenant_id, cancelled, now)
        transitions.write_state(tx, "flow_run", run, cancelled, now)
    tx.emit("flow", flow_id, tenant_id)
    tx.emit("schedule", flow_id, tenant_id)
