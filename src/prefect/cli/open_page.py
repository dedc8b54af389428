"""`prefect open`: pages of the web UI."""

from __future__ import annotations

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._errors import CommandError
from prefect.cli._find import find_flow_row, find_run
from prefect.cli._group import Command
from prefect.cli._web import open_page

__all__ = ["open_command"]


@click.command("open", cls=Command)
@click.argument("kind", type=click.Choice(["flow", "flow-run"]), required=False)
@click.argument("name", required=False)
@click.option("--project", metavar="NAME", help="Project of the flow, where several have one of that name.")
def open_command(kind: str | None, name: str | None, project: str | None) -> None:
    """Open the web UI, or the page of a flow or a flow run, by NAME or id.

    The address is printed, too; without a browser, or elsewhere than in a terminal, it only is.
    """
    client = connect()
    with api_errors():
        if kind is None:
            open_page(client, "", "")
            return
        if name is None:
            raise CommandError(f"Name the {kind}, or give its id.", exit_code=_exit_codes.USAGE)
        found = find_flow_row(client, name, project) if kind == "flow" else find_run(client, name)
        open_page(client, kind, found["id"])
