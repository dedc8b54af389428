"""`prefect concurrency`: how many runs of a flow or a label, or task runs of a tag, may run at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._errors import CommandError
from prefect.cli._find import find_flow_row
from prefect.cli._group import Group
from prefect.cli._output import write
from prefect.cli._table import Column, output_option, show_rows

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["concurrency"]

Kind = Literal["label", "tag", "flow"]

_EPILOG = """\
\b
Examples:
  prefect concurrency set --tag database 5    5 task runs with this tag
  prefect concurrency set --label gpu 1       one flow run with this label
  prefect concurrency set --flow etl 1        one run of this flow
  prefect concurrency set --flow etl 1 --when-reached skip
      and what its schedule makes meanwhile is skipped
  prefect concurrency list                    all limits, and what is used
"""
_FLOW = click.option("--flow", metavar="FLOW", help="Name or id of a flow.")
_PROJECT = click.option("--project", help="Project of the flow, where several have one of that name.")
_LABEL = click.option("--label", metavar="LABEL", help="Label of flow runs.")
_TAG = click.option("--tag", metavar="TAG", help="Tag of tasks.")


@click.group(cls=Group, epilog=_EPILOG)
def concurrency() -> None:
    """Limit how many runs of a flow or a label, or task runs of a tag, run at once."""


@concurrency.command("list")
@output_option
def list_command(output: str) -> None:
    """List the limits and how much of each is used."""
    client = connect()
    with api_errors():
        rows = [*_limits(client, "flow"), *_limits(client, "label"), *_limits(client, "tag")]
    columns = (
        Column("KIND", lambda row: row["kind"]),
        Column("NAME", lambda row: row["name"]),
        Column("USED", lambda row: row["usage"], color=_color),
        Column("LIMIT", lambda row: row["limit"]),
        Column("WHEN REACHED", lambda row: row["when_reached"].replace("_", "-")),
    )
    show_rows(
        rows, columns, output, empty="There are no limits. `prefect concurrency set --tag TAG N` sets one."
    )


def _color(row: dict[str, Any]) -> str | None:
    return "yellow" if row["usage"] >= row["limit"] else None


@concurrency.command("set")
@_FLOW
@_PROJECT
@_LABEL
@_TAG
@click.option(
    "--when-reached",
    type=click.Choice(["wait", "skip", "cancel-oldest"]),
    help="Of a flow: what becomes of a run that is due. `skip` skips those of schedules. [wait]",
)
@click.argument("limit", type=click.IntRange(min=0))
def set_command(
    flow: str | None,
    project: str | None,
    label: str | None,
    tag: str | None,
    when_reached: str | None,
    limit: int,
) -> None:
    """Let at most LIMIT runs of a flow, a label or a tag run at once.

    0 lets none of a label or tag start.
    """
    kind, name = _one(flow, label, tag)
    if kind != "flow" and (when_reached or project):
        raise CommandError("--when-reached and --project belong to --flow.", exit_code=_exit_codes.USAGE)
    client = connect()
    if kind == "flow":
        name = _set_flow(client, name, project, limit, when_reached or "wait")
    else:
        mutation, column = _UPDATES[kind]
        with api_errors():
            client.graphql(
                f"mutation($input: {mutation}_input!) {{ {mutation}(input: $input) {{ id }} }}",
                variables={"input": {column: name, "limit": limit}},
            )
    runs = "run" if limit == 1 else "runs"
    what = (
        f"{runs} of the flow {name!r}"
        if kind == "flow"
        else f"{_NOUNS[kind]} {runs} with the {kind} {name!r}"
    )
    write(f"At most {limit} {what} may run at once.")


@concurrency.command("delete")
@_FLOW
@_PROJECT
@_LABEL
@_TAG
def delete_command(flow: str | None, project: str | None, label: str | None, tag: str | None) -> None:
    """Remove the limit of a flow, a label or a tag."""
    kind, name = _one(flow, label, tag)
    client = connect()
    if kind == "flow":
        name = _set_flow(client, name, project, None, "wait")
        write(f"The flow {name!r} has no limit any more.")
        return
    with api_errors():
        found = next((limit for limit in _limits(client, kind) if limit["name"] == name), None)
        if found is None:
            raise CommandError(
                f"There is no limit of the {kind} {name!r}.",
                hint="`prefect concurrency list` lists the limits.",
                exit_code=_exit_codes.NOT_FOUND,
            )
        mutation = _DELETES[kind]
        client.graphql(
            f"mutation($input: {mutation}_input!) {{ {mutation}(input: $input) {{ success }} }}",
            variables={"input": {"limit_id": found["id"]}},
        )
    write(f"The {kind} {name!r} has no limit any more.")


def _set_flow(client: Client, word: str, project: str | None, limit: int | None, when_reached: str) -> str:
    """Set the limit of a flow; its name."""
    with api_errors():
        flow = find_flow_row(client, word, project)
        client.graphql(
            "mutation($input: set_flow_group_max_active_runs_input!) "
            "{ set_flow_group_max_active_runs(input: $input) { success } }",
            variables={
                "input": {
                    "flow_group_id": flow["flow_group_id"],
                    "limit": limit,
                    "when_reached": when_reached.replace("-", "_"),
                }
            },
        )
    return str(flow["name"])


_NOUNS: dict[Kind, str] = {"label": "flow", "tag": "task"}
_UPDATES: dict[Kind, tuple[str, str]] = {
    "label": ("update_flow_concurrency_limit", "label"),
    "tag": ("update_task_tag_limit", "tag"),
}
_DELETES: dict[Kind, str] = {"label": "delete_flow_concurrency_limit", "tag": "delete_task_tag_limit"}
_LISTS: dict[Kind, str] = {
    "label": "query { limits: flow_concurrency_limit { id name limit } used: flow_concurrency { name: label usage } }",
    "tag": "query { limits: task_tag_limit { id name: tag limit } used: task_concurrency { name usage } }",
}

_FLOWS = (
    'query { flow(where: {settings: {_has_key: "max_active_runs"}}, order_by: {version: desc}) '
    "{ name flow_group_id settings flow_runs_aggregate(where: {state: {_in: "
    '["Submitted", "Running", "Cancelling"]}}) { aggregate { count } } } }'
)


def _one(flow: str | None, label: str | None, tag: str | None) -> tuple[Kind, str]:
    given: list[tuple[Kind, str | None]] = [("flow", flow), ("label", label), ("tag", tag)]
    found: list[tuple[Kind, str]] = [(kind, name) for kind, name in given if name is not None]
    if len(found) != 1:
        raise CommandError("Give one of --flow, --label and --tag.", exit_code=_exit_codes.USAGE)
    return found[0]


def _limits(client: Client, kind: Kind) -> list[dict[str, Any]]:
    if kind == "flow":
        return _flow_limits(client)
    answer = client.graphql(_LISTS[kind]).data
    used = {entry.name: entry.usage for entry in answer.used}
    rows = [
        {"kind": kind, "usage": used.get(row.name, 0), "when_reached": "wait", **row.to_dict()}
        for row in answer.limits
    ]
    return sorted(rows, key=lambda row: row["name"])


def _flow_limits(client: Client) -> list[dict[str, Any]]:
    """Limits of flows, whose newest version tells their names."""
    limited: dict[str, dict[str, Any]] = {}
    for flow in client.graphql(_FLOWS).data.flow:
        settings = flow.settings.to_dict()
        row = limited.setdefault(
            flow.flow_group_id,
            {
                "kind": "flow",
                "id": flow.flow_group_id,
                "name": flow.name,
                "usage": 0,
                "limit": settings["max_active_runs"],
                "when_reached": settings["when_max_active_runs"],
            },
        )
        row["usage"] += flow.flow_runs_aggregate.aggregate.count
    return sorted(limited.values(), key=lambda row: row["name"])
