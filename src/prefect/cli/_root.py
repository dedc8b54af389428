"""The root of the command line: a click group that imports a command when it is asked for."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from prefect.cli import _exit_codes
from prefect.cli._commands import COMMANDS
from prefect.cli._errors import CommandError
from prefect.cli._help import root_help
from prefect.cli._output import NO_INPUT_VARIABLE, drop_output, print_error
from prefect.exceptions import ConfigurationError

__all__ = ["CONTEXT_SETTINGS", "LazyGroup", "cli", "run_group"]

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"]}


class LazyGroup(click.Group):
    """A group whose commands come from the table of commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the table, and of commands that plug-ins added."""
        return [*COMMANDS, *(name for name in self.commands if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None if there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None or cmd_name in self.commands:
            return super().get_command(ctx, cmd_name)
        command = getattr(import_module(entry.module), entry.attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names.

        Raises:
            CommandError: there is none; the message names a similar one.
        """
        word = args[0]
        if not word.startswith("-") and self.get_command(ctx, word) is None:
            raise _no_such_command(word)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands that begin like a word, from the table: a Tab imports none of them."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        helps = {name: command.get_short_help_str() for name, command in self.commands.items()}
        helps |= {name: entry.help for name, entry in COMMANDS.items() if name not in helps}
        return [
            CompletionItem(name, help=text) for name, text in helps.items() if name.startswith(incomplete)
        ]

    def get_help(self, ctx: click.Context) -> str:
        """The same text that is printed when click is not loaded."""
        return root_help()


def _no_such_command(word: str) -> CommandError:
    import difflib

    similar = difflib.get_close_matches(word, list(COMMANDS), n=1)
    return CommandError(
        f"There is no command {word!r}.",
        hint=f"Did you mean `prefect {similar[0]}`?" if similar else "`prefect --help` lists the commands.",
        exit_code=_exit_codes.USAGE,
    )


@click.group(cls=LazyGroup, context_settings=CONTEXT_SETTINGS, invoke_without_command=True)
@click.option("--version", is_flag=True, help="Print the version and exit.")
@click.option("--no-input", is_flag=True, help="Ask nothing.")
@click.pass_context
def cli(ctx: click.Context, version: bool, no_input: bool) -> None:
    """Run flows, register them with a server, and see what became of their runs."""
    if no_input:
        os.environ[NO_INPUT_VARIABLE] = "1"
    if version:
        from prefect import __version__

        click.echo(__version__)
        ctx.exit(_exit_codes.OK)
    if ctx.invoked_subcommand is None:
        # compat: a group without a subcommand exits with 0; click 8.2 made it 2.
        click.echo(ctx.get_help())


def run_group(words: list[str]) -> None:
    """Run the group for this process, and exit.

    Raises:
        SystemExit: always.
    """
    if os.environ.get("_PREFECT_COMPLETE", "").startswith("powershell_"):
        import_module("prefect.cli._powershell")
    try:
        status = cli.main(words, prog_name="prefect", standalone_mode=False)
    except click.exceptions.Abort:
        print_error("Interrupted.")
        status = _exit_codes.INTERRUPTED
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except ConfigurationError as error:
        print_error(str(error))
        status = _exit_codes.USAGE
    except BrokenPipeError:
        # The reader of our output is gone (`prefect … | head`): nothing is left to say, and nowhere to.
        drop_output(sys.stdout)
        status = _exit_codes.FAILED
    sys.exit(status if isinstance(status, int) else _exit_codes.OK)
