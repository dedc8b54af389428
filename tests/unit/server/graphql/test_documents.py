"""What may stand in a document, and what requests of one text have in common."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from graphql import build_client_schema, get_introspection_query, parse, print_schema
from hypothesis import given
from hypothesis import strategies as st

from prefect.server.graphql.cache import Cache
from prefect.server.graphql.documents import DocumentCache, DocumentError
from prefect.server.graphql.execute import Request
from prefect.server.graphql.lifting import TooManyLiteralsError, lift
from prefect.server.graphql.limits import Limits
from prefect.server.graphql.schema import build_schema, sdl

# -- the grammar ------------------------------------------------------------------------


def _first(twins: Any, table: str = "flow") -> dict[str, Any]:
    return min(twins.visible(table), key=lambda row: row["id"])


def test_fields_are_answered_in_the_order_and_under_the_names_they_were_asked(twins: Any) -> None:
    flow = _first(twins)
    for graph in twins.graphs.values():
        reply = graph.reply(
            f'{{ b: flow_by_pk(id: "{flow["id"]}") {{ z: name a: id __typename }} a: hello }}'
        )
        data = json.loads(reply.body)["data"]
        assert list(data) == ["b", "a"]
        assert data["b"] == {"z": flow["name"], "a": flow["id"], "__typename": "flow"}
        assert list(data["b"]) == ["z", "a", "__typename"]


def test_fragments_and_inline_fragments_are_merged(twins: Any) -> None:
    flow = _first(twins)
    document = """
        query Q { flow_by_pk(id: "%s") { ...A ... on flow { version } ... { archived } project { id } ...B } }
        fragment A on flow { id name project { name } }
        fragment B on flow { id ...C }
        fragment C on flow { project { description } }
    """
    found = twins(document % flow["id"])["flow_by_pk"]
    project = next((row for row in twins.visible("project") if row["id"] == flow["project_id"]), None)
    assert {key: found[key] for key in ("id", "name", "version", "archived")} == {
        key: flow[key] for key in ("id", "name", "version", "archived")
    }
    if project is not None:
        assert found["project"] == {key: project[key] for key in ("name", "id", "description")}


@pytest.mark.parametrize(("include", "skip"), [(True, True), (True, False), (False, True), (False, False)])
def test_directives_choose_fields(include: bool, skip: bool, twins: Any) -> None:
    document = """
        query($i: Boolean!, $s: Boolean!) {
          flow(limit: 1) { id name @include(if: $i) version @skip(if: $s) ...F @include(if: $i) }
          hello @skip(if: $s)
        }
        fragment F on flow { archived }
    """
    found = twins(document, {"i": include, "s": skip})
    expected = {"id"} | ({"name", "archived"} if include else set()) | (set() if skip else {"version"})
    assert set(found["flow"][0]) == expected
    assert ("hello" in found) != skip


def test_typename_is_there_at_every_level(twins: Any) -> None:
    document = """{ __typename flow(limit: 1) { __typename flow_runs_aggregate { __typename
        aggregate { __typename count max { __typename } } nodes { __typename } } } auth_info { __typename } }"""
    found = twins(document)
    assert found["__typename"] == "query_root"
    assert found["auth_info"]["__typename"] == "auth_info"
    flow = found["flow"][0]
    assert flow["__typename"] == "flow"
    inner = flow["flow_runs_aggregate"]
    assert inner["__typename"] == "flow_run_aggregate"
    assert inner["aggregate"]["__typename"] == "flow_run_aggregate_fields"
    assert inner["aggregate"]["max"]["__typename"] == "flow_run_max_fields"


@pytest.mark.parametrize(
    ("declared", "value", "where"),
    [
        ("$v: uuid!", "ID", "{id: {_eq: $v}}"),
        ("$v: [uuid!]", ["ID"], "{id: {_in: $v}}"),
        ("$v: [uuid!]", "ID", "{id: {_in: $v}}"),
        ("$v: String", "NAME", "{id: {_eq: ID}, name: {_eq: $v}}"),
        ("$v: [String!]!", ["NAME", "x"], "{id: {_eq: ID}, name: {_in: $v}}"),
        ("$v: Int", 1, "{id: {_eq: ID}, version: {_gte: -5}, _or: [{version: {_neq: $v}}, {version: {_eq: $v}}]}"),
        ("$v: Boolean!", False, "{id: {_eq: ID}, name: {_is_null: $v}}"),
        ("$v: timestamptz", "1999-01-01T00:00:00", "{id: {_eq: ID}, created: {_gt: $v}}"),
        ("$v: timestamptz_comparison_exp", {"_gt": "1999-01-01"}, "{id: {_eq: ID}, created: $v}"),
        ("$v: flow_bool_exp", {"id": {"_eq": "ID"}}, "$v"),
        ("$v: flow_bool_exp", {"id": {"_eq": "ID"}}, "{_and: [{}, $v]}"),
        ("$v: [flow_bool_exp!]", [{"id": {"_eq": "ID"}}], "{_and: $v}"),
        ("$v: [flow_bool_exp!]", [{"id": {"_eq": "ID"}}, {"id": {"_is_null": True}}], "{_or: $v}"),
        ("$v: uuid", None, "{id: {_eq: ID}, project_id: {_eq: $v}}"),
        ("$v: uuid", ..., "{id: {_eq: ID}, project_id: {_eq: $v}}"),
        ('$v: uuid = "ID"', ..., "{id: {_eq: $v}}"),
        ("$v: Boolean = true", None, "{id: {_eq: ID}, name: {_is_null: $v}}"),
    ],
)  # fmt: skip
def test_variables_of_every_family_can_be_declared(declared: str, value: Any, where: str, twins: Any) -> None:
    flow = _first(twins)
    value = (
        ...
        if value is ...
        else json.loads(
            json.dumps(value)
            .replace('"ID"', json.dumps(flow["id"]))
            .replace('"NAME"', json.dumps(flow["name"]))
        )
    )
    where = where.replace("ID", json.dumps(flow["id"])) if '"ID"' not in where else where
    declared = declared.replace('"ID"', json.dumps(flow["id"]))
    document = f"query({declared}) {{ flow(where: {where}) {{ id }} }}"
    assert twins(document, {} if value is ... else {"v": value})["flow"] == [{"id": flow["id"]}]


def test_orders_and_columns_can_be_variables(twins: Any) -> None:
    document = """query($o: [flow_order_by!], $d: order_by, $c: [flow_select_column!], $l: Int, $f: Int) {
        a: flow(order_by: $o, limit: $l, offset: $f) { id }
        b: flow(order_by: {id: $d}) { id }
        c: flow(distinct_on: $c, order_by: {id: asc}) { id } }"""
    ids = sorted(row["id"] for row in twins.visible("flow"))
    found = twins(document, {"o": [{"id": "desc"}], "d": "asc", "c": ["id"], "l": 2, "f": 1})
    assert [row["id"] for row in found["a"]] == ids[::-1][1:3]
    assert [row["id"] for row in found["b"]] == ids
    # The same document with other words is another plan.
    found = twins(document, {"o": {"id": "asc"}, "d": "desc", "c": "id", "l": None, "f": None})
    assert [row["id"] for row in found["a"]] == ids
    assert [row["id"] for row in found["b"]] == ids[::-1]
    found = twins(document, {"o": None, "d": None, "c": None})
    assert sorted(row["id"] for row in found["a"]) == ids


def test_a_key_that_is_null_or_unknown_finds_nothing(twins: Any) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    assert twins("{ flow_by_pk(id: null) { id } }") == {"flow_by_pk": None}
    assert twins("{ flow_by_pk { id } }") == {"flow_by_pk": None}
    assert twins(f'{{ flow_by_pk(id: "{unknown}") {{ id }} }}') == {"flow_by_pk": None}
    assert twins("query($v: uuid) { flow_by_pk(id: $v) { id } }", {"v": None}) == {"flow_by_pk": None}
    assert twins("query($v: uuid) { flow_by_pk(id: $v) { id } }", {}) == {"flow_by_pk": None}


def test_ids_are_found_in_every_way_to_write_them(twins: Any) -> None:
    id = _first(twins)["id"]
    for text in (id, id.upper(), id.replace("-", ""), f"{{{id}}}", f"urn:uuid:{id}"):
        assert twins(f'{{ flow_by_pk(id: "{text}") {{ id }} }}')["flow_by_pk"] == {"id": id}
        assert twins("query($v: uuid!) { flow_by_pk(id: $v) { id } }", {"v": text})["flow_by_pk"] == {
            "id": id
        }


def test_texts_may_be_written_with_escapes_and_in_blocks(graph: Any) -> None:
    run = graph("{ flow_run(limit: 1, order_by: {id: asc}) { id } }")["flow_run"][0]
    for text, written in (
        ('😀é"\\\n', json.dumps('😀é"\\\n')),
        ("😀é", '"😀é"'),
        ("😀", '"\\uD83D\\uDE00"'),
        ("😀", '"\\u{1F600}"'),
        ("a\tb", '"a\tb"'),
        ('say "hi"\n  there', '"""\n    say "hi"\n      there\n  """'),
        ('a """ b', '"""a \\""" b"""'),
        ("#no comment", '"#no comment"'),
    ):
        graph.store.write_sync(
            lambda tx, text=text: tx.execute(
                "UPDATE flow_run SET name = :name WHERE id = :id", {"name": text, "id": run["id"]}
            )
        )
        found = graph(f"{{ flow_run(where: {{name: {{_eq: {written}}}}}) {{ id name }} # ]\n }}")["flow_run"]
        assert {"id": run["id"], "name": text} in found, written
        assert {row["name"] for row in found} == {text}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", {"b.c": [1, {"d e": "x"}], "0": "zero"}),
        ("$.a", {"b.c": [1, {"d e": "x"}], "0": "zero"}),
        ("a['b.c']", [1, {"d e": "x"}]),
        ('$["a"]["b.c"][0]', 1),
        ("a['b.c'][1]['d e']", "x"),
        ("a['b.c'][1].d e", "x"),
        ("a.0", "zero"),
        ("a['b.c'][7]", None),
        ("a['b.c'].nope", None),
        ("nope", None),
        ("a.0.nope", None),
        ("none", None),
        ("yes", True),
        ("$", ...),
        ("", ...),
        ("'; --", None),
    ],
)
def test_a_path_leads_into_a_value(path: str, expected: Any, graph: Any) -> None:
    value = {"a": {"b.c": [1, {"d e": "x"}], "0": "zero"}, "none": None, "yes": True}
    run = graph("{ flow_run(limit: 1, order_by: {id: asc}) { id } }")["flow_run"][0]
    parameter = "CAST(:value AS jsonb)" if graph.store.dialect == "postgresql" else ":value"
    graph.store.write_sync(
        lambda tx: tx.execute(
            f"UPDATE flow_run SET parameters = {parameter} WHERE id = :id",
            {"value": json.dumps(value), "id": run["id"]},
        )
    )
    if path == "'; --":
        reply = graph.reply("query($p: String) { flow_run { parameters(path: $p) } }", {"p": path})
        assert reply.status == 400
        return
    document = f"query($p: String, $id: uuid) {{ flow_run_by_pk(id: $id) {{ a: parameters(path: $p) b: parameters(path: {json.dumps(path)}) }} }}"
    wanted = value if expected is ... else expected
    assert graph(document, {"p": path, "id": run["id"]})["flow_run_by_pk"] == {"a": wanted, "b": wanted}


def test_json_is_written_as_text_as_a_literal_and_as_a_variable(graph: Any) -> None:
    run = graph("{ flow_run(limit: 1, order_by: {id: asc}) { id } }")["flow_run"][0]
    parameter = "CAST(:value AS jsonb)" if graph.store.dialect == "postgresql" else ":value"
    value = {"a": [1, "2", None, True, {"b": 1.5}]}
    graph.store.write_sync(
        lambda tx: tx.execute(f"UPDATE flow_run SET parameters = {parameter}", {"value": json.dumps(value)})
    )
    for operator in ("_eq", "_contains", "_contained_in"):
        for written in ('{a: [1, "2", null, true, {b: 1.5}]}', json.dumps(json.dumps(value)), "$v"):
            head = "query($v: jsonb)" if written == "$v" else ""
            found = graph(
                f"{head}{{ flow_run(where: {{parameters: {{{operator}: {written}}}}}) {{ id }} }}",
                {"v": value},
            )
            assert {"id": run["id"]} in found["flow_run"], (operator, written)
    # A text in a variable is a text, whatever it looks like.
    document = "query($v: jsonb) { flow_run(where: {parameters: {_contained_in: $v}}) { id } }"
    assert graph(document, {"v": json.dumps(value)})["flow_run"] == []


# -- introspection ------------------------------------------------------------------------


def test_the_standard_introspection_query_gives_the_schema(twins: Any) -> None:
    for options in ({}, {"descriptions": False}, {"input_value_deprecation": True, "specified_by_url": True}):
        data = twins(get_introspection_query(**options))
        schema = build_client_schema(data)
        assert set(schema.type_map) == set(build_schema().type_map)
    assert "type flow_run {" in print_schema(schema)
    assert "input flow_run_bool_exp {" in sdl()


def test_types_are_asked_for_by_name(twins: Any) -> None:
    for name, expected in (("flow", "flow"), ("flow_run", "flow_run"), ("nope", None)):
        for document, variables in (
            (f'{{ __type(name: "{name}") {{ name }} }}', {}),
            ("query($n: String!) { __type(name: $n) { name } }", {"n": name}),
        ):
            found = twins(document, variables)["__type"]
            assert found == (None if expected is None else {"name": expected})


# -- errors -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "variables", "code"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ flow { nope } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ flow(where: {nope: {}}) { id } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ flow(where: {name: {_nope: 1}}) { id } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ flow }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($v: nope) { hello }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($v: uuid) { flow(limit: $v) { id } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ('{ flow(limit: "1") { id } }', {}, "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { create_project(input: {}) { id } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($v: uuid!) { flow_by_pk(id: $v) { id } }", {}, "BAD_USER_INPUT"),
        ("query($v: uuid!) { flow_by_pk(id: $v) { id } }", {"v": None}, "BAD_USER_INPUT"),
        ("query($v: uuid!) { flow_by_pk(id: $v) { id } }", {"v": "x"}, "BAD_USER_INPUT"),
        ("query($v: Int) { flow(limit: $v) { id } }", {"v": "x"}, "BAD_USER_INPUT"),
        ("query($v: flow_bool_exp) { flow(where: $v) { id } }", {"v": {"nope": 1}}, "BAD_USER_INPUT"),
        ('{ flow_by_pk(id: "x") { id } }', {}, "BAD_USER_INPUT"),
        ('{ flow(where: {created: {_gt: "x"}}) { id } }', {}, "BAD_USER_INPUT"),
        ("{ flow(limit: -1) { id } }", {}, "BAD_USER_INPUT"),
        (
            "mutation($input: create_project_input!) { create_project(input: $input) { id } }",
            {"input": {"nope": 1}},
            "BAD_USER_INPUT",
        ),
        ('mutation { delete_project(input: {project_id: "x"}) { success } }', {}, "BAD_USER_INPUT"),
    ],
)  # fmt: skip
def test_documents_and_variables_at_fault_are_answered_with_400_and_a_code(
    document: str, variables: dict[str, Any], code: str, twins: Any
) -> None:
    for graph in twins.graphs.values():
        for _ in range(2):  # what is cached does not change the answer
            reply = graph.reply(document, variables)
            body = json.loads(reply.body)
            assert reply.status == 400
            assert "data" not in body
            assert {error["extensions"]["code"] for error in body["errors"]} == {code}
            assert all(error["message"] for error in body["errors"])


def test_a_field_that_fails_is_null_and_the_others_are_answered(graph: Any) -> None:
    reply = graph.reply('{ a: hello b: secret_value(name: "nope") c: flow(limit: 1) { __typename } }')
    body = json.loads(reply.body)
    assert reply.status == 200
    assert body["data"]["a"]
    assert body["data"]["b"] is None
    assert body["data"]["c"] == [{"__typename": "flow"}]
    (error,) = body["errors"]
    assert error["path"] == ["b"]
    assert "No value found for the requested key" in error["message"]


def test_mutations_are_done_in_order_and_one_that_fails_stops_none(graph: Any) -> None:
    document = """mutation {
        a: create_project(input: {name: "one"}) { id }
        b: create_project(input: {name: "one"}) { id }
        c: create_project(input: {name: "two"}) { id }
        __typename }"""
    body = json.loads(graph.reply(document).body)
    assert body["data"]["a"]["id"]
    assert body["data"]["b"] is None
    assert body["data"]["c"]["id"]
    assert body["data"]["__typename"] == "mutation_root"
    assert [(error["path"], error["message"]) for error in body["errors"]] == [
        (["b"], "Uniqueness violation.")
    ]


def test_nothing_is_done_when_one_of_several_inputs_cannot_be_read(graph: Any) -> None:
    document = 'mutation { create_project(input: {name: "fresh"}) { id } delete_project(input: {project_id: "x"}) { success } }'
    assert graph.reply(document).status == 400
    assert graph('{ project(where: {name: {_eq: "fresh"}}) { id } }')["project"] == []


def test_an_answer_without_errors_has_no_key_of_that_name(twins: Any) -> None:
    for graph in twins.graphs.values():
        for document in (
            "{ hello }",
            "{ flow { id } }",
            "{ flow_by_pk(id: null) { id } }",
            "mutation { __typename }",
        ):
            assert list(json.loads(graph.reply(document).body)) == ["data"]


# -- the cache ----------------------------------------------------------------------------


def _texts(graph: Any) -> int:
    return len(graph.executor.documents._parsed)


def test_requests_that_differ_in_literals_share_a_plan(twins: Any) -> None:
    for graph in twins.graphs.values():
        ids = [row["id"] for row in twins.visible("flow")]
        before, plans = _texts(graph), len(graph.executor.plans)
        for number, id in enumerate(ids):
            listed = ", ".join(f'"{one}"' for one in ids[: number + 1])
            found = graph(
                f'{{ flow(where: {{id: {{_in: [{listed}]}}, name: {{_neq: "n{number}"}}}}, limit: {number + 1}) {{ id }} }}'
            )
            assert {row["id"] for row in found["flow"]} == set(ids[: number + 1])
            assert graph(f'{{ flow_by_pk(id: "{id}") {{ id }} }}')["flow_by_pk"] == {"id": id}
        assert _texts(graph) <= before + 2
        assert len(graph.executor.plans) <= plans + 2


def test_literals_and_variables_of_one_document_keep_apart(twins: Any) -> None:
    first, second = sorted(row["id"] for row in twins.visible("flow"))[:2]
    document = 'query($v: uuid) { a: flow_by_pk(id: $v) { id } b: flow_by_pk(id: "%s") { id } }'
    for literal, variable in ((first, second), (second, first), (first, first), (second, None)):
        expected = {"a": None if variable is None else {"id": variable}, "b": {"id": literal}}
        assert twins(document % literal, {"v": variable}) == expected


def test_defaults_of_variables_belong_to_their_document(twins: Any) -> None:
    for most in (1, 2, 3):
        assert len(twins(f"query($n: Int = {most}) {{ flow(limit: $n) {{ id }} }}")["flow"]) == most
        assert len(twins(f"query($n: Int = {most}) {{ flow(limit: $n) {{ id }} }}", {"n": 1})["flow"]) == 1


def test_literals_that_are_merged_have_to_be_equal(twins: Any, refusal: Any) -> None:
    good = "{ a: flow(limit: %d) { id } a: flow(limit: %d) { name } }"
    assert list(twins(good % (1, 1))["a"][0]) == ["id", "name"]
    for graph in twins.graphs.values():
        assert graph.reply(good % (1, 2)).status == 400
        assert graph.reply(good % (2, 2)).status == 200


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{ flow(limit: 1) { id } }", "{ flow(limit: 99999999999) { id } }"),
        ("{ flow(limit: 1) { id } }", "{ flow(limit: 01) { id } }"),
        ("{ flow(limit: 1) { id } }", "{ flow(limit: ٣) { id } }"),
        ("{ flow(limit: 1) { id } }", '{ flow(limit: "1") { id } }'),
        ("{ flow(limit: 1) { id } }", "{ flow(limit: 1.5) { id } }"),
        ("{ flow(limit: 1) { id } }", "{ flow(limit: 1x) { id } }"),
        ('{ flow(where: {name: {_eq: "a"}}) { id } }', '{ flow(where: {name: {_eq: "\\q"}}) { id } }'),
        ('{ flow(where: {name: {_eq: "a"}}) { id } }', '{ flow(where: {name: {_eq: "\\ud800"}}) { id } }'),
        ('{ flow(where: {name: {_eq: "a"}}) { id } }', '{ flow(where: {name: {_eq: ["a"]}}) { id } }'),
        ('{ flow(where: {name: {_eq: "a"}}) { id } }', '{ flow(where: {name: {_eq: "a" "b"}}) { id } }'),
        ('{ flow(where: {name: {_in: ["a"]}}) { id } }', '{ flow(where: {name: {_in: ["a", 1]}}) { id } }'),
        (
            '{ flow(where: {name: {_in: ["a"]}}) { id } }',
            '{ flow(where: {name: {_in: ["a", null]}}) { id } }',
        ),
    ],
)
def test_what_is_cached_lets_nothing_in_that_is_wrong(first: str, second: str, twins: Any) -> None:
    for graph in twins.graphs.values():
        assert graph.reply(first).status == 200
        assert graph.reply(second).status == 400
        assert graph.reply(first).status == 200


async def _together(executor: Any, requests: list[Request], caller: Any) -> list[Any]:
    return await asyncio.gather(*[executor.execute(request, caller) for request in requests])


def test_requests_that_race_get_their_own_answers(twins: Any) -> None:
    ids = sorted(row["id"] for row in twins.visible("flow"))
    for graph in twins.graphs.values():
        fresh = type(graph.executor)(graph.store, graph.executor.clock)
        requests = [Request(f'{{ flow_by_pk(id: "{id}") {{ id }} }}', {}) for id in ids * 20]
        found = graph._loop.run_until_complete(_together(fresh, requests, graph.caller))
        assert [json.loads(one.body)["data"]["flow_by_pk"]["id"] for one in found] == ids * 20
        assert len(fresh.plans) == 1


def test_the_cache_forgets_what_was_not_used_for_longest() -> None:
    cache: Cache[str, int] = Cache(10, 5)
    for number, key in enumerate("abc"):
        cache.put(key, number, 3)
    assert cache.get("a") == 0
    cache.put("d", 3, 3)  # b has to go
    assert [cache.get(key) for key in "abcd"] == [0, None, 2, 3]
    cache.put("large", 4, 6)
    assert cache.get("large") is None
    cache.put("d", 5, 1)
    assert (cache.get("d"), cache.weight, len(cache)) == (5, 7, 3)


def test_large_documents_and_many_plans_do_not_fill_the_memory(twins: Any) -> None:
    graph = twins.graphs["sqlite"]
    executor = type(graph.executor)(graph.store, graph.executor.clock)
    documents = DocumentCache(Limits(), 10_000)
    for number in range(300):
        documents.get(f"{{ a{number}: hello }}", None)
        documents.get("{ hello } #" + "x" * 2_000 + str(number), None)
    assert documents._parsed.weight <= 10_000
    assert executor.plans.weight == 0


# -- lifting ------------------------------------------------------------------------------

_STRINGS = st.text(max_size=12).filter(lambda text: not any("\ud800" <= one <= "\udfff" for one in text))


@st.composite
def _values(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(
        st.sampled_from(
            ["text", "int", "float", "word", "null", "variable", "list", "object"]
            if depth
            else ["text", "int"]
        )
    )
    if kind == "text":
        return json.dumps(draw(_STRINGS), ensure_ascii=draw(st.booleans()))
    if kind == "int":
        return str(draw(st.integers(-(2**40), 2**40)))
    if kind == "float":
        return repr(draw(st.floats(allow_nan=False, allow_infinity=False, width=32)))
    if kind == "list":
        return (
            "["
            + draw(st.sampled_from([", ", " ", ",\n"])).join(draw(st.lists(_values(depth - 1), max_size=4)))
            + "]"
        )
    if kind == "object":
        return (
            "{"
            + " ".join(f"k{n}: {one}" for n, one in enumerate(draw(st.lists(_values(depth - 1), max_size=3))))
            + "}"
        )
    return {"word": "asc", "null": "null", "variable": "$v"}[kind]


@given(st.lists(_values(), min_size=1, max_size=4), st.sampled_from(["", "#]\"'\n", " # x\n"]))
def test_a_lifted_document_with_its_literals_is_the_document(values: list[str], comment: str) -> None:
    arguments = ", ".join(f"a{number}: {value}" for number, value in enumerate(values))
    document = f"{{ x1{comment}({arguments}) {{ b2 }} }}"
    found = lift(document, 1000)
    if found is None:
        return
    original, lifted = parse(document), parse(found.text)

    def plain(node: Any) -> Any:
        if node.loc.start in found.numbers and lifted is not None and node in replaced:
            return found.literals[found.numbers[node.loc.start]]
        if node.kind == "list_value":
            return [plain(one) for one in node.values]
        if node.kind == "object_value":
            return {field.name.value: plain(field.value) for field in node.fields}
        return {"variable": lambda: "$" + node.name.value, "null_value": lambda: None}.get(
            node.kind, lambda: node.value
        )()

    def original_value(node: Any) -> Any:
        if node.kind == "list_value":
            return [original_value(one) for one in node.values]
        if node.kind == "object_value":
            return {field.name.value: original_value(field.value) for field in node.fields}
        if node.kind == "int_value":
            return int(node.value)
        if node.kind == "float_value":
            return float(node.value)
        return {"variable": lambda: "$" + node.name.value, "null_value": lambda: None}.get(
            node.kind, lambda: node.value
        )()

    class _All(list[Any]):
        def __contains__(self, item: Any) -> bool:
            return True

    replaced = _All()
    (mine,) = lifted.definitions[0].selection_set.selections  # type: ignore[attr-defined]
    (theirs,) = original.definitions[0].selection_set.selections  # type: ignore[attr-defined]
    assert [plain(one.value) for one in mine.arguments] == [
        original_value(one.value) for one in theirs.arguments
    ]


def test_a_document_of_too_many_literals_is_refused() -> None:
    assert lift("{ a(b: 1, c: 2) }", 2) is not None
    with pytest.raises(TooManyLiteralsError):
        lift("{ a(b: 1, c: 2, d: 3) }", 2)
    with pytest.raises(DocumentError) as caught:
        DocumentCache(Limits(literals=10)).get(
            "{ flow(where: {name: {_in: [" + '"a",' * 11 + "]}}) { id } }", None
        )
    assert caught.value.code == "GRAPHQL_PARSE_FAILED"
