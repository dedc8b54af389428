"""`prefect config`: the configuration in use."""

from __future__ import annotations

import json
from typing import Any

import click

from prefect.cli._group import Command


@click.command(cls=Command)
@click.option("--output", "-o", type=click.Choice(["json", "yaml", "table", "jsonl"]), metavar="FORMAT", help="How to print: json (on one line by default), jsonl, yaml, or table (a setting per line).")  # fmt: skip
def config(output: str | None) -> None:
    """Print the configuration in use, as JSON.

    It is read from the packaged defaults, ~/.prefect/config.toml, ~/.prefect/backend.toml and
    environment variables PREFECT__SECTION__KEY; later ones win.
    """
    import prefect

    if output is None or output == "jsonl":
        click.echo(json.dumps(prefect.config, default=str))
    elif output == "table":
        for name, value in _flat(prefect.config):
            click.echo(f"{name}\t{json.dumps(value, default=str)}")
    else:
        from prefect.cli._table import as_text

        click.echo(as_text(prefect.config, output))


def _flat(section: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Settings by their whole names, such as `logging.level`."""
    found: list[tuple[str, Any]] = []
    for name, value in section.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return found
