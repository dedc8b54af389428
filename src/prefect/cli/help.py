"""`prefect help`: help on a command or a topic."""

from __future__ import annotations

import click

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError
from prefect.cli._group import Command
from prefect.cli._help import exit_codes_help


@click.command("help", cls=Command)
@click.argument("words", nargs=-1)
@click.pass_context
def help_command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Help on a command, or on `exit-codes`."""
    if words == ("exit-codes",):
        click.echo(exit_codes_help())
        return
    context = ctx.find_root()
    for word in words:
        command = context.command
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is None:
            raise CommandError(
                f"There is no help on {' '.join(words)!r}.",
                hint="`prefect --help` lists the commands; `prefect help exit-codes` the exit statuses.",
                exit_code=_exit_codes.USAGE,
            )
        context = click.Context(found, info_name=word, parent=context)
    click.echo(context.command.get_help(context))
