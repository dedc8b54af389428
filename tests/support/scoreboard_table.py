"""The lines of a scoreboard file as a table: `python scoreboard_table.py FILE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def table(lines: list[str]) -> str:
    """A line for each figure, those of one scenario together, in the order of the scenarios."""
    rows = [("scenario", "backend", "seed", "goal", "got")]
    entries: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
    for entry in sorted(entries, key=lambda one: (one["scenario"], one["backend"], str(one["seed"]))):
        got = entry["got"]
        if isinstance(got, dict):
            got = ", ".join(f"{name}: {value}" for name, value in got.items())
        seed = "" if entry["seed"] is None else str(entry["seed"])
        rows.append((entry["scenario"], entry["backend"], seed, entry["goal"], str(got)))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


if __name__ == "__main__":
    print(table(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()))
