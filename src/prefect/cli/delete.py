"""`prefect delete`: delete projects."""

from __future__ import annotations

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._complete import complete_projects
from prefect.cli._errors import CommandError
from prefect.cli._group import Group
from prefect.cli._output import may_ask, note, write

__all__ = ["delete"]

_COUNTS = """
query($name: String!) { project(where: { name: { _eq: $name } }) {
    id flows_aggregate { aggregate { count } }
} }
"""


@click.group(cls=Group)
def delete() -> None:
    """Delete projects."""


@delete.command()
@click.argument("name", shell_complete=complete_projects)
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def project(name: str, dry_run: bool, yes: bool) -> None:
    """Delete a project, with its flows, their runs and logs.

    In a terminal it asks first if the project has flows.
    """
    client = connect()
    with api_errors():
        found = client.graphql(_COUNTS, variables={"name": name}).data.project
        if not found:
            raise CommandError(
                f"There is no project {name!r}.",
                hint="`prefect get projects` lists the projects.",
                exit_code=_exit_codes.NOT_FOUND,
            )
        count = found[0].flows_aggregate.aggregate.count
        what = f"{count} {'flow version' if count == 1 else 'flow versions'} with all their runs"
        if dry_run:
            note(f"Project {name!r} would be deleted, and {what}. Nothing was.")
            return
        if count and not yes and may_ask():
            click.confirm(f"Delete project {name!r}, and {what}?", abort=True, err=True)
        client.delete_project(project_name=name)
    write(f"{name} deleted")
