"""`prefect create`: make projects."""

from __future__ import annotations

import click

from prefect.cli._api import api_errors, connect
from prefect.cli._group import Group
from prefect.cli._output import write

__all__ = ["create"]


@click.group(cls=Group)
def create() -> None:
    """Make projects."""


@create.command()
@click.argument("name")
@click.option("--description", "-d", metavar="TEXT", help="What the project is for.")
@click.option("--skip-if-exists", is_flag=True, help="Say so and exit with 0 if the project exists.")
def project(name: str, description: str | None, skip_if_exists: bool) -> None:
    """Make a project; flows are registered in projects.

    A project that exists is left as it is.
    """
    client = connect()
    with api_errors():
        if skip_if_exists and client._project_id(name) is not None:  # pyright: ignore[reportPrivateUsage]
            write(f"{name} already exists")
            return
        client.create_project(project_name=name, project_description=description)
    write(f"{name} created")
