"""The `prefect` command.

`main` answers what needs no option parser (`prefect version`, `prefect --help`) before click is
even imported, and hands everything else to the click group `prefect.cli.cli`.
"""

from __future__ import annotations

import os
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
    if "_PREFECT_COMPLETE" in os.environ:  # a shell asks what may come next, with no words of ours
        from prefect.cli._root import run_group

        run_group(words)
    if words in (["version"], ["--version"]):
        from prefect import __version__

        print(__version__)
        return
    if words in ([], ["--help"], ["-h"], ["help"]):
        from prefect.cli._help import root_help

        try:
            print(root_help())
            sys.stdout.flush()
        except BrokenPipeError:  # `prefect --help | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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
