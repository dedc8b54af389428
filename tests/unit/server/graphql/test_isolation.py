"""No request shows, counts or orders by anything of another tenant's.

The matrix is made from the schema: a new table, column or relation is in it without being named.
Rows of each tenant refer to rows of the other, so that only the predicate keeps them apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect.server.database import tables
from prefect.server.graphql import builder
from prefect.server.graphql.columns import comparable_columns, table_info, table_names
from scoreboard import record


def _ids(value: Any, table: str) -> Iterator[tuple[str, str]]:
    """All `(table, id)` in an answer; the alias of a field says its table."""
    if isinstance(value, list):
        for item in value:
            yield from _ids(item, table)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "id":
                yield table, inner
            elif key != "aggregate":
                yield from _ids(inner, key.partition("__")[2] or table)


class Check:
    """Asks one question after the other, and keeps what should not have been seen."""

    def __init__(self, twins: Any) -> None:
        self.twins = twins
        self.visible = {name: {row["id"] for row in twins.visible(name)} for name in twins.rows.rows}
        self.leaks: list[str] = []
        self.questions = 0

    def ask(self, document: str, root: str) -> list[Any]:
        answers = []
        for dialect, graph in self.twins.graphs.items():
            self.questions += 1
            data = graph(document)
            answers.append(data)
            for table, id in _ids(data, root):
                if id not in self.visible[table]:
                    self.leaks.append(f"{dialect}: {table} {id} by {document}")
        return answers

    def expect(self, document: str, root: str, expected: Any) -> None:
        for data in self.ask(document, root):
            if data != expected:
                self.leaks.append(f"{document}: {data} instead of {expected}")


def _all_ids(twins: Any, table: str) -> list[str]:
    return [row["id"] for row in twins.rows.rows[table]]


def _counts(check: Check, table: str) -> None:
    own = len(check.visible[table])
    check.expect(
        f"{{ {table}_aggregate {{ aggregate {{ count }} }} }}",
        table,
        {f"{table}_aggregate": {"aggregate": {"count": own}}},
    )
    parts = " ".join(
        f"{function} {{ {' '.join(columns)} }}"
        for function in ("min", "max", "sum", "avg")
        if (columns := comparable_columns(table, function))
    )
    # Of the rows of others: nothing, whatever is asked.
    strangers = [id for id in _all_ids(check.twins, table) if id not in check.visible[table]]
    listed = ", ".join(f'"{id}"' for id in strangers)
    document = f"{{ {table}_aggregate(where: {{id: {{_in: [{listed}]}}}}) {{ aggregate {{ count {parts} }} nodes {{ id }} }} }}"
    for data in check.ask(document, table):
        found = data[f"{table}_aggregate"]["aggregate"]
        values = [inner for key, value in found.items() if key != "count" for inner in value.values()]
        if found["count"] != 0 or any(value is not None for value in values):
            check.leaks.append(f"{document}: {data}")


def _lists(check: Check, table: str) -> None:
    expected = sorted(check.visible[table])
    for data in check.ask(f"{{ {table} {{ id }} }}", table):
        if sorted(row["id"] for row in data[table]) != expected:
            check.leaks.append(f"{table}: {data}")
    for id in _all_ids(check.twins, table):
        check.expect(
            f'{{ {table}_by_pk(id: "{id}") {{ id }} }}',
            table,
            {f"{table}_by_pk": {"id": id} if id in check.visible[table] else None},
        )
    for column in table_info(table).columns:
        check.ask(f"{{ {table}(distinct_on: {column}, order_by: {{{column}: asc}}) {{ id }} }}", table)


def _relations(check: Check, table: str) -> None:
    for name, relation in table_info(table).relations.items():
        target = relation.target
        key = f"x__{target}: {name}"
        if relation.kind == "object":
            check.ask(f"{{ {table} {{ id {key} {{ id }} }} }}", table)
            orders = [f"{{{name}: {{{column}: asc}}}}" for column in table_info(target).columns]
        else:
            count = f"y__{target}: {name}_aggregate {{ aggregate {{ count }} nodes {{ id }} }}"
            for data in check.ask(f"{{ {table} {{ id {key} {{ id }} {count} }} }}", table):
                for row in data[table]:
                    if row[f"y__{target}"]["aggregate"]["count"] != len(row[f"x__{target}"]):
                        check.leaks.append(f"{table}.{name}_aggregate: {row}")
            orders = [f"{{{name}_aggregate: {{count: desc}}}}"]
            orders += [
                f"{{{name}_aggregate: {{max: {{{one}: asc}}}}}}" for one in comparable_columns(target, "max")
            ]
        strangers = [id for id in _all_ids(check.twins, target) if id not in check.visible[target]]
        listed = ", ".join(f'"{id}"' for id in strangers)
        # A filter through a relation, and its negation, say nothing about rows of others.
        through = f"{{{name}: {{id: {{_in: [{listed}]}}}}}}"
        check.expect(f"{{ {table}(where: {through}) {{ id }} }}", table, {table: []})
        _order_tells_nothing(check, table, orders)


def _order_tells_nothing(check: Check, table: str, orders: list[str]) -> None:
    """Rows that differ in rows of others only are in the order of their ids."""
    for order in orders:
        check.ask(f"{{ {table}(order_by: [{order}, {{id: asc}}]) {{ id }} }}", table)


def _run_matrix(check: Check) -> None:
    for table in table_names():
        if table not in check.visible:
            continue
        _lists(check, table)
        _counts(check, table)
        _relations(check, table)


def test_the_matrix_finds_nothing(twins: Any) -> None:
    check = Check(twins)
    assert set(check.visible) == set(table_names()), "a table has no rows in the matrix"
    _run_matrix(check)
    record("S6 (tables)", "both", None, "0 leaks", f"{len(check.leaks)} of {check.questions} questions")
    assert check.leaks == []
    assert check.questions > 1000


def _break_scope(monkeypatch: pytest.MonkeyPatch, twins: Any, broken: str) -> None:
    intact = builder.predicate

    def predicate(table: str, alias: str, dialect: Any, *, is_narrow: bool = False) -> str:
        return "1 = 1" if table == broken else intact(table, alias, dialect, is_narrow=is_narrow)

    monkeypatch.setattr(builder, "predicate", predicate)
    for graph in twins.graphs.values():
        graph.executor = type(graph.executor)(graph.store, graph.executor.clock)


@pytest.mark.parametrize("broken", table_names())
def test_the_matrix_notices_a_table_without_its_predicate(
    broken: str, twins: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_scope(monkeypatch, twins, broken)
    check = Check(twins)
    try:
        _lists(check, broken)
        _counts(check, broken)
        assert len(check.leaks) > 2
        # By relations that lead to it, too.
        check.leaks.clear()
        leading = [
            name
            for name, relations in tables.RELATIONS.items()
            if any(one.target == broken for one in relations)
        ]
        for name in leading:
            _relations(check, name)
        # (A row leads to no tenant but its own.)
        assert check.leaks or not leading or broken == "tenant"
    finally:
        monkeypatch.undo()
        for graph in twins.graphs.values():
            graph.executor = type(graph.executor)(graph.store, graph.executor.clock)


def test_an_order_through_a_relation_does_not_see_rows_of_others(twins: Any) -> None:
    # A stray run refers to a flow of another tenant: it is ordered as one without a flow.
    for table in table_names():
        for name, relation in table_info(table).relations.items():
            if relation.kind != "object":
                continue
            local = {row["id"]: row[relation.local] for row in twins.visible(table)}
            hidden = {row["id"] for row in twins.rows.rows[relation.target]} - {
                row["id"] for row in twins.visible(relation.target)
            }
            strays = {id for id, key in local.items() if key in hidden or key is None}
            document = f"{{ {table}(order_by: [{{{name}: {{id: asc_nulls_last}}}}, {{id: asc}}]) {{ id }} }}"
            found = [row["id"] for row in twins(document)[table]]
            assert set(found[len(found) - len(strays) :]) == strays, (table, name)


# -- filter trees -----------------------------------------------------------------------

_LEAVES = [
    "{}",
    "null",
    "{id: {_eq: null}}",
    "{id: {_in: []}}",
    "{id: {_nin: []}}",
    "{_and: []}",
    "{_or: []}",
    "{_not: {}}",
]


@st.composite
def trees(draw: st.DrawFn, table: str, depth: int = 4) -> str:
    """The text of a filter that tries to be always true."""
    kind = draw(
        st.sampled_from(
            ["leaf", "tenant", "_and", "_or", "_not", "relation", "many"] if depth else ["leaf", "tenant"]
        )
    )
    info = table_info(table)
    if kind == "tenant":
        column = "tenant_id" if "tenant_id" in info.columns else "id"
        operator = draw(st.sampled_from(["_neq", "_is_null", "_eq", "_in"]))
        operand = {"_is_null": draw(st.sampled_from(["true", "false"])), "_in": "null"}.get(
            operator, draw(st.sampled_from(["null", '"00000000-0000-4000-8000-000000000000"']))
        )
        return f"{{{column}: {{{operator}: {operand}}}}}"
    if kind in ("_and", "_or"):
        inner = draw(st.lists(trees(table, depth - 1), max_size=3))
        return f"{{{kind}: [{', '.join(one for one in inner if one != 'null')}]}}"
    if kind == "_not":
        return f"{{_not: {draw(trees(table, depth - 1))}}}"
    if kind == "many":
        return f"{{_or: [{{}}, {draw(trees(table, depth - 1)).replace('null}', 'null}')}]}}".replace(
            ", null]", "]"
        )
    if kind == "relation" and info.relations:
        name = draw(st.sampled_from(sorted(info.relations)))
        return f"{{{name}: {draw(trees(info.relations[name].target, depth - 1))}}}"
    return draw(st.sampled_from(_LEAVES))


@given(data=st.data())
def test_no_filter_reaches_around_the_predicate(data: st.DataObject, twins: Any) -> None:
    table = data.draw(st.sampled_from(table_names()))
    where = data.draw(trees(table))
    allowed = {row["id"] for row in twins.visible(table)}
    for graph in twins.graphs.values():
        found = graph(
            f"{{ {table}(where: {where}) {{ id }} {table}_aggregate(where: {where}) {{ aggregate {{ count }} }} }}"
        )
        ids = [row["id"] for row in found[table]]
        assert set(ids) <= allowed
        assert found[f"{table}_aggregate"]["aggregate"]["count"] == len(ids)


def test_filter_trees_notice_a_build_without_the_predicate(
    twins: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_scope(monkeypatch, twins, "flow")
    try:
        found = twins.graphs["sqlite"]("{ flow(where: {_or: [{}, {id: {_eq: null}}]}) { id } }")["flow"]
        assert not {row["id"] for row in found} <= {row["id"] for row in twins.visible("flow")}
    finally:
        monkeypatch.undo()
        for graph in twins.graphs.values():
            graph.executor = type(graph.executor)(graph.store, graph.executor.clock)


# -- callers -----------------------------------------------------------------------------


def test_one_plan_serves_callers_of_different_tenants_and_roles(twins: Any) -> None:
    documents = ["{ flow { id } }", "{ user { id } }", "{ tenant { id } }", "{ auth_api_key { id user_id } }"]
    first = twins.caller
    second = replace(
        first,
        tenant_id=twins.rows.tenants[1],
        tenants=(twins.rows.tenants[1],),
        user_id=twins.rows.of("membership", twins.rows.tenants[1])[0]["user_id"],
    )
    callers = [first, second, replace(first, role="user"), replace(second, role="read-only"), first]
    for graph, document, caller in itertools.product(twins.graphs.values(), documents, callers):
        table = document.split()[1]
        expected = sorted(row["id"] for row in type(twins)(twins.rows, twins.graphs, caller).visible(table))
        found = graph.as_(caller)(document)[table]
        assert sorted(row["id"] for row in found) == expected, (document, caller)


def test_nobody_sees_nothing(twins: Any, refusal: Any) -> None:
    for graph in twins.graphs.values():
        for document in ("{ flow { id } }", "{ tenant { id } }", "{ __schema { types { name } } }"):
            with pytest.raises(refusal) as caught:
                graph.as_(None)(document)
            assert (caught.value.status, caught.value.code) == (200, "UNAUTHENTICATED")


def test_columns_that_are_hidden_are_not_there(twins: Any, refusal: Any) -> None:
    for table, hidden in tables.PUBLIC_TABLES.items():
        for column in hidden:
            for document in (
                f"{{ {table} {{ {column} }} }}",
                f"{{ {table}(order_by: {{{column}: asc}}) {{ id }} }}",
                f"{{ {table}(distinct_on: {column}) {{ id }} }}",
                f"{{ {table}(where: {{{column}: {{_is_null: false}}}}) {{ id }} }}",
            ):
                with pytest.raises(refusal) as caught:
                    twins(document)
                assert caught.value.status == 400
    assert {"secret", "session", "server_meta", "concurrency_slot"}.isdisjoint(table_names())
