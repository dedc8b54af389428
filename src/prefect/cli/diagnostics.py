"""`prefect diagnostics`: facts for a bug report."""

from __future__ import annotations

import click

from prefect.cli._group import Command


@click.command(cls=Command)
@click.option("--include-secret-names", is_flag=True, help="List the names of local secrets too.")
def diagnostics(include_secret_names: bool) -> None:
    """Print facts for a bug report as JSON: system, versions, and which settings you changed.

    Values of yours are never printed: settings show as true or false, environment variables by
    name.
    """
    from prefect.utilities.diagnostics import diagnostic_info

    click.echo(diagnostic_info(include_secret_names=include_secret_names))
