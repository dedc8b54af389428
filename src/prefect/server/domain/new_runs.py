"""Inserting runs: a flow run with its first state, and the task runs of its tasks.

Whoever makes runs (people, flows, the scheduler) makes them here. The task runs of a flow run are
made by the database in two statements, however many there are.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from prefect.server.database.sql import json_value, new_uuid
from prefect.server.database.store import Row, Transaction
from prefect.server.domain.common import (
    clean_text,
    dump,
    load,
    load_list,
    load_object,
    new_id,
    stamp,
    uuid_prefix,
)
from prefect.server.domain.run_names import new_name
from prefect.server.domain.states import first_task_state, parse_state
from prefect.server.errors import BadInputError

__all__ = ["FLOW_COLUMNS", "RunRequest", "insert_children", "insert_flow_run", "insert_task_runs"]

#: What `insert_flow_run` needs of a flow: select these from `flow f JOIN flow_group g`.
FLOW_COLUMNS = (
    "f.id, f.tenant_id, f.name, f.archived, f.parameters, f.run_config, f.environment, "
    "g.labels AS group_labels, g.run_config AS group_run_config, g.default_parameters AS group_parameters"
)

#: wire: sub-flow runs carry the id of the task run that started them as the start of their key.
_PARENT_KEY = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-\d+)?")


@dataclass(frozen=True)
class RunRequest:
    """A flow run somebody wants.

    Attributes:
        parameters: parameters of this run; later ones win over those of the flow and its group.
        context: values for `prefect.context`.
        labels: labels; None to take those of run config, flow group or flow; `[]` is none at all.
        run_config: run config; None to take that of the flow group or flow.
        start_time: when it is due.
        name: its name; made up when None.
        idempotency_key: one run of the flow for each key.
        auto_scheduled: whether a schedule asks.
        created_by: the user who asks.
    """

    start_time: datetime.datetime
    parameters: Mapping[str, Any] | None = None
    context: Mapping[str, Any] | None = None
    labels: Iterable[str] | None = None
    run_config: Mapping[str, Any] | None = None
    name: str | None = None
    idempotency_key: str | None = None
    auto_scheduled: bool = False
    created_by: str | None = None


def insert_flow_run(
    tx: Transaction, flow: Row, request: RunRequest, now: datetime.datetime
) -> tuple[str, bool]:
    """Make a run of a flow: Scheduled, version 1.

    Args:
        tx: the transaction.
        flow: `FLOW_COLUMNS` of the flow.
        request: what is wanted.
        now: the time (UTC).

    Returns:
        Its id, and whether it is new: with a known idempotency key it is the run that has it.

    Raises:
        BadInputError: parameters are missing.
    """
    run_id = new_id()
    group_config = load(flow.group_run_config)
    flow_config = load(flow.run_config)
    run_config = request.run_config if request.run_config is not None else group_config or flow_config
    state = parse_state(
        {"type": "Scheduled", "message": "Flow run scheduled.", "start_time": stamp(request.start_time)}, now
    )
    key = request.idempotency_key
    values = {
        "id": run_id,
        "now": stamp(now),
        "tenant_id": flow.tenant_id,
        "flow_id": flow.id,
        "name": clean_text(request.name or "").strip() or new_name(),
        "parameters": dump(_parameters(flow, request)),
        "context": dump(dict(request.context or {})),
        "labels": dump(_labels(flow, request, group_config, flow_config)),
        "run_config": dump(run_config),
        "due": state.start_time,
        "auto": request.auto_scheduled,
        "key": key,
        "created_by": request.created_by,
        "parent": _parent(tx, flow.tenant_id, request),
        "message": state.message,
        "result": state.result,
        "state": state.json,
        "state_id": new_id(),
    }
    made = tx.execute(
        "INSERT INTO flow_run (id, created, updated, tenant_id, flow_id, name, version, parameters, context, "
        "labels, run_config, scheduled_start_time, auto_scheduled, idempotency_key, created_by_id, "
        "parent_task_run_id, state, state_timestamp, state_message, state_result, state_start_time, "
        "serialized_state, times_resurrected, epoch) VALUES (:id, :now, :now, :tenant_id, :flow_id, :name, 1, "
        ":parameters, :context, :labels, :run_config, :due, :auto, :key, :created_by, :parent, 'Scheduled', "
        ":now, :message, :result, :due, :state, 0, 0) ON CONFLICT (flow_id, idempotency_key) DO NOTHING",
        values,
    )
    if not made:
        existing = tx.scalar(
            "SELECT id FROM flow_run WHERE flow_id = :flow_id AND idempotency_key = :key",
            {"flow_id": flow.id, "key": key},
        )
        return cast("str", existing), False
    tx.execute(
        "INSERT INTO flow_run_state (id, created, updated, tenant_id, flow_run_id, timestamp, state, message, "
        "result, start_time, serialized_state, version) VALUES (:state_id, :now, :now, :tenant_id, :id, :now, "
        "'Scheduled', :message, :result, :due, :state, 1)",
        values,
    )
    insert_task_runs(tx, "f.id = :flow_run_id", {"flow_run_id": run_id}, now)
    tx.emit("flow_run", run_id, flow.tenant_id)
    tx.emit("queue", flow.tenant_id, flow.tenant_id)
    return run_id, True


def insert_task_runs(
    tx: Transaction, condition: str, params: Mapping[str, Any], now: datetime.datetime, tasks: str = ""
) -> None:
    """Make the task runs of the tasks of flow runs, Pending, where there are none yet.

    Args:
        tx: the transaction.
        condition: SQL on columns of the flow runs (`f`), of our own making.
        params: its parameters.
        now: the time (UTC).
        tasks: SQL that gives ids of tasks; all tasks of the flows when empty.
    """
    of_tasks, of_runs = (f" AND {column} IN ({tasks})" if tasks else "" for column in ("k.id", "t.task_id"))
    state = first_task_state()
    values = {
        **params,
        "now": stamp(now),
        "uuid_prefix": uuid_prefix(),
        "message": state.message,
        "state": state.json,
        "result": state.result,
    }
    text, result = json_value(tx.dialect, "state"), json_value(tx.dialect, "result")
    tx.execute(
        "INSERT INTO task_run (id, created, updated, tenant_id, flow_run_id, task_id, map_index, version, "
        "cache_key, state, state_timestamp, state_message, state_result, serialized_state, run_count, epoch) "
        f"SELECT {new_uuid(tx.dialect)}, CAST(:now AS TEXT), CAST(:now AS TEXT), f.tenant_id, f.id, k.id, -1, 1, "
        f"k.cache_key, 'Pending', CAST(:now AS TEXT), CAST(:message AS TEXT), {result}, {text}, 0, 0 "
        f"FROM flow_run f JOIN task k ON k.flow_id = f.flow_id WHERE {condition}{of_tasks} "
        "ON CONFLICT (flow_run_id, task_id, map_index) DO NOTHING",
        values,
    )
    tx.execute(
        "INSERT INTO task_run_state (id, created, updated, tenant_id, task_run_id, timestamp, state, message, "
        f"result, serialized_state, version) SELECT {new_uuid(tx.dialect)}, CAST(:now AS TEXT), "
        "CAST(:now AS TEXT), t.tenant_id, t.id, CAST(:now AS TEXT), 'Pending', CAST(:message AS TEXT), "
        f"{result}, {text}, 1 FROM flow_run f JOIN task_run t ON t.flow_run_id = f.id WHERE {condition}{of_runs} "
        "ON CONFLICT (task_run_id, version) DO NOTHING",
        values,
    )


def insert_children(
    tx: Transaction,
    flow_run_id: str,
    task_id: str,
    tenant_id: str,
    indexes: list[int],
    now: datetime.datetime,
) -> None:
    """Make task runs of children of a mapped task, Pending, where there are none yet.

    Args:
        tx: the transaction.
        flow_run_id: the flow run.
        task_id: a task of its flow; nothing is made for any other.
        tenant_id: whose they are.
        indexes: numbers of the children.
        now: the time (UTC).
    """
    cache_key = tx.one_or_none(
        "SELECT k.cache_key FROM flow_run f JOIN task k ON k.flow_id = f.flow_id "
        "WHERE f.id = :flow_run_id AND k.id = :task_id AND f.tenant_id = :tenant_id",
        {"flow_run_id": flow_run_id, "task_id": task_id, "tenant_id": tenant_id},
    )
    if cache_key is None:
        return
    state = first_task_state()
    values = {
        "now": stamp(now),
        "message": state.message,
        "state": state.json,
        "result": state.result,
        "tenant_id": tenant_id,
        "flow_run_id": flow_run_id,
        "task_id": task_id,
        "cache_key": cache_key[0],
    }
    children = [{**values, "id": new_id(), "state_id": new_id(), "index": index} for index in indexes]
    tx.execute_many(
        "INSERT INTO task_run (id, created, updated, tenant_id, flow_run_id, task_id, map_index, version, "
        "cache_key, state, state_timestamp, state_message, state_result, serialized_state, run_count, epoch) "
        "VALUES (:id, :now, :now, :tenant_id, :flow_run_id, :task_id, :index, 1, :cache_key, 'Pending', :now, "
        ":message, :result, :state, 0, 0) ON CONFLICT (flow_run_id, task_id, map_index) DO NOTHING",
        children,
    )
    # Another process may have made some of them: those have their first state from it.
    tx.execute_many(
        "INSERT INTO task_run_state (id, created, updated, tenant_id, task_run_id, timestamp, state, message, "
        "result, serialized_state, version) SELECT CAST(:state_id AS TEXT), CAST(:now AS TEXT), "
        "CAST(:now AS TEXT), tenant_id, id, CAST(:now AS TEXT), 'Pending', CAST(:message AS TEXT), "
        f"{json_value(tx.dialect, 'result')}, {json_value(tx.dialect, 'state')}, 1 FROM task_run WHERE id = :id",
        children,
    )
    tx.emit("flow_run_tasks", flow_run_id, tenant_id)


def _parameters(flow: Row, request: RunRequest) -> dict[str, Any]:
    declared = load_list(flow.parameters)
    found = {
        cast("str", entry.get("name")): entry.get("default")
        for entry in declared
        if not entry.get("required")
    }
    found.update(load_object(flow.group_parameters))
    found.update(request.parameters or {})
    missing = sorted(
        cast("str", entry.get("name"))
        for entry in declared
        if entry.get("required") and entry.get("name") not in found
    )
    if missing:
        raise BadInputError(
            f"Required parameters were not supplied: {', '.join(missing)}. "
            f"Give the run of flow {flow.name!r} a value for each of them."
        )
    return found


def _labels(
    flow: Row,
    request: RunRequest,
    group_config: dict[str, Any] | None,
    flow_config: dict[str, Any] | None,
) -> list[str]:
    """The first labels that were said: `[]` is said, null is not."""
    candidates = (
        request.labels,
        (request.run_config or {}).get("labels"),
        load(flow.group_labels),
        (group_config or {}).get("labels"),
        (flow_config or {}).get("labels"),
        load_object(flow.environment).get("labels"),
    )
    said: Iterable[Any] = next((labels for labels in candidates if labels is not None), ())
    return sorted({clean_text(str(label)) for label in said})


def _parent(tx: Transaction, tenant_id: str, request: RunRequest) -> str | None:
    """The task run that starts the run, if one of the tenant's does."""
    match = _PARENT_KEY.fullmatch(request.idempotency_key or "")
    # A flow may choose another key; then the context says it.
    said = match.group(1) if match is not None else (request.context or {}).get("parent_task_run_id")
    if not isinstance(said, str):
        return None
    return tx.scalar(
        "SELECT id FROM task_run WHERE id = :id AND tenant_id = :tenant_id",
        {"id": said, "tenant_id": tenant_id},
    )
