"""Questions about the shape of flows and of mapped tasks."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Annotated, Any, cast

import msgspec

from prefect.server.database.sql import in_list
from prefect.server.database.store import Transaction
from prefect.server.domain.common import get
from prefect.server.domain.registry import JSON, TaskRow, Uuid, Uuids, query
from prefect.server.errors import BadInputError
from prefect.server.security.caller import Caller

__all__ = ["reachable"]

_Moment = Annotated[str, msgspec.Meta(title="timestamptz")]


class MappedChildren(msgspec.Struct):
    """The children of a mapped task run, in sum.

    Attributes:
        min_start_time: when the first began.
        max_end_time: when the last ended.
        state_counts: `{state: number of children}`.
    """

    min_start_time: _Moment | None
    max_end_time: _Moment | None
    state_counts: JSON


class UtilityDownstreamTasksArgs(msgspec.Struct):
    """Where to begin.

    Attributes:
        start_task_ids: ids of tasks, as `{id1,id2}` or as a list.
        depth_limit: how many steps to go; as far as there are edges when null.
    """

    start_task_ids: Uuids
    depth_limit: int | None = None


class UtilityUpstreamTasksArgs(UtilityDownstreamTasksArgs):
    """Where to begin; see `utility_downstream_tasks_args`."""


class Traversal(msgspec.Struct):
    """A task on the way.

    Attributes:
        depth: fewest edges from one of the first tasks; 0 for these.
        task: its row.
    """

    tenant_id: Uuid
    task_id: Uuid
    depth: int
    task: TaskRow | None


@query(role="read-only")
def mapped_children(
    tx: Transaction, caller: Caller, now: datetime.datetime, task_run_id: Uuid
) -> MappedChildren:
    """The children of a mapped task run, in sum."""
    del now
    parent = get(tx, caller, "task_run", task_run_id, "Task run", "flow_run_id, task_id")
    rows = tx.rows(
        "SELECT state, count(*) AS number, min(start_time) AS first, max(end_time) AS last FROM task_run "
        "WHERE flow_run_id = :flow_run_id AND task_id = :task_id AND map_index >= 0 GROUP BY state",
        {"flow_run_id": parent.flow_run_id, "task_id": parent.task_id},
    )
    return MappedChildren(
        min((row.first for row in rows if row.first is not None), default=None),
        max((row.last for row in rows if row.last is not None), default=None),
        {row.state: row.number for row in rows},
    )


@query(role="read-only")
def utility_downstream_tasks(
    tx: Transaction, caller: Caller, now: datetime.datetime, args: UtilityDownstreamTasksArgs
) -> list[Traversal]:
    """Tasks and all that depends on them: what has to run again with them."""
    del now
    return _traversal(tx, caller, args, "upstream_task_id", "downstream_task_id")


@query(role="read-only")
def utility_upstream_tasks(
    tx: Transaction, caller: Caller, now: datetime.datetime, args: UtilityUpstreamTasksArgs
) -> list[Traversal]:
    """Tasks and all that they depend on."""
    del now
    return _traversal(tx, caller, args, "downstream_task_id", "upstream_task_id")


def reachable(
    starts: Iterable[str], edges: Iterable[tuple[str, str]], limit: int | None = None
) -> dict[str, int]:
    """`{node: fewest edges from a start}` of all nodes that can be reached along edges `(from, to)`."""
    following: dict[str, list[str]] = defaultdict(list)
    for tail, head in edges:
        following[tail].append(head)
    depths = dict.fromkeys(starts, 0)
    pending = deque(depths)
    while pending:
        node = pending.popleft()
        if limit is not None and depths[node] >= limit:
            continue
        for head in following[node]:
            if head not in depths:
                depths[head] = depths[node] + 1
                pending.append(head)
    return depths


def _traversal(
    tx: Transaction, caller: Caller, args: UtilityDownstreamTasksArgs, tail: str, head: str
) -> list[Traversal]:
    params: dict[str, Any] = {"tenant_id": caller.tenant_id, "ids": json.dumps(_ids(args.start_task_ids))}
    tasks = tx.rows(
        "SELECT id, flow_id FROM task WHERE tenant_id = :tenant_id "
        f"AND id IN {in_list(tx.dialect, 'ids')} ORDER BY id",
        params,
    )
    params["flows"] = json.dumps(sorted({row.flow_id for row in tasks}))
    edges = tx.rows(
        f"SELECT {tail} AS tail, {head} AS head FROM edge WHERE tenant_id = :tenant_id "
        f"AND flow_id IN {in_list(tx.dialect, 'flows')} ORDER BY id",
        params,
    )
    depths = reachable([row.id for row in tasks], [(row.tail, row.head) for row in edges], args.depth_limit)
    return [Traversal(caller.tenant_id, task_id, depth, task_id) for task_id, depth in depths.items()]


def _ids(value: Any) -> list[str]:
    """wire: old clients write a list of ids as an SQL array, `{id1,id2}`."""
    if isinstance(value, str):
        value = [part.strip() for part in value.strip().removeprefix("{").removesuffix("}").split(",")]
    if not isinstance(value, list):
        raise BadInputError("start_task_ids are ids of tasks, as `{id1,id2}` or as a list.")
    return [str(item).lower() for item in cast("list[Any]", value) if item]
