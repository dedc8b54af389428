"""The last part of what `prefect register` prints: what became of each flow."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prefect.cli._table import Column, draw_rows, show_rows

if TYPE_CHECKING:
    from prefect.cli._tally import Tally

__all__ = ["show_outcomes"]

#: Rows of the table at most, and flows from which on those that were skipped are only counted.
_MOST, _MANY = 40, 20
_COLORS = {"registered": "green", "built": "green", "skipped": "yellow", "failed": "red"}
_COLUMNS = (
    Column("FLOW", lambda row: row["flow"] or row["source"]),
    Column("RESULT", lambda row: row["result"], color=lambda row: _COLORS[row["result"]], whole=True),
    Column("VERSION", lambda row: row["version"]),
    Column("ID", lambda row: row["id"], whole=True),
    Column("SOURCE", lambda row: row["source"], optional=True),
)


def show_outcomes(tally: Tally, output: str) -> None:
    """Print a table of several flows, what failed first; or all flows for programs, as `output` says."""
    rows = [asdict(outcome) for outcome in tally.outcomes]
    if output == "id":
        show_rows([row for row in rows if row["id"]], _COLUMNS, output)
        return
    if output != "text":
        show_rows(rows, _COLUMNS, output)
        return
    if len(rows) < 2:  # it was just told
        return
    shown = _shown(rows)
    if shown:
        tally.say("")
        draw_rows(shown, _COLUMNS, tally.stream)
    hidden = len(rows) - len(shown)
    if shown and hidden:
        tally.say(f"… and {hidden:,} more")


def _shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    order = {"failed": 0, "registered": 1, "built": 1, "skipped": 2}
    kept = rows if len(rows) <= _MANY else [row for row in rows if row["result"] != "skipped"]
    return sorted(kept, key=lambda row: order[row["result"]])[:_MOST]
