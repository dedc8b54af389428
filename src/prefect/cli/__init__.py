"""The `prefect` command.

`main` answers what needs no option parser (`prefect version`, `prefect --help`) before click is
even imported, and hands everything else to the click group `prefect.cli.cli`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.cli._root import cli

__all__ = ["cli", "main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status (see `prefect help exit-codes`).

    Args:
        arguments: what follows `prefect`; those of this process by default.

    Raises:
        SystemExit: always, except after an answer that needs no option parser.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words in (["version"], ["--version"]):
        from prefect import __version__

        print(__version__)
        return
    if words in ([], ["--help"], ["-h"], ["help"]):
        from prefect.cli._help import root_help

        print(root_help())
        return
    from prefect.cli._root import run_group

    run_group(words)


def __getattr__(name: str) -> object:
    # click costs more than all of `prefect`: it is loaded by whoever asks for the command itself.
    if name == "cli":
        from prefect.cli._root import cli

        return cli
    if name == "backend_util":  # compat: other programs reach the helpers of `prefect backend` here
        from prefect.utilities import backend

        return backend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
