"""`prefect artifact`: links, Markdown and other things that tasks left for people to look at."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._complete import complete_runs
from prefect.cli._errors import CommandError
from prefect.cli._find import find_run, is_uuid
from prefect.cli._group import Group
from prefect.cli._output import write
from prefect.cli._table import (
    Column,
    age,
    output_option,
    output_option_for,
    short_age,
    show_document,
    show_rows,
)

__all__ = ["artifact"]

_SELECTION = "id kind data created task_run { id name task { name } flow_run { id name } }"
_ID = click.argument("id", metavar="ID")


@click.group(cls=Group)
def artifact() -> None:
    """Look at the links and texts that tasks left for people."""


@artifact.command("list")
@click.argument("run", metavar="[RUN]", required=False, shell_complete=complete_runs)
@click.option("--limit", "-l", default=20, show_default=True, type=click.IntRange(min=1), help="Most rows to print.")  # fmt: skip
@output_option
def list_command(run: str | None, limit: int, output: str) -> None:
    """List artifacts, newest first; those of a flow RUN if one is named, by name or id."""
    from prefect.backend._query import rows

    client = connect()
    with api_errors():
        where: dict[str, Any] = {}
        if run is not None:
            where = {"task_run": {"flow_run_id": {"_eq": find_run(client, run)["id"]}}}
        found = rows(
            "task_run_artifact",
            where,
            _SELECTION,
            order_by={"created": "desc"},
            limit=limit + 1,
            client=client,
        )
    plain = [row.to_dict() for row in found]
    columns = (
        Column("KIND", lambda row: row["kind"]),
        Column("FLOW RUN", lambda row: row["task_run"]["flow_run"]["name"], optional=True),
        Column("TASK", lambda row: row["task_run"]["task"]["name"]),
        Column("CONTENT", _content),
        Column("AGE", lambda row: age(row["created"]), short=lambda row: short_age(row["created"])),
        Column("ID", lambda row: row["id"], whole=True),
    )
    more = "There are more; --limit says how many to print." if len(plain) > limit else None
    show_rows(plain[:limit], columns, output, empty="There are no artifacts like that.", more=more)


def _content(row: dict[str, Any]) -> str:
    data: dict[str, Any] | Any = row["data"]
    try:
        return str(data[row["kind"]])
    except (LookupError, TypeError):
        return json.dumps(data)


@artifact.command()
@_ID
@output_option_for("table")
def show(id: str, output: str) -> None:
    """Print an artifact: a link's address, a text (drawn in a terminal), or the data of any other."""
    found = _find(id)
    if output != "table":
        show_document(found, output)
    elif found["kind"] == "markdown" and sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(_content(found)))
    else:
        write(_content(found))


@artifact.command()
@_ID
def delete(id: str) -> None:
    """Delete an artifact."""
    client = connect()
    _find(id)
    with api_errors():
        client.delete_task_run_artifact(id)
    write(f"Artifact {id} deleted")


def _find(id: str) -> dict[str, Any]:
    from prefect.backend._query import rows

    client = connect()
    if is_uuid(id):
        with api_errors():
            found = rows("task_run_artifact", {"id": {"_eq": id}}, _SELECTION, client=client)
        if found:
            return found[0].to_dict()
    raise CommandError(
        f"There is no artifact {id!r}.",
        hint="`prefect artifact list` lists the newest.",
        exit_code=_exit_codes.NOT_FOUND,
    )
