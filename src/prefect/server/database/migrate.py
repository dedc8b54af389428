"""From whatever database there is to the schema of this version.

A migration is one transaction: whoever kills the process in the middle of it finds the old
schema, and the next start tries again. SQLAlchemy and Alembic are loaded only when there is
something to migrate.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from prefect.server.database import statistics

if TYPE_CHECKING:
    from prefect.server.settings import ServerSettings

__all__ = ["HEAD", "DatabaseRefused", "postgres_driver", "prepare"]

#: The newest revision of `migrations/versions`.
HEAD = "0002"
_REVISIONS = ("0001", "0002")

_SERVER_1, _PREFECT_2 = "Prefect Server 1", "Prefect 2 or 3"
#: Tables by which the schema of another Prefect is known.
_FOREIGN_TABLES = {
    "deployment": _PREFECT_2,
    "block_type": _PREFECT_2,
    "flow_group": _SERVER_1,
    "cloud_hook": _SERVER_1,
    "hdb_version": _SERVER_1,
}
#: What to do next.
_WAYS = {
    _SERVER_1: ", and copy flows and runs into that: `prefect server import --from URL` reads the old database and "
    "does not change it",
    _PREFECT_2: ". `prefect server import` reads databases of Prefect Server 1 only: flows of Prefect 2 and 3 are "
    "other programs",
}
#: Serialises processes that start together on one PostgreSQL.
_LOCK = 7233_4201


class DatabaseRefused(Exception):
    """The database cannot be used by this server; nothing was written to it."""


def postgres_driver() -> ModuleType:
    """The package psycopg.

    Raises:
        DatabaseRefused: it is not installed.
    """
    try:
        import psycopg
    except ImportError as exc:
        raise DatabaseRefused(
            'PostgreSQL needs a driver. Install it with: pip install "prefect-classic[postgres]"'
        ) from exc
    return psycopg


def prepare(settings: ServerSettings) -> None:
    """Bring the database to the schema of this version.

    Raises:
        DatabaseRefused: it is another program's or a newer version's, or it cannot be opened.
    """
    if settings.is_sqlite:
        try:
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            tables, revision = _inspect_sqlite(settings.sqlite_path)
        except (OSError, sqlite3.Error) as exc:
            raise DatabaseRefused(
                f"The database {settings.sqlite_path} cannot be opened: {exc}. "
                "Check the directory's permissions and space, or choose another with --data-dir."
            ) from exc
    else:
        tables, revision = _inspect_postgres(settings.connection_url)
    _refuse_foreign(tables, revision)
    if revision == HEAD:
        return
    if revision is not None and revision not in _REVISIONS:
        raise DatabaseRefused(
            f"The database has the schema of a newer version ({revision}; this one knows up to {HEAD}). "
            "Install that version or a newer one; going back is not possible."
        )
    if settings.is_sqlite:  # what runs are given and log is nobody else's on this machine
        settings.sqlite_path.touch(mode=0o600)
    _migrate(settings)


def _refuse_foreign(tables: set[str], revision: str | None) -> None:
    if revision is not None or not tables:
        return
    for name, program in _FOREIGN_TABLES.items():
        if name in tables:
            raise DatabaseRefused(
                f"The database belongs to {program} (it has a table {name!r}). Nothing was written to it. "
                f"Give this server an empty database of its own{_WAYS[program]}."
            )
    raise DatabaseRefused(
        f"The database has tables already ({', '.join(sorted(tables)[:5])}, ...) and is not one of this "
        "server's. Nothing was written to it. Give the server an empty database."
    )


def _inspect_sqlite(path: Path) -> tuple[set[str], str | None]:
    if not path.exists():
        return set(), None
    with contextlib.closing(sqlite3.connect(path, timeout=30.0)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        revision = None
        if "server_meta" in tables:
            row = connection.execute("SELECT value FROM server_meta WHERE key = 'schema'").fetchone()
            revision = row[0] if row else None
    return {name for name in tables if not name.startswith("sqlite_")}, revision


def _inspect_postgres(url: str) -> tuple[set[str], str | None]:
    psycopg = postgres_driver()
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            _refuse_encoding(connection.info.parameter_status("server_encoding"), url)
            rows = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
            ).fetchall()
            tables = {row[0] for row in rows}
            revision = None
            if "server_meta" in tables:
                row = connection.execute("SELECT value FROM server_meta WHERE key = 'schema'").fetchone()
                revision = row[0] if row else None
    except psycopg.Error as exc:
        from prefect.server.settings import mask_password

        raise DatabaseRefused(
            f"The database {mask_password(url)} cannot be reached: {str(exc).strip()}. "
            "Check `server.database.connection_url` and whether the database is running."
        ) from exc
    return tables, revision


def _refuse_encoding(encoding: str | None, url: str) -> None:
    """Raise if a database cannot keep every text: names, logs and JSON have any character."""
    if encoding != "UTF8":
        from prefect.server.settings import mask_password

        raise DatabaseRefused(
            f"The database {mask_password(url)} has the encoding {encoding}, and this server needs UTF8. "
            "Make another: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0."
        )


@contextlib.contextmanager
def _transaction(settings: ServerSettings) -> Generator[Any]:
    """A SQLAlchemy connection in one transaction that holds the database for itself."""
    import sqlalchemy as sa
    from sqlalchemy import event

    if settings.is_sqlite:
        engine = sa.create_engine(
            f"sqlite:///{settings.sqlite_path}", connect_args={"timeout": 30.0, "isolation_level": None}
        )

        # The driver would commit before DDL; with its own handling off, BEGIN is ours to say.
        @event.listens_for(engine, "begin")  # pyright: ignore[reportUnknownMemberType, reportUntypedFunctionDecorator]
        def begin(connection: Any) -> None:  # pyright: ignore[reportUnusedFunction]
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    else:
        engine = sa.create_engine(_sqlalchemy_url(settings.connection_url))
    try:
        with engine.begin() as connection:
            if not settings.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection
    finally:
        engine.dispose()


def _sqlalchemy_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else url


def _migrate(settings: ServerSettings) -> None:
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with _transaction(settings) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
        if settings.is_sqlite:
            statistics.tell(connection.connection.driver_connection)
        connection.execute(sa.text("DELETE FROM server_meta WHERE key = 'schema'"))
        connection.execute(
            sa.text("INSERT INTO server_meta (key, value) VALUES ('schema', :head)"), {"head": HEAD}
        )
