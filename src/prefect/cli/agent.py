"""`prefect agent`: programs that take flow runs from the API and start them.

Agents that need a library have a file each, which is loaded when one of their commands is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from prefect.cli._agent_options import (
    SHOW_LOGS,
    identity,
    install_options,
    installation,
    start_options,
)
from prefect.cli._agent_options import start_agent as start
from prefect.cli._group import Group
from prefect.cli._output import write

if TYPE_CHECKING:
    from prefect.agent.agent import Agent

__all__ = ["agent", "start_agent"]

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
    lazy={
        "docker": "prefect.cli.agent_docker:docker",
        "ecs": "prefect.cli.agent_ecs:ecs",
        "kubernetes": "prefect.cli.agent_kubernetes:kubernetes",
        "vertex": "prefect.cli.agent_vertex:vertex",
    },
    removed={"fargate": "Agents for ECS (`prefect agent ecs start`) took its place."},
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

        start(
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


def start_agent(
    agent_cls: type[Agent],
    api: str | None,
    label: Sequence[str],
    env: Sequence[str],
    log_level: str | None,
    key: str | None,
    tenant_id: str | None,
    **kwargs: Any,
) -> None:
    """Start an agent of a class, with the values of options: for commands of your own.

    Args:
        agent_cls: the class.
        api: address of the API; that of the backend if None.
        label: its labels.
        env: environment variables of every run, as `NAME=VALUE`.
        log_level: lowest level of its own lines.
        key: its API key; that of `prefect auth login` if None.
        tenant_id: tenant to work in; that of the key if None.
        **kwargs: further arguments of the class.

    Raises:
        CommandError: an option is wrong, or the agent cannot work.
    """
    shared = ("agent_config_id", "name", "max_polls", "agent_address", "no_cloud_logs", "limit")
    options: dict[str, Any] = {
        **{name: kwargs.pop(name, None) for name in shared},
        "api": api,
        "label": label,
        "env": env,
        "log_level": log_level,
        "key": key,
        "tenant_id": tenant_id,
    }
    with identity(options):
        start(agent_cls, options, **kwargs)
