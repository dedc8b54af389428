"""`prefect describe`: everything about a flow, its tasks, or a flow run."""

from __future__ import annotations

from typing import Any

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._complete import complete_flows, complete_projects, complete_runs
from prefect.cli._errors import CommandError
from prefect.cli._find import is_uuid
from prefect.cli._group import Group
from prefect.cli._table import output_option_for, show_document

__all__ = ["describe", "display_output"]

_OUTPUT = output_option_for("json")
_WEB = click.option("--web", is_flag=True, help="Open the page in the browser instead.")


def display_output(obj: Any, output: str = "json") -> None:
    """Print one object as JSON or YAML.

    Args:
        obj: anything that JSON can hold.
        output: "json" or "yaml".
    """
    show_document(obj, output)


@click.group(cls=Group)
def describe() -> None:
    """Print everything about a flow, its tasks, or a flow run."""


def _newest(table: str, where: dict[str, Any], selection: str, what: str) -> dict[str, Any]:
    from prefect.backend._query import rows

    client = connect()
    with api_errors():
        found = rows(table, where, selection, order_by={"created": "desc"}, limit=1, client=client)
    if not found:
        raise CommandError(f"{what} was not found.", exit_code=_exit_codes.NOT_FOUND)
    return found[0].to_dict()


def _flow_filter(name: str, version: int | None, project: str | None) -> dict[str, Any]:
    where: dict[str, Any] = {"name": {"_eq": name}}
    if version is not None:
        where["version"] = {"_eq": version}
    if project is not None:
        where["project"] = {"name": {"_eq": project}}
    return where


def _flow(name: str, version: int | None, project: str | None, selection: str) -> dict[str, Any]:
    what = f"Flow {name!r}" + (f" version {version}" if version is not None else "")
    what += f" of project {project!r}" if project is not None else ""
    return _newest("flow", _flow_filter(name, version, project), selection, what)


@describe.command()
@click.option(
    "--name", "-n", required=True, metavar="NAME", shell_complete=complete_flows, help="Name of the flow."
)
@click.option("--version", "-v", type=int, metavar="N", help="Its version; the newest by default.")
@click.option("--project", "-p", metavar="NAME", shell_complete=complete_projects, help="Its project.")
@_WEB
@_OUTPUT
def flows(name: str, version: int | None, project: str | None, web: bool, output: str) -> None:
    """Describe a registered flow."""
    selection = (
        "id flow_group_id name version project { name } created description parameters archived storage "
        "run_config settings core_version is_schedule_active schedule"
    )
    _show(_flow(name, version, project, selection), "flow", output, web=web)


@describe.command()
@click.option(
    "--name", "-n", required=True, metavar="NAME", shell_complete=complete_flows, help="Name of the flow."
)
@click.option("--version", "-v", type=int, metavar="N", help="Its version; the newest by default.")
@click.option("--project", "-p", metavar="NAME", shell_complete=complete_projects, help="Its project.")
@_OUTPUT
def tasks(name: str, version: int | None, project: str | None, output: str) -> None:
    """Describe the tasks of a registered flow."""
    selection = "tasks(order_by: [{ slug: asc }]) { id name created slug description type max_retries retry_delay mapped }"
    show_document(_flow(name, version, project, selection)["tasks"], output)


@describe.command("flow-runs")
@click.option(
    "--name", "-n", required=True, metavar="NAME", shell_complete=complete_runs, help="Name of the flow run."
)
@click.option("--flow-name", "-fn", metavar="NAME", shell_complete=complete_flows, help="Name of its flow.")
@_WEB
@_OUTPUT
def flow_runs(name: str, flow_name: str | None, web: bool, output: str) -> None:
    """Describe a flow run, the newest of its name; or the one of an id."""
    where: dict[str, Any] = {"id" if is_uuid(name) else "name": {"_eq": name}}
    if flow_name is not None:
        where["flow"] = {"name": {"_eq": flow_name}}
    selection = (
        "id name flow { id name version } created parameters context labels auto_scheduled state "
        "state_message scheduled_start_time start_time end_time serialized_state"
    )
    with api_errors():
        knows_parents = connect().get_server().has_epochs
    if knows_parents:
        selection += " parent_task_run { id task { name } flow_run { id name } }"
    found = _newest("flow_run", where, selection, f"Flow run {name!r}")
    if knows_parents and not web:
        found["child_flow_runs"] = _children(found["id"])
    _show(found, "flow-run", output, web=web)


def _children(run_id: str) -> list[dict[str, Any]]:
    """The runs that a flow run started."""
    from prefect.backend._query import rows

    where = {"parent_task_run": {"flow_run_id": {"_eq": run_id}}}
    with api_errors():
        found = rows(
            "flow_run", where, "id name state flow { name }", order_by={"created": "asc"}, client=connect()
        )
    return [row.to_dict() for row in found]


def _show(found: dict[str, Any], kind: str, output: str, *, web: bool) -> None:
    if not web:
        show_document(found, output)
        return
    from prefect.cli._web import open_page

    client = connect()
    with api_errors():
        open_page(client, kind, found["id"])
