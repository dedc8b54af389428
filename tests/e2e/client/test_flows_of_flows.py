from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import Client
from prefect.backend import FlowRunView

Prefect = Callable[..., "subprocess.CompletedProcess[str]"]

_PARENT = """
from prefect import Flow, Parameter
from prefect.engine.results import LocalResult
from prefect.tasks.prefect import create_flow_run, get_task_run_result, wait_for_flow_run

with Flow("parent", result=LocalResult()) as flow:
    name = Parameter("name")
    child = create_flow_run(flow_name=name, project_name={project!r})
    finished = wait_for_flow_run(child, stream_logs=True, raise_final_state=True)
    get_task_run_result(child, "double-1", upstream_tasks=[finished], poll_time=1)
"""


def register_parent(prefect: Prefect, project: str, folder: Path) -> None:
    (folder / "parent.py").write_text(_PARENT.format(project=project))
    done = prefect("register", "--project", project, "-p", "parent.py", "--label", project)
    assert done.returncode == 0, done.stderr


def test_a_flow_starts_another_follows_it_and_reads_its_result(
    prefect: Prefect, registered: str, agent: list[str], tmp_path: Path, client: Client
) -> None:
    register_parent(prefect, registered, tmp_path)
    words = ("run", "-n", "parent", "--project", registered, "--run-name", "top")
    done = prefect(*words, "--param", "name=doubled", "--watch")
    assert done.returncode == 0, done.stdout + done.stderr
    parent, child = (FlowRunView.from_flow_run_id(run_id) for run_id in agent)
    assert child.name == "top-doubled"
    assert child.context["parent_flow_run_ids"] == [parent.flow_run_id]
    assert "Flow 'top-doubled': Entered state <Success>: All reference tasks succeeded." in done.stdout
    assert "Flow 'top-doubled': doubling 2" in done.stdout
    assert parent.get_task_run("get_task_run_result-1").get_result() == [0, 2, 4]
    artifacts = client.graphql("query { task_run_artifact { kind data } }").data.task_run_artifact
    assert any(child.flow_run_id in found.data.link for found in artifacts)

    def described(run: FlowRunView) -> Any:
        return json.loads(prefect("describe", "flow-runs", "--name", run.flow_run_id).stdout)

    above = described(child)["parent_task_run"]
    assert (above["task"]["name"], above["flow_run"]["name"]) == ("create_flow_run", "top")
    assert described(parent)["parent_task_run"] is None
    [below] = described(parent)["child_flow_runs"]
    assert (below["id"], below["state"]) == (child.flow_run_id, "Success")


def test_a_flow_fails_with_the_one_it_waits_for(
    prefect: Prefect, registered: str, agent: list[str], tmp_path: Path
) -> None:
    register_parent(prefect, registered, tmp_path)
    done = prefect("run", "-n", "parent", "--project", registered, "--param", "name=failing", "--watch")
    assert done.returncode == 1
    assert 'finished in state <Failed: "Some reference tasks failed.">' in done.stdout
    assert "ValueError: it does not work" in done.stdout
