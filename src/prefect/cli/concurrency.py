"""`prefect concurrency`: how many runs of a label, or task runs of a tag, may run at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._errors import CommandError
from prefect.cli._group import Group
from prefect.cli._output import write
from prefect.cli._table import Column, output_option, show_rows

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["concurrency"]

Kind = Literal["label", "tag"]

_EPILOG = """\
\b
Examples:
  prefect concurrency set --tag database 5    5 task runs with this tag
  prefect concurrency set --label gpu 1       one flow run with this label
  prefect concurrency list                    all limits, and what is used
"""
_LABEL = click.option("--label", metavar="LABEL", help="Label of flow runs.")
_TAG = click.option("--tag", metavar="TAG", help="Tag of tasks.")


@click.group(cls=Group, epilog=_EPILOG)
def concurrency() -> None:
    """Limit how many runs of a label, or task runs of a tag, run at once."""


@concurrency.command("list")
@output_option
def list_command(output: str) -> None:
    """List the limits and how much of each is used."""
    client = connect()
    with api_errors():
        rows = [*_limits(client, "label"), *_limits(client, "tag")]
    columns = (
        Column("KIND", lambda row: row["kind"]),
        Column("NAME", lambda row: row["name"]),
        Column("USED", lambda row: row["usage"], color=_color),
        Column("LIMIT", lambda row: row["limit"]),
    )
    show_rows(
        rows, columns, output, empty="There are no limits. `prefect concurrency set --tag TAG N` sets one."
    )


def _color(row: dict[str, Any]) -> str | None:
    return "yellow" if row["usage"] >= row["limit"] else None


@concurrency.command("set")
@_LABEL
@_TAG
@click.argument("limit", type=click.IntRange(min=0))
def set_command(label: str | None, tag: str | None, limit: int) -> None:
    """Let at most LIMIT runs of a label or a tag run at once; 0 lets none start."""
    kind, name = _one(label, tag)
    mutation, column = _UPDATES[kind]
    client = connect()
    with api_errors():
        client.graphql(
            f"mutation($input: {mutation}_input!) {{ {mutation}(input: $input) {{ id }} }}",
            variables={"input": {column: name, "limit": limit}},
        )
    write(f"At most {limit} {_what(kind, limit)} with the {kind} {name!r} may run at once.")


@concurrency.command("delete")
@_LABEL
@_TAG
def delete_command(label: str | None, tag: str | None) -> None:
    """Remove the limit of a label or a tag."""
    kind, name = _one(label, tag)
    client = connect()
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


_UPDATES: dict[Kind, tuple[str, str]] = {
    "label": ("update_flow_concurrency_limit", "label"),
    "tag": ("update_task_tag_limit", "tag"),
}
_DELETES: dict[Kind, str] = {"label": "delete_flow_concurrency_limit", "tag": "delete_task_tag_limit"}
_LISTS: dict[Kind, str] = {
    "label": "query { limits: flow_concurrency_limit { id name limit } used: flow_concurrency { name: label usage } }",
    "tag": "query { limits: task_tag_limit { id name: tag limit } used: task_concurrency { name usage } }",
}


def _one(label: str | None, tag: str | None) -> tuple[Kind, str]:
    if label is not None and tag is None:
        return "label", label
    if tag is not None and label is None:
        return "tag", tag
    raise CommandError("Give either --label or --tag.", exit_code=_exit_codes.USAGE)


def _what(kind: Kind, count: int) -> str:
    return f"{'flow' if kind == 'label' else 'task'} {'run' if count == 1 else 'runs'}"


def _limits(client: Client, kind: Kind) -> list[dict[str, Any]]:
    answer = client.graphql(_LISTS[kind]).data
    used = {entry.name: entry.usage for entry in answer.used}
    rows = [{"kind": kind, "usage": used.get(row.name, 0), **row.to_dict()} for row in answer.limits]
    return sorted(rows, key=lambda row: row["name"])
