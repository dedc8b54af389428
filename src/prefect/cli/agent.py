"""`prefect agent`: programs that take flow runs from the API and start them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._errors import CommandError
from prefect.cli._group import Group
from prefect.cli._output import write

if TYPE_CHECKING:
    from prefect.agent.agent import Agent

__all__ = ["agent"]

Command = TypeVar("Command", bound=Callable[..., Any])

_KEY = click.option("--key", "-k", metavar="KEY", help="API key; that of `prefect auth login` by default.")
_TENANT = click.option("--tenant-id", metavar="UUID", help="Tenant to work in; that of the key by default.")
_API = click.option("--api", "-a", metavar="URL", help="Address of the API; that of the backend by default.")
_CONFIG = click.option("--agent-config-id", metavar="UUID", help="Settings that the API keeps.")
_LABELS = click.option(
    "--label", "-l", multiple=True, metavar="LABEL", help="Take runs with this label; can be repeated."
)
_ENV = click.option(
    "--env",
    "-e",
    multiple=True,
    metavar="NAME=VALUE",
    help="Environment variable of every run; can be repeated.",
)
_IMPORT_PATHS = click.option(
    "--import-path",
    "-p",
    "import_paths",
    multiple=True,
    metavar="FOLDER",
    help="Folder that runs import from; can be repeated.",
)
_SHOW_LOGS = click.option("--show-flow-logs", "-f", is_flag=True, help="Show what runs write.")

_START_OPTIONS = (
    _KEY,
    _TENANT,
    _API,
    _CONFIG,
    click.option("--name", "-n", metavar="NAME", help="Name that the API shows."),
    _LABELS,
    _ENV,
    click.option("--max-polls", type=int, metavar="N", help="Ask so often for work, then end."),
    click.option("--agent-address", metavar="URL", help="Serve a health page here: http://localhost:8080."),
    click.option("--no-cloud-logs", is_flag=True, help="Do not send logs of runs to the API."),
    click.option(
        "--log-level",
        type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
        help="Lowest level of the agent's own lines.",
    ),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Most runs at once."),
)


def start_options(command: Command) -> Command:
    """Options that `start` of every agent has."""
    for option in reversed(_START_OPTIONS):
        command = option(command)
    return command


@click.group(
    cls=Group,
    removed={
        "fargate": "Agents for ECS (`prefect agent ecs start`) took its place; this version has local agents so far."
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
@_SHOW_LOGS
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
    with _identity(options):
        from prefect.agent.local import LocalAgent

        _start(
            LocalAgent,
            options,
            import_paths=list(import_paths),
            show_flow_logs=show_flow_logs,
            hostname_label=hostname_label,
            warm_start=warm_start,
        )


@local.command("install")
@_KEY
@_TENANT
@_API
@_LABELS
@_ENV
@_CONFIG
@_IMPORT_PATHS
@_SHOW_LOGS
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Most runs at once.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["supervisor", "systemd"]),
    default="supervisor",
    show_default=True,
    help="What keeps the agent running.",
)
def install_local(
    key: str | None,
    tenant_id: str | None,
    api: str | None,
    label: tuple[str, ...],
    env: tuple[str, ...],
    agent_config_id: str | None,
    import_paths: tuple[str, ...],
    show_flow_logs: bool,
    limit: int | None,
    format: str,
) -> None:
    """Print a configuration that keeps a local agent running.

    A key that is given is in it; systemd reads it from /etc/prefect/agent.env instead.
    """
    from prefect.agent.local import _install

    options = {"--api": api, "--limit": limit}
    if format == "supervisor":
        text = _install.supervisor_conf(
            labels=label,
            env_vars=variables(env),
            import_paths=import_paths,
            show_flow_logs=show_flow_logs,
            key=key,
            tenant_id=tenant_id,
            agent_config_id=agent_config_id,
            options=options,
        )
    else:
        text = _systemd_unit(
            "local",
            label,
            env,
            {
                **options,
                "--tenant-id": tenant_id,
                "--agent-config-id": agent_config_id,
                "--import-path": list(import_paths),
                "--show-flow-logs": show_flow_logs,
            },
        )
    write(text.rstrip("\n"))


# -- parts ------------------------------------------------------------------------------


def _systemd_unit(kind: str, labels: Sequence[str], env: Sequence[str], options: dict[str, Any]) -> str:
    import sys

    from prefect.agent.local import _install

    return _install.systemd_unit(
        kind,
        python=sys.executable,
        labels=labels,
        env_vars=variables(env),
        options=options,
        key_file="-/etc/prefect/agent.env",
    )


def variables(words: Sequence[str]) -> dict[str, str]:
    """Environment variables of `NAME=VALUE` words.

    Raises:
        CommandError: a word has no `=`.
    """
    found: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name:
            raise CommandError(
                f"`--env {word}` sets no variable.",
                hint="Write --env NAME=VALUE.",
                exit_code=_exit_codes.USAGE,
            )
        found[name] = value
    return found


@contextmanager
def _identity(options: dict[str, Any]) -> Generator[None]:
    """Have the agent be who the options say, at the API that they say, and log as they say."""
    from prefect.utilities.configuration import set_temporary_config

    names = {
        "key": "cloud.api_key",
        "tenant_id": "cloud.tenant_id",
        "api": "cloud.api",
        "log_level": "cloud.agent.level",
    }
    values = {name: options.pop(option) for option, name in names.items() if options[option] is not None}
    values = {name: value for name, value in values.items() if value is not None}
    for option in names:
        options.pop(option, None)
    if "cloud.agent.level" in values:
        values["cloud.agent.level"] = values["cloud.agent.level"].upper()
    with set_temporary_config(values):
        yield


def _start(kind: type[Agent], options: dict[str, Any], **more: Any) -> None:
    """Make an agent and have it work."""
    connect()
    try:
        made = kind(
            agent_config_id=options["agent_config_id"],
            name=options["name"],
            labels=list(options["label"]) or None,
            env_vars=variables(options["env"]),
            max_polls=options["max_polls"],
            agent_address=options["agent_address"],
            no_cloud_logs=options["no_cloud_logs"] or None,
            limit=options["limit"],
            **more,
        )
        with api_errors():
            made.start()
    except ValueError as exc:
        raise CommandError(str(exc), exit_code=_exit_codes.USAGE) from exc
    except OSError as exc:
        raise CommandError(f"The agent cannot work: {exc}", exit_code=_exit_codes.CONFLICT) from exc
