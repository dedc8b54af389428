"""What commands print as JSON has the names that the reference promises, for good."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefect import Client

Prefect = Callable[..., "subprocess.CompletedProcess[str]"]

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "cli.md"


def promised() -> dict[str, set[str]]:
    """Names by command, of the table in the reference."""
    table = PAGE.read_text(encoding="utf-8").partition("| command | names |")[2].partition("\n\n")[0]
    found: dict[str, set[str]] = {}
    for line in table.splitlines()[2:]:
        commands, names = line.strip("| ").split(" | ")
        for command in re.findall(r"`([^`]+)`", commands):
            found[command] = set(re.findall(r"`([^`]+)`", names))
    return found


@pytest.fixture
def lived_in(prefect: Prefect, project: str, tmp_path: Path, client: Client) -> str:
    """A server that has one of everything."""
    (tmp_path / "all.py").write_text(
        "import datetime\nfrom prefect import Flow, task\n"
        "from prefect.backend.artifacts import create_link_artifact\n"
        "from prefect.schedules import IntervalSchedule\n"
        "@task\ndef leave(): create_link_artifact('https://example.com')\n"
        "with Flow('all', schedule=IntervalSchedule(interval=datetime.timedelta(days=1))) as flow: leave()\n"
    )
    assert prefect("register", "--project", project, "-p", "all.py").returncode == 0
    done = prefect("run", "-n", "all", "--project", project, "--execute", "--run-name", "whole")
    assert done.returncode == 0, done.stdout + done.stderr
    client.register_agent(agent_type="LocalAgent", name="one", labels=["a"])
    assert prefect("kv", "set", "a", "1").returncode == 0
    assert prefect("concurrency", "set", "--tag", "a-tag", "1").returncode == 0
    return project


def test_names_in_json_are_those_of_the_reference(prefect: Prefect, lived_in: str) -> None:
    more = {
        "get task-runs": ["-r", "whole"],
        "get logs": ["-n", "whole"],
        "logs": ["whole"],
        "why": ["whole"],
        "register": ["--project", lived_in, "-p", "all.py"],
    }
    names = promised()
    # Its rows are of a server that asks for keys, and tested with those.
    assert names.pop("auth list-keys") == {"id", "name", "expires_at", "created"}
    for command, expected in names.items():
        done = prefect(*command.split(), *more.get(command, []), "-o", "json")
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        assert rows, command
        assert all(set(row) == expected for row in rows), (command, set(rows[0]) ^ expected)
