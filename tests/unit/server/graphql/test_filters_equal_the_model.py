"""Random filters, orders and pages: SQLite, PostgreSQL and a model in Python say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefect.server.graphql.columns import comparable_columns, table_info
from prefect.server.graphql.where import COMPARISONS
from scoreboard import sized

TABLES = ("flow", "flow_run", "task_run", "task", "project", "flow_run_state", "log", "edge", "agent")
_TEXTS = [
    "a",
    "A",
    "aB",
    "b%c",
    "x_y",
    "back\\slash",
    "Straße",
    "ÉCOLE",
    "école",
    "日本",
    "😀",
    "it's",
    "",
    "%",
]
_PATTERNS = [
    "%",
    "_",
    "%a%",
    "a_",
    "%b",
    "É%",
    "é%",
    "%\\%%",
    "x\\_y",
    "\\",
    "%\\",
    "%\\\\%",
    "😀",
    "_本",
    "STRASSE",
    "straße%",
    "%'%",
    "%%%",
    "",
    "a%b%",
]
_JSONS: list[Any] = [
    {}, [], {"a": 1}, {"b": [2]}, {"b": [{"c": None}]}, {"a": {}}, ["a"], [1], [[1]], ["b", "a"], "a", "one", 1, 1.0, 1.5,
    True, False, None, {"c": True}, {"c": 1}, [None], ["1", 1], {"😀": "Straße"},
]  # fmt: skip
_KEYS = ["a", "b", "c", "1", "😀", "", "b.c", "it's"]
DIRECTIONS = ["asc", "desc", "asc_nulls_first", "asc_nulls_last", "desc_nulls_first", "desc_nulls_last"]
_IDS = st.sampled_from(
    ["id", "flow_id", "flow_run_id", "task_id", "project_id", "task_run_id", "flow_group_id"]
)


def _values(kind: str, rows: Any, table: str, column: str) -> st.SearchStrategy[Any]:
    present = [row[column] for row in rows.rows[table] if row[column] is not None]
    if kind == "uuid":
        return st.sampled_from([*present, "00000000-0000-4000-8000-000000000000"])
    if kind == "timestamptz":
        return st.sampled_from([*present, "2030-01-02T03:04:06.000001+00:00"])
    if kind == "Int":
        return st.integers(-2, 5)
    if kind == "Boolean":
        return st.booleans()
    if kind == "jsonb":
        return st.sampled_from(_JSONS)
    return st.sampled_from([*_TEXTS, *[one for one in present if isinstance(one, str)]])


def _operand(kind: str, operator: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    if operator == "_is_null":
        return st.booleans()
    if operator in ("_in", "_nin"):
        known = values.filter(lambda value: value is not None)
        # As a list of values; JSON that is a list of lists too.
        return st.lists(known, max_size=3)
    if operator.endswith("like"):
        return st.sampled_from(_PATTERNS)
    if operator == "_has_key":
        return st.sampled_from(_KEYS)
    if operator.startswith("_has_keys"):
        return st.lists(st.sampled_from(_KEYS), max_size=3)
    return values


@st.composite
def comparisons(draw: st.DrawFn, rows: Any, table: str) -> dict[str, Any]:
    """`{column: {operator: operand}}`."""
    info = table_info(table)
    column = draw(st.sampled_from(sorted(info.columns)))
    kind = info.columns[column]
    operators = draw(st.lists(st.sampled_from(COMPARISONS[kind]), min_size=1, max_size=2, unique=True))
    values = _values(kind, rows, table, column)
    found = {
        operator: None if draw(st.integers(0, 9)) == 9 else draw(_operand(kind, operator, values))
        for operator in operators
    }
    return {column: found}


@st.composite
def filters(draw: st.DrawFn, rows: Any, table: str, depth: int = 3) -> Any:
    """A filter."""
    kinds = ["column", "column", "empty", "null"]
    if depth:
        kinds += ["_and", "_or", "_not", "_and one", "relation", "two"]
    kind = draw(st.sampled_from(kinds))
    if kind == "column":
        return draw(comparisons(rows, table))
    if kind in ("empty", "null"):
        return {} if kind == "empty" else {"id": {"_eq": None}}
    if kind in ("_and", "_or"):
        return {kind: draw(st.lists(filters(rows, table, depth - 1), max_size=3))}
    if kind == "_and one":
        return {"_and": draw(filters(rows, table, depth - 1))}
    if kind == "_not":
        return {"_not": draw(filters(rows, table, depth - 1))}
    if kind == "two":
        return {**draw(filters(rows, table, depth - 1)), **draw(comparisons(rows, table))}
    relations = table_info(table).relations
    if not relations:
        return {}
    name = draw(st.sampled_from(sorted(relations)))
    target = relations[name].target
    if target not in rows.rows:
        return {}
    return {name: draw(filters(rows, target, depth - 1))}


@st.composite
def orders(draw: st.DrawFn, table: str) -> list[dict[str, Any]]:
    """An `order_by`: columns, through relations, by aggregates."""
    info = table_info(table)
    plain = [column for column, kind in info.columns.items() if kind != "jsonb"]
    found: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 2))):
        direction = st.sampled_from(DIRECTIONS)
        kind = draw(st.sampled_from(["column", "column", "relation", "aggregate"]))
        objects = [name for name, one in info.relations.items() if one.kind == "object"]
        arrays = [name for name, one in info.relations.items() if one.kind == "array"]
        if kind == "relation" and objects:
            name = draw(st.sampled_from(objects))
            target = table_info(info.relations[name].target)
            columns = [column for column, inner in target.columns.items() if inner != "jsonb"]
            found.append({name: {draw(st.sampled_from(columns)): draw(direction)}})
        elif kind == "aggregate" and arrays:
            name = draw(st.sampled_from(arrays))
            function = draw(st.sampled_from(["count", "min", "max", "sum", "avg"]))
            choices = comparable_columns(info.relations[name].target, function) if function != "count" else {}
            if function == "count":
                found.append({f"{name}_aggregate": {"count": draw(direction)}})
            elif choices:
                column = draw(st.sampled_from(sorted(choices)))
                found.append({f"{name}_aggregate": {function: {column: draw(direction)}}})
        else:
            found.append({draw(st.sampled_from(plain)): draw(direction)})
    return found


@st.composite
def arguments(draw: st.DrawFn, rows: Any, table: str) -> dict[str, Any]:
    """Arguments of a list field."""
    info = table_info(table)
    plain = [column for column, kind in info.columns.items() if kind != "jsonb"]
    found: dict[str, Any] = {"where": draw(filters(rows, table)), "order_by": draw(orders(table))}
    if draw(st.booleans()):
        found["limit"] = draw(st.one_of(st.none(), st.integers(0, 5)))
    if draw(st.booleans()):
        found["offset"] = draw(st.one_of(st.none(), st.integers(0, 3)))
    if draw(st.integers(0, 3)) == 0:
        found["distinct_on"] = draw(st.lists(st.sampled_from(plain), max_size=2, unique=True))
    if found.get("distinct_on") or found.get("limit") is not None or found.get("offset"):
        found["order_by"] = [*found["order_by"], {"id": "asc"}]  # which rows they are depends on the order
    return found


def written(values: dict[str, Any], literal: Any) -> str:
    """Arguments as they stand in a document."""
    parts = [
        f"{name}: {literal(value, is_word=name in ('order_by', 'distinct_on'))}"
        for name, value in values.items()
    ]
    return f"({', '.join(parts)})"


def _is_ordered(values: dict[str, Any]) -> bool:
    return any("id" in one for one in values["order_by"])


_CHOICES = st.sampled_from(TABLES)


@settings(max_examples=sized(60, 2_000))
@given(data=st.data())
def test_rows_are_those_of_the_model(data: st.DataObject, twins: Any, model: Any, literal: Any) -> None:
    table = data.draw(_CHOICES)
    values = data.draw(arguments(twins.rows, table))
    expected = [row["id"] for row in model.select(table, values)]

    document = f"{{ {table}{written(values, literal)} {{ id }} }}"
    found = [row["id"] for row in twins.graphs["sqlite"](document)[table]]
    other = [row["id"] for row in list(twins.graphs.values())[-1](document)[table]]
    if not _is_ordered(values):
        found, other, expected = sorted(found), sorted(other), sorted(expected)
    assert found == expected
    assert other == expected


@settings(max_examples=sized(60, 2_000))
@given(data=st.data())
def test_variables_say_the_same_as_literals(data: st.DataObject, twins: Any, model: Any) -> None:
    table = data.draw(_CHOICES)
    values = data.draw(arguments(twins.rows, table))
    expected = [row["id"] for row in model.select(table, values)]
    kinds = {
        "where": f"{table}_bool_exp",
        "order_by": f"[{table}_order_by!]",
        "limit": "Int",
        "offset": "Int",
        "distinct_on": f"[{table}_select_column!]",
    }
    declared = ", ".join(f"${name}: {kinds[name]}" for name in values)
    passed = ", ".join(f"{name}: ${name}" for name in values)
    document = f"query({declared}) {{ {table}({passed}) {{ id }} }}"
    for graph in twins.graphs.values():
        found = [row["id"] for row in graph(document, values)[table]]
        assert (found if _is_ordered(values) else sorted(found)) == (
            expected if _is_ordered(values) else sorted(expected)
        )


@settings(max_examples=sized(60, 2_000))
@given(data=st.data())
def test_rows_of_relations_are_those_of_the_model(
    data: st.DataObject, twins: Any, model: Any, literal: Any
) -> None:
    table = data.draw(_CHOICES)
    relations = [one for one in table_info(table).relations.values() if one.kind == "array"]
    if not relations:
        return
    relation = data.draw(st.sampled_from(relations))
    values = data.draw(arguments(twins.rows, relation.target))
    values["order_by"] = [*values["order_by"], {"id": "asc"}]
    inner = written(values, literal)
    document = (
        f"{{ {table}(order_by: {{id: asc}}) {{ id {relation.name}{inner} {{ id __typename }} "
        f"{relation.name}_aggregate{inner} {{ aggregate {{ count }} nodes {{ id }} }} }} }}"
    )
    expected: list[dict[str, Any]] = []
    for row in sorted(model.visible[table], key=lambda one: one["id"]):
        chosen = model.select(relation.target, values, model.related(table, row, relation.name))
        ids = [{"id": one["id"]} for one in chosen]
        expected.append(
            {
                "id": row["id"],
                relation.name: [{**one, "__typename": relation.target} for one in ids],
                f"{relation.name}_aggregate": {"aggregate": {"count": len(ids)}, "nodes": ids},
            }
        )
    for graph in twins.graphs.values():
        assert graph(document)[table] == expected


@settings(max_examples=sized(60, 2_000))
@given(data=st.data())
def test_aggregates_are_those_of_the_model(data: st.DataObject, twins: Any, model: Any, literal: Any) -> None:
    table = data.draw(_CHOICES)
    values = data.draw(arguments(twins.rows, table))
    chosen = model.select(table, values)
    parts = ["count"]
    expected: dict[str, Any] = {"count": len(chosen)}
    for function in ("min", "max", "sum", "avg"):
        columns = sorted(comparable_columns(table, function))
        if columns:
            column = data.draw(st.sampled_from(columns))
            parts.append(f"{function} {{ {column} }}")
            expected[function] = {column: _aggregate(function, [row[column] for row in chosen])}
    column = data.draw(
        st.sampled_from([c for c, kind in table_info(table).columns.items() if kind != "jsonb"])
    )
    parts.append(f"known: count(columns: [{column}]) different: count(columns: {column}, distinct: true)")
    known = [row[column] for row in chosen if row[column] is not None]
    expected["known"], expected["different"] = len(known), len(set(known))
    parts.append(f"pairs: count(columns: [{column}, id], distinct: true)")
    expected["pairs"] = len(chosen)
    document = f"{{ {table}_aggregate{written(values, literal)} {{ aggregate {{ {' '.join(parts)} }} }} }}"
    for graph in twins.graphs.values():
        assert graph(document)[f"{table}_aggregate"]["aggregate"] == expected


def _aggregate(function: str, values: list[Any]) -> Any:
    known = [value for value in values if value is not None]
    if not known:
        return None
    if function == "avg":
        return pytest.approx(sum(known) / len(known))  # SQLite writes 15 digits
    return {"min": min, "max": max, "sum": sum}[function](known)


def test_every_column_comes_out_as_it_went_in(twins: Any) -> None:
    for table in twins.rows.rows:
        columns = sorted(table_info(table).columns)
        found = twins(f"{{ {table}(order_by: {{id: asc}}) {{ {' '.join(columns)} }} }}")[table]
        expected = [
            {column: row[column] for column in columns}
            for row in sorted(twins.visible(table), key=lambda row: row["id"])
        ]
        assert json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)
