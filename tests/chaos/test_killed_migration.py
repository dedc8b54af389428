"""A migration that is killed at any moment leaves the old schema or the new one, with all rows."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefect.server.database import migrate
from prefect.server.database.migrate import DatabaseRefused, prepare
from prefect.server.database.store import open_store
from prefect.server.settings import ServerSettings
from scoreboard import record, sized

MOMENTS = sized(6, 20)
TENANTS = 200

#: The migration of the next version: as much as a real one does, in several statements.
NEXT = f"""
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{migrate.HEAD}"


def upgrade() -> None:
    op.create_table("novelty", sa.Column("id", sa.Text(), primary_key=True), sa.Column("slug", sa.Text()))
    op.add_column("tenant", sa.Column("extra", sa.Text(), nullable=True))
    op.execute("UPDATE tenant SET extra = 'x' || slug")
    op.execute("INSERT INTO novelty (id, slug) SELECT id, slug FROM tenant")
    op.create_index("ix_novelty_slug", "novelty", ["slug"])
    op.drop_index("ix_novelty_slug", "novelty")
"""

#: The program of the next version; it dies by SIGKILL right before its statement of that number.
PROGRAM = """
import os, signal
from pathlib import Path
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from prefect.server.database import migrate
from prefect.server.settings import ServerSettings

migrate.__file__ = {file!r}
migrate._REVISIONS, migrate.HEAD = (*migrate._REVISIONS, "next"), "next"
count = 0

@sa.event.listens_for(Engine, "before_cursor_execute")
@sa.event.listens_for(Engine, "commit")
def before(*args):
    global count
    count += 1
    if count == {moment}:
        os.kill(os.getpid(), signal.SIGKILL)

{broken}
migrate.prepare(ServerSettings(Path({directory!r}), connection_url={url!r}))
"""


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, is_on: str) -> Iterator[ServerSettings]:
    """A database of this version, with rows in it."""
    url, drop = "", lambda: None
    if is_on == "postgresql":
        url, drop = request.getfixturevalue("cluster").copy()
    made = ServerSettings(tmp_path / "data", connection_url=url)
    store = open_store(made)

    def fill(tx: Any) -> None:
        sql = "INSERT INTO tenant (id, created, updated, name, slug, settings) VALUES (:id, :now, :now, :id, :id, '{}')"
        tx.execute_many(sql, [{"id": f"t{number}", "now": "2030"} for number in range(TENANTS)])

    store.write_sync(fill)
    store.close()
    yield made
    drop()


def query(settings: ServerSettings, sql: str) -> list[Any]:
    """The rows of a query."""
    if settings.is_sqlite:
        with contextlib.closing(sqlite3.connect(settings.sqlite_path)) as connection:
            return connection.execute(sql).fetchall()
    import psycopg

    with psycopg.connect(settings.connection_url) as connection:
        return connection.execute(sql).fetchall()  # type: ignore[call-overload]


def next_version(tmp_path: Path, settings: ServerSettings, moment: int, broken: str = "") -> tuple[int, str]:
    """Start the next version on the database: its exit code and what it said."""
    folder = tmp_path / "next"
    if not folder.exists():
        shutil.copytree(Path(migrate.__file__).parent / "migrations", folder / "migrations")
        (folder / "migrations/versions/next.py").write_text(NEXT)
    program = PROGRAM.format(
        file=str(folder / "migrate.py"),
        moment=moment,
        directory=str(settings.data_dir),
        url=settings.connection_url,
        broken=textwrap.dedent(broken),
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stderr[-500:]


def look(settings: ServerSettings) -> str:
    """Which schema the database has: `old`, `new`, or what is wrong with it."""
    revision = query(settings, "SELECT value FROM server_meta WHERE key = 'schema'")[0][0]
    tenants = query(settings, "SELECT count(*) FROM tenant")[0][0]
    tables = (
        "sqlite_master WHERE type = 'table' AND name" if settings.is_sqlite else "pg_tables WHERE tablename"
    )
    has_table = bool(query(settings, f"SELECT 1 FROM {tables} = 'novelty'"))
    columns = (
        [row[1] for row in query(settings, "PRAGMA table_info(tenant)")]
        if settings.is_sqlite
        else [
            row[0]
            for row in query(
                settings, "SELECT column_name FROM information_schema.columns WHERE table_name = 'tenant'"
            )
        ]
    )
    seen = (revision, has_table, "extra" in columns)
    if tenants != TENANTS:
        return f"{tenants} tenants of {TENANTS}"
    if seen == (migrate.HEAD, False, False):
        return "old"
    if seen != ("next", True, True):
        return f"in between: {seen}"
    filled = query(settings, "SELECT count(*) FROM novelty n JOIN tenant t ON t.extra = 'x' || n.slug")[0][0]
    return "new" if filled == TENANTS else f"new with {filled} rows"


def kill_at_moments(
    tmp_path: Path, settings: ServerSettings, moments: list[int], broken: str = ""
) -> list[str]:
    """Problems of migrations that were killed at those moments, one after the other."""
    problems: list[str] = []
    for moment in moments:
        code, errors = next_version(tmp_path, settings, moment, broken)
        if code not in (0, -signal.SIGKILL):
            problems.append(f"killed at {moment}, it cannot start again: {errors}")
        if (found := look(settings)) not in ("old", "new"):
            problems.append(f"killed at {moment}: {found}")
    return problems


def test_f27_a_killed_migration_is_whole_or_not_there(settings: ServerSettings, tmp_path: Path) -> None:
    problems = kill_at_moments(tmp_path, settings, random.Random(27).sample(range(1, 25), MOMENTS - 1))
    code, _ = next_version(tmp_path, settings, 10_000)
    problems += [f"at the end: {look(settings)}"] if code != 0 or look(settings) != "new" else []
    refusal = ""
    try:
        prepare(settings)
    except DatabaseRefused as exc:
        refusal = str(exc)
    problems += [] if "newer version" in refusal else [f"going back is answered {refusal!r}"]
    backend = "sqlite" if settings.is_sqlite else "postgresql"
    goal = f"old or new schema after {MOMENTS} kills, 0 rows lost, done the next time, no way back"
    record("F27", backend, 27, goal, {"problems": len(problems)})
    assert problems == []


IN_PIECES = """
from sqlalchemy.engine import Connection
original = Connection.exec_driver_sql
import sqlalchemy.event

@sa.event.listens_for(Engine, "after_cursor_execute")
def commit(connection, cursor, statement, *args):
    if statement.lstrip().upper().startswith(("CREATE", "ALTER", "UPDATE", "INSERT")):
        cursor.execute("COMMIT")
        cursor.execute("BEGIN")
"""


def test_f27_notices_a_migration_in_several_transactions(settings: ServerSettings, tmp_path: Path) -> None:
    assert kill_at_moments(tmp_path, settings, [8, 10, 12, 14], IN_PIECES)
