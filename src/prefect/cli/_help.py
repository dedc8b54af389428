"""Texts of `prefect --help` and `prefect help exit-codes`, made without click."""

from __future__ import annotations

from prefect.cli._commands import COMMANDS
from prefect.cli._exit_codes import EXIT_CODES

__all__ = ["exit_codes_help", "root_help"]

_ROOT = """\
Usage: prefect [OPTIONS] COMMAND [ARGS]...

  Run and inspect Prefect flows.

Examples:
  prefect run -p flow.py                                   run the flow of a file
  prefect run -m prefect.hello_world --param name=Marvin   run a flow of a module
  prefect run -p flows.py -n nightly --log-level DEBUG     one of several flows

Commands:
{commands}

Options:
  -h, --help  Show this message and exit.
  --version   Print the version and exit.

Environment:
  NO_COLOR                  no colours
  CI                        no live view of runs
  PREFECT__SECTION__KEY     any setting, as in PREFECT__LOGGING__LEVEL=DEBUG

`prefect COMMAND --help` says more; `prefect help exit-codes` lists the exit statuses."""

_EXIT_CODES = """\
Exit statuses of `prefect`:

{rows}

Data goes to standard output; progress, hints and errors go to standard error."""


def root_help() -> str:
    """The help of `prefect` itself."""
    width = max(map(len, COMMANDS)) + 2
    rows = "\n".join(f"  {name:<{width}}{command.help}" for name, command in COMMANDS.items())
    return _ROOT.format(commands=rows)


def exit_codes_help() -> str:
    """The table of exit statuses."""
    return _EXIT_CODES.format(
        rows="\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())
    )
