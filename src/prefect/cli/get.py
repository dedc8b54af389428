"""`prefect get`: list flows, runs, projects, tasks and log lines."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._complete import complete_flows, complete_projects, complete_runs
from prefect.cli._errors import CommandError
from prefect.cli._find import find_run, matching
from prefect.cli._group import Group
from prefect.cli._log_lines import log_rows, short_time, show_info, show_log
from prefect.cli._pages import after, cursor_of, cursor_option
from prefect.cli._table import Column, Page, age, output_option, short_age, show_rows, state_color

__all__ = ["get"]

_LIMIT = click.option(
    "--limit",
    "-l",
    default=10,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="N",
    help="Most rows to print; 0 prints all.",
)


@click.group(cls=Group)
def get() -> None:
    """List flows, runs, projects, tasks and log lines of the API."""


class _Found(NamedTuple):
    """Rows of a list; what to say of those that are left out; which page it is, if pages are asked for."""

    rows: list[dict[str, Any]]
    more: str | None
    page: Page | None = None


def _rows(
    table: str,
    where: dict[str, Any],
    selection: str,
    order_by: dict[str, str],
    limit: int | None,
    cursor: str | None = None,
) -> _Found:
    """At most `limit` rows, from the first one or from a cursor on."""
    from prefect.backend._query import rows

    if cursor is not None:
        column, way = next(iter(order_by.items()))
        where = {"_and": [where, after(cursor, column, way)]}
        order_by = {column: way, "id": way}
    client = connect()
    with api_errors():
        asked = limit + 1 if limit else None
        found = rows(table, where, selection, order_by=order_by, limit=asked, client=client)
    plain = [row.to_dict() for row in found]
    is_cut = bool(limit) and len(plain) > (limit or 0)
    plain = plain[:limit] if is_cut else plain
    if cursor is None:
        more = f"There are more than {limit}: `--limit N` prints N, `--limit 0` all, `--cursor start` pages."
        return _Found(plain, more if is_cut else None)
    following = cursor_of(plain[-1], next(iter(order_by))) if is_cut else None
    more = f"There are more: `--cursor {following}` prints the next page." if following else None
    return _Found(plain, more, Page(following))


def _flow_filter(
    name: str | None, version: int | None, project: str | None, *, archived: bool = True
) -> dict[str, Any]:
    where = matching(name=name, version=version)
    if project is not None:
        where["project"] = matching(name=project)
    if not archived:
        where["archived"] = {"_eq": False}
    return where


@get.command()
@click.option("--name", "-n", metavar="NAME", shell_complete=complete_flows, help="Flows of this name.")
@click.option("--version", "-v", type=int, metavar="N", help="This version.")
@click.option(
    "--project", "-p", metavar="NAME", shell_complete=complete_projects, help="Flows of this project."
)
@_LIMIT
@cursor_option
@click.option("--all-versions", is_flag=True, help="Archived versions too.")
@output_option
def flows(
    name: str | None,
    version: int | None,
    project: str | None,
    limit: int,
    cursor: str | None,
    all_versions: bool,
    output: str,
) -> None:
    """List registered flows, newest first."""
    where = _flow_filter(name, version, project, archived=all_versions or version is not None)
    found, more, page = _rows(
        "flow",
        where,
        "id name version archived created is_schedule_active flow_group_id project { name }",
        {"created": "desc", "version": "desc"},
        limit,
        cursor,
    )
    columns: list[Column] = [
        Column("NAME", lambda row: row["name"], kept=True),
        Column("VERSION", lambda row: row["version"], head="VER"),
        Column("AGE", lambda row: age(row["created"]), short=lambda row: short_age(row["created"])),
        Column("ID", lambda row: row["id"], whole=True),
        Column("PROJECT NAME", lambda row: row["project"] and row["project"]["name"], head="PROJECT"),
    ]
    hint = "There are no flows like that. `prefect register --project NAME --path FILE` registers one."
    show_rows(found, columns, output, empty=hint, more=more, page=page)


@get.command("flow-runs")
@_LIMIT
@cursor_option
@click.option(
    "--flow", "-f", metavar="NAME", shell_complete=complete_flows, help="Runs of the flow of this name."
)
@click.option(
    "--project", "-p", metavar="NAME", shell_complete=complete_projects, help="Runs of flows of this project."
)
@click.option("--started", "-s", is_flag=True, help="Only runs that have started, last started first.")
@click.option("--state", metavar="STATE", help="Only runs in this state, such as Failed.")
@output_option
def flow_runs(
    limit: int,
    cursor: str | None,
    flow: str | None,
    project: str | None,
    started: bool,
    state: str | None,
    output: str,
) -> None:
    """List flow runs, newest first."""
    where: dict[str, Any] = {}
    if flow is not None or project is not None:
        where["flow"] = _flow_filter(flow, None, project)
    if started:
        where["start_time"] = {"_is_null": False}
    if state is not None:
        where["state"] = {"_ilike": state}
    found, more, page = _rows(
        "flow_run",
        where,
        "id name state state_message created start_time end_time scheduled_start_time labels parameters "
        "flow { id name version project { name } }",
        {"start_time": "desc"} if started else {"created": "desc"},
        limit,
        cursor,
    )
    columns: list[Column] = [
        Column("NAME", lambda row: row["name"], kept=True),
        Column("FLOW NAME", lambda row: row["flow"]["name"], head="FLOW"),
        Column("STATE", lambda row: row["state"], color=state_color, whole=True),
        Column("AGE", lambda row: age(row["created"]), short=lambda row: short_age(row["created"])),
        Column(
            "START TIME", lambda row: short_time(row["start_time"]), short=_start, optional=True, head="START"
        ),
        Column("ID", lambda row: row["id"], whole=True),
    ]
    hint = "There are no flow runs like that. `prefect run --name FLOW` makes one."
    show_rows(found, columns, output, empty=hint, more=more, page=page)


def _start(row: dict[str, Any]) -> str:
    """When a run started, or is to start."""
    return short_age(
        row["start_time"] or (row["scheduled_start_time"] if row["state"] == "Scheduled" else None)
    )


@get.command()
@click.option("--name", "-n", metavar="NAME", help="The project of this name.")
@output_option
def projects(name: str | None, output: str) -> None:
    """List projects."""
    found, more, page = _rows(
        "project",
        matching(name=name),
        "id name description created flows_aggregate(distinct_on: name) { aggregate { count } }",
        {"name": "asc"},
        None,
    )
    for row in found:
        row["flow_count"] = row.pop("flows_aggregate")["aggregate"]["count"]
    columns: list[Column] = [
        Column("NAME", lambda row: row["name"]),
        Column("FLOW COUNT", lambda row: row["flow_count"], head="FLOWS"),
        Column("AGE", lambda row: age(row["created"]), short=lambda row: short_age(row["created"])),
        Column("DESCRIPTION", lambda row: row["description"]),
    ]
    hint = "There are no projects like that. `prefect create project NAME` makes one."
    show_rows(found, columns, output, empty=hint, more=more, page=page)


@get.command()
@click.option("--name", "-n", metavar="NAME", help="Tasks of this name.")
@click.option(
    "--flow-name",
    "-fn",
    metavar="NAME",
    shell_complete=complete_flows,
    help="Tasks of the flow of this name.",
)
@click.option("--flow-version", "-fv", type=int, metavar="N", help="Tasks of this version of the flow.")
@click.option(
    "--project",
    "-p",
    metavar="NAME",
    shell_complete=complete_projects,
    help="Tasks of flows of this project.",
)
@_LIMIT
@cursor_option
@output_option
def tasks(
    name: str | None,
    flow_name: str | None,
    flow_version: int | None,
    project: str | None,
    limit: int,
    cursor: str | None,
    output: str,
) -> None:
    """List tasks of registered flows, newest first."""
    where = matching(name=name)
    where["flow"] = _flow_filter(flow_name, flow_version, project, archived=flow_version is not None)
    found, more, page = _rows(
        "task",
        where,
        "id name slug mapped type created flow { id name version }",
        {"created": "desc"},
        limit,
        cursor,
    )
    columns: list[Column] = [
        Column("NAME", lambda row: row["name"]),
        Column("FLOW NAME", lambda row: row["flow"]["name"], head="FLOW"),
        Column("FLOW VERSION", lambda row: row["flow"]["version"], head="VER"),
        Column("AGE", lambda row: age(row["created"]), short=lambda row: short_age(row["created"])),
        Column("MAPPED", lambda row: row["mapped"], short=lambda row: "yes" if row["mapped"] else ""),
        Column("TYPE", lambda row: row["type"], short=lambda row: row["type"].rpartition(".")[2]),
    ]
    show_rows(found, columns, output, empty="There are no tasks like that.", more=more, page=page)


@get.command()
@click.option(
    "--name", "-n", metavar="NAME", shell_complete=complete_runs, help="The last flow run of this name."
)
@click.option("--id", metavar="UUID", help="The flow run of this id.")
@click.option("--info", "-i", is_flag=True, help="Print what an agent said about the start of the run.")
@output_option
def logs(name: str | None, id: str | None, info: bool, output: str) -> None:
    """Print the log of a flow run, oldest line first."""
    if (name is None) == (id is None):
        raise CommandError("Give either --name or --id of the flow run.", exit_code=_exit_codes.USAGE)
    client = connect()
    with api_errors():
        found = find_run(client, name or id or "")
        lines = log_rows(client, found["id"], only_info=info)
    if info and output == "table":
        show_info(lines)
    else:
        show_log(lines, output)


@get.command()
@output_option
def agents(output: str) -> None:
    """List agents, last heard of first."""
    found, more, page = _rows(
        "agent", {}, "id name type labels core_version last_queried created", {"last_queried": "desc"}, None
    )
    columns: list[Column] = [
        Column("NAME", lambda row: row["name"], kept=True),
        Column("TYPE", lambda row: row["type"], optional=True),
        Column("LABELS", lambda row: ", ".join(row["labels"] or ())),
        Column(
            "LAST QUERIED",
            lambda row: age(row["last_queried"]),
            head="SEEN",
            short=lambda row: short_age(row["last_queried"]),
        ),
        Column("ID", lambda row: row["id"], whole=True),
    ]
    hint = "There are no agents. `prefect agent local start` starts one."
    show_rows(found, columns, output, empty=hint, more=more, page=page)


@get.command("task-runs")
@click.option(
    "--flow-run",
    "-r",
    required=True,
    metavar="RUN",
    shell_complete=complete_runs,
    help="Name or id of the flow run.",
)
@click.option("--state", metavar="STATE", help="Only task runs in this state, such as Failed.")
@_LIMIT
@cursor_option
@output_option
def task_runs(flow_run: str, state: str | None, limit: int, cursor: str | None, output: str) -> None:
    """List the task runs of a flow run, in the order of their start."""
    client = connect()
    with api_errors():
        run = find_run(client, flow_run)
    where: dict[str, Any] = {"flow_run_id": {"_eq": run["id"]}}
    if state is not None:
        where["state"] = {"_ilike": state}
    found, more, page = _rows(
        "task_run",
        where,
        "id name map_index state state_message start_time end_time task { name slug }",
        {"start_time": "asc"},
        limit,
        cursor,
    )
    columns: list[Column] = [
        Column("TASK", lambda row: row["task"]["name"], kept=True),
        Column(
            "INDEX",
            lambda row: row["map_index"],
            short=lambda row: "" if row["map_index"] < 0 else row["map_index"],
        ),
        Column("STATE", lambda row: row["state"], color=state_color, whole=True),
        Column("MESSAGE", lambda row: row["state_message"], optional=True),
        Column(
            "START TIME",
            lambda row: short_time(row["start_time"]),
            head="START",
            short=lambda row: short_age(row["start_time"]),
        ),
        Column("ID", lambda row: row["id"], whole=True),
    ]
    show_rows(found, columns, output, empty="The flow run has no task runs like that.", more=more, page=page)
