"""Tasks for SQLite databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from prefect.core.task import Task
from prefect.utilities.tasks import defaults_from_attrs

if TYPE_CHECKING:
    import sqlite3

__all__ = ["SQLiteQuery", "SQLiteScript"]


class SQLiteQuery(Task):
    """A task that runs one SQL statement and commits.

    Every argument of `run` may also be given here, to be used when the call leaves it out.

    Args:
        db: path of the database file; it is made when it is not there.
        query: the statement, with `?` or `:name` in place of values.
        data: the values, in order or by name.
        **kwargs: settings of every `Task`.
    """

    db: str | None
    query: str | None
    data: Sequence[Any] | Mapping[str, Any]

    def __init__(
        self,
        db: str | None = None,
        query: str | None = None,
        data: Sequence[Any] | Mapping[str, Any] = (),
        **kwargs: Any,
    ) -> None:
        self.db = db
        self.query = query
        self.data = data
        super().__init__(**kwargs)

    @defaults_from_attrs("db", "query", "data")
    def run(
        self, db: str | None = None, query: str | None = None, data: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run the statement.

        Args:
            db: path of the database file.
            query: the statement.
            data: its values, in order or by name.

        Returns:
            all rows; none for statements that return no rows.

        Raises:
            ValueError: there is no database or no statement.
            sqlite3.Error: SQLite refused it.
        """
        if not query:
            raise ValueError("The query string must be specified")
        with closing(_connect(db)) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(query, data)
            rows = cursor.fetchall()
            connection.commit()
        return rows


class SQLiteScript(Task):
    """A task that runs several SQL statements, separated by semicolons.

    Every argument of `run` may also be given here, to be used when the call leaves it out.

    Args:
        db: path of the database file; it is made when it is not there.
        script: the statements.
        **kwargs: settings of every `Task`.
    """

    db: str | None
    script: str | None

    def __init__(self, db: str | None = None, script: str | None = None, **kwargs: Any) -> None:
        self.db = db
        self.script = script
        super().__init__(**kwargs)

    @defaults_from_attrs("db", "script")
    def run(self, db: str | None = None, script: str | None = None) -> None:
        """Run the statements.

        Args:
            db: path of the database file.
            script: the statements.

        Raises:
            ValueError: there is no database or no script.
            sqlite3.Error: SQLite refused it; statements before the wrong one stay done.
        """
        if not script:
            raise ValueError("The query script string must be specified")
        with closing(_connect(db)) as connection, closing(connection.cursor()) as cursor:
            cursor.executescript(script)
            connection.commit()


def _connect(db: str | None) -> sqlite3.Connection:
    if not db:
        raise ValueError("The db must be specified")
    import sqlite3

    return sqlite3.connect(db)
