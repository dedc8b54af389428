"""`prefect delete`: delete projects, flows and flow runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._complete import complete_flows, complete_projects, complete_runs
from prefect.cli._errors import CommandError
from prefect.cli._find import find_flow_row, find_run, matching
from prefect.cli._group import Group
from prefect.cli._output import may_ask, note, write

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["delete"]

_COUNTS = """
query($name: String!) { project(where: { name: { _eq: $name } }) {
    id flows_aggregate { aggregate { count } }
} }
"""


_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
_YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@click.group(cls=Group)
def delete() -> None:
    """Delete projects, flows and flow runs."""


@delete.command()
@click.argument("name", shell_complete=complete_projects)
@_DRY_RUN
@_YES
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


@delete.command()
@click.argument("name", metavar="FLOW", shell_complete=complete_flows)
@click.option("--project", "-p", metavar="NAME", shell_complete=complete_projects, help="Its project.")
@_DRY_RUN
@_YES
def flow(name: str, project: str | None, dry_run: bool, yes: bool) -> None:
    """Delete a FLOW, by name or id: all its versions, with their runs and logs.

    In a terminal it asks first.
    """
    from prefect.backend._query import rows

    client = connect()
    with api_errors():
        found = find_flow_row(client, name, project)
        versions = rows("flow", matching(flow_group_id=found["flow_group_id"]), "id version", client=client)
        title = f"flow {found['name']!r} of project {found['project']['name']!r}"
        what = f"{len(versions)} {'version' if len(versions) == 1 else 'versions'} with all their runs"
        if dry_run:
            note(f"{title[0].upper()}{title[1:]} would be deleted: {what}. Nothing was.")
            return
        if not yes and may_ask():
            click.confirm(f"Delete {title}, {what}?", abort=True, err=True)
        for version in versions:
            _delete(client, "delete_flow", {"flow_id": version.id})
    write(f"{found['name']} deleted")


@delete.command("flow-run")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=complete_runs)
@_DRY_RUN
@_YES
def flow_run(runs: tuple[str, ...], dry_run: bool, yes: bool) -> None:
    """Delete flow runs, by name or id, with their task runs and logs.

    In a terminal it asks first.
    """
    client = connect()
    with api_errors():
        found = [find_run(client, word) for word in runs]
        names = ", ".join(f"{run['name']} ({run['state']})" for run in found)
        if dry_run:
            note(f"Would be deleted: {names}. Nothing was.")
            return
        if not yes and may_ask():
            click.confirm(f"Delete {names}?", abort=True, err=True)
        for run in found:
            _delete(client, "delete_flow_run", {"flow_run_id": run["id"]})
            write(f"{run['name']} deleted")


def _delete(client: Client, mutation: str, value: dict[str, str]) -> None:
    client.graphql(
        f"mutation($input: {mutation}_input!) {{ {mutation}(input: $input) {{ success }} }}",
        variables={"input": value},
    )
