"""Every command of 1.4.1 is there, with every option it had, under every spelling."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from prefect.cli import cli

RECORDED: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("cli_options.json").read_text(encoding="utf-8")
)


def find(path: str) -> click.Command | None:
    """The command of these words."""
    command: click.Command | None = cli
    for word in path.split()[1:]:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
        if command is None:
            return None
    return command


@pytest.mark.parametrize("path", RECORDED)
def test_a_command_of_1_4_1_has_the_options_it_had(path: str) -> None:
    command = find(path)
    assert command is not None
    there = {
        name
        for param in command.params
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }
    assert set(RECORDED[path]) <= there
