from __future__ import annotations

from prefect.cli._commands import COMMANDS, SECTIONS
from prefect.cli._help import root_help


def test_every_command_is_in_one_section_of_the_help() -> None:
    listed = [name for names in SECTIONS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert COMMANDS.keys() <= set(listed)
    for name, command in COMMANDS.items():
        assert f"  {name} " in root_help()
        assert command.help in root_help()
