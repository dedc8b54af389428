"""Makes a database as large as one that has been used for long: with log lines, as those are."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

from live_server import Connection, Database

__all__ = ["grow", "megabytes_of"]

_LINE = 1_500  # characters
_BATCH = 20_000
_COPIED = "created, updated, tenant_id, flow_run_id, timestamp, name, level, is_loaded_from_archive"


def megabytes_of(database: Database) -> float:
    """Its size on the disk."""
    if database.backend == "sqlite":
        return database.path.stat().st_size / 1e6
    return database.rows("SELECT pg_database_size(current_database())")[0][0] / 1e6


def grow(database: Database, connection: Connection, flow_run_id: str, megabytes: int) -> None:
    """Give a flow run log lines until the database is so large.

    Args:
        database: the database of a server that runs.
        connection: a connection to that server.
        flow_run_id: the run.
        megabytes: what the database is to have at least.
    """
    line = {
        "flow_run_id": flow_run_id,
        "message": "first",
        "timestamp": "2030-01-02T03:04:05+00:00",
        "level": "INFO",
    }
    assert connection.mutate("write_run_logs", "success", logs=[line]).data
    if database.backend == "sqlite":
        number, text = "printf('%08x-0000-4000-8000-%012x', :batch, i)", "hex(randomblob(750))"
    else:
        number = "(lpad(to_hex(:batch), 8, '0') || '-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))"
        # Of random digits, or PostgreSQL would keep it compressed.
        text = f"(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, {_LINE // 32} + i * 0))"
    sql = (
        f"INSERT INTO log (id, message, {_COPIED}) WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers "
        f"WHERE i < {_BATCH if megabytes > 100 else 2_000}) SELECT {number}, {text}, {_COPIED} FROM log, numbers WHERE message = 'first'"
    )
    with contextlib.closing(_open(database)) as session:
        batch = 0
        while megabytes_of(database) < megabytes:
            batch += 1
            session.execute(sql.replace(":batch", str(batch)))
            session.commit()
        session.execute("UPDATE log SET message = 'last' WHERE message = 'first'")
        session.commit()


def _open(database: Database) -> Any:
    if database.backend == "sqlite":
        return sqlite3.connect(database.path, timeout=60)
    import psycopg

    return psycopg.connect(database.url)
