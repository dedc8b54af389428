"""How `prefect run` finds registered flows, and what it gives to their runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from prefect import Client
from prefect.backend import FlowRunView, FlowView
from prefect.cli import cli

Prefect = Callable[..., "subprocess.CompletedProcess[str]"]


def made_run(done: subprocess.CompletedProcess[str]) -> FlowRunView:
    """The run that `prefect run --quiet` made."""
    assert done.returncode == 0, done.stderr
    return FlowRunView.from_flow_run_id(done.stdout.strip())


def test_a_flow_is_found_by_its_id_and_by_that_of_its_group(
    prefect: Prefect, registered: str, client: Client
) -> None:
    view = FlowView.from_flow_name("doubled", project_name=registered)
    found = client.graphql(f'query {{ flow_by_pk(id: "{view.flow_id}") {{ flow_group_id }} }}')
    for flow_id in (view.flow_id, found.data.flow_by_pk.flow_group_id):
        assert made_run(prefect("run", "--id", flow_id, "--quiet")).flow_id == view.flow_id
    missing = prefect("run", "--id", "00000000-0000-0000-0000-000000000000")
    assert missing.returncode == 3
    assert "no flow or flow group with the id" in missing.stderr


def test_a_name_that_two_projects_have_needs_the_project(
    prefect: Prefect, registered: str, client: Client, flow_file: Path
) -> None:
    other = f"{registered} again"
    client.create_project(other)
    assert prefect("register", "--project", other, "-p", str(flow_file), "-n", "failing").returncode == 0
    done = prefect("run", "-n", "failing")
    assert done.returncode == 2
    assert "--project" in done.stderr
    run = made_run(prefect("run", "-n", "failing", "--project", other, "--quiet"))
    assert run.flow_id == FlowView.from_flow_name("failing", project_name=other).flow_id


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "--project", "p"),
        ("run", "--id", "x", "--name", "y"),
        ("run", "--id", "x", "--path", "y"),
        ("run", "--path", "x", "--module", "y"),
        ("run", "--name", "x", "--project", "y", "--path", "z"),
    ],
)
def test_anything_but_one_way_to_find_a_flow_is_answered_with_the_ways_there_are(
    prefect: Prefect, words: tuple[str, ...]
) -> None:
    done = prefect(*words, PREFECT__SERVER__ENDPOINT="http://localhost:9")
    assert done.returncode == 2
    for way in ("--path FILE", "--module MODULE", "--project, --name", "--id"):
        assert way in done.stderr


def test_values_of_a_file_and_of_options_reach_the_run(
    prefect: Prefect, registered: str, tmp_path: Path
) -> None:
    (tmp_path / "values.json").write_text('{"n": 1}')
    words = ("run", "-n", "doubled", "--project", registered, "--quiet", "--param-file", "values.json")
    assert made_run(prefect(*words)).parameters == {"n": 1}
    done = prefect(
        *words, "--param", "n=7", "--context", 'a={"b": [1]}', "--context", "c=text", "--run-name", "x"
    )
    run = made_run(done)
    assert (run.parameters, run.context, run.name) == ({"n": 7}, {"a": {"b": [1]}, "c": "text"}, "x")


def test_labels_of_the_group_hold_unless_others_are_given(
    prefect: Prefect, registered: str, client: Client
) -> None:
    flow_id = FlowView.from_flow_name("doubled", project_name=registered).flow_id
    group = client.graphql(f'query {{ flow_by_pk(id: "{flow_id}") {{ flow_group_id }} }}').data.flow_by_pk
    client.graphql(
        "mutation($i: set_flow_group_labels_input!) { set_flow_group_labels(input: $i) { success } }",
        variables={"i": {"flow_group_id": group.flow_group_id, "labels": ["of-the-group"]}},
    )
    words = ("run", "-n", "doubled", "--project", registered, "--quiet")
    assert made_run(prefect(*words)).labels == ["of-the-group"]
    assert made_run(prefect(*words, "--log-level", "debug")).labels == ["of-the-group"]
    assert sorted(made_run(prefect(*words, "--label", "b", "--label", "a")).labels) == ["a", "b"]


def test_a_run_that_was_made_while_ctrl_c_was_pressed_is_cancelled(
    registered: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = Client.create_flow_run

    def interrupted(self: Client, *args: Any, **kwargs: Any) -> str:
        create(self, *args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "create_flow_run", interrupted)
    words = ["run", "-n", "doubled", "--project", registered, "--run-name", "too-late"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code != 0
    assert "'too-late' had been made, and was cancelled" in result.stderr
    where = '{ name: { _eq: "too-late" } }'
    found = client.graphql(f"query {{ flow_run(where: {where}) {{ state }} }}").data.flow_run
    assert [run.state for run in found] == ["Cancelled"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_run_ends_with_the_command_that_executes_it(
    prefect: Prefect, project: str, tmp_path: Path, client: Client, url: str, name: str
) -> None:
    number = getattr(signal, name)
    (tmp_path / "long.py").write_text(
        "import os, time\nfrom pathlib import Path\nfrom prefect import Flow, task\n"
        "@task\ndef wait():\n"
        f"    Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "    time.sleep(60)\n"
        "with Flow('long') as flow: wait()\n"
    )
    assert prefect("register", "--project", project, "-p", "long.py").returncode == 0
    command = [
        sys.executable,
        "-m",
        "prefect",
        "run",
        "-n",
        "long",
        "--project",
        project,
        "--execute",
        "-o",
        "jsonl",
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PREFECT__SERVER__ENDPOINT": url},
    )
    try:
        assert process.stdout is not None
        run_id = json.loads(process.stdout.readline())["id"]
        deadline = time.monotonic() + 60
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait(20)
    assert process.returncode == 128 + number
    assert FlowRunView.from_flow_run_id(run_id).state.is_failed()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
