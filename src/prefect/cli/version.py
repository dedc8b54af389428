"""`prefect version`, for those who call it through click; see `prefect.cli.main`."""

from __future__ import annotations

import click

from prefect.cli._group import Command


@click.command(cls=Command)
def version() -> None:
    """Print the version."""
    from prefect import __version__

    click.echo(__version__)
