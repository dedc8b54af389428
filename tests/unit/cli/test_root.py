from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

import prefect
from prefect.cli import cli, main
from prefect.cli._commands import COMMANDS
from prefect.cli._exit_codes import EXIT_CODES
from prefect.cli._help import root_help


def test_the_help_is_the_same_with_and_without_click(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--help"], ["-h"], ["help"]):
        main(words)
        assert capsys.readouterr().out == root_help() + "\n"
    for words in ([], ["--help"], ["-h"], ["help"]):
        result = CliRunner().invoke(cli, words)
        assert (result.exit_code, result.output) == (0, root_help() + "\n")


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_the_version_is_the_same_with_and_without_click(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    main(words)
    assert capsys.readouterr().out == f"{prefect.__version__}\n"
    result = CliRunner().invoke(cli, words)
    assert (result.exit_code, result.output) == (0, f"{prefect.__version__}\n")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_of_the_table_exists_and_has_help(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert f"Usage: cli {name}" in result.output
    assert name in root_help()


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_and_a_commands_name_are_its_help(name: str) -> None:
    asked = CliRunner().invoke(cli, ["help", name]).output
    assert asked == CliRunner().invoke(cli, [name, "--help"]).output


def test_help_lists_every_exit_code() -> None:
    output = CliRunner().invoke(cli, ["help", "exit-codes"]).output
    for code, meaning in EXIT_CODES.items():
        assert f"{code:>3}  {meaning}" in output


@pytest.mark.parametrize("words", [["help", "nothing"], ["help", "run", "deeper"]])
def test_help_on_nothing_says_where_help_is(words: list[str]) -> None:
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 2
    assert "There is no help on" in result.stderr


def test_a_mistyped_command_is_suggested() -> None:
    result = CliRunner().invoke(cli, ["rnu"])
    assert result.exit_code == 2
    assert result.stderr == "Error: There is no command 'rnu'.\nHint: Did you mean `prefect run`?\n"


def test_a_word_like_no_command_points_to_the_list() -> None:
    result = CliRunner().invoke(cli, ["zzzzzz"])
    assert "`prefect --help` lists the commands" in result.stderr


def test_plug_ins_may_add_commands() -> None:
    @click.command("weather")
    def weather() -> None:
        click.echo("sunny")

    cli.add_command(weather)
    try:
        assert CliRunner().invoke(cli, ["weather"]).output == "sunny\n"
        assert "weather" in cli.list_commands(click.Context(cli))
    finally:
        del cli.commands["weather"]


def test_the_configuration_is_printed_as_json() -> None:
    printed = json.loads(CliRunner().invoke(cli, ["config"]).output)
    assert printed["logging"]["level"] == prefect.config.logging.level
    assert printed["flows"]["checkpointing"] is False


def test_diagnostics_are_json_on_the_system() -> None:
    printed = json.loads(CliRunner().invoke(cli, ["diagnostics"]).output)
    assert printed["system_information"]["prefect_version"] == prefect.__version__


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        prefect.cli.nothing  # noqa: B018
