"""Flows that wait for other flows, with a real server and real agents: what may go wrong meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_runs import Runs, runs_at
from live_server import Server, running_server

from scoreboard import record

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

_CHILD = """
    import time
    from pathlib import Path

    import prefect
    from prefect import Flow, Parameter, task

    @task
    def until(path):
        for number in range(1_200):
            if Path(path).exists():
                break
            if number % 5 == 0:
                prefect.context.logger.info("line %d.", number // 5)
            time.sleep(0.1)
        prefect.context.logger.info("the last line")
        return "what the child says"

    with Flow("child") as flow:
        until(Parameter("path", default="/"))
"""

_PARENT = """
    from prefect import Flow, Parameter
    from prefect.tasks.prefect import create_flow_run, wait_for_flow_run

    with Flow("parent") as flow:
        child = create_flow_run(
            flow_id=Parameter("child"), parameters={"path": Parameter("path", default="/")},
            labels=Parameter("labels", default=["here"]), run_name="child",
        )
        wait_for_flow_run(child, stream_logs=True, raise_final_state=True)
"""

_OLD_PARENT = """
    import datetime

    from prefect import Flow, Parameter
    from prefect.run_configs import UniversalRun
    from prefect.tasks.prefect import StartFlowRun

    with Flow("old-parent") as flow:
        StartFlowRun(
            flow_name="child", wait=True, run_config=UniversalRun(labels=["here", "db"]),
            poll_interval=datetime.timedelta(seconds=3),
        )(project_name=Parameter("project"))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path / "server") as server:
        yield server


@pytest.fixture
def runs(server: Server, tmp_path: Path) -> Iterator[Runs]:
    with runs_at(f"http://localhost:{server.port}", tmp_path) as found:
        yield found


@contextlib.contextmanager
def agent(runs: Runs, name: str, *words: str) -> Iterator[None]:
    """A local agent for the label `here`."""
    command = [sys.executable, "-m", "prefect", "agent", "local", "start", "--label", "here", "--name", name]
    with (runs.folder / f"{name}.log").open("wb") as output:
        process = subprocess.Popen(
            [*command, "--label", "db", "--no-hostname-label", *words],
            stdout=output,
            stderr=output,
            env={
                **os.environ,
                "PREFECT__SERVER__ENDPOINT": runs.url,
                "PREFECT__CLOUD__LOGGING_HEARTBEAT": "0.5",
            },
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def children(runs: Runs, parent: str) -> list[str]:
    found = runs.rows(
        "query($id: uuid!) { task_run(where: { flow_run_id: { _eq: $id } }) { child_flow_runs { id } } }",
        id=parent,
    )
    return [run["id"] for task_run in found["task_run"] for run in task_run["child_flow_runs"]]


def log(runs: Runs, run_id: str) -> str:
    return "\n".join(runs.logs(run_id))


def ended(runs: Runs, run_id: str) -> str:
    """Name of the state in which a run ends."""
    runs.until(lambda: runs.state(run_id).is_finished(), timeout_s=90)
    return type(runs.state(run_id)).__name__


def test_a_parent_that_takes_the_only_place_of_an_agent_says_what_it_waits_for(runs: Runs) -> None:
    child_flow, parent_flow = runs.register(_CHILD, "child"), runs.register(_PARENT, "parent")
    with agent(runs, "one", "--limit", "1"):
        parent = runs.create(parent_flow, parameters={"child": child_flow}, labels=["here"])
        runs.until(lambda: "none of them goes on" in log(runs, parent), timeout_s=120)
        said = log(runs, parent)
        assert "The agent one has a run under way" in said
        assert "are taken by runs that wait for this run" in said
        [child] = children(runs, parent)
        assert runs.history(child) == ["Scheduled"]
        with agent(runs, "two"):
            assert ended(runs, parent) == "Success"
            assert ended(runs, child) == "Success"


def test_a_parent_that_holds_the_only_slot_of_a_label_says_what_it_waits_for(runs: Runs) -> None:
    runs.register(_CHILD, "child")
    parent_flow = runs.register(_OLD_PARENT, "old_parent")
    limit = 'mutation($n: Int!) { update_flow_concurrency_limit(input: { label: "db", limit: $n }) { id } }'
    runs.rows(limit, n=1)
    with agent(runs, "one"):
        parent = runs.create(parent_flow, parameters={"project": runs.project}, labels=["here", "db"])
        runs.until(lambda: "none of them goes on" in log(runs, parent), timeout_s=120)
        assert "All slots of the label 'db' are taken (1 of 1)" in log(runs, parent)
        runs.rows(limit, n=2)
        assert ended(runs, parent) == "Success"


def test_a_parent_outlives_the_server_and_has_every_line_of_its_child_once(
    runs: Runs, server: Server, tmp_path: Path
) -> None:
    child_flow, parent_flow = runs.register(_CHILD, "child"), runs.register(_PARENT, "parent")
    path = tmp_path / "go-on"
    with agent(runs, "one"):
        given = {"child": child_flow, "path": str(path)}
        parent = runs.create(parent_flow, parameters=given, labels=["here"])
        runs.until(lambda: "Flow 'child': line 1." in log(runs, parent))
        server.kill()
        time.sleep(4)  # long enough for requests of everybody to fail
        server.start()
        began = time.monotonic()
        path.touch()
        assert ended(runs, parent) == "Success"
        record(
            "flow of flows: server killed",
            "sqlite",
            None,
            "all lines once",
            round(time.monotonic() - began, 1),
        )
    [child] = children(runs, parent)
    own = [line for line in runs.logs(child) if line.startswith(("line", "the last"))]
    told = [
        line.removeprefix("Flow 'child': ")
        for line in runs.logs(parent)
        if ": line" in line or "the last" in line
    ]
    assert len(own) > 5
    assert told == own
