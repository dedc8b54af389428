"""Commands whose help shows examples first, and groups that know what a word which is no command may mean."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import Any

import click

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError

__all__ = ["Command", "Group"]


class _Help(click.Command):
    """A command whose help has the examples, which are its epilog, above the options."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self.format_epilog(ctx, formatter)
        self.format_options(ctx, formatter)


class Command(_Help):
    """A command."""


class Group(_Help, click.Group):
    """A group of commands.

    Args:
        removed: `{command of an earlier version: what to do instead}`.
        shows_commands: whether the usage line names commands; compat: `prefect register` and
            `prefect run` are groups without any.
        lazy: `{command: "module:attribute"}` of commands that are imported when they are used, or listed.
    """

    command_class = Command

    def __init__(
        self,
        *args: Any,
        removed: dict[str, str] | None = None,
        shows_commands: bool = True,
        lazy: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy or {}
        self.removed = removed or {}
        self.shows_commands = shows_commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in order."""
        return sorted({*super().list_commands(ctx), *self.lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now if need be; None if there is none of that name."""
        place = self.lazy.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The words after the name in the usage line."""
        return super().collect_usage_pieces(ctx) if self.shows_commands else ["[OPTIONS]"]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words, or print the help if there are none.

        compat: that is no mistake and exits with 0; click 8.2 made it 2.
        """
        if not args and self.shows_commands and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit(_exit_codes.OK)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names.

        Raises:
            CommandError: there is none; the message says what took its place, or names a similar one.
        """
        word = args[0]
        if not word.startswith("-") and self.get_command(ctx, word) is None:
            raise self._no_such_command(ctx, word)
        return super().resolve_command(ctx, args)

    def _no_such_command(self, ctx: click.Context, word: str) -> CommandError:
        whole = f"{ctx.command_path} {word}"
        if word in self.removed:
            return CommandError(
                f"`{whole}` was removed in 1.0.", hint=self.removed[word], exit_code=_exit_codes.USAGE
            )
        known = self.list_commands(ctx)
        similar = difflib.get_close_matches(word, known, n=1)
        if similar:
            hint = f"Did you mean `{ctx.command_path} {similar[0]}`?"
        else:
            hint = f"`{ctx.command_path} --help` says what there is."
        return CommandError(f"There is no command `{whole}`.", hint=hint, exit_code=_exit_codes.USAGE)
