"""S7, S8: no filter reaches around the tenant, and no text of a request is ever part of a statement.

Random filters are compared with a model in Python (see `tests/unit/server/graphql`); here are those
that try to be always true, and texts that mean something to SQL, JSON paths, patterns and drivers.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from attacks import INSIDES, TEXTS, random_text

from prefect.server.graphql import builder
from prefect.server.graphql.columns import table_info, table_names
from scoreboard import record, sized

SEED = 20300102
_TRUE = ["{}", "{id: {_eq: null}}", "{id: {_in: null}}", "{id: {_nin: []}}", "{_and: []}", "{_and: {}}", "{_or: [{}]}", "{_or: [{}, {_or: []}]}",
         "{_not: {_or: []}}", "{_not: {id: {_in: []}}}", "{id: {_is_null: false}}", '{id: {_neq: "00000000-0000-4000-8000-000000000000"}}', "null"]  # fmt: skip


def _tree(rng: random.Random, table: str, strangers: list[str], depth: int) -> str:
    """A filter that tries to be always true, or to name rows of somebody else."""
    info = table_info(table)
    kind = rng.randrange(8) if depth else rng.randrange(3)
    if kind == 0:
        return rng.choice([one for one in _TRUE if one != "null"])
    if kind == 1:
        column = "tenant_id" if "tenant_id" in info.columns else "id"
        operand = rng.choice(
            [
                "_neq: null",
                "_is_null: false",
                "_is_null: true",
                f'_eq: "{rng.choice(strangers)}"',
                "_in: null",
            ]
        )
        return f"{{{column}: {{{operand}}}}}"
    if kind == 2:
        return f"{{id: {{_in: [{', '.join(json.dumps(one) for one in rng.sample(strangers, min(3, len(strangers))))}]}}}}"
    inner = lambda: _tree(rng, table, strangers, depth - 1)
    if kind in (3, 4):
        return f"{{{rng.choice(['_and', '_or'])}: [{', '.join(inner() for _ in range(rng.randrange(4)))}]}}"
    if kind == 5:
        return f"{{_not: {inner()}}}"
    if kind == 6 and info.relations:
        name = rng.choice(sorted(info.relations))
        return f"{{{name}: {_tree(rng, info.relations[name].target, strangers, depth - 1)}}}"
    return f"{{_or: [{{}}, {inner()}]}}"


def _reached(twins: Any, count: int) -> list[str]:
    """Filters of a seed that showed or counted rows of somebody else."""
    rng = random.Random(SEED)
    tables = table_names()
    visible = {name: {row["id"] for row in twins.visible(name)} for name in tables}
    reached = []
    for number in range(count):
        table = tables[number % len(tables)]
        strangers = [row["id"] for row in twins.rows.rows[table] if row["id"] not in visible[table]] or list(
            twins.rows.tenants[1:]
        )
        where = _tree(rng, table, strangers, 4)
        document = f"{{ {table}(where: {where}) {{ id }} {table}_aggregate(where: {where}) {{ aggregate {{ count }} }} }}"
        for graph in twins.graphs.values():
            body = json.loads(graph.reply(document).body)
            if "errors" in body:
                assert not INSIDES.search(body["errors"][0]["message"]), body
                continue
            ids = {row["id"] for row in body["data"][table]}
            if not ids <= visible[table] or body["data"][f"{table}_aggregate"]["aggregate"]["count"] != len(
                ids
            ):
                reached.append(f"{graph.store.dialect}: {document}")
    return reached


def test_no_filter_reaches_around_the_tenant(twins: Any) -> None:
    count = sized(400, 10_000)
    reached = _reached(twins, count)
    record("S7", "both", SEED, "0 reach around", f"{len(reached)} of {count} filters")
    assert reached == []


def test_a_build_whose_predicate_is_inside_of_the_filter_is_noticed(
    twins: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    intact = builder.predicate
    # As if somebody had written `filter OR tenant` without parentheses.
    monkeypatch.setattr(builder, "predicate", lambda *a, **k: f"1 = 1 OR {intact(*a, **k)}")
    for graph in twins.graphs.values():
        graph.executor = type(graph.executor)(graph.store, graph.executor.clock)
    try:
        assert _reached(twins, 60)
    finally:
        monkeypatch.undo()
        for graph in twins.graphs.values():
            graph.executor = type(graph.executor)(graph.store, graph.executor.clock)


# -- texts -------------------------------------------------------------------------------


def _kept(text: str) -> str:
    """A name as it is kept: without space around it, U+FFFD for what databases do not take."""
    text = text.replace("\0", "\ufffd")
    return re.sub("[\ud800-\udfff]", "\ufffd", text).strip()


def _like(text: str) -> str:
    """A pattern that matches a text and nothing else."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _texts() -> list[str]:
    rng = random.Random(SEED)
    found = [*TEXTS, *(random_text(rng) for _ in range(sized(60, 10_000)))]
    return [one for one in dict.fromkeys(map(_kept, found)) if one and len(one) < 5_000]


def _asked(api: Any, question: Callable[[], Any], sent: str, mistakes: list[str]) -> Any:
    """The answer to a question; errors may quote what was sent, and say nothing of SQL."""
    try:
        return question()
    except Exception as exc:  # whatever it is: it is looked at
        message = str(exc)
        if "INTERNAL" in message or (INSIDES.search(message) and not INSIDES.search(sent)):
            mistakes.append(f"{sent!r}: {message}")
        return None


def test_texts_come_back_as_they_went_in_and_are_found(api: Any) -> None:
    texts, mistakes = _texts(), []
    flow_id = api.flow()
    run_id = api.run(flow_id)
    for text in texts:
        literal = json.dumps(text)
        api.mutate("set_flow_run_name", "success", flow_run_id=run_id, name=text)
        api.mutate("set_flow_run_labels", "id", flow_run_id=run_id, labels=[text])
        key = api.mutate("set_key_value", key=text, value={text: [text]})["id"]
        wheres = [
            f"{{name: {{_eq: {literal}}}}}", f"{{name: {{_in: [{literal}]}}}}", f"{{name: {{_like: {json.dumps(_like(text))}}}}}",
            f"{{name: {{_ilike: {json.dumps(_like(text))}}}}}", f"{{labels: {{_contains: {json.dumps(json.dumps([text]))}}}}}",
            f"{{labels: {{_has_key: {literal}}}}}", f"{{name: {{_nlike: {json.dumps(_like(text) + 'x')}}}}}",
        ]  # fmt: skip
        document = (
            "{ "
            + " ".join(
                f"a{n}: flow_run(where: {where}) {{ id name labels }}" for n, where in enumerate(wheres)
            )
            + " }"
        )
        found = _asked(api, lambda document=document: api(document), text, mistakes)  # type: ignore[misc]
        expected = [{"id": run_id, "name": text, "labels": [text]}]
        for n, where in enumerate(wheres):
            # What is found by no case is compared by the database's rules, which fold more letters than ASCII.
            if found is not None and found[f"a{n}"] != expected and n != 3:
                mistakes.append(f"{where}: {found[f'a{n}']}")
        row = _asked(api, lambda key=key: api.row("key_value", key, "key value"), text, mistakes)  # type: ignore[misc]
        if row != {"key": text, "value": {text: [text]}}:
            mistakes.append(f"key {text!r}: {row}")
        queue = _asked(api, lambda text=text: api.queue(text), text, mistakes)  # type: ignore[misc]
        if queue != [run_id]:
            mistakes.append(f"label {text!r}: {queue}")
        for place in ("order_by: V", "distinct_on: V", "limit: V", "where: V"):
            document = f"{{ flow_run({place.replace('V', literal)}) {{ id }} }}"
            _asked(api, lambda document=document: api(document), text, mistakes)  # type: ignore[misc]
        document = f"{{ key_value {{ value(path: {literal}) }} }}"
        _asked(api, lambda document=document: api(document), text, mistakes)  # type: ignore[misc]
        api.mutate("delete_key_value", "success", key_value_id=key)
    record("S8", api.store.dialect, SEED, "0 mistakes", f"{len(mistakes)} with {len(texts)} texts")
    assert mistakes == []
    assert len(api.rows("flow", "id")) == 1  # nothing was dropped


def test_a_build_that_writes_texts_into_statements_is_noticed(worlds: Any) -> None:
    # The check of errors is what notices it: a quotation mark breaks the statement.
    worlds.store.rewrite = lambda sql: sql.replace(":name", "'it''s' '")
    mistakes: list[str] = []
    document = "mutation($input: create_project_input!) { create_project(input: $input) { id } }"
    outcome = worlds.ask(document, {"input": {"name": "it's"}})
    assert outcome.error is not None

    def fail() -> None:
        raise RuntimeError(f"{outcome.error}")

    _asked(None, fail, "it's", mistakes)
    assert mistakes
