"""Log lines of a flow run, as the API has them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

from prefect.cli._following import LEVEL_COLORS
from prefect.cli._output import note, printable, styled, write, write_log_line
from prefect.cli._table import Column, show_rows

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["LEVELS", "log_rows", "short_time", "show_info", "show_log", "write_line"]

#: From the least to the most important.
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_COLUMNS = (
    Column("TIMESTAMP", lambda row: row["timestamp"]),
    Column("LEVEL", lambda row: row["level"]),
    Column("MESSAGE", lambda row: row["message"]),
)


def log_rows(
    client: Client,
    run_id: str,
    *,
    only_info: bool = False,
    level: str | None = None,
    logger: str | None = None,
    last: int | None = None,
) -> list[dict[str, Any]]:
    """Lines of a run, oldest first.

    Args:
        client: the client.
        run_id: the flow run.
        only_info: only lines with facts about the start of the run.
        level: only lines of this level and above.
        logger: only lines of the logger of this name, and of those below it.
        last: only so many, the last ones.
    """
    from prefect.backend._query import rows

    where: dict[str, Any] = {"flow_run_id": {"_eq": run_id}}
    if only_info:
        where["info"] = {"_is_null": False}
    if level is not None:
        where["level"] = {"_in": list(LEVELS[LEVELS.index(level) :])}
    if logger is not None:
        below = logger.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        where["_or"] = [{"name": {"_eq": logger}}, {"name": {"_like": f"{below}.%"}}]
    found = rows(
        "log",
        where,
        "id timestamp level name message info task_run_id",
        order_by={"timestamp": "asc" if last is None else "desc"},
        limit=last,
        client=client,
    )
    plain = [row.to_dict() for row in found]
    return plain if last is None else plain[::-1]


def show_log(rows: list[dict[str, Any]], output: str) -> None:
    """Print lines: coloured in a terminal, tab-separated elsewhere, or as the output option says."""
    if output != "table" or not sys.stdout.isatty():
        show_rows(rows, _COLUMNS, output)
        return
    if not rows:
        note("The flow run has no log lines like that.")
    for row in rows:
        write_line(row["timestamp"], row["level"], row["message"])


def write_line(timestamp: str, level: str, message: str) -> None:
    """Print one line for people."""
    time = styled(short_time(timestamp), sys.stdout, dim=True)
    name = styled(f"{level:<8}", sys.stdout, color=LEVEL_COLORS.get(level))
    write_log_line(f"{time}  {name}  ", message)


def show_info(rows: list[dict[str, Any]]) -> None:
    """Print what an agent said about the start of a run."""
    for row in rows:
        facts = cast("dict[str, Any]", row["info"])
        write(printable(str(facts.get("output", facts))))


def short_time(timestamp: str | None) -> str:
    """A time of the API without fractions and zone, which is UTC."""
    return timestamp[:19].replace("T", " ") if timestamp else ""
