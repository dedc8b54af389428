"""Databases of any size, filled by a few statements."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.server.database.store import Store, Transaction, open_store
from prefect.server.database.tables import TABLES
from prefect.server.settings import ServerSettings

__all__ = ["Seeded", "Size", "seeded"]

FLOWS_OF_A_PROJECT = 10
TASKS = 10  # of a flow
LINES = 10  # of the log of a run
CACHED = 10  # runs of a flow whose tasks are cached, whatever the size


@dataclass(frozen=True)
class Size:
    """How much there is: `flows * runs * TASKS` task runs."""

    flows: int
    runs: int

    @property
    def task_runs(self) -> int:
        """Task runs in all."""
        return self.flows * self.runs * TASKS


@dataclass(frozen=True)
class Seeded:
    """A filled database.

    Attributes:
        store: the database.
        size: how much there is in it.
        ids: `{table: id of a row in the middle}`, `tenant`, and `recent`: a moment 300 runs ago.
    """

    store: Store
    size: Size
    ids: dict[str, str]


_KINDS = {name: number for number, name in enumerate(TABLES, 1)}


def _id_text(table: str, number: int) -> str:
    return f"{_KINDS[table]:08x}-0000-4000-8000-{number:012x}"


class _Filler:
    """Writes rows that SQL makes of their numbers `i`."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._is_postgres = tx.dialect == "postgresql"
        self.tenant = _id_text("tenant", 0)

    def id(self, table: str, number: str) -> str:
        """SQL of the id of a row."""
        head = f"'{_KINDS[table]:08x}-0000-4000-8000-'"
        if self._is_postgres:
            return f"{head} || lpad(to_hex(({number})::bigint), 12, '0')"
        return f"{head} || printf('%012x', {number})"

    def moment(self, number: str) -> str:
        """SQL of a moment: so many seconds after the beginning of 2030."""
        if self._is_postgres:
            made = f"timestamp '2030-01-01' + ({number}) * interval '1 second'"
            return f"to_char({made}, 'YYYY-MM-DD\"T\"HH24:MI:SS') || '.000000+00:00'"
        return f"strftime('%Y-%m-%dT%H:%M:%S', '2030-01-01', ({number}) || ' seconds') || '.000000+00:00'"

    def _default(self, kind: str) -> str:
        values = {"json": "'{}'", "text": "'x'", "integer": "0", "boolean": "false"}
        return self.json(values[kind]) if kind == "json" else values[kind]

    def json(self, sql: str) -> str:
        """SQL of JSON text as a value for a JSON column."""
        return f"CAST({sql} AS jsonb)" if self._is_postgres else sql

    def fill(self, table: str, count: int, **values: str) -> None:
        """Write rows 0 to `count`.

        Args:
            table: the table.
            count: how many.
            values: `{column: SQL}`; other columns get null, or something where null is not allowed.
        """
        columns = TABLES[table].columns
        moment = self.moment("i")
        given = {"id": self.id(table, "i"), "created": moment, "updated": moment, **values}
        if "tenant_id" in columns:
            given["tenant_id"] = f"'{self.tenant}'"
        for name, column in columns.items():
            if name not in given:
                given[name] = "NULL" if column.nullable else self._default(column.kind)
        names = ", ".join(f'"{name}"' for name in given)
        self._tx.execute(
            f'INSERT INTO "{table}" ({names}) WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 '
            f"FROM numbers WHERE i + 1 < {count}) SELECT {', '.join(given.values())} FROM numbers"
        )


def _pick(number: str, values: list[str]) -> str:
    cases = " ".join(f"WHEN {index} THEN '{value}'" for index, value in enumerate(values))
    return f"CASE ({number}) % {len(values)} {cases} END"


_STATES = ["Success", "Failed", "Success", "Success", "Cancelled"]
_STATE = json.dumps({"type": "Success", "message": "done", "context": {"tags": []}, "cached_inputs": {}})


def _fill(tx: Transaction, size: Size) -> dict[str, str]:
    filler = _Filler(tx)
    runs, task_runs = size.flows * size.runs, size.task_runs
    state = filler.json(f"'{_STATE}'")
    if tx.scalar("SELECT count(*) FROM tenant") == 0:
        filler.fill("tenant", 1, name="'Tenant'", slug="'tenant'")
    filler.fill("project", max(1, size.flows // FLOWS_OF_A_PROJECT), name="'project-' || i")
    filler.fill("flow_group", size.flows, name="'group-' || i")
    filler.fill(
        "flow",
        size.flows,
        project_id=filler.id("project", f"i / {FLOWS_OF_A_PROJECT}"),
        flow_group_id=filler.id("flow_group", "i"),
        version_group_id="'group-' || i",
        name="'flow-' || i",
        version="1",
        storage=filler.json("""'{"type": "Local"}'"""),
    )
    filler.fill(
        "task",
        size.flows * TASKS,
        flow_id=filler.id("flow", f"i / {TASKS}"),
        slug=f"'task-' || (i % {TASKS})",
        name=f"'task-' || (i % {TASKS})",
        type="'prefect.tasks.core.function.FunctionTask'",
    )
    filler.fill(
        "edge",
        size.flows * (TASKS - 1),
        flow_id=filler.id("flow", f"i / {TASKS - 1}"),
        upstream_task_id=filler.id("task", f"i + i / {TASKS - 1}"),
        downstream_task_id=filler.id("task", f"i + i / {TASKS - 1} + 1"),
    )
    start = filler.moment("i")
    filler.fill(
        "flow_run",
        runs,
        flow_id=filler.id("flow", f"i % {size.flows}"),
        name="'run-' || i",
        version="3",
        # History is finished; the newest runs wait or run.
        state=f"CASE WHEN i >= {runs - 50} THEN 'Running' WHEN i >= {runs - 100} THEN 'Scheduled' "
        f"ELSE {_pick('i', _STATES)} END",
        state_timestamp=start,
        state_start_time=f"CASE WHEN i >= {runs - 100} THEN {start} END",
        scheduled_start_time=start,
        start_time=f"CASE WHEN i % 3 <> 0 THEN {start} END",
        end_time=f"CASE WHEN i % 3 <> 0 THEN {start} END",
        labels=filler.json("'[]'"),
        serialized_state=state,
    )
    run = f"i / {TASKS}"
    flow = f"({run}) % {size.flows}"
    is_cached = f"({run}) / {size.flows} < {CACHED}"
    filler.fill(
        "task_run",
        task_runs,
        flow_run_id=filler.id("flow_run", run),
        task_id=filler.id("task", f"({flow}) * {TASKS} + i % {TASKS}"),
        map_index="-1",
        version="3",
        cache_key=f"'key-' || ({flow})",
        state=f"CASE WHEN {is_cached} THEN 'Cached' ELSE {_pick('i', _STATES)} END",
        state_timestamp=start,
        start_time=start,
        end_time=start,
        serialized_state=state,
    )
    filler.fill(
        "flow_run_state",
        runs * 3,
        flow_run_id=filler.id("flow_run", "i / 3"),
        timestamp=start,
        state=_pick("i", ["Scheduled", "Running", "Success"]),
        version="i % 3 + 1",
        serialized_state=state,
    )
    filler.fill(
        "task_run_state",
        task_runs * 2,
        task_run_id=filler.id("task_run", "i / 2"),
        timestamp=start,
        state=_pick("i", ["Pending", "Success"]),
        version="i % 2 + 1",
        serialized_state=state,
    )
    filler.fill(
        "log",
        runs * LINES,
        flow_run_id=filler.id("flow_run", f"i / {LINES}"),
        task_run_id=filler.id("task_run", f"i / {LINES} * {TASKS} + i % {TASKS}"),
        timestamp=start,
        level="'INFO'",
        message="'line ' || i || ': something has happened that is worth a line'",
    )
    middle = {
        "project": 0,
        "flow_group": size.flows // 2,
        "flow": size.flows // 2,
        "task": size.flows // 2 * TASKS,
        "flow_run": runs // 2,
        "task_run": task_runs // 2,
    }
    recent: str = tx.scalar(f"SELECT {filler.moment(str(runs - 300))}")
    return {
        "tenant": filler.tenant,
        "recent": recent,
        **{table: _id_text(table, number) for table, number in middle.items()},
    }


def seeded(directory: Path, size: Size, url: str = "") -> Seeded:
    """A database of a size.

    Args:
        directory: where its file is; empty before.
        size: how much to put in.
        url: an empty PostgreSQL database, if it is to be one.
    """
    settings = ServerSettings(directory, connection_url=url, durability="normal")
    store = open_store(settings)
    ids: Any = store.write_sync(lambda tx: _fill(tx, size))
    if url:  # PostgreSQL does so by itself, a little later; the server on SQLite never does
        store.write_sync(lambda tx: tx.execute("ANALYZE"))
    return Seeded(store, size, ids)
