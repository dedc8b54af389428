from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    assert child.get_results() == {"double-1": [0, 2, 4]}
    assert child.get_result(as_type=list[int]) == [0, 2, 4]
    with pytest.raises(ValueError, match=r"The result of flow run 'top-doubled' is no list\[str\]"):
        child.get_result(as_type=list[str])

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


_TREE = """
from prefect import Flow, Parameter, flatten, task, unmapped
from prefect.engine.results import LocalResult
from prefect.tasks.prefect import create_flow_run, get_task_run_result, wait_for_flow_run

@task
def below(depth, place):
    return [f"{{place}}{{branch}}" for branch in "ab"] if depth else []

@task
def parameters(depth, place):
    return {{"depth": depth - 1, "place": place}}

@task
def gathered(place, found):
    return [place, *found]

with Flow("tree", result=LocalResult()) as flow:
    depth, place = Parameter("depth"), Parameter("place", default="/")
    places = below(depth, place)
    ids = create_flow_run.map(
        flow_name=unmapped("tree"), project_name=unmapped({project!r}),
        parameters=parameters.map(unmapped(depth), places),
    )
    ended = wait_for_flow_run.map(ids, raise_final_state=unmapped(True))
    found = get_task_run_result.map(ids, unmapped("gathered-1"), poll_time=unmapped(1), upstream_tasks=[ended])
    gathered(place, flatten(found))
"""


def test_flows_fan_out_into_runs_of_themselves(
    prefect: Prefect, registered: str, agent: list[str], tmp_path: Path, client: Client
) -> None:
    source = _TREE.format(project=registered)
    (tmp_path / "tree.py").write_text(source)
    done = prefect("register", "--project", registered, "-p", "tree.py", "--label", registered)
    assert done.returncode == 0, done.stderr
    done = prefect("run", "-n", "tree", "--project", registered, "--param", "depth=2", "--watch")
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [FlowRunView.from_flow_run_id(run_id) for run_id in agent]
    assert len(runs) == 1 + 2 + 4
    [top] = [run for run in runs if run.parameters["place"] == "/"]
    assert top.get_result() == ["/", "/a", "/aa", "/ab", "/b", "/ba", "/bb"]
    rows = client.graphql(
        "query($ids: [uuid!]) { flow_run(where: { id: { _in: $ids } }) "
        "{ parameters parent_task_run { map_index flow_run { parameters } } } }",
        variables={"ids": agent},
    ).data.flow_run
    parents = {
        row.parameters.place: (row.parent_task_run.flow_run.parameters.place, row.parent_task_run.map_index)
        for row in rows
        if row.parent_task_run
    }
    assert parents == {
        "/a": ("/", 0), "/b": ("/", 1), "/aa": ("/a", 0), "/ab": ("/a", 1), "/ba": ("/b", 0), "/bb": ("/b", 1)
    }  # fmt: skip
