"""`prefect agent docker`: flow runs in containers of a Docker engine."""

from __future__ import annotations

from typing import Any

import click

from prefect.cli._agent_options import (
    SHOW_LOGS,
    identity,
    identity_options,
    installation,
    start_agent,
    start_options,
    variables,
)
from prefect.cli._group import Group
from prefect.cli._option_list import OptionList
from prefect.cli._output import write

__all__ = ["docker"]

_own_options = OptionList(
    click.option(
        "--base-url",
        "-b",
        metavar="URL",
        help="Address of the engine; that of DOCKER_HOST, or this machine's, by default.",
    ),
    click.option("--no-pull", is_flag=True, help="Pull no images: they are on the machine."),
    SHOW_LOGS,
    click.option(
        "--volume",
        "volumes",
        multiple=True,
        metavar="FOLDER:PATH[:ro]",
        help="Mount a folder, or a volume by its name, into every container; can be repeated.",
    ),
    click.option(
        "--network",
        "networks",
        multiple=True,
        metavar="NAME",
        help="Network of every container, or `host`; can be repeated.",
    ),
    click.option(
        "--docker-client-timeout",
        type=click.IntRange(min=1),
        metavar="SECONDS",
        help="How long to wait for an answer of the engine; 60 by default.",
    ),
)


@click.group(cls=Group)
def docker() -> None:
    """Run flows in containers."""


@docker.command("start")
@start_options
@_own_options
def start_docker(
    base_url: str | None,
    no_pull: bool,
    show_flow_logs: bool,
    volumes: tuple[str, ...],
    networks: tuple[str, ...],
    docker_client_timeout: int | None,
    **options: Any,
) -> None:
    """Run flows in containers, until Ctrl-C.

    The containers go on without the agent. One with the same name and labels finds them again.
    """
    with identity(options):
        from prefect.agent.docker import DockerAgent

        start_agent(
            DockerAgent,
            options,
            base_url=base_url,
            no_pull=no_pull,
            show_flow_logs=show_flow_logs,
            volumes=list(volumes),
            networks=list(networks),
            docker_client_timeout=docker_client_timeout,
        )


@docker.command("install")
@identity_options
@click.option(
    "--format",
    "format",
    type=click.Choice(["supervisor", "systemd", "compose"]),
    default="supervisor",
    show_default=True,
    help="What keeps the agent running.",
)
@click.option("--image", metavar="IMAGE", help="Image of the agent, for compose.")
@_own_options
def install_docker(
    format: str,
    image: str | None,
    base_url: str | None,
    no_pull: bool,
    show_flow_logs: bool,
    volumes: tuple[str, ...],
    networks: tuple[str, ...],
    docker_client_timeout: int | None,
    **options: Any,
) -> None:
    """Print a configuration that keeps a Docker agent running.

    A key that is given is in it; systemd reads it from /etc/prefect/agent.env instead, and compose from the
    variable PREFECT__CLOUD__API_KEY if none is given.
    """
    own: dict[str, Any] = {
        "--base-url": base_url,
        "--no-pull": no_pull,
        "--show-flow-logs": show_flow_logs,
        "--volume": list(volumes),
        "--network": list(networks),
        "--docker-client-timeout": docker_client_timeout,
    }
    if format != "compose":
        write(installation("docker", {**options, "format": format}, own))
        return
    from prefect import __version__
    from prefect.agent import _install

    text = _install.compose_service(
        "docker",
        image=image or f"prefect-classic:{__version__}",
        labels=options["label"],
        env_vars=variables(options["env"]),
        options={"--agent-config-id": options["agent_config_id"], "--limit": options["limit"], **own},
        api=options["api"],
        key=options["key"],
        tenant_id=options["tenant_id"],
    )
    write(text.rstrip("\n"))
