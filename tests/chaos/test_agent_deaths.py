"""Runs and agents that die, at each moment of a run's life, with a real local agent and real processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_site import Site, running_site

from scoreboard import is_full, record

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

_FLOWS = (Path(__file__).parent / "agent_flows.py").read_text(encoding="utf-8")
#: Seconds after which a run of which nothing is heard is lost, on the servers of this file.
ZOMBIE_S = 5.0
#: Seconds for which agents of this file keep a run that they start. 30 s otherwise.
LEASE_S = 30.0 if is_full() else 3.0

SHORT_LEASES = f"""
    from prefect.agent.agent import Agent
    Agent._lease_s = {LEASE_S}
    Agent._round_s = 0.5
"""
#: What is started for a run is there, and does nothing for a long time: an image is pulled, a machine boots.
SLOW_START = f"""
    {SHORT_LEASES.strip()}
    import subprocess, sys
    from prefect.agent.local import _jobs, agent

    def start_process(spec, output, on_end):
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", "import time; time.sleep(300)"],
            stdout=output.fileno(), start_new_session=True,
        )
        return _jobs.Spawned(process, on_end)

    agent.start_process = start_process
"""
DIES_BEFORE_THE_PROCESS_STARTS = f"""
    {SHORT_LEASES.strip()}
    import os, signal
    from prefect.agent.local.agent import LocalAgent
    LocalAgent.deploy_flow = lambda self, run: os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that misses runs soon."""
    directory = tmp_path_factory.mktemp("deaths")
    with running_site(directory, _FLOWS, "--zombie-after", str(ZOMBIE_S)) as found:
        yield found


def lines(ledger: Path) -> list[list[str]]:
    """What tasks have noted: time, word, process, run."""
    return [line.split() for line in ledger.read_text().splitlines()] if ledger.exists() else []


def wait_for_line(ledger: Path, word: str, count: int = 1) -> list[str]:
    """The line with a word that makes so many of them."""
    deadline = time.monotonic() + 60
    while len(found := [line for line in lines(ledger) if line[1] == word]) < count:
        assert time.monotonic() < deadline, lines(ledger)
        time.sleep(0.02)  # another process writes the file
    return found[count - 1]


def states_of(site: Site, run_id: str) -> list[str]:
    """The states that a run was in."""
    document = {"query": {f'flow_run_by_pk(id: "{run_id}")': {"states(order_by: [{version: asc}])": "state"}}}
    return [row.state for row in site.client.graphql(document).data.flow_run_by_pk.states]


class Beating:
    """Heartbeats of a process that outlives its run's, as those of 1.x do.

    Args:
        site: where to send them.
        run_id: for which run.
    """

    def __init__(self, site: Site, run_id: str) -> None:
        self._stopping = threading.Event()
        self._site, self._run_id = site, run_id
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(30)

    def _beat(self) -> None:
        connection = self._site.server.connect()
        while not self._stopping.wait(0.3):
            connection.mutate("update_flow_run_heartbeat", "success", flow_run_id=self._run_id)
        connection.close()


def kill_with_heartbeats_left(site: Site, tmp_path: Path, patience_s: float, hook: str = "") -> float | None:
    """Kill the process of a run whose heartbeats go on; seconds until it had left Running."""
    ledger = tmp_path / "ledger"
    with site.agent(hook=hook):
        run = site.run("working", parameters={"ledger": str(ledger), "seconds": 60})
        pid = int(wait_for_line(ledger, "begin")[2])
        with Beating(site, run):
            os.kill(pid, signal.SIGKILL)
            began = time.monotonic()
            found = None
            while found is None and time.monotonic() - began < patience_s:
                if len(states_of(site, run)) > 3:  # Scheduled, Submitted, Running
                    found = time.monotonic() - began
                time.sleep(0.1)
        site.client.cancel_flow_run(run)
        site.wait(run, "Cancelled", "Failed")
    return found


def test_f5_the_agent_notices_a_dead_run_whose_heartbeats_go_on(site: Site, tmp_path: Path) -> None:
    seconds = kill_with_heartbeats_left(site, tmp_path, patience_s=150)
    record("F5", "sqlite", None, "noticed in 15 s", round(seconds, 1) if seconds else "never")
    assert seconds is not None


def test_f5_notices_an_agent_that_forgets_its_children(site: Site, tmp_path: Path) -> None:
    broken = """
        from prefect.agent.local._jobs import ProcessJob
        ProcessJob.poll = lambda self: None
    """
    assert kill_with_heartbeats_left(site, tmp_path, patience_s=ZOMBIE_S + 3, hook=broken) is None


def count_starts_while_it_starts_slowly(site: Site, hook: str) -> tuple[int, float | None]:
    """Let what is started take three leases; how often it was started, and the seconds until it was missed."""
    with site.agent("--no-warm-start", hook=hook) as agent:
        run = site.run("working", parameters={"ledger": "/dev/null"})
        site.wait(run, "Submitted")
        time.sleep(3 * LEASE_S)
        starts = states_of(site, run).count("Scheduled")  # once for each time that it has to be started
        agent.kill()
    began = time.monotonic()
    missed = None
    if starts == 1:
        site.wait(run, "Scheduled", timeout_s=10 * (ZOMBIE_S + 60))
        missed = time.monotonic() - began
    site.client.cancel_flow_run(run)
    site.wait(run, "Cancelled")
    return starts, missed


def test_f6_a_run_is_kept_while_its_infrastructure_starts_and_given_away_when_the_agent_is_gone(
    site: Site,
) -> None:
    starts, missed = count_starts_while_it_starts_slowly(site, SLOW_START)
    record("F6", "sqlite", None, "started once in 3 leases; rescheduled in zombie time + 60 s", {
        "starts": starts, "rescheduled after (s)": missed and round(missed, 1), "lease (s)": LEASE_S,
    })  # fmt: skip
    assert starts == 1


def test_f6_notices_an_agent_that_renews_no_lease(site: Site) -> None:
    broken = (
        SLOW_START + "    from prefect.agent._api import AgentApi\n    AgentApi.renew = lambda *_: True\n"
    )
    starts, _ = count_starts_while_it_starts_slowly(site, broken)
    assert starts > 1


def test_f6_a_run_whose_process_dies_before_it_begins_is_started_again_and_fails_in_the_end(
    site: Site,
) -> None:
    broken = """
        import os, sys
        if sys.orig_argv[1:] == ["-m", "prefect", "execute", "flow-run"]:
            print("no library for you", flush=True)
            os._exit(7)
    """
    with site.agent("--no-warm-start", hook=broken):
        run = site.run("working", parameters={"ledger": "/dev/null"})
        began = time.monotonic()
        site.wait(run, "Failed", timeout_s=150)
        took = time.monotonic() - began
    starts = states_of(site, run).count("Submitted")
    record("F6 (exits at once)", "sqlite", None, "at most 3 times again, then Failed with a log line", {
        "starts": starts, "seconds": round(took, 1),
    })  # fmt: skip
    assert starts == 4
    assert "exited with code 7" in site.logs(run)
    assert "no library for you" in site.logs(run)


def test_f7_a_killed_agents_run_goes_on_and_what_it_reserved_is_taken_by_another(
    site: Site, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    # It asks for work, is offered runs, and dies before it takes the second one.
    dies = """
        import os, signal
        from prefect.agent._api import AgentApi
        read, count = AgentApi.read_runs, [0]

        def read_runs(self, ids):
            count[0] += 1
            if count[0] > 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return read(self, ids)

        AgentApi.read_runs = read_runs
    """
    with site.agent(hook=dies) as agent:
        running = site.run("working", parameters={"ledger": str(ledger), "seconds": 4})
        wait_for_line(ledger, "begin")
        waiting = site.run("working", parameters={"ledger": str(tmp_path / "other")})
        agent.process.wait(60)
    began = time.monotonic()
    with site.agent():
        site.wait(waiting, "Success", timeout_s=100)
        took = time.monotonic() - began
        site.wait(running, "Success", timeout_s=100)
    record("F7", "sqlite", None, "the run goes on; what was not started is taken in 10 s", round(took, 1))
    assert [line[1] for line in lines(ledger)] == ["begin", "end"]
    assert states_of(site, running).count("Submitted") == 1


def run_through_a_death_after_submitted(
    site: Site, tmp_path: Path, patience_s: float
) -> tuple[int, float | None]:
    """Kill the agent between Submitted and the start; how often the body ran, seconds until Success."""
    ledger = tmp_path / "ledger"
    with site.agent(hook=DIES_BEFORE_THE_PROCESS_STARTS) as agent:
        run = site.run("working", parameters={"ledger": str(ledger)})
        agent.process.wait(60)
    assert site.state(run)[0] == "Submitted"
    began = time.monotonic()
    took = None
    with site.agent(hook=SHORT_LEASES):
        while took is None and time.monotonic() - began < patience_s:
            if site.state(run)[0] == "Success":
                took = time.monotonic() - began
            time.sleep(0.1)
    return sum(line[1] == "begin" for line in lines(ledger)), took


def test_f8_a_run_whose_agent_dies_after_taking_it_is_run_once_by_another(site: Site, tmp_path: Path) -> None:
    bodies, took = run_through_a_death_after_submitted(site, tmp_path, patience_s=10 * (ZOMBIE_S + 60))
    record("F8", "sqlite", None, "one body run, in zombie time + 60 s", {
        "bodies": bodies, "seconds": took and round(took, 1), "lease (s)": LEASE_S,
    })  # fmt: skip
    assert (bodies, took is not None) == (1, True)


def test_f8_notices_a_server_that_gives_no_lease(tmp_path: Path) -> None:
    broken = """
        from prefect.server.domain import run_states
        from prefect.server.loops import reaper
        reaper.LostRun.handle = lambda self: False
    """
    with running_site(tmp_path, _FLOWS, "--zombie-after", str(ZOMBIE_S), broken=broken) as site:
        bodies, took = run_through_a_death_after_submitted(site, tmp_path, patience_s=LEASE_S + 5)
    assert (bodies, took) == (0, None)


def test_f29_a_worker_of_an_executor_that_is_killed_fails_its_task_and_the_flow_ends(
    site: Site, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    with site.agent():
        run = site.run("worker dies", parameters={"ledger": str(ledger)})
        wait_for_line(ledger, "begin")
        began = time.monotonic()
        site.wait(run, "Failed", timeout_s=300)
        took = time.monotonic() - began
    document: dict[str, Any] = {
        "query": {f'task_run(where: {{flow_run_id: {{_eq: "{run}"}}}})': {"state", "task { name }"}}
    }
    found = {row.task.name: row.state for row in site.client.graphql(document).data.task_run}
    record("F29", "sqlite", None, "the task failed in 30 s, the flow ended", round(took, 1))
    assert (found["die"], found["work"]) == ("Failed", "Success")
