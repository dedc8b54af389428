"""Task runs: found or made for a task and a map index, named, and read."""

from __future__ import annotations

import datetime
from typing import cast

import msgspec

from prefect.server.database.store import Row, Transaction
from prefect.server.domain import new_runs, transitions
from prefect.server.domain.common import get, load, name_of, new_id, stamp
from prefect.server.domain.registry import JSON, IdPayload, SuccessPayload, Uuid, mutation, query
from prefect.server.errors import BadInputError, NotFoundError
from prefect.server.security.caller import Caller

__all__: list[str] = []

_COLUMNS = "id, version, state, serialized_state"
_MOST_CHILDREN = 1_000


class GetOrCreateTaskRunInput(msgspec.Struct):
    """Which task run.

    Attributes:
        map_index: number of the mapped child; -1 for the task itself.
    """

    flow_run_id: Uuid
    task_id: Uuid
    map_index: int | None = None


class GetOrCreateTaskRunInfoInput(GetOrCreateTaskRunInput):
    """Which task run."""


class GetOrCreateMappedTaskRunsInput(msgspec.Struct):
    """Which task runs: some children of a mapped task.

    Attributes:
        start: number of the first child.
        count: how many, 1000 at most.
    """

    flow_run_id: Uuid
    task_id: Uuid
    start: int
    count: int


class MappedTaskRunPayload(msgspec.Struct):
    """A child of a mapped task, and the state it is in.

    Attributes:
        serialized_state: null while it is as it was made, Pending.
    """

    id: Uuid
    map_index: int
    version: int
    serialized_state: JSON | None


class MappedTaskRunsPayload(msgspec.Struct):
    """The children, in order."""

    task_runs: list[MappedTaskRunPayload]


class TaskRunInfoPayload(msgspec.Struct):
    """A task run and the state it is in."""

    id: Uuid | None
    version: int | None
    state: str | None
    serialized_state: JSON | None


class SetTaskRunNameInput(msgspec.Struct):
    """A task run's new name."""

    task_run_id: Uuid
    name: str


class UpdateTaskRunHeartbeatInput(msgspec.Struct):
    """The task run that is alive."""

    task_run_id: Uuid


@mutation(role="user")
def get_or_create_task_run(
    tx: Transaction, caller: Caller, input: GetOrCreateTaskRunInput, now: datetime.datetime
) -> IdPayload:
    """Find the task run of a task in a flow run, and make it if there is none."""
    return IdPayload(_get_or_create(tx, caller, input, now).id)


@mutation(role="user")
def get_or_create_task_run_info(
    tx: Transaction, caller: Caller, input: GetOrCreateTaskRunInfoInput, now: datetime.datetime
) -> TaskRunInfoPayload:
    """Find the task run of a task in a flow run with its state, and make it if there is none."""
    return _info(_get_or_create(tx, caller, input, now))


@mutation(role="user")
def get_or_create_mapped_task_runs(
    tx: Transaction, caller: Caller, input: GetOrCreateMappedTaskRunsInput, now: datetime.datetime
) -> MappedTaskRunsPayload:
    """Find some children of a mapped task in a flow run with their states, and make those there are not yet."""
    if input.start < 0 or not 0 < input.count <= _MOST_CHILDREN:
        raise BadInputError(
            f"Children are asked for from 0 on, {_MOST_CHILDREN} at most, not {input.count} from {input.start}."
        )
    stop = input.start + input.count
    key = {
        "tenant_id": caller.tenant_id,
        "flow_run_id": input.flow_run_id,
        "task_id": input.task_id,
        "start": input.start,
        "stop": stop,
    }
    find = (
        "SELECT id, map_index, version, state, serialized_state FROM task_run "
        "WHERE flow_run_id = :flow_run_id AND task_id = :task_id AND tenant_id = :tenant_id "
        "AND map_index >= :start AND map_index < :stop ORDER BY map_index"
    )
    found = tx.rows(find, key)
    if len(found) < input.count:
        known = {cast("int", row.map_index) for row in found}
        missing = [index for index in range(input.start, stop) if index not in known]
        new_runs.insert_children(tx, input.flow_run_id, input.task_id, caller.tenant_id, missing, now)
        found = tx.rows(find, key)
    if not found:
        raise NotFoundError(f"Task {input.task_id} of flow run {input.flow_run_id} was not found.")
    return MappedTaskRunsPayload(
        [
            MappedTaskRunPayload(
                row.id,
                row.map_index,
                row.version,
                None if row.version == 1 and row.state == "Pending" else load(row.serialized_state),
            )
            for row in found
        ]
    )


@query(role="read-only")
def get_task_run_info(
    tx: Transaction, caller: Caller, now: datetime.datetime, task_run_id: Uuid
) -> TaskRunInfoPayload:
    """A task run's state."""
    del now
    return _info(get(tx, caller, "task_run", task_run_id, "Task run", _COLUMNS))


@mutation(role="user")
def set_task_run_name(
    tx: Transaction, caller: Caller, input: SetTaskRunNameInput, now: datetime.datetime
) -> SuccessPayload:
    """Rename a task run; its version stays."""
    run = get(tx, caller, "task_run", input.task_run_id, "Task run", "id, flow_run_id")
    tx.execute(
        "UPDATE task_run SET name = :name, updated = :now WHERE id = :id",
        {"id": run.id, "name": name_of(input.name, "The name of a task run"), "now": stamp(now)},
    )
    tx.emit("flow_run_tasks", run.flow_run_id, caller.tenant_id)
    return SuccessPayload()


@mutation(role="user")
def update_task_run_heartbeat(
    tx: Transaction, caller: Caller, input: UpdateTaskRunHeartbeatInput, now: datetime.datetime
) -> SuccessPayload:
    """Say that a task run is alive; clients before 1.0 do."""
    get(tx, caller, "task_run", input.task_run_id, "Task run", "id")
    tx.execute(
        "UPDATE task_run SET heartbeat = :now WHERE id = :id", {"id": input.task_run_id, "now": stamp(now)}
    )
    return SuccessPayload()


def _get_or_create(
    tx: Transaction, caller: Caller, input: GetOrCreateTaskRunInput, now: datetime.datetime
) -> Row:
    index = -1 if input.map_index is None else input.map_index
    if index < -1:
        raise BadInputError(f"A map index is -1 or more, not {index}.")
    key = {
        "tenant_id": caller.tenant_id,
        "flow_run_id": input.flow_run_id,
        "task_id": input.task_id,
        "index": index,
    }
    find = (
        f"SELECT {_COLUMNS} FROM task_run WHERE flow_run_id = :flow_run_id AND task_id = :task_id "
        "AND map_index = :index AND tenant_id = :tenant_id"
    )
    found = tx.one_or_none(find, key)
    if found is not None:
        return found
    # The task has to be of the flow that runs; both of this tenant.
    run_id = new_id()
    made = tx.execute(
        "INSERT INTO task_run (id, created, updated, tenant_id, flow_run_id, task_id, map_index, version, "
        "cache_key, run_count, epoch) SELECT CAST(:id AS TEXT), CAST(:now AS TEXT), CAST(:now AS TEXT), "
        "f.tenant_id, f.id, k.id, CAST(:index AS INTEGER), 0, k.cache_key, 0, 0 FROM flow_run f JOIN task k "
        "ON k.flow_id = f.flow_id WHERE f.id = :flow_run_id AND k.id = :task_id AND f.tenant_id = :tenant_id "
        "ON CONFLICT (flow_run_id, task_id, map_index) DO NOTHING",
        {**key, "id": run_id, "now": stamp(now)},
    )
    if made:
        state = {"type": "Pending", "message": "Task run created"}
        transitions.create_first_state(tx, "task_run", run_id, state, now)
    found = tx.one_or_none(find, key)
    if found is None:
        raise NotFoundError(f"Task {input.task_id} of flow run {input.flow_run_id} was not found.")
    return found


def _info(row: Row) -> TaskRunInfoPayload:
    return TaskRunInfoPayload(
        cast("str", row.id), cast("int", row.version), row.state, load(row.serialized_state)
    )
