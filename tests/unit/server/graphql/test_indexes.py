"""Queries of clients walk indexes: none looks through a table of runs, states, tasks or logs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prefect.server.database.sql import for_psycopg, with_repetitions
from prefect.server.database.sqlite import connect
from prefect.server.database.store import Query, Store, open_store
from prefect.server.database.tables import TABLES
from prefect.server.graphql.execute import Executor
from prefect.server.graphql.plans import TableStep, make_plan, shape_of
from prefect.server.graphql.schema import build_schema
from prefect.server.graphql.values import Bindings
from prefect.server.security.caller import Caller
from prefect.server.settings import ServerSettings

_DATA = json.loads(
    (Path(__file__).parents[3] / "compat" / "wire_operations.json").read_text(encoding="utf-8")
)
QUERIES = [
    one
    for one in _DATA["operations"]
    if one["kind"] == "query"
    and not one["root_fields"][0].startswith(("hello", "auth_info", "secret", "get_task"))
]
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Tables that grow with every run.
LARGE = ("flow_run", "task_run", "flow_run_state", "task_run_state", "log", "task", "edge")
FLOWS, RUNS, TASKS, LINES = 20, 50, 8, 5
_MOMENT = "2030-01-02T03:{:02}:{:02}.{:06}+00:00"

#: What pages of a user interface ask for.
PAGES = {
    "runs of a tenant": "{ flow_run(limit: 20, order_by: {created: desc}) { id flow { name } } }",
    "runs in a state": '{ flow_run(where: {state: {_eq: "Running"}}, limit: 20, order_by: {start_time: desc}) { id } }',
    "runs that were started": "{ flow_run(where: {start_time: {_is_null: false}}, limit: 20, order_by: {start_time: desc}) { id } }",
    "runs of a flow": '{ flow_run(where: {flow_id: {_eq: "FLOW"}}, limit: 20, order_by: {scheduled_start_time: desc}) { id } }',
    "how many runs of a flow": '{ flow_run_aggregate(where: {flow_id: {_eq: "FLOW"}, state: {_eq: "Failed"}}) { aggregate { count } } }',
    "task runs of a run": '{ task_run(where: {flow_run_id: {_eq: "RUN"}}, limit: 20, order_by: {start_time: asc}) { id task { name } } }',
    "log of a run": '{ log(where: {flow_run_id: {_eq: "RUN"}}, limit: 100, order_by: {timestamp: asc}) { message } }',
    "a run with all": '{ flow_run_by_pk(id: "RUN") { id flow { name project { name } tasks { name upstream_edges { key } } } '
    "states { state } task_runs { id states { state } logs_aggregate { aggregate { count } } } logs { message } } }",
    "flows with their last run": "{ flow(limit: 20, order_by: {created: desc}) { id flow_runs(limit: 1, order_by: {scheduled_start_time: desc}) { state } } }",
    "flows with failed runs": '{ flow(where: {flow_runs: {state: {_eq: "Failed"}}}) { id } }',
    "children of a task": '{ task_run(where: {task_id: {_eq: "TASK"}, flow_run_id: {_eq: "RUN"}}) { id } }',
    "runs of a list": '{ flow_run(where: {id: {_in: ["RUN", "RUN"]}}) { id task_runs { id } } }',
    "runs by name": '{ flow_run(where: {name: {_eq: "run-7"}}) { id logs(order_by: {timestamp: asc}) { message } } }',
    "late task runs": '{ task_run(where: {state: {_eq: "Pending"}, state_start_time: {_lte: "2030-01-01"}}) { id } }',
}  # fmt: skip


@dataclass
class Seeded:
    """A large database."""

    store: Store
    settings: ServerSettings
    caller: Caller
    ids: dict[str, str]

    def query(self, document: str, variables: dict[str, Any]) -> Query:
        executor = Executor(self.store, lambda: None)  # type: ignore[arg-type,return-value]
        parsed, literals = executor.documents.get(document, None)
        values = executor._variables(parsed, variables)
        assert shape_of(parsed, values) is not None
        plan = make_plan(parsed, values, build_schema(), self.store.dialect, executor.limits)
        (step,) = plan.steps
        assert isinstance(step, TableStep)
        return step.query(self.caller, Bindings(literals, values))


def _number(kind: int, number: int) -> str:
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


def _seed(tx: Any) -> dict[str, str]:
    states = ["Success", "Failed", "Running", "Scheduled", "Cached", "Pending"]
    kinds = {
        name: number for number, name in enumerate(["tenant", "project", "flow_group", "flow", *LARGE], 1)
    }

    def insert(table: str, rows: list[dict[str, Any]]) -> None:
        columns = TABLES[table].columns
        full: list[dict[str, Any]] = []
        for row in rows:
            values = {"created": row["at"], "updated": row["at"], **row}
            full.append({name: values.get(name, _default(column)) for name, column in columns.items()})
        names = ", ".join(f'"{name}"' for name in columns)
        places = ", ".join(
            f"CAST(:{name} AS jsonb)" if column.kind == "json" and tx.dialect == "postgresql" else f":{name}"
            for name, column in columns.items()
        )
        tx.execute_many(f'INSERT INTO "{table}" ({names}) VALUES ({places})', full)

    def _default(column: Any) -> Any:
        if column.nullable:
            return None
        return {"json": "{}", "text": "x", "integer": 0, "boolean": False}.get(column.kind)

    def at(number: int) -> str:
        return _MOMENT.format(number // 60 % 60, number % 60, number)

    tenant = _number(kinds["tenant"], 0)
    insert("tenant", [{"id": tenant, "at": at(0), "slug": "t"}])
    base = {"tenant_id": tenant}
    insert("project", [{**base, "id": _number(2, n), "at": at(n), "name": f"p{n}"} for n in range(2)])
    insert("flow_group", [{**base, "id": _number(3, n), "at": at(n), "name": f"g{n}"} for n in range(FLOWS)])
    insert(
        "flow",
        [
            {
                **base,
                "id": _number(4, n),
                "at": at(n),
                "name": f"flow-{n}",
                "project_id": _number(2, n % 2),
                "flow_group_id": _number(3, n),
                "version": n,
            }
            for n in range(FLOWS)
        ],
    )
    runs = FLOWS * RUNS
    insert(
        "task",
        [
            {
                **base,
                "id": _number(10, n),
                "at": at(n),
                "flow_id": _number(4, n % FLOWS),
                "slug": f"t{n}",
                "name": f"task-{n}",
            }
            for n in range(FLOWS * TASKS)
        ],
    )
    insert(
        "edge",
        [
            {
                **base,
                "id": _number(11, n),
                "at": at(n),
                "flow_id": _number(4, n % FLOWS),
                "upstream_task_id": _number(10, n),
                "downstream_task_id": _number(10, (n + FLOWS) % (FLOWS * TASKS)),
                "key": "x",
            }
            for n in range(FLOWS * TASKS)
        ],
    )
    insert(
        "flow_run",
        [
            {
                **base,
                "id": _number(5, n),
                "at": at(n),
                "flow_id": _number(4, n % FLOWS),
                "name": f"run-{n}",
                "state": states[n % 5],
                "state_start_time": at(n),
                "start_time": at(n) if n % 3 else None,
                "scheduled_start_time": at(n),
            }
            for n in range(runs)
        ],
    )
    insert(
        "task_run",
        [
            {
                **base,
                "id": _number(6, n),
                "at": at(n),
                "flow_run_id": _number(5, n // TASKS),
                "task_id": _number(10, n // TASKS % FLOWS + FLOWS * (n % TASKS)),
                "map_index": -1,
                "state": states[n % 6],
                "state_start_time": at(n),
                "state_timestamp": at(n),
                "cache_key": f"key-{n % 500}",
                "start_time": at(n),
            }
            for n in range(runs * TASKS)
        ],
    )
    insert(
        "flow_run_state",
        [
            {
                **base,
                "id": _number(7, n),
                "at": at(n),
                "flow_run_id": _number(5, n // 3),
                "timestamp": at(n),
                "version": n % 3,
                "state": states[n % 5],
            }
            for n in range(runs * 3)
        ],
    )
    insert(
        "task_run_state",
        [
            {
                **base,
                "id": _number(8, n),
                "at": at(n),
                "task_run_id": _number(6, n // 2),
                "timestamp": at(n),
                "version": n % 2,
                "state": states[n % 5],
            }
            for n in range(runs * TASKS * 2)
        ],
    )
    insert(
        "log",
        [
            {
                **base,
                "id": _number(9, n),
                "at": at(n),
                "flow_run_id": _number(5, n // LINES),
                "task_run_id": _number(6, n // LINES * TASKS),
                "timestamp": at(n),
            }
            for n in range(runs * LINES)
        ],
    )
    return {
        "tenant": tenant,
        "project": _number(2, 1),
        "flow_group": _number(3, 7),
        "flow": _number(4, 7),
        "flow_run": _number(5, 77),
        "task_run": _number(6, 777),
        "task": _number(10, 7),
    }


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def seeded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """A database of a thousand runs, with statistics."""
    directory = tmp_path_factory.mktemp("seeded")
    url, drop = "", lambda: None
    if request.param == "postgresql":
        url, drop = request.getfixturevalue("cluster").copy()
    settings = ServerSettings(directory, connection_url=url, durability="normal")
    store = open_store(settings)
    ids = store.write_sync(_seed)
    if url:  # SQLite has the statistics that every database of ours has
        store.write_sync(lambda tx: tx.execute("ANALYZE"))
    yield Seeded(store, settings, Caller(ids["tenant"], "admin", tenants=(ids["tenant"],)), ids)
    store.close()
    drop()


def _prepared(operation: dict[str, Any], ids: dict[str, str]) -> tuple[str, dict[str, Any]]:
    table = operation["root_fields"][0].removesuffix("_by_pk")

    def in_document(match: re.Match[str]) -> str:
        before = operation["document"][: match.start()]
        key = re.findall(r"(\w+):\s*(?:\{\s*_\w+:\s*)?\[?[\"\s,0-9a-f-]*$", before)[-1]
        return ids.get(key.removesuffix("_id"), ids.get(table, match.group()))

    variables = operation["variables_example"]
    return _UUID.sub(in_document, operation["document"]), variables if isinstance(variables, dict) else {}


def _scanned(seeded: Seeded, query: Query) -> list[str]:
    """Large tables that are read as a whole, and steps over the bound."""
    large = {
        alias
        for table, alias in re.findall(r'"(\w+)" (t\d+)\b', " ".join([query.sql, *query.nested]))
        if table in LARGE
    }
    if seeded.store.dialect == "postgresql":
        statement, repeated = for_psycopg(query.sql)
        psycopg = pytest.importorskip("psycopg")
        with psycopg.connect(seeded.settings.connection_url) as connection:
            connection.execute("SET enable_seqscan = off")
            lines = connection.execute(
                f"EXPLAIN {statement}",
                with_repetitions(query.params, repeated),  # type: ignore[arg-type]
            ).fetchall()
        found = [re.search(r"Seq Scan on (\w+)", line[0]) for line in lines]
        return [one.group(1) for one in found if one is not None and one.group(1) in LARGE]
    connection = connect(str(seeded.settings.sqlite_path), "normal", readonly=True)
    try:
        connection.create_function("nested", 2, lambda number, key: None)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.params).fetchall()
    finally:
        connection.close()
    lines = [line[3] for line in plan]
    # What an ordered subquery gives is read as a whole too, under the alias of its table.
    rows = {line.split()[1] for line in lines if line.startswith(("CO-ROUTINE", "MATERIALIZE"))}
    scanned = [line for line in lines if line.startswith("SCAN ") and line.split()[1] in large]
    return [line for line in scanned if line != f"SCAN {line.split()[1]}" or line.split()[1] not in rows]


def _steps(seeded: Seeded, query: Query) -> int:
    """Steps of SQLite's machine, in thousands."""
    connection = connect(str(seeded.settings.sqlite_path), "normal", readonly=True)
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    try:
        connection.create_function("nested", 2, lambda number, key: None)
        connection.set_progress_handler(step, 1000)
        connection.execute(query.sql, query.params).fetchall()
    finally:
        connection.close()
    return count


@pytest.mark.parametrize("operation", QUERIES, ids=lambda one: one["name"])
def test_a_recorded_query_walks_indexes(operation: dict[str, Any], seeded: Seeded) -> None:
    document, variables = _prepared(operation, seeded.ids)
    query = seeded.query(document, variables)
    assert _scanned(seeded, query) == [], query.sql


@pytest.mark.parametrize("name", PAGES)
def test_a_page_walks_indexes(name: str, seeded: Seeded) -> None:
    document = (
        PAGES[name]
        .replace("TASK", seeded.ids["task"])
        .replace("FLOW", seeded.ids["flow"])
        .replace("RUN", seeded.ids["flow_run"])
    )
    query = seeded.query(document, {})
    assert _scanned(seeded, query) == [], query.sql
    if seeded.store.dialect == "sqlite":
        # Ten thousand task runs are in there; who looks at each, or sorts them, takes far more steps.
        assert _steps(seeded, query) <= 40, query.sql


def test_a_query_that_scans_is_noticed(seeded: Seeded) -> None:
    query = seeded.query('{ task_run(where: {name: {_ilike: "%x%"}}) { id } }', {})
    unscoped = Query(
        re.sub(r"\+?t1\.tenant_id = :tenant", "1 = 1", query.sql), {**query.params, "tenant": ""}
    )
    if seeded.store.dialect == "postgresql":
        unscoped = Query(
            unscoped.sql, {name: value for name, value in unscoped.params.items() if name != "tenant"}
        )
    assert _scanned(seeded, unscoped)


@pytest.mark.parametrize("operator", ["_like", "_nlike", "_ilike", "_nilike"])
def test_a_search_is_bounded_in_time_and_nothing_else_is(seeded: Seeded, operator: str) -> None:
    found = seeded.query(f'{{ log(where: {{message: {{{operator}: "%x%"}}}}, limit: 5) {{ id }} }}', {})
    assert found.seconds == 0.5
    inside = f'{{ flow(limit: 1) {{ flow_runs(where: {{name: {{{operator}: "%x%"}}}}) {{ id }} }} }}'
    assert seeded.query(inside, {}).seconds == 0.5
    assert seeded.query('{ flow_run(where: {name: {_eq: "x"}}) { id } }', {}).seconds is None
