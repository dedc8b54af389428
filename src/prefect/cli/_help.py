"""Texts of `prefect --help` and `prefect help exit-codes`, made without click."""

from __future__ import annotations

from prefect.cli._commands import COMMANDS, SECTIONS
from prefect.cli._exit_codes import EXIT_CODES

__all__ = ["exit_codes_help", "root_help"]

_ROOT = """\
Usage: prefect [OPTIONS] COMMAND [ARGS]...

  Run flows, register them with a server, and see what became of their runs.

Examples:
  prefect run -p flow.py                                  run a file's flow
  prefect run -m prefect.hello_world --param name=Marvin  run a module's flow
  prefect server start                                    start a server
  prefect register --project demo -p flow.py              register a flow there
  prefect run -n nightly --watch                          run it, and follow

{commands}

Options:
  -h, --help  Show this message and exit.
  --version   Print the version and exit.
  --no-input  Ask nothing, as where there is no terminal.

Environment:
  NO_COLOR                  no colours
  CI                        no live view of runs, no questions
  PREFECT__SECTION__KEY     any setting, as in PREFECT__LOGGING__LEVEL=DEBUG

`prefect COMMAND --help` says more; `prefect help exit-codes` lists statuses."""

_EXIT_CODES = """\
Exit statuses of `prefect`:

{rows}

Data goes to standard output; progress, hints and errors go to standard error."""


def root_help() -> str:
    """The help of `prefect` itself."""
    width = max(map(len, COMMANDS)) + 2
    parts: list[str] = []
    for title, names in SECTIONS.items():
        rows = [f"  {name:<{width}}{COMMANDS[name].help}" for name in names if name in COMMANDS]
        parts.append("\n".join([f"{title}:", *rows]))
    return _ROOT.format(commands="\n\n".join(parts))


def exit_codes_help() -> str:
    """The table of exit statuses."""
    return _EXIT_CODES.format(
        rows="\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())
    )
