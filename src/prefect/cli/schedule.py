"""`prefect schedule`: which flows run by themselves, and when."""

from __future__ import annotations

import datetime
from typing import Any

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._complete import complete_flows, complete_projects
from prefect.cli._errors import CommandError
from prefect.cli._find import find_flow_row
from prefect.cli._group import Group
from prefect.cli._output import may_ask, note, write
from prefect.cli._table import Column, age, output_option, short_age, show_rows

__all__ = ["schedule"]

_BACKFILL_EPILOG = """\
\b
Examples:
  prefect schedule backfill etl --from 2030-01-01 --to 2030-02-01 --dry-run
  prefect schedule backfill etl --from 2030-01-01T06:00+01:00 --yes
"""
_FLOW = click.argument("flow", metavar="FLOW", shell_complete=complete_flows)
_PROJECT = click.option(
    "--project", "-p", metavar="NAME", shell_complete=complete_projects, help="Project of the flow."
)


@click.group(cls=Group)
def schedule() -> None:
    """Pause, resume and fill up the schedules of registered flows, and see what is next."""


@schedule.command("list")
@_PROJECT
@output_option
def list_command(project: str | None, output: str) -> None:
    """List flows with a schedule, and the next run of each."""
    from prefect.backend._query import rows

    where: dict[str, Any] = {
        "archived": {"_eq": False},
        "_or": [{"schedule": {"_is_null": False}}, {"flow_group": {"schedule": {"_is_null": False}}}],
    }
    if project is not None:
        where["project"] = {"name": {"_eq": project}}
    selection = (
        "id name version is_schedule_active project { name } flow_runs("
        'where: { state: { _eq: "Scheduled" }, auto_scheduled: { _eq: true } }, '
        "order_by: [{ scheduled_start_time: asc }], limit: 1) { id scheduled_start_time }"
    )
    client = connect()
    with api_errors():
        found = [
            row.to_dict() for row in rows("flow", where, selection, order_by={"name": "asc"}, client=client)
        ]
    for row in found:
        upcoming = row.pop("flow_runs")
        row["next_run"] = upcoming[0] if upcoming else None
    columns = (
        Column("FLOW", lambda row: row["name"]),
        Column("PROJECT", lambda row: row["project"] and row["project"]["name"]),
        Column("SCHEDULE", _status, color=lambda row: "green" if row["is_schedule_active"] else "yellow"),
        Column("NEXT RUN", _next, short=lambda row: _next(row, short=True)),
        Column("ID", lambda row: row["id"], whole=True),
    )
    show_rows(found, columns, output, empty="No registered flow has a schedule.")


def _status(row: dict[str, Any]) -> str:
    return "active" if row["is_schedule_active"] else "paused"


def _next(row: dict[str, Any], *, short: bool = False) -> str:
    if row["next_run"] is None:
        return ""
    when = row["next_run"]["scheduled_start_time"]
    return short_age(when) if short else age(when)


@schedule.command()
@_FLOW
@_PROJECT
def pause(flow: str, project: str | None) -> None:
    """Let the schedule of a FLOW, by name or id, make no more runs; those to come are deleted."""
    _set(flow, project, active=False)


@schedule.command()
@_FLOW
@_PROJECT
def resume(flow: str, project: str | None) -> None:
    """Let the schedule of a FLOW, by name or id, make runs again."""
    _set(flow, project, active=True)


def _set(flow: str, project: str | None, *, active: bool) -> None:
    mutation = f"set_schedule_{'active' if active else 'inactive'}"
    client = connect()
    with api_errors():
        found = find_flow_row(
            client, flow, project, "id name schedule project { name } flow_group { schedule }"
        )
        group: dict[str, Any] = found["flow_group"] or {}
        if not found["schedule"] and not group.get("schedule"):
            raise CommandError(
                f"Flow {found['name']!r} has no schedule.",
                hint="Give it one in its file, `Flow(..., schedule=...)`, and register it again.",
                exit_code=_exit_codes.CONFLICT,
            )
        client.graphql(
            f"mutation($input: {mutation}_input!) {{ {mutation}(input: $input) {{ success }} }}",
            variables={"input": {"flow_id": found["id"]}},
        )
    write(f"The schedule of {found['name']!r} is {'active' if active else 'paused'}.")


@schedule.command(epilog=_BACKFILL_EPILOG)
@_FLOW
@_PROJECT
@click.option(
    "--from", "since", required=True, metavar="TIME", help="First moment; in UTC if it names no zone."
)
@click.option(
    "--to", "until", metavar="TIME", help="First moment that is not meant any more; now by default."
)
@click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help="Value of a parameter, as JSON or bare text; repeatable.")  # fmt: skip
@click.option("--label", "labels", multiple=True, metavar="LABEL", help="Label of the runs; repeatable.")
@click.option("--dry-run", is_flag=True, help="Print the times, and make no run.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@output_option
def backfill(
    flow: str,
    project: str | None,
    since: str,
    until: str | None,
    params: tuple[str, ...],
    labels: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    output: str,
) -> None:
    """Make the runs that the schedule of a FLOW, by name or id, would have made in a time that is over.

    Times that have a run already get no second one, whatever became of the first. The runs start as
    soon as agents take them; `prefect.context.scheduled_start_time` is the time that each is for.
    """
    from prefect.cli._backfill import make_run, missing_times, moment
    from prefect.cli._values import key_values

    first = moment(since, "--from")
    last = moment(until, "--to") if until is not None else datetime.datetime.now(datetime.timezone.utc)
    parameters = key_values(params, "--param")
    selection = "id name flow_group_id schedule project { name } flow_group { schedule }"
    client = connect()
    with api_errors():
        found = find_flow_row(client, flow, project, selection)
        missing = missing_times(client, found, first, last)
        many = f"{len(missing)} {'run' if len(missing) == 1 else 'runs'} of {found['name']!r}"
        if missing and not (dry_run or yes) and may_ask():
            click.confirm(f"Make {many}?", abort=True, err=True)
        rows: list[dict[str, Any]] = [
            {
                "id": None if dry_run else make_run(client, found, entry, parameters, list(labels)),
                "scheduled_start_time": entry.time.isoformat(),
                "parameters": {**entry.parameters, **parameters},
            }
            for entry in missing
        ]
    columns = (
        Column("TIME", lambda row: row["scheduled_start_time"], whole=True),
        Column("ID", lambda row: row["id"], whole=True),
    )
    show_rows(rows, columns, output, empty="No time of the schedule is without a run.")
    if missing:
        note(f"{many} {'would be' if dry_run else 'were'} made.")
