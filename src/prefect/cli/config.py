"""`prefect config`: the configuration in use."""

from __future__ import annotations

import json

import click


@click.command()
def config() -> None:
    """Print the configuration in use, as JSON.

    It is read from the packaged defaults, ~/.prefect/config.toml, ~/.prefect/backend.toml and
    environment variables PREFECT__SECTION__KEY; later ones win.
    """
    import prefect

    click.echo(json.dumps(prefect.config, default=str))
