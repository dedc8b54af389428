"""`prefect agent vertex`: flow runs as custom jobs of Vertex AI."""

from __future__ import annotations

from typing import Any

import click

from prefect.cli._agent_options import (
    identity,
    install_options,
    installation,
    start_agent,
    start_options,
)
from prefect.cli._group import Group
from prefect.cli._option_list import OptionList
from prefect.cli._output import write

__all__ = ["vertex"]

_own_options = OptionList(
    click.option("--project", metavar="ID", help="Project of the jobs; that of the credentials by default."),
    click.option("--region-name", metavar="NAME", help="Region of the jobs; us-central1 by default."),
    click.option("--service-account", metavar="NAME", help="Account that jobs run as."),
)


@click.group(cls=Group)
def vertex() -> None:
    """Run flows as custom jobs of Vertex AI, on Google Cloud."""


@vertex.command("start")
@start_options
@_own_options
def start_vertex(
    project: str | None, region_name: str | None, service_account: str | None, **options: Any
) -> None:
    """Run flows as custom jobs of Vertex AI, until Ctrl-C.

    Credentials are those that Google's libraries find. Jobs go on without the agent; one with the same name
    and labels finds them again.
    """
    with identity(options):
        from prefect.agent.vertex import VertexAgent

        start_agent(
            VertexAgent,
            options,
            project=project,
            region_name=region_name,
            service_account=service_account,
        )


@vertex.command("install")
@install_options
@_own_options
def install_vertex(
    project: str | None, region_name: str | None, service_account: str | None, **options: Any
) -> None:
    """Print a configuration that keeps a Vertex agent running.

    A key that is given is in it; systemd reads it from /etc/prefect/agent.env instead.
    """
    own = {"--project": project, "--region-name": region_name, "--service-account": service_account}
    write(installation("vertex", options, own))
