"""Statements with named parameters run on both databases."""

from __future__ import annotations

import re
from typing import Any

import pytest

from prefect.server.database.sql import for_psycopg, has_any, in_list, is_subset, new_uuid
from prefect.server.domain.common import new_id, uuid_prefix
from prefect.server.errors import BadInputError, UniquenessError


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT :a", "SELECT %(a)s"),
        ("SELECT ':a', \":a\", x::text, 10 % 3", "SELECT ':a', \":a\", x::text, 10 %% 3"),
        ("SELECT 'it''s :a' -- :a\n, :b", "SELECT 'it''s :a' -- :a\n, %(b)s"),
        ("SELECT CAST(:a AS jsonb)::text", "SELECT CAST(%(a)s AS jsonb)::text"),
    ],
)
def test_parameters_are_found_and_what_looks_like_one_is_not(sql: str, expected: str) -> None:
    assert for_psycopg(sql) == (expected, ())


def test_a_parameter_may_be_used_as_several_types(store: Any) -> None:
    row = store.read_sync(
        lambda tx: tx.one_or_none(
            "SELECT CAST(:a AS TEXT) AS text, CAST(:a AS INTEGER) AS number, :b || :b AS twice",
            {"a": "7", "b": "x"},
        )
    )
    assert (row.text, row.number, row.twice) == ("7", 7, "xx")


@pytest.mark.parametrize(
    ("inner", "outer", "subset", "some"),
    [
        ([], [], True, False),
        ([], ["a"], True, False),
        (["a"], [], False, False),
        (["a"], ["b", "a"], True, True),
        (["a", "c"], ["b", "a"], False, True),
        (["a'\"%"], ["a'\"%"], True, True),
    ],
)
def test_lists_in_json_columns_are_compared_as_sets(
    api: Any, inner: list[str], outer: list[str], subset: bool, some: bool
) -> None:
    import json

    api.mutate("register_agent", type="LocalAgent", labels=inner)
    dialect = api.store.dialect
    query = (
        f"SELECT CASE WHEN {is_subset(dialect, 'labels', 'p')} THEN 1 ELSE 0 END AS subset, "
        f"CASE WHEN {has_any(dialect, 'labels', 'p')} THEN 1 ELSE 0 END AS some FROM agent"
    )
    row = api.write(lambda tx: tx.one_or_none(query, {"p": json.dumps(outer)}))
    assert (bool(row.subset), bool(row.some)) == (subset, some)
    found = api.write(
        lambda tx: tx.scalar(
            f"SELECT count(*) FROM agent WHERE type IN {in_list(dialect, 'p')}", {"p": '["LocalAgent"]'}
        )
    )
    assert found == 1


def test_ids_made_by_the_database_differ_and_begin_with_the_time(store: Any) -> None:
    sql = f"SELECT {new_uuid(store.dialect)} AS id FROM (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS three"
    before = new_id()[:13]
    given = {"uuid_prefix": uuid_prefix()}
    after = new_id()[:13]
    ids = {row.id for _ in range(50) for row in store.read_sync(lambda tx: tx.rows(sql, given))}
    assert len(ids) == 150
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", id) for id in ids
    )
    assert all(before <= id[:13] <= after for id in ids)


def test_what_a_constraint_or_a_type_does_not_allow_is_an_error_of_the_api_and_nothing_is_left(
    api: Any,
) -> None:
    api.project("one")
    insert = (
        "INSERT INTO project (id, created, updated, tenant_id, name) VALUES (:id, 't', 't', :tenant, :name)"
    )

    def write(name: str) -> None:
        def work(tx: Any) -> None:
            for number, text in enumerate(("before", name)):
                tx.execute(insert, {"id": str(number), "tenant": api.caller.tenant_id, "name": text})

        api.write(work)

    with pytest.raises(UniquenessError, match=r"^Uniqueness violation\.$"):
        write("one")
    with pytest.raises(BadInputError, match="cannot be stored"):
        write("half of a pair \ud800")
    assert api.rows("project", "name") == [{"name": "one"}]
