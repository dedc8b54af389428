"""Log lines of runs. A batch that is sent twice is written once."""

from __future__ import annotations

import datetime
import hashlib
from collections import Counter
from typing import Any

import msgspec

from prefect.server.database.store import Transaction
from prefect.server.domain.common import clean, clean_text, dump, ordered_id, stamp
from prefect.server.domain.registry import JSON, DateTime, LogLevel, SuccessPayload, Uuid, mutation
from prefect.server.security.caller import Caller

__all__ = ["write"]

_COLUMNS = (
    "id", "created", "updated", "tenant_id", "flow_run_id", "task_run_id", "timestamp", "name", "level",
    "message", "info", "is_loaded_from_archive", "sequence",
)  # fmt: skip
_INFO = _COLUMNS.index("info")


class WriteRunLogInput(msgspec.Struct):
    """A log line.

    Attributes:
        flow_run_id: the flow run; a line without one is skipped.
        task_run_id: the task run it came from.
        timestamp: when; now when null.
        name: name of the logger.
        level: level; INFO when null.
        message: the text.
        info: more about it.
        sequence: its number among the lines of the sender, from senders that count.
    """

    flow_run_id: Uuid | None = None
    task_run_id: Uuid | None = None
    timestamp: DateTime | None = None
    name: str | None = None
    level: LogLevel | None = None
    message: str | None = None
    info: JSON | None = None
    sequence: int | None = None


class WriteRunLogsInput(msgspec.Struct):
    """Log lines."""

    logs: list[WriteRunLogInput]


@mutation(role="user")
def write_run_logs(
    tx: Transaction, caller: Caller, input: WriteRunLogsInput, now: datetime.datetime
) -> SuccessPayload:
    """Write log lines of runs."""
    write(tx, caller.tenant_id, input.logs, now)
    return SuccessPayload()


def write(tx: Transaction, tenant_id: str, lines: list[WriteRunLogInput], now: datetime.datetime) -> None:
    """Write log lines; those that are there already are left as they are."""
    moment = stamp(now)
    # Equal lines of one batch are that many lines; the same batch once more is none.
    seen: Counter[tuple[Any, ...]] = Counter()
    rows: list[tuple[Any, ...]] = []
    for line in lines:
        if line.flow_run_id is None:
            continue
        when = line.timestamp or now
        content = (
            line.flow_run_id,
            line.task_run_id or "",
            stamp(when),
            clean_text(line.level or "INFO"),
            clean_text(line.name) if line.name is not None else "",
            clean_text(line.message or ""),
            line.sequence,
        )
        seen[content] += 1
        rows.append(
            (
                _id(tenant_id, when, content, seen[content]),
                moment,
                moment,
                tenant_id,
                line.flow_run_id,
                line.task_run_id,
                content[2],
                None if line.name is None else content[4],
                content[3],
                content[5],
                line.info and clean(line.info),
                False,
                line.sequence,
            )
        )
    if not rows:
        return
    _insert(tx, rows)
    for flow_run_id in {row[4] for row in rows}:
        tx.emit("log", flow_run_id, tenant_id)


def _id(tenant_id: str, when: datetime.datetime, content: tuple[Any, ...], number: int) -> str:
    """The id of a line, made of what it says: the same line once more has the same id.

    The tenant is part of it: nobody can take the place of another tenant's line beforehand.
    """
    # No text has U+0000 in it any more, so that no two contents are one text.
    text = f"{tenant_id}\0{number}\0{content[6]}\0" + "\0".join(content[:6])
    digest = hashlib.blake2b(text.encode(), digest_size=9).hexdigest()
    return ordered_id(max(0, int(when.timestamp() * 1000)), digest)


def _insert(tx: Transaction, rows: list[tuple[Any, ...]]) -> None:
    columns = ", ".join(_COLUMNS)
    conflict = "ON CONFLICT (id) DO NOTHING"
    if tx.dialect == "postgresql":
        types = {"info": "jsonb", "is_loaded_from_archive": "boolean", "sequence": "integer"}
        fields = ", ".join(f"{name} {types.get(name, 'text')}" for name in _COLUMNS)
        tx.execute(
            f"INSERT INTO log ({columns}) SELECT {columns} "
            f"FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({fields}) {conflict}",
            {"rows": dump([dict(zip(_COLUMNS, row, strict=True)) for row in rows])},
        )
        return
    places = ", ".join("?" for _ in _COLUMNS)
    values = [(*row[:_INFO], dump(row[_INFO]), *row[_INFO + 1 :]) for row in rows]
    tx.execute_many(f"INSERT INTO log ({columns}) VALUES ({places}) {conflict}", values)
