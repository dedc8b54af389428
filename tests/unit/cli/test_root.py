from __future__ import annotations

import json
import os
from collections.abc import Iterator

import click
import pytest
import yaml
from click.testing import CliRunner

import prefect
from prefect.cli import cli, main
from prefect.cli._commands import COMMANDS
from prefect.cli._exit_codes import EXIT_CODES
from prefect.cli._help import root_help
from prefect.cli._table import OUTPUTS


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
        assert "weather" in cli.list_commands(click.Context(cli, **cli.context_settings))
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


def test_help_shows_examples_above_the_options() -> None:
    for words in (["cancel", "--help"], ["concurrency", "--help"], ["run", "--help"]):
        text = CliRunner().invoke(cli, words).output
        assert 0 < text.index("Examples:") < text.index("Options:")


def test_nothing_is_asked_with_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_NO_INPUT", "")
    CliRunner().invoke(cli, ["--no-input", "version"])
    assert os.environ["PREFECT_NO_INPUT"] == "1"


def test_the_configuration_is_printed_in_other_formats() -> None:
    lines = dict(
        line.split("\t") for line in CliRunner().invoke(cli, ["config", "-o", "table"]).output.splitlines()
    )
    assert lines["logging.level"] == json.dumps(prefect.config.logging.level)
    assert yaml.safe_load(CliRunner().invoke(cli, ["config", "-o", "yaml"]).output)["logging"]["level"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_script_of_a_shell_calls_this_command(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completions", shell])
    assert result.exit_code == 0
    script = result.stdout.replace(" = ", "=").replace('"', "")
    assert f"_PREFECT_COMPLETE={shell}_complete" in script
    assert "Start a new shell" in result.stderr


@pytest.mark.parametrize("words", [["schedule"], ["concurrency", "set"], ["get", "flows"], ["run"]])
def test_a_tab_behind_a_command_asks_for_no_help(words: list[str]) -> None:
    env = {
        "_PREFECT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["prefect", *words, "-"]),
        "COMP_CWORD": str(len(words) + 1),
    }
    result = CliRunner().invoke(cli, [], env=env, prog_name="prefect", complete_var="_PREFECT_COMPLETE")
    assert "plain,--help" in result.output


@pytest.mark.parametrize(
    ("line", "word", "value"),
    [
        ("prefect sched", "sched", "schedule"),
        ("prefect get ", "", "flow-runs"),
        ("prefect logs --fo", "--fo", "--follow"),
    ],
)
def test_powershell_is_told_kinds_values_and_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, word: str, value: str
) -> None:
    for name, text in (
        ("COMP_WORDS", line),
        ("COMP_CWORD", word),
        ("_PREFECT_COMPLETE", "powershell_complete"),
    ):
        monkeypatch.setenv(name, text)
    with pytest.raises(SystemExit):
        main([])
    rows = [told.split("\t") for told in capsys.readouterr().out.splitlines()]
    assert all(len(row) == 3 for row in rows)
    [found] = [row for row in rows if row[1] == value]
    assert found[0] == "plain"
    assert found[2]


def _commands(command: click.Command, ctx: click.Context) -> Iterator[click.Context]:
    """The contexts of a command and of all below it."""
    yield ctx
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            yield from _commands(below, click.Context(below, info_name=name, parent=ctx))


def _all_commands() -> list[click.Context]:
    return list(
        _commands(cli, click.Context(cli, info_name="prefect", terminal_width=80, **cli.context_settings))
    )


def test_no_line_of_any_help_is_wrapped_by_a_terminal_of_80_columns() -> None:
    for ctx in _all_commands():
        ctx.terminal_width = 80
        for line in ctx.get_help().splitlines():
            assert len(line) <= 80, f"{ctx.command_path}: {line}"


def test_whatever_reads_prints_every_format() -> None:
    readers = {"get", "describe", "why", "logs"}
    for ctx in _all_commands():
        words = ctx.command_path.split()[1:]
        if isinstance(ctx.command, click.Group) or not words or words[0] in ("agent", "server"):
            continue
        if words[0] in readers or words[-1] in ("list", "show", "status", "get", "list-keys", "list-tenants"):
            option = next(param for param in ctx.command.params if param.name == "output")
            assert isinstance(option.type, click.Choice)
            assert set(OUTPUTS) <= set(option.type.choices), ctx.command_path
