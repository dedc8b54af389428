"""Runs through a local agent: taken, watched, cancelled, and what happens when somebody dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoreboard import record

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture(params=["forked", "fresh"])
def start(request: pytest.FixtureRequest) -> str:
    """How the agent starts processes: from a warm one, or each anew."""
    return "--warm-start" if request.param == "forked" else "--no-warm-start"


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_runs_end_as_their_flows_do_and_their_logs_arrive(site: Any, start: str) -> None:
    with site.agent(start):
        good = [site.run("doubled", parameters={"n": n}) for n in (1, 5)]
        bad = site.run("failing")
        for run in good:
            site.wait(run, "Success", "Failed")
            assert site.state(run)[0] == "Success", site.logs(run)
        site.wait(bad, "Failed")
    assert site.has_logged(bad, "it does not work")
    document = {"query": {f'task_run(where: {{flow_run_id: {{_eq: "{good[1]}"}}}})': {"state", "map_index"}}}
    rows = site.client.graphql(document).data.task_run
    assert sorted((row.map_index, row.state) for row in rows if row.map_index >= 0) == [
        (n, "Success") for n in range(5)
    ]


def test_a_run_has_the_environment_that_agent_and_run_config_give(site: Any, start: str) -> None:
    from prefect.run_configs import LocalRun

    with site.agent(start, "--label", "env", "--env", "FROM_AGENT=a", "--env", "BOTH=agent"):
        run = site.run(
            "telling",
            parameters={"names": ["FROM_AGENT", "FROM_RUN", "BOTH"]},
            run_config=LocalRun(env={"FROM_RUN": "r", "BOTH": "run"}, labels=["env"]),
        )
        site.wait(run, "Success", "Failed")
    for line in ("FROM_AGENT a", "FROM_RUN r", "BOTH run"):
        assert site.has_logged(run, line)


def test_labels_decide_who_takes_a_run(site: Any) -> None:
    with site.agent("--label", "a", "--no-hostname-label"):
        other = site.run("doubled", labels=["b"])
        mine = site.run("doubled", labels=["a"])
        site.wait(mine, "Success")
    assert site.state(other)[0] == "Scheduled"
    site.client.cancel_flow_run(other)


def test_a_process_that_is_killed_is_told_of_with_its_exit_code_and_last_output(
    site: Any, start: str, path: Path, wait_for_file: Callable[[Path], int]
) -> None:
    with site.agent(start):
        run = site.run("sleeping", parameters={"path": str(path)})
        pid = wait_for_file(path)
        began = time.monotonic()
        path.unlink()
        os.kill(pid, signal.SIGKILL)
        deadline = began + 150
        while "SIGKILL" not in (logs := site.logs(run)) and "-9" not in logs:
            assert time.monotonic() < deadline, logs
            time.sleep(0.1)
        seconds = time.monotonic() - began
        record("F4 (told by the agent)", "sqlite", start, "<= 15 s", round(seconds, 1))
        assert "last words of this process" in logs
        site.client.cancel_flow_run(run)
        site.wait(run, "Cancelled", "Failed")  # the next attempt may have ended by itself


def test_the_process_of_a_cancelled_run_is_gone_soon(
    site: Any, start: str, path: Path, wait_for_file: Callable[[Path], int]
) -> None:
    with site.agent(start):
        run = site.run("sleeping", parameters={"path": str(path)})
        pid = wait_for_file(path)
        began = time.monotonic()
        site.client.cancel_flow_run(run)
        site.wait(run, "Cancelled")
        while _is_there(pid):
            assert time.monotonic() < began + 100
            time.sleep(0.05)
    record("F25 (process gone)", "sqlite", start, "<= 10 s", round(time.monotonic() - began, 1))


def test_an_agent_that_is_told_to_end_takes_no_more_and_waits_for_its_runs(
    site: Any, path: Path, wait_for_file: Callable[[Path], int]
) -> None:
    with site.agent() as agent:
        run = site.run("sleeping", parameters={"path": str(path)})
        wait_for_file(path)
        agent.signal(signal.SIGTERM)
        agent.wait_for("Waiting for 1 flow run to end")
        later = site.run("doubled")
        site.client.cancel_flow_run(run)
        assert agent.process.wait(60) == 0
        assert site.state(later)[0] == "Scheduled"
        site.client.cancel_flow_run(later)
    assert site.state(run)[0] == "Cancelled"


def test_the_runs_of_a_killed_agent_go_on_and_another_agent_takes_what_waits(
    site: Any, path: Path, wait_for_file: Callable[[Path], int]
) -> None:
    with site.agent("--no-warm-start") as agent:
        run = site.run("sleeping", parameters={"path": str(path)})
        pid = wait_for_file(path)
        agent.signal(signal.SIGKILL)
        agent.process.wait(10)
        waiting = site.run("doubled")
        began = time.monotonic()
        with site.agent():
            site.wait(waiting, "Success")
            record("F7", "sqlite", None, "<= 10 s", round(time.monotonic() - began, 1))
        assert _is_there(pid)
        assert site.state(run)[0] == "Running"
        site.client.cancel_flow_run(run)
        site.wait(run, "Cancelled")


def test_a_limit_is_kept(site: Any, tmp_path: Path, wait_for_file: Callable[[Path], int]) -> None:
    paths = [tmp_path / str(n) for n in range(3)]
    with site.agent("--limit", "1"):
        runs = [site.run("sleeping", parameters={"path": str(path)}) for path in paths]
        for _ in runs:
            deadline = time.monotonic() + 60
            while not (there := [path for path in paths if path.exists()]):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert len(there) == 1
            run = runs[paths.index(there[0])]
            site.client.cancel_flow_run(run)
            site.wait(run, "Cancelled")
            there[0].unlink()


def test_the_health_page_says_what_the_agent_does(site: Any) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with site.agent("--agent-address", address, "--name", "mine") as agent:
        agent.wait_for("Health page")
        with urllib.request.urlopen(f"{address}/api/health", timeout=10) as reply:
            assert reply.status == 200
        with urllib.request.urlopen(f"{address}/api/state", timeout=10) as reply:
            state = json.loads(reply.read())
    assert (state["name"], state["type"], state["status"]) == ("mine", "LocalAgent", "working")


def test_the_process_of_a_deleted_run_is_gone_soon(
    site: Any, start: str, path: Path, wait_for_file: Callable[[Path], int]
) -> None:
    with site.agent(start):
        run = site.run("sleeping", parameters={"path": str(path)})
        pid = wait_for_file(path)
        deleting = "mutation($id: UUID!) { delete_flow_run(input: { flow_run_id: $id }) { success } }"
        site.client.graphql(deleting, variables={"id": run})
        began = time.monotonic()
        while _is_there(pid):
            assert time.monotonic() < began + 100
            time.sleep(0.05)


def _is_at_work(pid: int) -> bool:
    """Whether it is there, and not an ended process that nobody has asked for."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_what_a_killed_run_had_started_does_not_stay(
    site: Any, start: str, path: Path, wait_for_file: Callable[[Path], int]
) -> None:
    with site.agent(start):
        run = site.run("with a child", parameters={"path": str(path)})
        child = wait_for_file(path)
        parent = int(Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        os.kill(parent, signal.SIGKILL)
        began = time.monotonic()
        while _is_at_work(child):
            assert time.monotonic() < began + 60
            time.sleep(0.05)
        site.client.cancel_flow_run(run)
        site.wait(run, "Cancelled", "Failed")
