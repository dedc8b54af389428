from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from prefect import Flow
from prefect.tasks.database import SQLiteQuery, SQLiteScript


@pytest.fixture
def db(tmp_path: Path) -> str:
    path = str(tmp_path / "test.db")
    SQLiteScript(path).run(
        script="create table animals (name, legs); insert into animals values ('cat', 4), ('hen', 2);"
    )
    return path


def test_a_script_runs_all_its_statements(db: str) -> None:
    assert (
        SQLiteScript(db=db, script="delete from animals; insert into animals values ('ant', 6)").run() is None
    )
    assert SQLiteQuery(db, "select * from animals").run() == [("ant", 6)]


@pytest.mark.parametrize(
    ("query", "data", "rows"),
    [
        ("select * from animals", (), [("cat", 4), ("hen", 2)]),
        ("select name from animals where legs = ?", (2,), [("hen",)]),
        ("select name from animals where legs = :legs", {"legs": 4}, [("cat",)]),
        ("select name from animals where legs > ?", [100], []),
    ],
)
def test_a_query_returns_its_rows(query: str, data: Any, rows: list[Any], db: str) -> None:
    assert SQLiteQuery(db=db, query=query, data=data).run() == rows
    assert SQLiteQuery().run(db, query, data) == rows


def test_what_a_query_writes_is_there_afterwards(db: str) -> None:
    with Flow("write") as flow:
        written = SQLiteQuery(db)(query="insert into animals values (?, ?)", data=("spider", 8))
        read = SQLiteQuery(db, query="select sum(legs) from animals")(upstream_tasks=[written])

    state = flow.run()
    assert state.result[written].result == []
    assert state.result[read].result == [(14,)]


def test_a_query_that_fails_changes_nothing(db: str) -> None:
    SQLiteScript(db, "create unique index once on animals (name)").run()
    with pytest.raises(sqlite3.IntegrityError):
        SQLiteQuery(db).run(query="insert into animals values ('emu', 2), ('cat', 4)")
    assert SQLiteQuery(db, "select count(*) from animals").run() == [(2,)]


def test_database_and_statement_are_needed(db: str) -> None:
    with pytest.raises(ValueError, match="The db must be specified"):
        SQLiteQuery(query="select 1").run()
    with pytest.raises(ValueError, match="The query string must be specified"):
        SQLiteQuery(db).run()
    with pytest.raises(ValueError, match="The db must be specified"):
        SQLiteScript(script="select 1").run()
    with pytest.raises(ValueError, match="The query script string must be specified"):
        SQLiteScript(db).run()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        SQLiteQuery(str(Path(db) / "nowhere"), "select 1").run()
