"""Tables of the documentation that are made from the code are those that the code makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from prefect._removed import removed_table
from prefect._settings import settings_table
from prefect.cli._reference import reference

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize(
    ("page", "make"),
    [
        ("removed.md", removed_table),
        ("reference/configuration.md", settings_table),
        ("reference/commands.md", reference),
    ],
    ids=["removed", "settings", "commands"],
)
def test_a_generated_table_is_up_to_date(page: str, make: Callable[[], str]) -> None:
    table = make()

    text = (DOCS / page).read_text(encoding="utf-8")

    assert table in text, (
        f"docs/{page} is older than the code. Put the output of this between its first and last lines: "
        f'python -c "from {make.__module__} import {make.__name__} as table; print(table())"'
    )


@pytest.mark.parametrize("make", [removed_table, settings_table, reference])
def test_every_row_has_as_many_cells_as_the_others(make: Callable[[], str]) -> None:
    for block in make().split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") - row.count("\\|") for row in rows}) <= 1, block


def test_the_concept_page_leads_to_all_settings() -> None:
    text = (DOCS / "concepts" / "configuration.md").read_text(encoding="utf-8")

    assert "../reference/configuration.md" in text
