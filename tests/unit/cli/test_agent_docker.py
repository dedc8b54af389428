"""`prefect agent docker`: what options become."""

from __future__ import annotations

import configparser
import shlex
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from prefect.cli import agent as commands
from prefect.cli import agent_docker
from prefect.cli._root import cli
from prefect.utilities.context import context

OPTIONS = [
    "--label",
    "a",
    "--label",
    "b",
    "--env",
    "A=$x 1%",
    "--volume",
    "/a:/b",
    "--network",
    "n",
    "--limit",
    "3",
]


def install(*words: str) -> str:
    done = CliRunner().invoke(cli, ["agent", "docker", "install", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def words_after_start(words: list[str]) -> list[tuple[str, str]]:
    options = words[words.index("start") + 1 :]
    return sorted(zip(options[::2], options[1::2], strict=True))


GIVEN = sorted(zip(OPTIONS[::2], OPTIONS[1::2], strict=True))


def test_supervisor_starts_the_agent_with_these_options_and_the_key_in_the_environment() -> None:
    text = install(*OPTIONS, "--key", "SECRET")

    found = configparser.ConfigParser(interpolation=None)
    found.read_string(text)
    program = found["program:prefect-agent"]
    words = shlex.split(program["command"].replace("%%", "%"))
    assert words[:4] == ["prefect", "agent", "docker", "start"]
    assert words_after_start(words) == GIVEN
    assert program["environment"] == 'PREFECT__CLOUD__API_KEY="SECRET"'


def test_systemd_reads_the_key_from_a_file() -> None:
    text = install(*OPTIONS, "--key", "SECRET", "--format", "systemd")

    (line,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    words = shlex.split(line.removeprefix("ExecStart=").replace("%%", "%").replace("$$", "$"))
    assert words_after_start(words) == GIVEN
    assert "SECRET" not in text
    assert "EnvironmentFile=-/etc/prefect/agent.env" in text


def test_compose_starts_the_agent_beside_its_containers() -> None:
    text = install(*OPTIONS, "--format", "compose", "--api", "http://server:4200", "--image", "me:1")

    (service,) = yaml.safe_load(text)["services"].values()
    assert words_after_start([word.replace("$$", "$") for word in service["command"]]) == GIVEN
    assert service["image"] == "me:1"
    assert service["environment"] == {
        "PREFECT__CLOUD__API": "http://server:4200",
        # Whoever starts it gives the key; it is in no file.
        "PREFECT__CLOUD__API_KEY": "${PREFECT__CLOUD__API_KEY:-}",
    }
    assert service["volumes"] == ["/var/run/docker.sock:/var/run/docker.sock"]


def test_a_key_with_a_dollar_is_no_variable_of_compose() -> None:
    text = install("--format", "compose", "--key", "a$b", "--tenant-id", "T")

    (service,) = yaml.safe_load(text)["services"].values()
    assert service["environment"]["PREFECT__CLOUD__API_KEY"] == "a$$b"
    assert service["environment"]["PREFECT__CLOUD__TENANT_ID"] == "T"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What agents were started with, and who they were."""
    found: list[dict[str, Any]] = []

    def start(kind: type, options: dict[str, Any], **more: Any) -> None:
        settings = context.config.cloud
        found.append(
            {
                "kind": kind.__name__,
                "key": settings.api_key,
                "api": settings.api,
                "level": settings.agent.level,
                **options,
                **more,
            }
        )

    monkeypatch.setattr(agent_docker, "start_agent", start)
    monkeypatch.setattr(commands, "start", start)
    return found


def test_options_of_start_are_arguments_of_the_agent(started: list[dict[str, Any]]) -> None:
    words = [*OPTIONS, "--key", "K", "--api", "http://a:1", "--log-level", "debug", "--base-url", "tcp://e:1"]
    words += [
        "--no-pull",
        "--show-flow-logs",
        "--docker-client-timeout",
        "5",
        "--max-polls",
        "2",
        "--name",
        "x",
    ]

    done = CliRunner().invoke(cli, ["agent", "docker", "start", *words], catch_exceptions=False)

    assert done.exit_code == 0, done.output
    (found,) = started
    expected = {
        "kind": "DockerAgent",
        "key": "K",
        "api": "http://a:1",
        "level": "DEBUG",
        "label": ("a", "b"),
        "env": ("A=$x 1%",),
        "limit": 3,
        "max_polls": 2,
        "name": "x",
        "base_url": "tcp://e:1",
        "no_pull": True,
        "show_flow_logs": True,
        "volumes": ["/a:/b"],
        "networks": ["n"],
        "docker_client_timeout": 5,
    }
    assert {name: found[name] for name in expected} == expected


def test_a_command_of_ones_own_starts_an_agent_as_in_1_4_1(started: list[dict[str, Any]]) -> None:
    from prefect.agent import Agent

    commands.start_agent(Agent, "http://a:1", ["l"], ["A=1"], "warning", "K", None, max_polls=1, own="o")

    (found,) = started
    assert (found["kind"], found["api"], found["key"], found["level"]) == (
        "Agent",
        "http://a:1",
        "K",
        "WARNING",
    )
    assert (found["label"], found["env"], found["max_polls"], found["own"]) == (["l"], ["A=1"], 1, "o")
