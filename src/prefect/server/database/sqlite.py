"""The SQLite store: one thread that writes, several that read.

All writes pass through one thread, so no client ever sees "database is locked". Writes that wait
when the thread is ready are committed together: each in a savepoint of its own, so that one that
fails takes nothing with it, and one `fsync` for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from prefect.server.database import json_functions
from prefect.server.database.sql import Dialect
from prefect.server.database.store import Query, Row, collect, not_storable, too_slow
from prefect.server.errors import UnavailableError, UniquenessError
from prefect.server.events import Event, EventBus

if TYPE_CHECKING:
    from prefect.server.settings import ServerSettings

__all__ = ["SqliteStore", "connect", "copy_database"]

T = TypeVar("T")

_log = logging.getLogger("prefect.server")

#: Writes in one commit at most: keeps the wait of the first of them short.
_MAX_GROUP = 200
#: Pages of 4 KiB that the log may hold before they are copied.
_WAL_PAGES = 8_000


def connect(path: str, durability: str, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection with the settings that all of ours have."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=30.0, cached_statements=512
    )
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA case_sensitive_like = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -16000")
    if readonly:
        connection.execute("PRAGMA query_only = ON")
    else:
        connection.execute("PRAGMA journal_mode = WAL")
        # What was written often since the last time is copied into the database once.
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
    connection.create_function("lower_unicode", 1, _lower, deterministic=True)
    json_functions.register(connection)
    return connection


def copy_database(source: Path, target: Path) -> None:
    """Copy a database to a file, as it is at one moment, while others write to it.

    Raises:
        OSError: the file cannot be written; nothing is left of it.
    """
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(descriptor)
    try:
        with (
            contextlib.closing(connect(str(source), "normal", readonly=True)) as original,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            original.backup(copy)
    except sqlite3.Error as exc:
        target.unlink()
        raise OSError(str(exc)) from exc


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class _Reader:
    """A connection that only reads, and what the query under way on it needs."""

    __slots__ = ("_deadline", "_query", "_query_s", "connection")

    def __init__(self, path: str, durability: str, query_s: float) -> None:
        self._query_s = query_s
        self.connection = connect(path, durability, readonly=True)
        self.connection.create_function("nested", 2, self._nested)
        # Called so many steps apart: about every millisecond of work.
        self.connection.set_progress_handler(self._is_late, 100_000)
        self._deadline = math.inf
        self._query: Query | None = None

    def fetch_text(self, query: Query) -> str | None:
        """The first column of the first row."""
        self._query = query
        seconds = self._query_s if query.seconds is None else min(query.seconds, self._query_s)
        self._deadline = time.monotonic() + seconds
        try:
            row = self.connection.execute(query.sql, query.params).fetchone()
        except sqlite3.OperationalError as exc:
            if time.monotonic() > self._deadline:
                raise too_slow(seconds) from exc
            raise
        finally:
            self._deadline = math.inf
        return None if row is None else row[0]

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _nested(self, number: int, key: Any) -> Any:
        query = self._query
        assert query is not None
        row = self.connection.execute(query.nested[number], {**query.params, "key": key}).fetchone()
        return None if row is None else row[0]


class SqliteTransaction:
    """A transaction on a SQLite connection."""

    __slots__ = ("_connection", "events")

    dialect: Dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.events: list[Event] = []

    def _cursor(self, sql: str, params: Mapping[str, Any] | None) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, params or {})
        except sqlite3.IntegrityError as exc:
            if "UNIQUE" in str(exc):
                raise UniquenessError from exc
            raise
        except (UnicodeEncodeError, OverflowError) as exc:
            raise not_storable() from exc

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> int:
        """See `Transaction.execute`."""
        return self._cursor(sql, params).rowcount

    def execute_many(self, sql: str, params: Sequence[Mapping[str, Any]] | Sequence[tuple[Any, ...]]) -> None:
        """See `Transaction.execute_many`."""
        if params:
            try:
                self._connection.executemany(sql, params)
            except sqlite3.IntegrityError as exc:
                if "UNIQUE" in str(exc):
                    raise UniquenessError from exc
                raise
            except (UnicodeEncodeError, OverflowError) as exc:
                raise not_storable() from exc

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        """See `Transaction.rows`."""
        cursor = self._cursor(sql, params)
        columns = {entry[0]: position for position, entry in enumerate(cursor.description or ())}
        return [Row(columns, values) for values in cursor.fetchall()]

    def one_or_none(self, sql: str, params: Mapping[str, Any] | None = None) -> Row | None:
        """See `Transaction.one_or_none`."""
        found = self.rows(sql, params)
        return found[0] if found else None

    def scalar(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """See `Transaction.scalar`."""
        found = self._cursor(sql, params).fetchall()
        return found[0][0] if found else None

    def emit(self, topic: str, id: str, tenant_id: str) -> None:
        """See `Transaction.emit`."""
        collect(self.events, topic, id, tenant_id)


def _is_of_the_file(exc: BaseException) -> bool:
    """Whether an error says something about the file or the disk, and nothing about the statement."""
    words = ("full", "I/O", "readonly", "unable to open", "locked", "malformed")
    return isinstance(exc, sqlite3.DatabaseError) and any(word in str(exc) for word in words)


class _Job:
    """One piece of writing, and what came of it.

    Args:
        work: what writes.
        tell: called in the writer's thread when that is known.
    """

    __slots__ = ("error", "events", "is_given_up", "outcome", "tell", "work")

    def __init__(self, work: Callable[[Any], Any], tell: Callable[[], object]) -> None:
        self.work = work
        self.tell = tell
        self.outcome: Any = None
        self.error: BaseException | None = None
        self.events: list[Event] = []
        #: Whether nobody waits any more: what has not begun need not.
        self.is_given_up = False

    def result(self) -> Any:
        """What `work` returned, or raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.outcome


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


class SqliteStore:
    """A database in a file.

    Args:
        settings: where it is and how durable it has to be.
        events: the bus that hears of commits.
    """

    dialect: Dialect = "sqlite"

    def __init__(self, settings: ServerSettings, events: EventBus) -> None:
        self.events = events
        self.interruptions = 0
        self._path = str(settings.sqlite_path)
        self._durability = settings.durability
        self._query_s = settings.limits.query_s
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._writer_connection = connect(self._path, self._durability)
        self._readers = ThreadPoolExecutor(settings.reader_threads, thread_name_prefix="prefect-reader")
        self._writer = threading.Thread(target=self._write_loop, name="prefect-writer", daemon=True)
        self._writer.start()

    # -- reading ----------------------------------------------------------------------

    def _reader(self) -> _Reader:
        reader: _Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = _Reader(self._path, self._durability, self._query_s)
            with self._lock:
                self._connections.append(reader.connection)
        return reader

    def read_sync(self, work: Callable[[Any], T]) -> T:
        """See `Store.read_sync`."""
        connection = self._reader().connection
        connection.execute("BEGIN")
        try:
            return work(SqliteTransaction(connection))
        finally:
            connection.execute("COMMIT")

    async def read(self, work: Callable[[Any], T]) -> T:
        """See `Store.read`."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_sync, work)

    def _fetch_text(self, query: Query) -> str | None:
        return self._reader().fetch_text(query)

    async def fetch_text(self, query: Query) -> str | None:
        """See `Store.fetch_text`."""
        if query.is_small:
            return self._fetch_text(query)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._fetch_text, query)

    def _fetch_texts(self, queries: Sequence[Query]) -> list[str | None]:
        reader = self._reader()
        reader.connection.execute("BEGIN")
        try:
            return [reader.fetch_text(query) for query in queries]
        finally:
            reader.connection.execute("COMMIT")

    async def fetch_texts(self, queries: Sequence[Query]) -> list[str | None]:
        """See `Store.fetch_texts`."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._fetch_texts, queries)

    # -- writing ----------------------------------------------------------------------

    def _submit(self, job: _Job) -> None:
        with self._lock:  # so that no job comes after the one that ends the thread
            if self._closed:
                raise UnavailableError("The server is shutting down; send the request again.")
            self._jobs.put(job)

    def write_sync(self, work: Callable[[Any], T]) -> T:
        """See `Store.write_sync`."""
        done = threading.Event()
        job = _Job(work, done.set)
        self._submit(job)
        done.wait()
        return job.result()

    async def write(self, work: Callable[[Any], T]) -> T:
        """See `Store.write`."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, done)

        job = _Job(work, tell)
        self._submit(job)
        try:
            await done
        except asyncio.CancelledError:
            job.is_given_up = True
            raise
        return job.result()

    def _write_loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job]
            stops = False
            while len(group) < _MAX_GROUP:
                try:
                    more = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    stops = True
                    break
                group.append(more)
            self._write_group(group)
            if stops:
                break

    def _write_group(self, group: list[_Job]) -> None:
        connection = self._writer_connection
        done: list[_Job] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            is_alone = len(group) == 1
            for job in group:
                if not job.is_given_up and self._run_job(job, is_alone):
                    done.append(job)  # noqa: PERF401 # what was done has to be known when one of them raises
            if connection.in_transaction:
                connection.execute("COMMIT")
        except sqlite3.Error as exc:  # a full disk, an unreadable file: nothing of the group happened
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            for job in group:
                if job.error is None:
                    job.error = self._not_written(exc)
                job.tell()
            return
        events = [event for job in done for event in job.events]
        try:
            self.events.publish(events)
        except Exception:  # noqa: BLE001 # a listener's fault; what was written is written
            _log.exception("somebody who listens to events failed")
        for job in group:
            job.tell()

    def _run_job(self, job: _Job, is_alone: bool) -> bool:
        """Run one job, in a savepoint unless it is alone; False when it failed."""
        connection = self._writer_connection
        transaction = SqliteTransaction(connection)
        if not is_alone:
            connection.execute("SAVEPOINT job")
        try:
            job.outcome = job.work(transaction)
        except BaseException as exc:  # handed to the waiter, whatever it is
            if not connection.in_transaction:  # the database gave up on all of it: a full disk, say
                raise sqlite3.OperationalError(str(exc)) from exc
            if is_alone:
                connection.execute("ROLLBACK")
            else:
                connection.execute("ROLLBACK TO job")
                connection.execute("RELEASE job")
            job.error = self._not_written(exc) if _is_of_the_file(exc) else exc
            return False
        if not is_alone:
            connection.execute("RELEASE job")
        job.events = transaction.events
        return True

    def _not_written(self, exc: BaseException) -> UnavailableError:
        self.interruptions += 1
        error = UnavailableError(f"The database could not be written ({exc}); nothing was saved. Try again.")
        error.__cause__ = exc
        return error

    # -- the rest ---------------------------------------------------------------------

    def elected(self, service: str) -> bool:
        """Always: one process owns the file."""
        return True

    def close(self) -> None:
        """See `Store.close`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._writer.join(timeout=30)
        self._readers.shutdown(wait=True)
        with self._lock:
            for connection in self._connections:
                connection.close()
        self._writer_connection.close()
