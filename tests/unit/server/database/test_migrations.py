"""From an empty file to the newest schema, whatever happens on the way; nothing else is touched."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefect.server.database import migrate
from prefect.server.database.migrate import HEAD, DatabaseRefused, prepare
from prefect.server.database.store import open_store
from prefect.server.database.tables import TABLES
from prefect.server.settings import ServerSettings


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> ServerSettings:
    """Settings of a database that does not exist, or has nothing in it."""
    if request.param == "sqlite":
        return ServerSettings(tmp_path / "new")
    cluster = request.getfixturevalue("cluster")
    return ServerSettings(tmp_path, connection_url=cluster.create(f"empty_{abs(hash(tmp_path))}"))


def _execute(settings: ServerSettings, *statements: str) -> list[Any]:
    if settings.is_sqlite:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        connection: Any = sqlite3.connect(settings.sqlite_path, isolation_level=None)
    else:
        psycopg = pytest.importorskip("psycopg")
        connection = psycopg.connect(settings.connection_url, autocommit=True)
    try:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def _tables(settings: ServerSettings) -> set[str]:
    sql = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        if settings.is_sqlite
        else "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    )
    return {row[0] for row in _execute(settings, sql)}


def _revision(settings: ServerSettings) -> str:
    return _execute(settings, "SELECT value FROM server_meta WHERE key = 'schema'")[0][0]


def test_an_empty_database_gets_all_tables(empty: ServerSettings) -> None:
    prepare(empty)
    assert _tables(empty) - {"alembic_version"} == set(TABLES)
    assert _revision(empty) == HEAD


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_no_other_user_of_the_machine_reads_the_database(tmp_path: Path) -> None:
    settings = ServerSettings(tmp_path / "new")
    prepare(settings)
    open_store(settings).close()
    modes = {
        path.name: oct(path.stat().st_mode & 0o777) for path in [settings.data_dir, settings.sqlite_path]
    }
    assert modes == {"new": "0o700", settings.sqlite_path.name: "0o600"}


def test_preparing_again_changes_nothing_and_loads_nothing(empty: ServerSettings) -> None:
    prepare(empty)
    _execute(
        empty,
        "INSERT INTO tenant (id, created, updated, name, slug, settings) VALUES ('a', 'b', 'b', 'c', 'd', '{}')",
    )
    script = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from prefect.server.database.store import open_store
        from prefect.server.settings import ServerSettings
        open_store(ServerSettings(Path({str(empty.data_dir)!r}), connection_url={empty.connection_url!r})).close()
        assert not {{"sqlalchemy", "alembic"}} & set(sys.modules)
    """)
    subprocess.run([sys.executable, "-c", script], check=True)
    assert _execute(empty, "SELECT id FROM tenant") == [("a",)]


def test_what_migrations_make_is_what_the_tables_say(empty: ServerSettings) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from prefect.server.database.metadata import metadata

    prepare(empty)
    with migrate._transaction(empty) as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert [one for one in differences if "alembic_version" not in repr(one)] == []


# -- databases of others ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "words"),
    [("deployment", "Prefect 2 or 3"), ("cloud_hook", "Prefect Server 1"), ("customers", "customers")],
)
def test_the_database_of_another_program_is_refused_and_left_as_it_is(
    table: str, words: str, empty: ServerSettings
) -> None:
    _execute(empty, f"CREATE TABLE {table} (id integer)", f"INSERT INTO {table} VALUES (7)")
    with pytest.raises(DatabaseRefused, match="Nothing was written") as caught:
        open_store(empty)
    assert words in str(caught.value)
    assert _tables(empty) == {table}
    assert _execute(empty, f"SELECT id FROM {table}") == [(7,)]


def test_a_newer_schema_is_refused_and_left_as_it_is(empty: ServerSettings) -> None:
    prepare(empty)
    _execute(empty, "UPDATE server_meta SET value = '9999' WHERE key = 'schema'")
    with pytest.raises(DatabaseRefused, match=r"newer version \(9999; this one knows up to"):
        open_store(empty)
    assert _revision(empty) == "9999"


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    settings = ServerSettings(tmp_path)
    settings.sqlite_path.write_text("my novel\n" * 1000)
    with pytest.raises(DatabaseRefused, match="cannot be opened"):
        open_store(settings)
    assert settings.sqlite_path.read_text() == "my novel\n" * 1000


def test_a_server_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    settings = ServerSettings(
        tmp_path, connection_url="postgresql://me:hunter2@127.0.0.1:1/x?connect_timeout=2"
    )
    with pytest.raises(DatabaseRefused, match="cannot be reached") as caught:
        open_store(settings)
    assert "hunter2" not in str(caught.value)


# -- interrupted --------------------------------------------------------------------------

_CHILD = """
import os, signal, sys
from pathlib import Path
from prefect.server.database.migrate import prepare
from prefect.server.settings import ServerSettings
{trap}
prepare(ServerSettings(Path({directory!r}), connection_url={url!r}))
"""
# Dies by SIGKILL right before the statement with this number.
_TRAP = """
import sqlalchemy as sa
from sqlalchemy.engine import Engine
count = 0
@sa.event.listens_for(Engine, "before_cursor_execute")
def before(*args):
    global count
    count += 1
    if count == {moment}:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def _child(settings: ServerSettings, trap: str = "") -> subprocess.Popen[bytes]:
    script = _CHILD.format(trap=trap, directory=str(settings.data_dir), url=settings.connection_url)
    return subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)


@pytest.mark.parametrize("moment", [1, 2, 3, 4, 6, 20, 45, 60])
def test_a_migration_that_is_killed_leaves_the_old_schema_and_is_done_the_next_time(
    moment: int, empty: ServerSettings
) -> None:
    killed = _child(empty, _TRAP.format(moment=moment))
    assert killed.wait(60) == -signal.SIGKILL
    killed.stderr.close()  # type: ignore[union-attr]
    assert _tables(empty) == set()
    open_store(empty).close()
    assert _tables(empty) - {"alembic_version"} == set(TABLES)
    assert _revision(empty) == HEAD


def test_a_migration_killed_at_any_time_leaves_one_schema_or_the_other(empty: ServerSettings) -> None:
    for wait in (0.1, 0.4, 0.7, 1.0, 1.3):
        child = _child(empty)
        time.sleep(wait)  # the moment is the point: whatever it hits has to hold
        os.kill(child.pid, signal.SIGKILL)
        child.wait(60)
        child.stderr.close()  # type: ignore[union-attr]
        found = _tables(empty) - {"alembic_version"}
        assert found in (set(), set(TABLES))
    prepare(empty)
    assert _revision(empty) == HEAD


def test_processes_that_start_together_migrate_once(empty: ServerSettings) -> None:
    children = [_child(empty) for _ in range(3)]
    for child in children:
        _, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors.decode()[-2000:]
    assert _tables(empty) - {"alembic_version"} == set(TABLES)
    assert _execute(empty, "SELECT count(*) FROM server_meta WHERE key = 'schema'") == [(1,)]


# -- from one version to the next -----------------------------------------------------------


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Makes the code one version newer, with a migration."""

    from alembic import command

    original = command.upgrade

    def apply(change: Any) -> None:
        def upgrade(config: Any, revision: str) -> None:
            original(config, HEAD)
            change(config.attributes["connection"])

        monkeypatch.setattr(command, "upgrade", upgrade)
        monkeypatch.setattr(migrate, "HEAD", "next")
        monkeypatch.setattr(migrate, "_REVISIONS", (HEAD, "next"))

    return apply


def test_an_upgrade_that_fails_leaves_the_rows_and_the_old_schema(
    empty: ServerSettings, next_version: Callable[[Any], None]
) -> None:
    prepare(empty)
    row = "('a', 'b', 'b', 'c', 'd', '{}')"
    _execute(empty, f"INSERT INTO tenant (id, created, updated, name, slug, settings) VALUES {row}")

    def change(connection: Any) -> None:
        connection.exec_driver_sql("ALTER TABLE tenant ADD COLUMN extra TEXT")
        connection.exec_driver_sql("UPDATE tenant SET extra = 'x'")
        raise RuntimeError("the power went out")

    next_version(change)
    with pytest.raises(RuntimeError, match="power"):
        prepare(empty)
    assert _revision(empty) == HEAD
    assert _execute(empty, "SELECT id FROM tenant") == [("a",)]
    columns = _columns(empty)
    assert "extra" not in columns

    def good(connection: Any) -> None:
        connection.exec_driver_sql("ALTER TABLE tenant ADD COLUMN extra TEXT")

    next_version(good)
    prepare(empty)
    assert _revision(empty) == "next"
    assert _execute(empty, "SELECT id, extra FROM tenant") == [("a", None)]


def _columns(settings: ServerSettings) -> set[str]:
    if settings.is_sqlite:
        return {row[1] for row in _execute(settings, "PRAGMA table_info(tenant)")}
    sql = "SELECT column_name FROM information_schema.columns WHERE table_name = 'tenant'"
    return {row[0] for row in _execute(settings, sql)}
