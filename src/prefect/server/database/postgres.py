"""The PostgreSQL store: pooled connections in threads, events by NOTIFY."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import selectors
import socket
import threading
import uuid
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar, cast

import psycopg
from psycopg import errors as pg_errors
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from prefect.server.database.sql import Dialect, for_psycopg, with_repetitions
from prefect.server.database.store import Query, Row, collect, not_storable, too_slow
from prefect.server.errors import UnavailableError, UniquenessError
from prefect.server.events import Event, EventBus

if TYPE_CHECKING:
    from prefect.server.settings import ServerSettings

__all__ = ["PostgresStore"]

T = TypeVar("T")

_log = logging.getLogger("prefect.server")

_CHANNEL = "prefect_events"
_MAX_ATTEMPTS = 5
#: Seconds to wait for a connection; while the database is known to be away, only this long.
_WAIT_S, _WAIT_AWAY_S = 5.0, 1.0
#: The pools give up to reconnect after this long, and try again when they are asked. Else the
#: pauses between their attempts would grow with the time that the database is away.
_RECONNECT_S = 2.0
#: A database whose machine is gone is noticed within about a minute.
_KEEPALIVE = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
#: The first two characters of errors that say the database has no space, no memory or a broken disk.
_RESOURCES = ("53", "58")
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
        raise not_storable() from exc


_IN_DOUBT = (
    "The connection to the database was lost while this was being saved; whether it was is not known. "
    "Send the request again."
)


class _ConnectionLost(UnavailableError):
    """A connection ended; another one may be there."""


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

    def execute_many(self, sql: str, params: Sequence[Mapping[str, Any]] | Sequence[tuple[Any, ...]]) -> None:
        """See `Transaction.execute_many`."""
        if params:
            statement, repeated = for_psycopg(sql)
            named = cast("Sequence[Mapping[str, Any]]", params)
            with _refusals(), self._connection.cursor() as cursor:
                cursor.executemany(cast("Any", statement), [with_repetitions(one, repeated) for one in named])

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
        self._url = _noticing_its_end(settings.connection_url)
        self._query_s = settings.limits.query_s
        #: By which this process knows its own messages.
        self._name = uuid.uuid4().hex
        size = settings.reader_threads + 4
        self._pool = self._open_pool(size, _configure)
        # Queries of the API run where nothing can be written and nothing runs for ever.
        self._read_pool = self._open_pool(size, self._configure_reader)
        self._is_away = False
        self.interruptions = 0
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="prefect-database")
        self._closed = threading.Event()
        self._ending, self._end = socket.socketpair()
        self._elections: psycopg.Connection[Any] | None = None
        self._election_lock = threading.Lock()
        self._listener = threading.Thread(target=self._listen, name="prefect-listener", daemon=True)
        self._listener.start()

    def _configure_reader(self, connection: psycopg.Connection[Any]) -> None:
        _configure(connection)
        connection.execute(
            "SELECT set_config('default_transaction_read_only', 'on', false), "
            "set_config('statement_timeout', %s, false)",
            (f"{max(1, round(self._query_s * 1000))}ms",),
        )
        connection.commit()
        connection.autocommit = True

    def _open_pool(
        self, size: int, configure: Callable[[psycopg.Connection[Any]], None]
    ) -> ConnectionPool[psycopg.Connection[Any]]:
        return ConnectionPool(
            self._url,
            min_size=1,
            max_size=size,
            timeout=_WAIT_S,
            reconnect_timeout=_RECONNECT_S,
            configure=configure,
            open=True,
        )

    @contextlib.contextmanager
    def _connection(
        self, pool: ConnectionPool[psycopg.Connection[Any]] | None = None
    ) -> Generator[psycopg.Connection[Any]]:
        try:
            # Who waits holds a thread: with the database away there would soon be none.
            with (pool or self._pool).connection(_WAIT_AWAY_S if self._is_away else _WAIT_S) as connection:
                self._is_away = False
                yield connection
        except pg_errors.QueryCanceled as exc:
            raise too_slow(self._query_s) from exc
        except PoolTimeout as exc:
            self._is_away = True
            self.interruptions += 1
            raise UnavailableError("The database cannot be reached; try again.", retry_after_s=2) from exc
        except (psycopg.OperationalError, psycopg.InterfaceError) as exc:
            if isinstance(exc, (pg_errors.SerializationFailure, pg_errors.DeadlockDetected)):
                raise
            if exc.sqlstate is not None and exc.sqlstate.startswith(_RESOURCES):
                self.interruptions += 1
                _log.error("the database cannot write: %s", str(exc).partition("\n")[0])
                message = "The database is out of space or memory; nothing was saved. Try again."
                raise UnavailableError(message, retry_after_s=2) from exc
            raise _ConnectionLost("The connection to the database was lost; try again.") from exc

    def read_sync(self, work: Callable[[Any], T]) -> T:
        """See `Store.read_sync`."""

        def read(connection: psycopg.Connection[Any]) -> T:
            with connection.transaction():
                return work(PostgresTransaction(connection))

        return self._reading(read)

    async def read(self, work: Callable[[Any], T]) -> T:
        """See `Store.read`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_sync, work)

    def write_sync(self, work: Callable[[Any], T]) -> T:
        """See `Store.write_sync`."""
        if self._closed.is_set():
            raise UnavailableError("The server is shutting down; send the request again.")
        for attempt in range(1, _MAX_ATTEMPTS + 1):
            is_committing = False
            try:
                with self._connection() as connection, connection.transaction():
                    transaction = PostgresTransaction(connection)
                    outcome = work(transaction)
                    _notify(connection, self._name, transaction.events)
                    is_committing = True
            except (pg_errors.SerializationFailure, pg_errors.DeadlockDetected) as exc:
                if attempt == _MAX_ATTEMPTS:
                    raise UnavailableError("The database is too busy with the same rows; try again.") from exc
            except _ConnectionLost as exc:
                if is_committing:  # nobody knows: the client is told, and asks again
                    raise UnavailableError(_IN_DOUBT, retry_after_s=2) from exc
                if attempt == _MAX_ATTEMPTS:
                    raise
                self._pool.check()
            else:
                # At once for this process, so that who has written finds what they wrote; the
                # listener hears what others wrote.
                self._publish(transaction.events)
                return outcome
        raise AssertionError("the last attempt returns or raises")

    def _publish(self, events: list[Event]) -> None:
        try:
            self.events.publish(events)
        except Exception:  # noqa: BLE001 # a listener's fault; what was written is written
            _log.exception("somebody who listens to events failed")

    async def write(self, work: Callable[[Any], T]) -> T:
        """See `Store.write`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.write_sync, work)

    def _reading(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        """Read on a connection of the pool; on another one if it turns out to be lost."""
        for _ in range(1, _MAX_ATTEMPTS):
            try:
                with self._connection(self._read_pool) as connection:
                    return work(connection)
            except _ConnectionLost:
                self._read_pool.check()
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
            except (psycopg.OperationalError, psycopg.InterfaceError) as exc:
                if self._elections is not None:
                    self._elections.close()
                self._elections = None
                raise UnavailableError("The database cannot be reached.") from exc
            return bool(row and row[0])

    def _listen(self) -> None:
        """Publish what any process committed; reconnects until the store is closed."""
        while not self._closed.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    self._hear(connection)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self._closed.wait(1.0)

    def _hear(self, connection: psycopg.Connection[Any]) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._ending, selectors.EVENT_READ)
            while not self._closed.is_set():
                connection.pgconn.consume_input()
                while (notice := connection.pgconn.notifies()) is not None:
                    sender, entries = json.loads(notice.extra)
                    if sender != self._name:
                        self._publish([Event(*entry) for entry in entries])
                selector.select()

    def close(self) -> None:
        """See `Store.close`."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._end.send(b"x")
        self._threads.shutdown(wait=True)
        self._listener.join(timeout=5)
        self._ending.close()
        self._end.close()
        if self._elections is not None:
            self._elections.close()
        self._read_pool.close()
        self._pool.close()


def _noticing_its_end(url: str) -> str:
    """The URL with what makes a connection notice that the other machine is gone, unless it says how itself."""
    given = conninfo_to_dict(url)
    return make_conninfo(url, **{name: value for name, value in _KEEPALIVE.items() if name not in given})


def _configure(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SET TIME ZONE 'UTC'")
    connection.commit()
    for name in ("json", "jsonb"):
        connection.adapters.register_loader(name, _JsonText)


def _text_of(connection: psycopg.Connection[Any], query: Query) -> str | None:
    if query.seconds is None:
        return _text(connection, query)
    try:
        with connection.transaction(force_rollback=True):  # and with it the timeout is as it was
            timeout = f"{max(1, round(query.seconds * 1000))}ms"
            connection.execute("SELECT set_config('statement_timeout', %s, true)", (timeout,))
            return _text(connection, query)
    except pg_errors.QueryCanceled as exc:
        raise too_slow(query.seconds) from exc


def _text(connection: psycopg.Connection[Any], query: Query) -> str | None:
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
