"""The interface to the database, the same for SQLite and PostgreSQL.

Work on the database is a synchronous function over a `Transaction`. `Store.write` runs it where
writes belong (SQLite: one thread, many writes in one commit; PostgreSQL: a pooled connection),
and publishes the events it emitted once it is committed. If the function raises, nothing of it
stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from prefect.server.database.sql import Dialect
from prefect.server.errors import BadInputError
from prefect.server.events import Event, EventBus

if TYPE_CHECKING:
    from prefect.server.settings import ServerSettings

__all__ = ["Query", "Row", "Store", "Transaction", "open_store"]

T = TypeVar("T")


class Row:
    """A row: values by position, by name (`row["id"]`) and as attributes (`row.id`)."""

    __slots__ = ("_columns", "_values")

    def __init__(self, columns: Mapping[str, int], values: Sequence[Any]) -> None:
        self._columns = columns
        self._values = values

    def __getitem__(self, key: str | int) -> Any:
        return self._values[key] if isinstance(key, int) else self._values[self._columns[key]]

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[self._columns[name]]
        except KeyError:
            raise AttributeError(f"the row has no column {name!r}; it has {list(self._columns)}") from None

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def as_dict(self) -> dict[str, Any]:
        """`{column: value}`."""
        return {name: self._values[position] for name, position in self._columns.items()}

    def __repr__(self) -> str:
        return f"Row({self.as_dict()!r})"


class Query(NamedTuple):
    """A query that reads one text.

    Attributes:
        sql: the statement.
        params: its parameters.
        nested: statements that it calls on SQLite, as `nested(number, key)`: the first column of
            the first row of the statement with that number, run with `:key` and the parameters
            of the query. The parser of SQLite takes few levels of subqueries; this adds to them.
        is_small: whether it finds one row by its key. On SQLite that is less work than waking a
            thread, and is done where it was asked for.
        seconds: how long it may take, where that is less than of others.
    """

    sql: str
    params: Mapping[str, Any]
    nested: tuple[str, ...] = ()
    is_small: bool = False
    seconds: float | None = None


def too_slow(query_s: float) -> BadInputError:
    """The error of a query of `fetch_text` that took longer than it may (`server.limits.query_s`, `search_s`)."""
    return BadInputError(
        f"The query took longer than {query_s:g} seconds. Ask for fewer rows, or filter by an id."
    )


class Transaction(Protocol):
    """A transaction under way. Parameters are named: `:name` in the SQL.

    Values: JSON goes in and comes out as text; timestamps are text (see `times`); booleans come out
    as bool on PostgreSQL and as 0 or 1 on SQLite.
    """

    @property
    def dialect(self) -> Dialect:
        """Which SQL it speaks, for the few words that differ (see `sql`)."""
        ...

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> int:
        """Run a statement; the number of rows it changed.

        Raises:
            UniquenessError: a unique constraint does not allow it.
        """
        ...

    def execute_many(self, sql: str, params: Sequence[Mapping[str, Any]] | Sequence[tuple[Any, ...]]) -> None:
        """Run a statement once for each set of parameters; on SQLite they may stand in order, for `?`."""
        ...

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows of a query, or of a statement with RETURNING."""
        ...

    def one_or_none(self, sql: str, params: Mapping[str, Any] | None = None) -> Row | None:
        """The first row; None when there is none."""
        ...

    def scalar(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row; None when there is none."""
        ...

    def emit(self, topic: str, id: str, tenant_id: str) -> None:
        """Publish an event when the transaction is committed."""
        ...


class Store(Protocol):
    """A database.

    Attributes:
        events: the bus that hears of commits.
        interruptions: how often something could not be written because the database was away or
            its disk was full. What did not come in meanwhile, heartbeats say, proves nothing.
    """

    events: EventBus
    interruptions: int

    @property
    def dialect(self) -> Dialect:
        """Which SQL it speaks."""
        ...

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """What `work` returns; it must not write."""
        ...

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """What `work` returns, once it is committed.

        Raises:
            UnavailableError: the database is away; whether it was committed is not known.
        """
        ...

    def read_sync(self, work: Callable[[Transaction], T]) -> T:
        """Like `read`, for threads that may block."""
        ...

    def write_sync(self, work: Callable[[Transaction], T]) -> T:
        """Like `write`, for threads that may block."""
        ...

    async def fetch_text(self, query: Query) -> str | None:
        """The first column of the first row, as text: JSON made by the database.

        Raises:
            BadInputError: it took too long.
        """
        ...

    async def fetch_texts(self, queries: Sequence[Query]) -> list[str | None]:
        """What `fetch_text` says of several queries, which see one state of the database."""
        ...

    def elected(self, service: str) -> bool:
        """Whether this process is the one that runs a service now, among all that share the database.

        Raises:
            UnavailableError: the database is away.
        """
        ...

    def close(self) -> None:
        """Finish what was begun and let go of the database."""
        ...


def open_store(settings: ServerSettings, events: EventBus | None = None) -> Store:
    """The database of the settings, at the schema of this version.

    Raises:
        DatabaseRefused: it belongs to another program or a newer version, or the disk or server
            does not let us in; the message says what to do.
    """
    from prefect.server.database.migrate import prepare

    prepare(settings)
    bus = events or EventBus()
    if settings.is_sqlite:
        from prefect.server.database.sqlite import SqliteStore

        return SqliteStore(settings, bus)
    from prefect.server.database.postgres import PostgresStore

    return PostgresStore(settings, bus)


def not_storable() -> BadInputError:
    """The error of a value that a database cannot keep; what the database says of it stays in the chain."""
    return BadInputError(
        "A value cannot be stored: a number is too large, or a text has U+0000 or half of a surrogate pair."
    )


def collect(events: list[Event], topic: str, id: str, tenant_id: str) -> None:
    """Add an event to those of a transaction, unless it is there already."""
    event = Event(topic, id, tenant_id)
    if not events or events[-1] != event:
        events.append(event)
