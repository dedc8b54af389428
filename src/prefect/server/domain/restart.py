"""Restarting a flow run: what failed runs again with all that depends on it, what succeeded stays.

1.x left this to its web UI, as a dozen of requests; here it is one, done whole or not at all.
"""

from __future__ import annotations

import datetime
from typing import cast

import msgspec

from prefect.server.database.sql import in_list
from prefect.server.database.store import Row, Transaction
from prefect.server.domain import transitions
from prefect.server.domain.common import dump, get
from prefect.server.domain.graph import reachable
from prefect.server.domain.logs import WriteRunLogInput, write
from prefect.server.domain.registry import Uuid, mutation
from prefect.server.domain.states import is_finished, parse_state
from prefect.server.errors import BadInputError
from prefect.server.security.caller import Caller

__all__: list[str] = []

#: States of tasks that have to run again.
_UNDONE = ("Cancelled", "Failed", "TimedOut", "TriggerFailed", "ValidationFailed")


class RestartFlowRunInput(msgspec.Struct):
    """What to run again.

    Attributes:
        flow_run_id: a flow run that has ended.
        from_start: run all of its tasks again, and not only what failed and what depends on it.
        task_run_id: run this task run again, too, with all that depends on it, although it succeeded.
    """

    flow_run_id: Uuid
    from_start: bool | None = None
    task_run_id: Uuid | None = None


class RestartFlowRunPayload(msgspec.Struct):
    """What became of it.

    Attributes:
        id: the flow run.
        state: name of the state the run is in now.
        task_runs: number of task runs that will run again.
    """

    id: Uuid
    state: str
    task_runs: int


@mutation(role="user")
def restart_flow_run(
    tx: Transaction, caller: Caller, input: RestartFlowRunInput, now: datetime.datetime
) -> RestartFlowRunPayload:
    """Run a flow run again: tasks that did not succeed, and all that depends on them."""
    columns = "id, tenant_id, flow_id, state"
    run = get(tx, caller, "flow_run", input.flow_run_id, "Flow run", columns, lock=True)
    if not is_finished(run.state):
        raise BadInputError(
            f"Flow run {run.id} is {run.state}; it can be restarted when it has ended. Cancel it first."
        )
    if tx.scalar("SELECT archived FROM flow WHERE id = :id", {"id": run.flow_id}):
        raise BadInputError(f"The flow of flow run {run.id} is archived, and archived flows do not run.")
    pending = parse_state({"type": "Pending", "message": "Flow run was restarted."}, now)
    if input.from_start:
        condition, params = "state <> 'Pending'", {}
    else:
        condition, params = _undone(tx, run, _here(tx, caller, input))
    count = transitions.set_task_runs(tx, run.id, run.tenant_id, pending, now, condition, params)
    message = f"Flow run was restarted: {count} task runs will run again."
    line = WriteRunLogInput(
        flow_run_id=run.id, timestamp=now, name="prefect.server", level="INFO", message=message
    )
    write(tx, run.tenant_id, [line], now)
    scheduled = {"type": "Scheduled", "message": "Flow run was restarted."}
    outcome = transitions.set_flow_run_state(tx, caller, run.id, scheduled, now)
    return RestartFlowRunPayload(cast("str", run.id), outcome.state, count)


def _here(tx: Transaction, caller: Caller, input: RestartFlowRunInput) -> Row | None:
    """The task run from which on all runs again, if the input names one."""
    if input.task_run_id is None:
        return None
    columns = "id, flow_run_id, task_id, map_index"
    task_run = get(tx, caller, "task_run", input.task_run_id, "Task run", columns)
    if task_run.flow_run_id != input.flow_run_id:
        raise BadInputError(f"Task run {task_run.id} is one of another flow run: {task_run.flow_run_id}.")
    return task_run


def _undone(tx: Transaction, run: Row, here: Row | None) -> tuple[str, dict[str, str | None]]:
    """Which task runs have to run again, as SQL.

    wire: a mapped task stays Mapped, and of its children those run again that did not succeed.
    """
    params = {"id": run.id, "undone": dump(list(_UNDONE))}
    undone = in_list(tx.dialect, "undone")
    tasks = [
        cast("str", row.task_id)
        for row in tx.rows(
            f"SELECT DISTINCT task_id FROM task_run WHERE flow_run_id = :id AND state IN {undone}", params
        )
    ]
    edges = [
        (cast("str", row.upstream_task_id), cast("str", row.downstream_task_id))
        for row in tx.rows(
            "SELECT upstream_task_id, downstream_task_id FROM edge WHERE flow_id = :id", {"id": run.flow_id}
        )
    ]
    depths = reachable(tasks, edges)
    again = "1 = 0"
    if here is not None:
        # What comes after runs anew with all its children: they get other inputs.
        after = [task for task, depth in reachable([here.task_id], edges).items() if depth > 0]
        params |= {"here": here.id, "after": dump(after), "mapped": here.task_id}
        itself = "task_id = :mapped" if here.map_index < 0 else "id = :here"
        again = f"state <> 'Pending' AND ({itself} OR task_id IN {in_list(tx.dialect, 'after')})"
    condition = (
        f"(state IN {undone} OR ({again}) OR (map_index = -1 AND state NOT IN ('Mapped', 'Pending') "
        f"AND task_id IN {in_list(tx.dialect, 'downstream')}))"
    )
    downstream = [task for task, depth in depths.items() if depth > 0]
    return condition, {**params, "downstream": dump(downstream)}
