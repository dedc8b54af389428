"""Processes of flow runs are killed: with their heartbeats, alone, or before the first of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from client_faults import broken_client, counted, ledger, submit
from client_runs import Runs, runs_at
from live_server import Server

from scoreboard import is_full, record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills processes with signals")

ZOMBIE_S = 30 if is_full() else 4
#: Where a process has to stay alive on a machine that has much else to do.
LONGER = ("--zombie-after", str(30 if is_full() else 8))


@pytest.fixture
def runs_of(start: Callable[..., Server], tmp_path: Path) -> Iterator[Callable[..., tuple[Runs, Server]]]:
    """Runs of a server that takes a run for dead soon; it may be broken."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def make(*words: str, broken: str = "") -> tuple[Runs, Server]:
            server = start("--zombie-after", str(ZOMBIE_S), *words, broken=broken)
            return stack.enter_context(runs_at(f"http://localhost:{server.port}", tmp_path)), server

        yield make


def kill_all(runs: Runs, process: subprocess.Popen[bytes]) -> None:
    """Kill a process of a flow run and the one that sends its heartbeats; at once, so that neither notices."""
    beats = runs.heartbeats()
    for pid in (process.pid, *beats):
        os.kill(pid, signal.SIGSTOP)
    for pid in (process.pid, *beats):
        os.kill(pid, signal.SIGKILL)
    process.wait(30)


def start_and_kill(runs: Runs, *, with_agent: bool, retries: int = 0) -> str:
    """A run that was killed in its first task, with its heartbeats."""
    run_id = runs.create(counted(runs, 1, 600, retries=retries))
    env = submit(runs, run_id, lease_s=10.0) if with_agent else {}
    process = runs.start(run_id, **env)
    runs.until(lambda: len(ledger(runs, run_id)) and runs.heartbeats(), run_id=run_id)
    kill_all(runs, process)
    return run_id


def test_f4_a_run_without_an_agent_that_is_killed_fails_and_is_never_scheduled(
    runs_of: Callable[..., tuple[Runs, Server]],
) -> None:
    runs, server = runs_of()
    run_id = start_and_kill(runs, with_agent=False)
    took = runs.until(lambda: runs.state(run_id).is_finished(), 10 * ZOMBIE_S + 60)
    history = runs.history(run_id)
    record("F4 (agentless)", server.database.backend, None, f"Failed in {ZOMBIE_S} + 15 s, never Scheduled again", {
        "state": history[-1], "took (s)": round(took, 1), "states": len(history),
    })  # fmt: skip
    assert history == ["Scheduled", "Running", "Failed"]
    assert set(runs.task_runs(run_id).values()) <= {"Failed", "Mapped", "Success"}


@pytest.mark.parametrize("retries", [0, 1])
def test_f4_a_run_of_an_agent_that_is_killed_starts_again(
    runs_of: Callable[..., tuple[Runs, Server]], retries: int
) -> None:
    runs, server = runs_of()
    run_id = start_and_kill(runs, with_agent=True, retries=retries)
    expected = "Retrying" if retries else "Failed"
    of_task = runs.until_task(run_id, "work-1[0]", expected)
    # A task that is to be retried holds the run where it is; the queue hands it out when that is due.
    queue = "mutation { get_runs_in_queue(input: {}) { flow_run_ids } }"
    is_back = lambda: run_id in runs.rows(queue)["get_runs_in_queue"]["flow_run_ids"]
    of_run = of_task + runs.until(is_back, 10 * (ZOMBIE_S + 60))
    record("F4 (agent)", server.database.backend, None, f"task {expected} in {ZOMBIE_S} + 15 s, the run handed out 60 s later", {
        "task (s)": round(of_task, 1), "run (s)": round(of_run, 1),
    })  # fmt: skip
    assert runs.history(run_id)[-1] == ("Running" if retries else "Scheduled")


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"] if is_full() else ["sqlite"], indirect=True)
def test_f4_a_run_that_is_killed_again_and_again_fails_in_the_end_and_its_log_says_so(
    runs_of: Callable[..., tuple[Runs, Server]],
) -> None:
    most = 3
    runs, server = runs_of("--max-resurrections", str(most))
    # Each attempt ends the child that it was at, and the next one goes on with the next.
    run_id = runs.create(counted(runs, most + 2, 600))
    began = time.monotonic()
    for attempt in range(most + 1):
        process = runs.start(run_id, **submit(runs, run_id, lease_s=10.0))
        runs.until(
            lambda attempt=attempt: runs.heartbeats() and len(ledger(runs, run_id)) == attempt + 1,
            run_id=run_id,
        )
        kill_all(runs, process)
        expected = "Failed" if attempt == most else "Scheduled"
        runs.until(lambda expected=expected: runs.history(run_id)[-1] == expected, 10 * ZOMBIE_S + 60)
    lines = [line for line in runs.logs(run_id) if "Lazarus" in line and "Marking it as failed" in line]
    record("F4 (again)", server.database.backend, None, f"Failed after {most} resurrections, with a line of the log", {
        "lines": len(lines), "took (s)": round(time.monotonic() - began, 1),
    })  # fmt: skip
    assert len(lines) == 1


def stop_for_long(runs: Runs, **env: str) -> list[str]:
    """What is wrong when a process that stood still for longer than its lease goes on."""
    run_id = runs.create(counted(runs, 2, 5))
    first = runs.start(run_id, **submit(runs, run_id, lease_s=10.0), **env)
    runs.until(lambda: len(ledger(runs, run_id)) and runs.heartbeats(), run_id=run_id)
    asleep = [first.pid, *runs.heartbeats()]
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    try:
        runs.until(lambda: runs.history(run_id)[-1] == "Scheduled", 10 * (ZOMBIE_S + 60))
        second = runs.start(run_id, **submit(runs, run_id, lease_s=10.0))
        runs.until(lambda: len(ledger(runs, run_id)) == 2, run_id=run_id)
    finally:
        for pid in asleep:
            os.kill(pid, signal.SIGCONT)
    codes = first.wait(60), second.wait(60)
    problems = [] if codes == (5, 0) else [f"exit codes {codes}"]
    problems += [] if dict(ledger(runs, run_id)) == {0: 1, 1: 1} else [f"bodies {ledger(runs, run_id)}"]
    # The first child was lost with its process, and nothing that the process says later changes it.
    found = [runs.task_runs(run_id)[f"work-1[{index}]"] for index in range(2)]
    return problems + ([] if found == ["Failed", "Success"] else [f"task runs {found}"])


def test_f4_a_process_that_stood_still_for_longer_than_its_lease_stops_and_reports_no_more(
    runs_of: Callable[..., tuple[Runs, Server]],
) -> None:
    runs, server = runs_of(*LONGER)
    problems = stop_for_long(runs)
    record("F4 (SIGSTOP)", server.database.backend, None, "the first process ends with 5, each body runs once", {
        "problems": len(problems),
    })  # fmt: skip
    assert problems == []


def test_f6_a_process_that_dies_before_its_first_heartbeat_is_missed(
    runs_of: Callable[..., tuple[Runs, Server]],
) -> None:
    runs, server = runs_of("--submitted-grace", str(2 * ZOMBIE_S))
    flow_id = counted(runs, 1, 0)
    of_ours, of_an_old_one = runs.create(flow_id), runs.create(flow_id)
    env = submit(runs, of_ours, lease_s=float(ZOMBIE_S))
    submit(runs, of_an_old_one)
    process = runs.start(of_ours, **env)
    process.kill()  # while Python is still starting
    process.wait(30)
    took = runs.until(lambda: runs.history(of_ours)[-1] == "Scheduled", 10 * (ZOMBIE_S + 60))
    later = took + runs.until(lambda: runs.history(of_an_old_one)[-1] == "Scheduled", 10 * (ZOMBIE_S + 60))
    last = runs.start(of_ours, **submit(runs, of_ours, lease_s=30.0))
    last.wait(60)
    record("F6", server.database.backend, None, "scheduled again in the lease + 60 s (an agent of 1.x: the grace + 60 s), one body", {
        "ours (s)": round(took, 1), "old agent (s)": round(later, 1), "bodies": sum(ledger(runs, of_ours).values()),
    })  # fmt: skip
    assert runs.history(of_ours)[-1] == "Success"
    assert ledger(runs, of_ours) == {0: 1}


@contextmanager
def local_agent(runs: Runs) -> Iterator[subprocess.Popen[bytes]]:
    """A real local agent of the runs' server."""
    command = [sys.executable, "-m", "prefect", "agent", "local", "start", "--no-hostname-label"]
    environment = {
        **os.environ,
        "PREFECT__CLOUD__API": runs.url,
        "PREFECT__HOME_DIR": str(runs.folder / "home"),
    }
    with (runs.folder / "agent.log").open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        for _ in range(2):  # the second one does not wait for runs
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                time.sleep(0.5)
        process.wait(30)


#: The code of a run that writes down which process it is.
KILLED = """
    import os, time
    from pathlib import Path
    from prefect import Flow, task

    @task
    def wait():
        with open(Path({folder!r}) / "pids", "a") as file:
            file.write(f"{{os.getpid()}}\\n")
        time.sleep(600)

    with Flow("killed") as flow:
        wait()
"""


def kill_the_process_only(runs: Runs) -> float:
    """Seconds until the API has heard of a run of an agent whose process was killed."""
    run_id = runs.create(runs.register(KILLED.format(folder=str(runs.folder))))
    pids = runs.folder / "pids"
    with local_agent(runs):
        runs.until(lambda: pids.exists() and pids.read_text().endswith("\n"))
        os.kill(int(pids.read_text().split()[0]), signal.SIGKILL)
        took = runs.until(lambda: "killed by SIGKILL" in "\n".join(runs.logs(run_id)), 60)
        took += runs.until(lambda: "Scheduled" in runs.history(run_id)[1:], 60)
        runs.client.cancel_flow_run(run_id)
        runs.until(lambda: runs.state(run_id).is_finished(), 60)
    return took


def test_f5_an_agent_hears_of_the_end_of_a_process_at_once(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start()  # which would miss the heartbeats after two minutes only
    with runs_at(f"http://localhost:{server.port}", tmp_path) as runs:
        took = kill_the_process_only(runs)
    record(
        "F5",
        server.database.backend,
        None,
        "known in 15 s, and scheduled again",
        {"took (s)": round(took, 2)},
    )
    assert took < 60


#: A client that does not hear that another attempt has begun, and a server that takes what it says.
GOES_ON = """
    from prefect.engine.cloud import _stopping
    _stopping.Stopper.stop = lambda self, reason, text: None
"""
TAKES_ALL = """
    from prefect.server.domain import transitions
    transitions._check_epoch = lambda run, current, epoch: None
    transitions._check_version = lambda run, settings, version, epoch: None
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_f4_a_process_that_goes_on_after_it_stood_still_is_noticed(
    runs_of: Callable[..., tuple[Runs, Server]],
) -> None:
    runs, _ = runs_of(*LONGER, broken=TAKES_ALL)
    assert stop_for_long(runs, **broken_client(runs.folder, GOES_ON))


#: A server that does not take the word of an agent.
DEAF = """
    from prefect.server.domain import lost_runs
    original = lost_runs.LostRun.handle
    lost_runs.LostRun.handle = lambda self: False if self._is_certain else original(self)
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_f5_a_server_that_waits_for_the_lease_is_noticed(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    with runs_at(f"http://localhost:{start(broken=DEAF).port}", tmp_path) as runs:
        run_id = runs.create(runs.register(KILLED.format(folder=str(runs.folder))))
        pids = runs.folder / "pids"
        with local_agent(runs):
            runs.until(lambda: pids.exists() and pids.read_text().endswith("\n"))
            os.kill(int(pids.read_text().split()[0]), signal.SIGKILL)
            runs.until(lambda: "killed by SIGKILL" in "\n".join(runs.logs(run_id)), 60)
            time.sleep(3)
            assert runs.history(run_id)[-1] == "Running"


#: A server that only agents tell of the end of a run.
NO_REAPER = """
    from prefect.server.loops import reaper
    reaper.Reaper.tick = lambda self, tx, now: 0
"""

#: A server that schedules every run again that is lost, whoever started it.
ALWAYS_AGAIN = """
    from prefect.server.domain import lost_runs
    from prefect.server.domain.states import parse_state
    from prefect.server.domain.transitions import write_state

    def again(self):
        write_state(self._tx, "flow_run", self._run, parse_state({"type": "Scheduled"}, self._now), self._now)

    lost_runs.LostRun._start_again = again
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("broken", [NO_REAPER, ALWAYS_AGAIN], ids=["misses nobody", "always again"])
def test_f4_a_server_that_does_otherwise_is_noticed(
    broken: str, runs_of: Callable[..., tuple[Runs, Server]]
) -> None:
    runs, _ = runs_of(broken=broken)
    run_id = start_and_kill(runs, with_agent=False)
    until = time.monotonic() + ZOMBIE_S + 6
    while time.monotonic() < until and runs.history(run_id)[-1] == "Running":
        time.sleep(0.2)
    assert runs.history(run_id)[-1] == ("Running" if broken is NO_REAPER else "Scheduled")
    if broken is NO_REAPER:  # F6: a run that was only submitted is missed by the same
        other = runs.create(counted(runs, 1, 0))
        submit(runs, other, lease_s=0.5)
        time.sleep(4)
        assert runs.history(other)[-1] == "Submitted"
