"""`prefect repl`: commands, one after the other, in one process."""

from __future__ import annotations

import shlex

import click

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError
from prefect.cli._group import Command
from prefect.cli._output import note

__all__ = ["repl"]


@click.command(cls=Command)
@click.pass_context
def repl(ctx: click.Context) -> None:
    """Type commands without `prefect` in front of them; `exit` or Ctrl-D ends this."""
    from prefect.cli._root import run_group

    note("Type commands without `prefect` in front, such as `get flows`; `exit` or Ctrl-D ends this.")
    while True:
        try:
            line = input("prefect> ")
        except (EOFError, KeyboardInterrupt):
            return
        try:
            words = shlex.split(line)
        except ValueError as error:
            CommandError(f"{error}.", exit_code=_exit_codes.USAGE).show()
            continue
        if words in (["exit"], ["quit"]):
            return
        if words and words[0] != "repl":
            try:
                run_group(words)
            except SystemExit:
                continue
