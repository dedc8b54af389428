from __future__ import annotations

import click
from click.testing import CliRunner

from prefect.utilities.cli import add_options


def test_shared_options_appear_in_the_order_of_the_list() -> None:
    options = [click.option("--first", default="a"), click.option("--second", default="b")]

    @click.command()
    @add_options(options)
    @click.option("--own", default="c")
    def command(first: str, second: str, own: str) -> None:
        click.echo(f"{first} {second} {own}")

    assert [param.name for param in command.params] == ["first", "second", "own"]
    assert CliRunner().invoke(command, ["--second", "B"]).output == "a B c\n"


def test_a_list_serves_several_commands() -> None:
    options = [click.option("--shared")]
    commands = [click.command(name)(add_options(options)(lambda shared: None)) for name in ("one", "two")]

    assert [[param.name for param in command.params] for command in commands] == [["shared"], ["shared"]]
