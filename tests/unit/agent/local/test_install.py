"""`prefect agent local install`: files that keep an agent running, read as those who use them read them."""

from __future__ import annotations

import configparser
import shlex

import pytest
from click.testing import CliRunner

from prefect.agent._install import supervisor_conf, systemd_unit
from prefect.agent.local import LocalAgent
from prefect.cli.agent import agent


def read_supervisor(text: str) -> dict[str, str]:
    """The section of the agent, as supervisord reads it: with its %% undone."""
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.read_string(text)
    return {name: value.replace("%%", "%") for name, value in parser["program:prefect-agent"].items()}


def words(command: str) -> list[str]:
    return shlex.split(command)


def test_supervisord_starts_the_agent_with_all_options_and_ends_it_gently() -> None:
    found = read_supervisor(
        supervisor_conf(
            labels=["a", "b c"],
            env_vars={"X": "50% of 'it'"},
            import_paths=["/flows"],
            show_flow_logs=True,
            agent_config_id="id",
            options={"--limit": 3, "--name": "n"},
        )
    )
    assert words(found["command"]) == [
        *("prefect", "agent", "local", "start", "--agent-config-id", "id", "--import-path", "/flows"),
        *("--show-flow-logs", "--limit", "3", "--name", "n"),
        *("--label", "a", "--label", "b c", "--env", "X=50% of 'it'"),
    ]
    assert (found["autorestart"], found["stopsignal"]) == ("true", "TERM")
    assert "environment" not in found


def test_a_key_is_in_the_environment_and_not_in_the_command_that_everybody_can_read() -> None:
    found = read_supervisor(LocalAgent.generate_supervisor_conf(key="secret", tenant_id="t"))
    assert "secret" not in found["command"]
    assert found["environment"] == 'PREFECT__CLOUD__API_KEY="secret",PREFECT__CLOUD__TENANT_ID="t"'


def test_tokens_of_old_are_refused_with_what_to_give_instead() -> None:
    with pytest.raises(ValueError, match="Give a key instead"):
        LocalAgent.generate_supervisor_conf(token="t")


def test_systemd_starts_it_with_words_quoted_as_systemd_reads_them_and_the_key_in_a_file() -> None:
    unit = systemd_unit(
        "local",
        python="/opt/my python",
        labels=["50%", "$HOME"],
        env_vars={"X": 'say "hi"'},
        options={"--limit": 2},
        api="http://server:4200",
        key_file="/etc/prefect/agent.env",
    )
    lines = unit.splitlines()
    assert (
        'ExecStart="/opt/my python" -m prefect agent local start --limit 2 --label 50%% --label $$HOME '
        '--env "X=say \\"hi\\""' in lines
    )
    for line in (
        "Environment=PREFECT__CLOUD__API=http://server:4200",
        "EnvironmentFile=/etc/prefect/agent.env",
        "Restart=always",
        "KillMode=mixed",
    ):
        assert line in lines


def test_the_command_prints_what_can_be_used_as_it_is() -> None:
    done = CliRunner().invoke(
        agent, ["local", "install", "--label", "etl", "--import-path", "/flows", "--env", "A=1", "--key", "k"]
    )
    assert done.exit_code == 0, done.output
    found = read_supervisor(done.output)
    assert words(found["command"])[:4] == ["prefect", "agent", "local", "start"]
    assert "--label etl" in found["command"]
    assert "--import-path /flows" in found["command"]
    assert 'PREFECT__CLOUD__API_KEY="k"' in found["environment"]
