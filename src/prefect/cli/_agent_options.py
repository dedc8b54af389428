"""What the commands of all agents share: options of `start` and `install`, and how they become an agent."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._errors import CommandError
from prefect.cli._option_list import OptionList

if TYPE_CHECKING:
    from prefect.agent.agent import Agent

__all__ = [
    "API",
    "CONFIG",
    "ENV",
    "KEY",
    "LABELS",
    "LIMIT",
    "SHOW_LOGS",
    "TENANT",
    "identity",
    "identity_options",
    "install_options",
    "installation",
    "start_agent",
    "start_options",
    "variables",
]

KEY = click.option("--key", "-k", metavar="KEY", help="API key; that of `prefect auth login` by default.")
TENANT = click.option("--tenant-id", metavar="UUID", help="Tenant to work in; that of the key by default.")
API = click.option("--api", "-a", metavar="URL", help="Address of the API; that of the backend by default.")
CONFIG = click.option("--agent-config-id", metavar="UUID", help="Settings that the API keeps.")
LABELS = click.option(
    "--label", "-l", multiple=True, metavar="LABEL", help="Take runs with this label; can be repeated."
)
ENV = click.option(
    "--env",
    "-e",
    multiple=True,
    metavar="NAME=VALUE",
    help="Environment variable of every run; can be repeated.",
)
SHOW_LOGS = click.option("--show-flow-logs", "-f", is_flag=True, help="Show what runs write.")
LIMIT = click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Most runs at once.")
FORMAT = click.option(
    "--format",
    "format",
    type=click.Choice(["supervisor", "systemd"]),
    default="supervisor",
    show_default=True,
    help="What keeps the agent running.",
)

#: Options that `start` of every agent has. Their values go to `start_agent` as they are.
start_options = OptionList(
    KEY,
    TENANT,
    API,
    CONFIG,
    click.option("--name", "-n", metavar="NAME", help="Name that the API shows."),
    LABELS,
    ENV,
    click.option("--max-polls", type=int, metavar="N", help="Ask so often for work, then end."),
    click.option("--agent-address", metavar="URL", help="Serve a health page here: http://localhost:8080."),
    click.option("--no-cloud-logs", is_flag=True, help="Do not send logs of runs to the API."),
    click.option(
        "--log-level",
        type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
        help="Lowest level of the agent's own lines.",
    ),
    LIMIT,
)


#: Options of every `install`: who the agent is, and what it takes.
identity_options = OptionList(KEY, TENANT, API, LABELS, ENV, CONFIG, LIMIT)
#: The same where `install` prints a configuration for supervisor or systemd: see `installation`.
install_options = OptionList(identity_options, FORMAT)


def installation(kind: str, options: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """A configuration that keeps an agent running.

    A key is in the one for supervisor; systemd reads it from /etc/prefect/agent.env instead.

    Args:
        kind: `local`, `docker`, ...
        options: values of `install_options`.
        own: options that only this kind of agent has: `{"--volume": [...], "--no-pull": True}`.
    """
    from prefect.agent import _install

    labels: Sequence[str] = options["label"]
    env_vars = variables(options["env"])
    shared = {"--api": options["api"], "--limit": options["limit"], **own}
    if options["format"] == "supervisor":
        text = _install.supervisor_conf(
            labels=labels,
            env_vars=env_vars,
            key=options["key"],
            tenant_id=options["tenant_id"],
            agent_config_id=options["agent_config_id"],
            kind=kind,
            options=shared,
        )
    else:
        text = _install.systemd_unit(
            kind,
            python=sys.executable,
            labels=labels,
            env_vars=env_vars,
            options={
                "--tenant-id": options["tenant_id"],
                "--agent-config-id": options["agent_config_id"],
                **shared,
            },
            key_file="-/etc/prefect/agent.env",
        )
    return text.rstrip("\n")


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
def identity(options: dict[str, Any]) -> Generator[None]:
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


def start_agent(kind: type[Agent], options: dict[str, Any], **more: Any) -> None:
    """Make an agent and have it work.

    Args:
        kind: its class.
        options: values of `start_options`, without those that `identity` took.
        **more: arguments that only this kind of agent has.

    Raises:
        CommandError: an option is wrong, or the agent cannot work.
    """
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
