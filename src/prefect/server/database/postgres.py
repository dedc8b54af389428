"""The PostgreSQL store: pooled connections in threads, events by NOTIFY."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import uuid
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar, cast

import psycopg
from psycopg import errors as pg_errors
from psycopg.adapt import Loader
from psycopg_pool import ConnectionPool, PoolTimeout

from prefect.server.database.sql import Dialect, for_psycopg, with_repetitions
from prefect.server.database.store import MAX_QUERY_S, TOO_SLOW, Query, Row, collect
from prefect.server.errors import BadInputError, UnavailableError, UniquenessError
from prefect.server.events import Event, EventBus

if TYPE_CHECKING:
    from prefect.server.settings import ServerSettings

__all__ = ["PostgresStore"]

T = TypeVar("T")

_CHANNEL = "prefect_events"
_MAX_ATTEMPTS = 5
#: A NOTIFY carries at most 8000 bytes.
_MAX_NOTIFY = 7500


class _JsonText(Loader):
    """JSON columns come out as text, as they do from SQLite."""

    def load(self, data: Any) -> str:
        """The text."""
        return bytes(data).decode()


@contextlib.contextmanager
def _refusals() -> Generator[None]:
    """What the database refuses because of the values, as errors of the API."""
    try:
        yield
    except pg_errors.UniqueViolation as exc:
        raise UniquenessError from exc
    except (psycopg.DataError, UnicodeEncodeError) as exc:
        raise BadInputError("A value cannot be stored: " + str(exc).partition("\n")[0]) from exc


class PostgresTransaction:
    """A transaction on a PostgreSQL connection."""

    __slots__ = ("_connection", "events")

    dialect: Dialect = "postgresql"

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.events: list[Event] = []

    def _cursor(self, sql: str, params: Mapping[str, Any] | None) -> psycopg.Cursor[Any]:
        statement, repeated = for_psycopg(sql)
        with _refusals():
            return self._connection.execute(cast("Any", statement), with_repetitions(params or {}, repeated))

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> int:
        """See `Transaction.execute`."""
        return self._cursor(sql, params).rowcount

    def execute_many(self, sql: str, params: Sequence[Mapping[str, Any]]) -> None:
        """See `Transaction.execute_many`."""
        if params:
            statement, repeated = for_psycopg(sql)
            with _refusals(), self._connection.cursor() as cursor:
                cursor.executemany(
                    cast("Any", statement), [with_repetitions(one, repeated) for one in params]
                )

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        """See `Transaction.rows`."""
        cursor = self._cursor(sql, params)
        if cursor.description is None:
            return []
        columns = {entry.name: position for position, entry in enumerate(cursor.description)}
        return [Row(columns, values) for values in cursor.fetchall()]

    def one_or_none(self, sql: str, params: Mapping[str, Any] | None = None) -> Row | None:
        """See `Transaction.one_or_none`."""
        found = self.rows(sql, params)
        return found[0] if found else None

    def scalar(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """See `Transaction.scalar`."""
        found = self._cursor(sql, params).fetchone()
        return None if found is None else found[0]

    def emit(self, topic: str, id: str, tenant_id: str) -> None:
        """See `Transaction.emit`."""
        collect(self.events, topic, id, tenant_id)


class PostgresStore:
    """A PostgreSQL database.

    Args:
        settings: its URL, and how many threads read.
        events: the bus that hears of commits, those of other processes included.
    """

    dialect: Dialect = "postgresql"

    def __init__(self, settings: ServerSettings, events: EventBus) -> None:
        self.events = events
        self._url = settings.connection_url
        #: By which this process knows its own messages.
        self._name = uuid.uuid4().hex
        size = settings.reader_threads + 4
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            self._url,
            min_size=1,
            max_size=size,
            timeout=10.0,
            configure=_configure,
            check=ConnectionPool.check_connection,
            open=True,
        )
        # Queries of the API run where nothing can be written and nothing runs for ever.
        self._read_pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            self._url,
            min_size=1,
            max_size=settings.reader_threads + 4,
            timeout=10.0,
            configure=_configure_reader,
            open=True,
        )
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="prefect-database")
        self._closed = threading.Event()
        self._elections: psycopg.Connection[Any] | None = None
        self._election_lock = threading.Lock()
        self._listener = threading.Thread(target=self._listen, name="prefect-listener", daemon=True)
        self._listener.start()

    @contextlib.contextmanager
    def _connection(
        self, pool: ConnectionPool[psycopg.Connection[Any]] | None = None
    ) -> Generator[psycopg.Connection[Any]]:
        try:
            with (pool or self._pool).connection() as connection:
                yield connection
        except pg_errors.QueryCanceled as exc:
            raise BadInputError(TOO_SLOW) from exc
        except PoolTimeout as exc:
            raise UnavailableError("The database cannot be reached; try again.", retry_after_s=2) from exc
        except (psycopg.OperationalError, psycopg.InterfaceError) as exc:
            if isinstance(exc, (pg_errors.SerializationFailure, pg_errors.DeadlockDetected)):
                raise
            raise UnavailableError("The connection to the database was lost; try again.") from exc

    def read_sync(self, work: Callable[[Any], T]) -> T:
        """See `Store.read_sync`."""
        with self._connection() as connection, connection.transaction():
            return work(PostgresTransaction(connection))

    async def read(self, work: Callable[[Any], T]) -> T:
        """See `Store.read`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_sync, work)

    def write_sync(self, work: Callable[[Any], T]) -> T:
        """See `Store.write_sync`."""
        if self._closed.is_set():
            raise UnavailableError("The server is shutting down; send the request again.")
        for attempt in range(1, _MAX_ATTEMPTS + 1):
            try:
                with self._connection() as connection, connection.transaction():
                    transaction = PostgresTransaction(connection)
                    outcome = work(transaction)
                    _notify(connection, self._name, transaction.events)
                # At once for this process, so that who has written finds what they wrote; the
                # listener hears what others wrote.
                self.events.publish(transaction.events)
                return outcome
            except (pg_errors.SerializationFailure, pg_errors.DeadlockDetected) as exc:
                if attempt == _MAX_ATTEMPTS:
                    raise UnavailableError("The database is too busy with the same rows; try again.") from exc
        raise AssertionError("the last attempt returns or raises")

    async def write(self, work: Callable[[Any], T]) -> T:
        """See `Store.write`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.write_sync, work)

    def _reading(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        """Read on a connection of the pool; once more on another one if it turns out to be lost."""
        try:
            with self._connection(self._read_pool) as connection:
                return work(connection)
        except UnavailableError:
            with self._connection(self._read_pool) as connection:
                return work(connection)

    def _fetch_text(self, query: Query) -> str | None:
        return self._reading(lambda connection: _text_of(connection, query))

    async def fetch_text(self, query: Query) -> str | None:
        """See `Store.fetch_text`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._fetch_text, query)

    def _fetch_texts(self, queries: Sequence[Query]) -> list[str | None]:
        def work(connection: psycopg.Connection[Any]) -> list[str | None]:
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                return [_text_of(connection, query) for query in queries]

        return self._reading(work)

    async def fetch_texts(self, queries: Sequence[Query]) -> list[str | None]:
        """See `Store.fetch_texts`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._fetch_texts, queries)

    def elected(self, service: str) -> bool:
        """Whether this process holds the advisory lock of a service; kept until its connection ends."""
        number = zlib.crc32(f"prefect-{service}".encode())
        with self._election_lock:
            try:
                if self._elections is None or self._elections.closed:
                    self._elections = psycopg.connect(self._url, autocommit=True)
                row = self._elections.execute(
                    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() "
                    "AND objid = %s) OR pg_try_advisory_lock(%s)",
                    (number, number),
                ).fetchone()
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self._elections = None
                return False
            return bool(row and row[0])

    def _listen(self) -> None:
        """Publish what any process committed; reconnects until the store is closed."""
        while not self._closed.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    while not self._closed.is_set():
                        for notice in connection.notifies(timeout=0.5):
                            sender, entries = json.loads(notice.payload)
                            if sender != self._name:
                                self.events.publish([Event(*entry) for entry in entries])
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self._closed.wait(1.0)

    def close(self) -> None:
        """See `Store.close`."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._threads.shutdown(wait=True)
        self._listener.join(timeout=5)
        if self._elections is not None:
            self._elections.close()
        self._read_pool.close()
        self._pool.close()


def _configure(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SET TIME ZONE 'UTC'")
    connection.commit()
    for name in ("json", "jsonb"):
        connection.adapters.register_loader(name, _JsonText)


def _configure_reader(connection: psycopg.Connection[Any]) -> None:
    _configure(connection)
    connection.execute(
        "SELECT set_config('default_transaction_read_only', 'on', false), set_config('statement_timeout', %s, false)",
        (f"{MAX_QUERY_S:.0f}s",),
    )
    connection.commit()
    connection.autocommit = True


def _text_of(connection: psycopg.Connection[Any], query: Query) -> str | None:
    statement, repeated = for_psycopg(query.sql)
    with _refusals():
        row = connection.execute(cast("Any", statement), with_repetitions(query.params, repeated)).fetchone()
    return None if row is None else row[0]


def _notify(connection: psycopg.Connection[Any], sender: str, events: list[Event]) -> None:
    """Send events to all processes with the commit, in as few messages as fit."""

    def send() -> None:
        connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, json.dumps([sender, batch])))

    batch: list[list[str]] = []
    size = 0
    for event in events:
        entry = [event.topic, event.id, event.tenant_id]
        length = len(json.dumps(entry)) + 2
        if batch and size + length > _MAX_NOTIFY:
            send()
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        send()
