"""`prefect agent`: programs that take flow runs from the API and start them.

Agents that need a library have a file each, which is loaded when one of their commands is used.
"""

from __future__ import annotations

from typing import Any

import click

from prefect.cli._agent_options import (
    SHOW_LOGS,
    identity,
    install_options,
    installation,
    start_agent,
    start_options,
)
from prefect.cli._group import Group
from prefect.cli._output import write

__all__ = ["agent"]

_IMPORT_PATHS = click.option(
    "--import-path",
    "-p",
    "import_paths",
    multiple=True,
    metavar="FOLDER",
    help="Folder that runs import from; can be repeated.",
)


@click.group(
    cls=Group,
    lazy={"docker": "prefect.cli.agent_docker:docker"},
    removed={
        "fargate": "Agents for ECS (`prefect agent ecs start`) took its place; this version has local and Docker agents so far."
    },
)
def agent() -> None:
    """Take flow runs from the API and start them."""


# -- local ------------------------------------------------------------------------------


@agent.group(cls=Group)
def local() -> None:
    """Run flows as processes of this machine."""


@local.command("start")
@start_options
@_IMPORT_PATHS
@SHOW_LOGS
@click.option(
    "--hostname-label/--no-hostname-label",
    default=True,
    help="Take runs that are meant for this machine by its name; on by default.",
)
@click.option(
    "--warm-start/--no-warm-start",
    default=None,
    help="Fork runs from a process that has imported Prefect; on by default, on Linux.",
)
def start_local(
    import_paths: tuple[str, ...],
    show_flow_logs: bool,
    hostname_label: bool,
    warm_start: bool | None,
    **options: Any,
) -> None:
    """Run flows as processes of this machine, until Ctrl-C.

    A second Ctrl-C does not wait for runs; they go on by themselves.
    """
    with identity(options):
        from prefect.agent.local import LocalAgent

        start_agent(
            LocalAgent,
            options,
            import_paths=list(import_paths),
            show_flow_logs=show_flow_logs,
            hostname_label=hostname_label,
            warm_start=warm_start,
        )


@local.command("install")
@install_options
@_IMPORT_PATHS
@SHOW_LOGS
def install_local(import_paths: tuple[str, ...], show_flow_logs: bool, **options: Any) -> None:
    """Print a configuration that keeps a local agent running.

    A key that is given is in it; systemd reads it from /etc/prefect/agent.env instead.
    """
    own = {"--import-path": list(import_paths), "--show-flow-logs": show_flow_logs}
    write(installation("local", options, own))
