"""The same rows on both databases, and a model in Python of what the API says about them."""

from __future__ import annotations

import asyncio
import datetime
import json
import random
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from prefect.server.database import tables
from prefect.server.database.store import Store, Transaction, open_store
from prefect.server.database.times import to_text
from prefect.server.graphql.columns import table_info
from prefect.server.graphql.execute import Executor, Request
from prefect.server.security.caller import Caller
from prefect.server.settings import ServerSettings

START = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)

#: Rows of each table for each tenant.
COUNTS = {
    "user": 2, "membership": 3, "auth_api_key": 2, "project": 2, "flow_group": 2, "flow": 4, "task": 6, "edge": 4,
    "agent_config": 2, "agent": 2, "flow_run": 8, "task_run": 12, "flow_run_state": 8, "task_run_state": 8, "log": 10,
    "task_run_artifact": 4, "message": 3, "key_value": 3, "task_tag_limit": 2, "flow_concurrency_limit": 2,
}  # fmt: skip
TEXTS = ["a", "A", "aB", "b%c", "x_y", "back\\slash", "Straße", "ÉCOLE", "école", "日本", "😀", "it's", ""]
JSONS: list[Any] = [
    {}, [], {"a": 1}, {"a": 1.0, "b": [1, 2, {"c": None}]}, {"a": {"b": "x"}, "c": True}, ["a", "b"], ["b", "a", "a"],
    [1, "1", True, None], "a", 1, 1.5, True, "1", {"b.c": {"d e": 3}}, [[1], [2]], {"😀": "Straße"},
]  # fmt: skip
#: References that the schema does not declare.
LOOSE = {
    ("log", "flow_run_id"): "flow_run",
    ("log", "task_run_id"): "task_run",
    ("flow_run", "parent_task_run_id"): "task_run",
    ("user", "default_membership_id"): "membership",
}
#: Columns that are unique, alone or together with others.
UNIQUE = {
    "slug", "username", "digest", "identity", "idempotency_key", "key", "tag", "version", "map_index",
}  # fmt: skip


@dataclass
class Rows:
    """Rows of two tenants, as Python values."""

    tenants: list[str]
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def of(self, table: str, tenant_id: str) -> list[dict[str, Any]]:
        return [row for row in self.rows[table] if row["_tenant"] == tenant_id]


def make_rows(seed: int) -> Rows:
    """Random rows of two tenants. Some refer to rows of the other one, which nothing may show."""
    rng = random.Random(seed)
    made = Rows([_id(rng), _id(rng)])
    made.rows["tenant"] = []
    for number, tenant_id in enumerate(made.tenants):
        row = _row(rng, made, "tenant", tenant_id, number, 0.0)
        made.rows["tenant"].append({**row, "id": tenant_id})
    for table, count in COUNTS.items():
        made.rows[table] = []
        for tenant_id in made.tenants:
            for number in range(count):
                # The last one of each table is a stray.
                stray = 1.0 if number == count - 1 and table not in ("user", "auth_api_key") else 0.0
                made.rows[table].append(_row(rng, made, table, tenant_id, number, stray))
    return made


def _id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _row(
    rng: random.Random, made: Rows, table: str, tenant_id: str, number: int, stray: float
) -> dict[str, Any]:
    row: dict[str, Any] = {"_tenant": tenant_id}
    for column in tables.table(table).columns.values():
        row[column.name] = _value(rng, made, table, column, tenant_id, number, stray)
    return row


def _value(
    rng: random.Random,
    made: Rows,
    table: str,
    column: tables.Column,
    tenant_id: str,
    number: int,
    stray: float,
) -> Any:
    name = column.name
    if name == "id":
        return _id(rng)
    if name == "tenant_id" or name == "default_tenant_id":
        return tenant_id
    target = column.references or LOOSE.get((table, name))
    if target is not None and target in made.rows:
        if column.nullable and rng.random() < 0.3 and not stray:
            return None
        wanted = next(one for one in made.tenants if (one == tenant_id) != (stray > rng.random()))
        among = made.of(target, wanted)
        return among[number % len(among)]["id"] if among else None
    if column.nullable and rng.random() < 0.25 and name != "revoked":
        return None
    if name == "revoked":
        return None if number == 0 else to_text(START)
    if name in UNIQUE and column.kind == "text":
        return f"{rng.choice(TEXTS)}-{number}-{tenant_id[:4]}"
    if column.kind == "uuid":
        return None
    if column.kind == "timestamp":
        return to_text(START + datetime.timedelta(seconds=rng.randrange(5), microseconds=rng.randrange(3)))
    if column.kind == "json":
        return rng.choice(JSONS)
    if column.kind == "integer":
        return number if name in UNIQUE else rng.randrange(-1, 4) if name != "limit" else number
    if column.kind == "boolean":
        return rng.random() < 0.5
    if name == "name" and table in ("project", "flow_group", "flow_concurrency_limit"):
        return f"{rng.choice(TEXTS)}{number}"
    return rng.choice(TEXTS)


def insert_rows(tx: Transaction, made: Rows) -> None:
    """Write rows into a database."""
    for table, rows in made.rows.items():
        columns = tables.table(table).columns
        names = ", ".join(f'"{name}"' for name in columns)
        values = ", ".join(
            f"CAST(:{name} AS jsonb)" if column.kind == "json" and tx.dialect == "postgresql" else f":{name}"
            for name, column in columns.items()
        )
        tx.execute_many(
            f'INSERT INTO "{table}" ({names}) VALUES ({values})',
            [
                {
                    name: json.dumps(row[name])
                    if column.kind == "json" and row[name] is not None
                    else row[name]
                    for name, column in columns.items()
                }
                for row in rows
            ],
        )


class Failure(Exception):
    """The API answered with an error."""

    def __init__(self, status: int, errors: list[dict[str, Any]], data: Any) -> None:
        self.status, self.errors, self.data = status, errors, data
        self.code: str = errors[0]["extensions"]["code"]
        super().__init__(f"{status} {errors}")


class Graph:
    """The API over one database."""

    def __init__(self, store: Store, caller: Caller | None, other: Graph | None = None) -> None:
        self.store = store
        self.caller = caller
        self.executor = Executor(store, lambda: START) if other is None else other.executor
        self._loop = asyncio.new_event_loop() if other is None else other._loop

    def reply(
        self, document: str, variables: Mapping[str, Any] | None = None, name: str | None = None
    ) -> Any:
        request = Request(document, variables or {}, name)
        return self._loop.run_until_complete(self.executor.execute(request, self.caller))

    def __call__(
        self, document: str, variables: Mapping[str, Any] | None = None, name: str | None = None
    ) -> Any:
        reply = self.reply(document, variables, name)
        body = json.loads(reply.body)
        if "errors" in body:
            raise Failure(reply.status, body["errors"], body.get("data"))
        assert reply.status == 200
        return body["data"]

    def as_(self, caller: Caller | None) -> Graph:
        """The same executor, its caches included, for another caller."""
        return Graph(self.store, caller, self)

    def close(self) -> None:
        self._loop.close()


def is_visible(made: Rows, caller: Caller, table: str, row: dict[str, Any]) -> bool:
    """Whether a caller may see a row, said anew and not by the code under test."""
    if table == "tenant":
        return row["id"] == caller.tenant_id or row["id"] in caller.tenants
    if table == "user":
        members = {one["user_id"] for one in made.of("membership", caller.tenant_id)}
        return row["id"] == caller.user_id or row["id"] in members
    if table == "auth_api_key":
        members = {one["user_id"] for one in made.of("membership", caller.tenant_id)}
        in_tenant = row["default_tenant_id"] in (None, caller.tenant_id) and row["user_id"] in members
        is_theirs = row["user_id"] == caller.user_id or (caller.role == "admin" and in_tenant)
        return row["revoked"] is None and is_theirs
    if table == "message" and row["user_id"] not in (None, caller.user_id):
        return False
    return row["tenant_id"] == caller.tenant_id


@dataclass
class Twins:
    """The same rows on SQLite and PostgreSQL."""

    rows: Rows
    graphs: dict[str, Graph]
    caller: Caller

    def visible(self, table: str) -> list[dict[str, Any]]:
        return [row for row in self.rows.rows[table] if is_visible(self.rows, self.caller, table, row)]

    def __call__(self, document: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The answer, which is the same of both."""
        answers = {name: graph(document, variables) for name, graph in self.graphs.items()}
        first, *others = answers.values()
        for other in others:
            assert other == first, answers
        return first


def _caller(made: Rows) -> Caller:
    tenant_id = made.tenants[0]
    user_id = made.of("membership", tenant_id)[0]["user_id"]
    return Caller(tenant_id, "admin", user_id=user_id, tenants=(tenant_id,))


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Rows of two tenants."""
    return make_rows(20300102)


@pytest.fixture(scope="module")
def twins(
    rows: Rows, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Twins]:
    """SQLite and PostgreSQL with the same rows; SQLite alone where the other is not installed."""
    every = [ServerSettings(tmp_path_factory.mktemp("sqlite"), durability="normal")]
    drop: Callable[[], None] = lambda: None
    try:
        url, drop = request.getfixturevalue("cluster").copy()
        every.append(ServerSettings(tmp_path_factory.mktemp("postgresql"), connection_url=url))
    except pytest.skip.Exception:
        pass
    caller = _caller(rows)
    stores = [open_store(one) for one in every]
    graphs = {store.dialect: Graph(store, caller) for store in stores}
    try:
        for store in stores:
            store.write_sync(lambda tx: insert_rows(tx, rows))
        yield Twins(rows, graphs, caller)
    finally:
        for graph in graphs.values():
            graph.close()
        for store in stores:
            store.close()
        drop()


@pytest.fixture
def graph(store: Store, rows: Rows) -> Iterator[Graph]:
    """The API over rows that a test may change."""
    store.write_sync(lambda tx: insert_rows(tx, rows))
    graph = Graph(store, _caller(rows))
    yield graph
    graph.close()


@pytest.fixture
def refusal() -> type[Failure]:
    """What a test expects when the API is to refuse."""
    return Failure


# -- the model --------------------------------------------------------------------------


class Model:
    """What the API has to say, computed in Python from the rows."""

    def __init__(self, twins: Twins) -> None:
        self.twins = twins
        self.visible = {table: twins.visible(table) for table in twins.rows.rows}

    def related(self, table: str, row: dict[str, Any], name: str) -> list[dict[str, Any]]:
        relation = table_info(table).relations[name]
        key = row[relation.local]
        return [
            one for one in self.visible[relation.target] if key is not None and one[relation.remote] == key
        ]

    # Filters say True, False or None (unknown), as SQL does.
    def matches(self, table: str, row: dict[str, Any], where: Any) -> bool | None:
        if where is None:
            return True
        if isinstance(where, list):
            return _all(self.matches(table, row, one) for one in where)
        found: list[bool | None] = []
        for key, value in where.items():
            if value is None:
                continue
            if key == "_and":
                found.append(_all(self.matches(table, row, one) for one in _listed(value)))
            elif key == "_or":
                found.append(_any(self.matches(table, row, one) for one in _listed(value)))
            elif key == "_not":
                if not self.says_nothing(table, value):
                    found.append(self.matches(table, row, value) is not True)
            elif key in table_info(table).columns:
                found.append(compare(table_info(table).columns[key], row[key], value))
            else:
                target = table_info(table).relations[key].target
                found.append(
                    any(self.matches(target, one, value) is True for one in self.related(table, row, key))
                )
        return _all(found)

    def says_nothing(self, table: str, where: Any) -> bool:
        """Whether a filter is no condition at all; so is its negation then."""
        if where is None:
            return True
        if isinstance(where, list):
            return all(self.says_nothing(table, one) for one in where)
        for key, value in where.items():
            if value is None:
                continue
            if key == "_or":
                items = _listed(value)
                if not items or not any(self.says_nothing(table, one) for one in items):
                    return False
            elif key == "_and":
                if not all(self.says_nothing(table, one) for one in _listed(value)):
                    return False
            elif key == "_not":
                if not self.says_nothing(table, value):
                    return False
            elif key in table_info(table).columns:
                if any(operand is not None for operand in value.values()):
                    return False
            else:
                return False
        return True

    def select(self, table: str, arguments: dict[str, Any], rows: list[dict[str, Any]] | None = None) -> Any:
        """Rows that the arguments of a list field choose, in order."""
        found = self.visible[table] if rows is None else rows
        found = [row for row in found if self.matches(table, row, arguments.get("where")) is True]
        order = arguments.get("order_by")
        found = sorted(found, key=lambda row: row["id"])
        for key, direction in reversed([term for one in _listed(order or []) for term in one.items()]):
            found = self._sorted(table, found, key, direction)
        columns = arguments.get("distinct_on")
        if columns:
            first: dict[Any, dict[str, Any]] = {}
            for row in found:
                first.setdefault(tuple(json.dumps(row[name]) for name in _listed(columns)), row)
            found = list(first.values())
        start = arguments.get("offset") or 0
        limit = arguments.get("limit")
        return found[start:] if limit is None else found[start : start + limit]

    def _sorted(
        self, table: str, found: list[dict[str, Any]], key: str, direction: Any
    ) -> list[dict[str, Any]]:
        if direction is None:
            return found
        if isinstance(direction, dict):
            if key.endswith("_aggregate"):
                for function, inner in reversed(direction.items()):
                    found = self._sorted_by_aggregate(
                        table, found, key.removesuffix("_aggregate"), function, inner
                    )
                return found
            for inner_key, inner_direction in reversed(direction.items()):

                def through(row: dict[str, Any], inner_key: str = inner_key) -> Any:
                    related = self.related(table, row, key)
                    return related[0][inner_key] if related else None

                found = _by(found, through, inner_direction)
            return found
        return _by(found, lambda row: row[key], direction)

    def _sorted_by_aggregate(
        self, table: str, found: list[dict[str, Any]], name: str, function: str, inner: Any
    ) -> list[dict[str, Any]]:
        if function == "count":
            return _by(found, lambda row: len(self.related(table, row, name)), inner)
        for column, direction in reversed(inner.items()):

            def value(row: dict[str, Any], column: str = column) -> Any:
                return aggregate(function, [one[column] for one in self.related(table, row, name)])

            found = _by(found, value, direction)
        return found


def aggregate(function: str, values: list[Any]) -> Any:
    """An aggregate as SQL makes it."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    if function == "avg":
        return sum(known) / len(known)
    return {"min": min, "max": max, "sum": sum}[function](known)


def _by(
    found: list[dict[str, Any]], value: Callable[[dict[str, Any]], Any], direction: str
) -> list[dict[str, Any]]:
    descends = direction.startswith("desc")
    nulls_first = direction.endswith("nulls_first") or direction == "desc"
    nulls = [row for row in found if value(row) is None]
    known = sorted((row for row in found if value(row) is not None), key=value, reverse=False)
    if descends:  # reversed, but equals stay in their order
        known = sorted(known, key=value, reverse=True)
        known = _stable(found, known, value)
    return nulls + known if nulls_first else known + nulls


def _stable(
    found: list[dict[str, Any]], known: list[dict[str, Any]], value: Callable[..., Any]
) -> list[dict[str, Any]]:
    position = {id(row): number for number, row in enumerate(found)}
    result: list[dict[str, Any]] = []
    start = 0
    while start < len(known):
        end = start
        while end < len(known) and value(known[end]) == value(known[start]):
            end += 1
        result.extend(sorted(known[start:end], key=lambda row: position[id(row)]))
        start = end
    return result


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _all(values: Any) -> bool | None:
    found = list(values)
    return False if False in found else None if None in found else True


def _any(values: Any) -> bool | None:
    found = list(values)
    return True if True in found else None if None in found else False


def compare(kind: str, value: Any, operators: dict[str, Any]) -> bool | None:
    """What a comparison says of the value of a column."""
    return _all(
        _operator(kind, value, name, operand) for name, operand in operators.items() if operand is not None
    )


def _operator(kind: str, value: Any, name: str, operand: Any) -> bool | None:
    if name == "_is_null":
        return (value is None) == operand
    if name == "_nin" and operand == []:
        return True
    if name == "_in" and operand == []:
        return False
    if value is None:
        return None
    if kind == "jsonb":
        return _json_operator(value, name, operand)
    if name in ("_in", "_nin"):
        return (value in _listed(operand)) == (name == "_in")
    if name.endswith("like"):
        text, pattern = (value.lower(), operand.lower()) if "ilike" in name else (value, operand)
        return _like(text, pattern) != name.startswith("_n")
    return (
        {
            "_eq": value == operand,
            "_neq": value != operand,
            "_gt": lambda: value > operand,
            "_gte": lambda: value >= operand,
            "_lt": lambda: value < operand,
            "_lte": lambda: value <= operand,
        }[name]
        if name in ("_eq", "_neq")
        else _ordered(value, name, operand)
    )


def _ordered(value: Any, name: str, operand: Any) -> bool:
    if name == "_gt":
        return value > operand
    if name == "_gte":
        return value >= operand
    return value < operand if name == "_lt" else value <= operand


def _like(text: str, pattern: str) -> bool:
    """LIKE, by looking at all ways to split the text."""
    if not pattern:
        return not text
    first, rest = pattern[0], pattern[1:]
    if first == "%":
        return any(_like(text[start:], rest) for start in range(len(text) + 1))
    if first == "\\" and rest:
        first, rest = rest[0], rest[1:]
        return text[:1] == first and _like(text[1:], rest)
    if first == "_":
        return bool(text) and _like(text[1:], rest)
    return text[:1] == first and _like(text[1:], rest)


def _kept(value: Any) -> Any:
    """A JSON value in a form in which equal values are equal: `true` is not 1, but 1.0 is."""
    if isinstance(value, dict):
        return {key: _kept(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_kept(inner) for inner in value]
    return ("bool", value) if isinstance(value, bool) else value


def _json_operator(value: Any, name: str, operand: Any) -> bool:
    if name in ("_eq", "_neq"):
        return (_kept(value) == _kept(operand)) == (name == "_eq")
    if name in ("_in", "_nin"):
        return any(_kept(value) == _kept(one) for one in operand) == (name == "_in")
    if name == "_contains":
        return _contains(value, operand, is_top=True)
    if name == "_contained_in":
        return _contains(operand, value, is_top=True)
    keys = (
        list(value) if isinstance(value, dict)
        else [one for one in value if isinstance(one, str)] if isinstance(value, list)
        else [value] if isinstance(value, str)
        else []
    )  # fmt: skip
    hits = [key in keys for key in _listed(operand)]
    return any(hits) if name == "_has_keys_any" else all(hits)


def _contains(whole: Any, part: Any, *, is_top: bool = False) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and _contains(whole[key], inner) for key, inner in part.items())
    if isinstance(whole, list) and isinstance(part, list):
        return all(any(_contains(one, inner) for one in whole) for inner in part)
    if is_top and isinstance(whole, list) and not isinstance(part, dict):
        return any(_kept(one) == _kept(part) for one in whole)
    return _kept(whole) == _kept(part)


@pytest.fixture(scope="module")
def model(twins: Twins) -> Model:
    """What the API has to say."""
    return Model(twins)


_is_name = re.compile(r"[_A-Za-z][_0-9A-Za-z]*").fullmatch


def to_literal(value: Any, *, is_word: bool = False) -> str:
    """A value as it is written in a document."""
    if isinstance(value, dict) and not all(_is_name(key) for key in value):
        return json.dumps(json.dumps(value))  # such JSON can be written as text only
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{key}: {to_literal(inner, is_word=is_word)}" for key, inner in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(to_literal(inner, is_word=is_word) for inner in value) + "]"
    if is_word and isinstance(value, str):
        return value
    return json.dumps(value)


@pytest.fixture(scope="session")
def literal() -> Callable[..., str]:
    """Writes a value as a literal of a document."""
    return to_literal
