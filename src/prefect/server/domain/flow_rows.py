"""Writing flows, tasks and edges to their tables."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from prefect.server.database.sql import in_list
from prefect.server.database.store import Row, Transaction
from prefect.server.domain import transitions
from prefect.server.domain.common import dump, load, new_id, stamp
from prefect.server.domain.new_runs import insert_task_runs
from prefect.server.domain.removal import delete_scheduled_runs
from prefect.server.domain.serialized_flows import EdgeRow, ParsedFlow, TaskRow
from prefect.server.domain.states import parse_state
from prefect.server.errors import BadInputError

__all__ = ["add_edges", "add_tasks", "append_tasks", "archive", "insert_flow", "reference_slugs"]


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
        "environment, schedule, is_schedule_active, settings) VALUES (:id, :now, :now, :tenant_id, :project_id, "
        ":group_id, :group_name, :name, (SELECT coalesce(max(version), 0) + 1 FROM flow WHERE flow_group_id = "
        ":group_id), :no, :description, :core_version, :serialized, :parameters, :storage, :run_config, "
        ":environment, :schedule, :no, :settings)",
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
        },
    )
    add_tasks(tx, flow_id, group.tenant_id, flow.tasks, flow.reference_tasks, now)
    add_edges(tx, flow_id, group.tenant_id, flow.edges, flow.reference_tasks, now)
    tx.emit("flow", flow_id, group.tenant_id)
    return flow_id


def add_tasks(
    tx: Transaction,
    flow_id: str,
    tenant_id: str,
    tasks: Iterable[TaskRow],
    reference_tasks: list[str],
    now: datetime.datetime,
) -> None:
    """Insert tasks of a flow, those of known slugs left as they are."""
    moment = stamp(now)
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
            "is_reference": task.slug in reference_tasks if reference_tasks else True,
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
    reference_tasks: list[str],
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
    # NULL keys are no conflict to a unique constraint, so what is known is looked up.
    known = {
        (row[0], row[1], row[2])
        for row in tx.rows(
            "SELECT upstream_task_id, downstream_task_id, key FROM edge WHERE flow_id = :flow_id "
            f"AND downstream_task_id IN {in_list(tx.dialect, 'ids')}",
            {"flow_id": flow_id, "ids": json.dumps(list(ids.values()))},
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
    _mark_places(tx, flow_id, slugs, reference_tasks)


def _mark_places(tx: Transaction, flow_id: str, slugs: list[str], reference_tasks: list[str]) -> None:
    """Say of tasks whether they are mapped, first, last, and decide the flow's state."""
    down = "EXISTS (SELECT 1 FROM edge WHERE edge.downstream_task_id = task.id{more})"
    is_last = "NOT EXISTS (SELECT 1 FROM edge WHERE edge.upstream_task_id = task.id)"
    reference = f"slug IN {in_list(tx.dialect, 'reference')}" if reference_tasks else is_last
    params = {"flow_id": flow_id, "slugs": json.dumps(slugs)}
    if reference_tasks:
        params["reference"] = json.dumps(reference_tasks)
    tx.execute(
        f"UPDATE task SET mapped = {down.format(more=' AND edge.mapped')}, "
        f"is_root_task = NOT {down.format(more='')}, is_terminal_task = {is_last}, "
        f"is_reference_task = ({reference}) WHERE flow_id = :flow_id AND slug IN {in_list(tx.dialect, 'slugs')}",
        params,
    )


def append_tasks(tx: Transaction, flow: Row, tasks: list[TaskRow], now: datetime.datetime) -> None:
    """Add tasks that came after their flow: to the table, the serialized flow, and runs not started yet.

    Args:
        tx: the transaction.
        flow: id, tenant_id and serialized_flow, locked.
        tasks: the tasks.
        now: the time (UTC).
    """
    serialized = cast("dict[str, Any]", load(flow.serialized_flow))
    listed = cast("list[dict[str, Any]]", serialized.get("tasks") or [])
    known = {entry.get("slug") for entry in listed}
    unseen = [task.serialized for task in tasks if task.slug not in known]
    references = reference_slugs(serialized)
    add_tasks(tx, flow.id, flow.tenant_id, tasks, references, now)
    if not unseen:
        return
    serialized["tasks"] = [*listed, *unseen]
    tx.execute(
        "UPDATE flow SET serialized_flow = :serialized, updated = :now WHERE id = :id",
        {"id": flow.id, "serialized": dump(serialized), "now": stamp(now)},
    )
    insert_task_runs(tx, "f.flow_id = :flow_id AND f.state = 'Scheduled'", {"flow_id": flow.id}, now)


def reference_slugs(serialized: Mapping[str, Any]) -> list[str]:
    """Slugs of the tasks that a serialized flow names as its reference tasks."""
    listed = cast("list[dict[str, str]]", serialized.get("reference_tasks") or [])
    return [entry["slug"] for entry in listed]


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
