"""`prefect completions`: what a shell needs to complete words of `prefect` commands."""

from __future__ import annotations

from importlib import import_module

import click

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError
from prefect.cli._group import Command
from prefect.cli._output import note, write

__all__ = ["completions"]

_EPILOG = """\
\b
Put it where your shell looks:
  prefect completions bash > ~/.bash_completion
  prefect completions zsh > "${fpath[1]}/_prefect"
  prefect completions fish > ~/.config/fish/completions/prefect.fish
  prefect completions powershell >> $PROFILE
"""


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish", "powershell"]))
def completions(shell: str) -> None:
    """Print the script with which a SHELL completes commands, options, and names of flows and runs."""
    from click.shell_completion import get_completion_class

    import_module("prefect.cli._powershell")  # it makes itself known to click
    found = get_completion_class(shell)
    if found is None:
        raise CommandError(f"There is no completion for {shell}.", exit_code=_exit_codes.USAGE)
    from prefect.cli._root import cli

    completer = found(cli, {}, "prefect", "_PREFECT_COMPLETE")
    # Not `source()`, which asks the bash of this machine for its version: the script may be for another.
    write(completer.source_template % completer.source_vars())
    note("Start a new shell to use it.")
