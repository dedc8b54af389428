"""`prefect version`, for those who call it through click; see `prefect.cli.main`."""

from __future__ import annotations

import click


@click.command()
def version() -> None:
    """Print the version."""
    from prefect import __version__

    click.echo(__version__)
