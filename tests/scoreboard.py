"""Figures of the fault and attack scenarios, one machine-readable line each.

    SCOREBOARD {"scenario": "S9", "backend": "sqlite", "seed": 7, "goal": "0 of HTTP 5xx", "got": "0 of 300"}

`PREFECT_CHAOS=full` makes the scenarios as large as they are meant to be; else they are small enough
for every build. The lines go to standard output, and to the file that PREFECT_SCOREBOARD names.
Tests write `from scoreboard import is_full, record, sized`: the topmost `conftest.py` loads this file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

__all__ = ["is_full", "record", "sized"]


def is_full() -> bool:
    """Whether scenarios run in full size."""
    return os.environ.get("PREFECT_CHAOS") == "full"


def sized(small: int, full: int) -> int:
    """How often something is done: `small` in every build, `full` with PREFECT_CHAOS=full."""
    return full if is_full() else small


def record(scenario: str, backend: str, seed: int | None, goal: str, got: object) -> None:
    """Write one line of the scoreboard.

    Args:
        scenario: its name, such as `S9` or `F1 (tasks)`.
        backend: the database: `sqlite`, `postgresql`, `both`, or `none`.
        seed: of its random choices; None without any.
        goal: what has to hold, as text.
        got: what was measured.
    """
    line = json.dumps(
        {"scenario": scenario, "backend": backend, "seed": seed, "goal": goal, "got": got}, default=str
    )
    print(f"SCOREBOARD {line}")  # shown by pytest -rA, and for tests that fail
    file = os.environ.get("PREFECT_SCOREBOARD")
    if file:
        with Path(file).open("a", encoding="utf-8") as stream:  # one write: workers do not mix their lines
            stream.write(line + "\n")
