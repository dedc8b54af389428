"""What `prefect server import` says at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.server.importing import Imported

__all__ = ["report"]


def report(made: Imported, *, is_active: bool) -> str:
    """The tables that were copied, and what stayed behind and why.

    Args:
        made: what came of the import.
        is_active: whether schedules are on.
    """
    lines = [f"  {'':20} {'imported':>12} {'here already':>14}"]
    for name in made.rows:
        title = name.replace("_", " ") + "s"
        lines.append(f"  {title:20} {made.rows[name]:>12,} {made.known.get(name, 0):>14,}")
    notes: list[str] = []
    if made.schedules and not is_active:
        notes.append(
            f"The schedules of {_flows(made.schedules)} are off. Stop the old server, then switch them on in the "
            "web UI, or run this again on an empty database with --activate-schedules."
        )
    if made.unfinished:
        notes.append(f"{made.unfinished:,} flow runs that have not finished stay with the old server.")
    if made.older:
        notes.append(f"{made.older:,} older flow runs stay with the old server.")
    if made.archived:
        notes.append(
            "These flows were registered here already, so those of the old server are archived: "
            f"{', '.join(sorted(set(made.archived)))}."
        )
    if made.hooks:
        notes.append(f"{made.hooks:,} cloud hooks have no equal here, and stay with the old server.")
    return "\n".join(["Imported from Prefect Server 1.x:", "", *lines, *(["", *notes] if notes else [])])


def _flows(count: int) -> str:
    return "1 flow" if count == 1 else f"{count:,} flows"
