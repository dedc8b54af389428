"""A local agent at a server of 1.x, which knows neither long polls nor leases nor attempts."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from old_server import Door, behind_an_old_door

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture(scope="module")
def door(site: Any) -> Iterator[Door]:
    """What agents and runs see of the server."""
    with behind_an_old_door(site.server.port) as found:
        yield found


@pytest.fixture
def old_site(site: Any, door: Door) -> Any:
    """The same site, for agents that see a server of 1.x; the tests themselves see all of it."""
    return dataclasses.replace(site, endpoint=door.endpoint)


def test_its_runs_are_taken_run_and_reported_without_a_word_that_the_server_does_not_know(
    old_site: Any, door: Door
) -> None:
    with old_site.agent("--limit", "2") as agent:
        good = [old_site.run("doubled", parameters={"n": n}) for n in (1, 3, 5)]
        bad = old_site.run("failing")
        for run in good:
            old_site.wait(run, "Success", "Failed")
            assert old_site.state(run)[0] == "Success", old_site.logs(run)
        old_site.wait(bad, "Failed")
        log = agent.log.read_text()
    assert old_site.has_logged(bad, "it does not work")
    assert old_site.has_logged(bad, "Submitted for execution")
    assert door.refused == []
    assert "Traceback" not in log


def test_the_agent_asks_less_often_the_longer_there_is_nothing(old_site: Any, door: Door) -> None:
    with old_site.agent():
        time.sleep(1)
        before = door.asked.count("get_runs_in_queue")
        time.sleep(4)
        asked = door.asked.count("get_runs_in_queue") - before
        began = time.monotonic()
        run = old_site.run("doubled", parameters={"n": 1})
        old_site.wait(run, "Success")
        assert time.monotonic() - began < 60
    assert 1 <= asked <= 8


def test_a_process_that_is_killed_is_told_of_in_the_log_and_a_cancelled_one_is_ended(
    old_site: Any, door: Door, tmp_path: Path, wait_for_file: Callable[[Path], int]
) -> None:
    with old_site.agent():
        killed = old_site.run("sleeping", parameters={"path": str(tmp_path / "killed")})
        os.kill(wait_for_file(tmp_path / "killed"), signal.SIGKILL)
        deadline = time.monotonic() + 60
        while "killed by SIGKILL" not in old_site.logs(killed):
            assert time.monotonic() < deadline, old_site.logs(killed)
            time.sleep(0.1)  # another process writes it
        cancelled = old_site.run("sleeping", parameters={"path": str(tmp_path / "cancelled")})
        pid = wait_for_file(tmp_path / "cancelled")
        old_site.client.cancel_flow_run(cancelled)
        old_site.wait(cancelled, "Cancelled")
        deadline = time.monotonic() + 60
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        old_site.client.cancel_flow_run(killed)
        old_site.wait(killed, "Cancelled", "Failed")
    assert door.refused == []


def test_the_door_refuses_what_a_server_of_1x_does_not_know(site: Any) -> None:
    hook = """
        from prefect.agent import _api
        connect = _api.AgentApi.connect

        def believes_too_much(self):
            connect(self)
            self.features = _api.Features(True, True, True, True)

        _api.AgentApi.connect = believes_too_much
    """
    with behind_an_old_door(site.server.port) as door:
        old_site = dataclasses.replace(site, endpoint=door.endpoint)
        with old_site.agent(hook=hook) as agent:
            agent.wait_for("could not be asked for work")
        assert "lease_s" in door.refused
