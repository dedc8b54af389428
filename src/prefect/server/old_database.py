"""Reading the PostgreSQL database of a Prefect Server 1.x.

Versions of that server had more or fewer columns, so what there is is asked for, and read by the names that our
tables have from the 1.x API. Everything is read in one transaction that cannot write, and sees one moment.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from prefect.server.database.migrate import DatabaseRefused, postgres_driver
from prefect.server.database.tables import ColumnKind, table
from prefect.server.settings import mask_password

if TYPE_CHECKING:
    import psycopg

__all__ = ["OldDatabase", "open_old_database"]

#: Tables that there must be; `flow_group` came with 0.13 of the old server.
_NEEDED = ("tenant", "project", "flow_group", "flow", "task", "edge", "flow_run", "task_run")
#: How columns of ours are read from columns of theirs, which may be of another type.
_READ: dict[ColumnKind, str] = {
    "uuid": "CAST({0} AS text)",
    "text": "CAST({0} AS text)",
    "json": "CAST(to_jsonb({0}) AS text)",
    "timestamp": "to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') || '+00:00'",
    "integer": "CAST({0} AS integer)",
    "boolean": "CAST({0} AS boolean)",
    "bytes": "{0}",
}
#: An interval as HH:MM:SS, however many hours it has.
_READ_INTERVAL = "to_char(make_interval(secs => EXTRACT(epoch FROM {0})::double precision), 'HH24:MI:SS')"


class OldDatabase:
    """The database of a Prefect Server 1.x, at one moment.

    Args:
        connection: a connection in a transaction that only reads.
        columns: `{table: {column: its type}}`.
    """

    def __init__(self, connection: psycopg.Connection[Any], columns: Mapping[str, Mapping[str, str]]) -> None:
        self._connection = connection
        self._columns = columns

    def has(self, name: str) -> bool:
        """Whether there is a table of that name."""
        return name in self._columns

    def columns(self, name: str) -> list[str]:
        """Columns of a table that we have too, in our order."""
        there = self._columns.get(name, {})
        return [column for column in table(name).columns if column in there]

    def count(self, name: str, condition: str = "true", params: Mapping[str, Any] | None = None) -> int:
        """How many rows of a table fulfil a condition (SQL, with `%(name)s`); 0 without the table."""
        if not self.has(name):
            return 0
        sql = f'SELECT count(*) FROM "{name}" WHERE {condition}'  # both are ours
        found = self._connection.execute(cast("Any", sql), params).fetchone()
        return 0 if found is None else int(found[0])

    def batches(
        self, name: str, condition: str, params: Mapping[str, Any], size: int
    ) -> Iterator[list[dict[str, Any]]]:
        """Rows of a table that fulfil a condition, a list at a time, as our database keeps them.

        Args:
            name: the table.
            condition: SQL, with `%(name)s`.
            params: what stands in it.
            size: rows of a list.
        """
        names = self.columns(name)
        if not names:
            return
        read = ", ".join(self._reading(name, column) for column in names)
        sql = f'SELECT {read} FROM "{name}" WHERE {condition}'  # all of it is ours
        with self._connection.cursor(name=f"import_{name}") as cursor:
            cursor.execute(cast("Any", sql), params)
            while found := cursor.fetchmany(size):
                yield [dict(zip(names, row, strict=True)) for row in found]

    def _reading(self, name: str, column: str) -> str:
        if self._columns[name][column] == "interval":
            return _READ_INTERVAL.format(f'"{column}"')
        return _READ[table(name).columns[column].kind].format(f'"{column}"')


@contextlib.contextmanager
def open_old_database(url: str) -> Generator[OldDatabase]:
    """The database of a Prefect Server 1.x, for reading only.

    Args:
        url: its address, `postgresql://user:password@host/name`.

    Raises:
        DatabaseRefused: it cannot be reached, or is another program's.
    """
    psycopg = postgres_driver()
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            columns = _columns(connection)
            _refuse_others(columns, url)
            yield OldDatabase(connection, columns)
    except psycopg.Error as exc:
        reason = str(exc).strip() or type(exc).__name__
        raise DatabaseRefused(
            f"The database {mask_password(url)} cannot be read: {reason}. "
            "Check the address, and whether the database is running."
        ) from exc


def _columns(connection: psycopg.Connection[Any]) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = current_schema()"
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for name, column, kind in rows:
        found.setdefault(name, {})[column] = kind
    return found


def _refuse_others(columns: Mapping[str, Mapping[str, str]], url: str) -> None:
    where = f"The database {mask_password(url)}"
    if "server_meta" in columns:
        raise DatabaseRefused(
            f"{where} is one of this server already. To move it, use the tools of PostgreSQL (pg_dump)."
        )
    if "deployment" in columns or "block_type" in columns:
        raise DatabaseRefused(
            f"{where} is of Prefect 2 or 3, whose flows are other programs; only Prefect Server 1.x can be imported."
        )
    missing = [name for name in _NEEDED if "id" not in columns.get(name, ())]
    if missing:
        raise DatabaseRefused(
            f"{where} is not one of Prefect Server 1.x, 0.13 or newer: it has no table {missing[0]!r} in its default "
            "schema. Check the address; an older server has to be upgraded first."
        )
