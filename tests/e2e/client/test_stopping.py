"""Runs that are stopped from outside: cancelled, deleted, superseded, cut off, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_runs import Runs, runs_at
from live_server import Server, running_server

SLEEPING = """
    import time
    from pathlib import Path
    from prefect import Flow, task
    from prefect.executors import LocalDaskExecutor, ProcessPoolExecutor, ThreadPoolExecutor

    @task
    def sleep(x):
        try:
            {call}
        finally:
            Path({folder!r}, f"cleaned-{{x}}").touch()

    with Flow("sleeping", executor={executor}) as flow:
        sleep.map([1, 2])
"""


@pytest.fixture
def runs(url: str, tmp_path: Path) -> Iterator[Runs]:
    with runs_at(url, tmp_path) as found:
        yield found


def sleeping(runs: Runs, call: str = "time.sleep(60)", executor: str = "None") -> str:
    """A run whose first task is in the call."""
    code = SLEEPING.format(call=call, executor=executor, folder=str(runs.folder))
    run_id = runs.create(runs.register(code))
    runs.start(run_id)
    runs.until_task(run_id, "sleep-1[0]")
    return run_id


@pytest.mark.parametrize("executor", ["None", "ProcessPoolExecutor(2)", "LocalDaskExecutor(num_workers=2)"])
def test_a_cancelled_run_hears_of_it_at_once_and_leaves_nothing_behind(runs: Runs, executor: str) -> None:
    run_id = sleeping(runs, executor=executor)
    runs.client.cancel_flow_run(run_id)

    took = runs.until(lambda: runs.state(run_id).is_finished(), 30, run_id)
    runs.processes[-1].wait(30)

    print(f"{executor}: cancelled {took:.2f} s after it was asked for")
    assert type(runs.state(run_id)).__name__ == "Cancelled"
    of_tasks = {state for name, state in runs.task_runs(run_id).items() if name.startswith("sleep")}
    assert of_tasks <= {"Cancelled", "Mapped", "Pending"}
    assert took < 20
    assert not runs.heartbeats()
    if "Dask" not in executor:  # a thread in `sleep` cannot be woken
        assert (runs.folder / "cleaned-1").exists()


def test_a_run_that_was_deleted_stops(runs: Runs) -> None:
    run_id = sleeping(runs)
    runs.rows("mutation($id: UUID!) { delete_flow_run(input: { flow_run_id: $id }) { success } }", id=run_id)

    assert runs.processes[-1].wait(30) == 3
    assert "was deleted" in runs.output(run_id)
    assert "Traceback" not in runs.output(run_id)


def test_a_run_stops_when_another_attempt_at_it_begins(runs: Runs) -> None:
    run_id = sleeping(runs)
    first = runs.processes[-1]
    runs.rows(
        "mutation($id: UUID!) { set_flow_run_states(input: { states: [{ flow_run_id: $id, "
        'state: "{\\"type\\": \\"Scheduled\\"}" }] }) { states { status } } }',
        id=run_id,
    )
    assert first.wait(30) == 5
    assert "Another attempt at this flow run has begun" in runs.output(run_id)
    assert type(runs.state(run_id)).__name__ == "Scheduled"


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_heartbeats_end_with_a_process_that_is_killed(runs: Runs) -> None:
    sleeping(runs)
    runs.until(lambda: len(runs.heartbeats()) == 1, 20)

    runs.processes[-1].kill()
    runs.processes[-1].wait()

    took = runs.until(lambda: not runs.heartbeats(), 20)
    print(f"the heartbeat process ended {took:.2f} s after its run was killed")


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[tuple[Runs, Server]]:
    """Runs of a server that takes a run for dead after three seconds without a heartbeat."""
    with (
        running_server(tmp_path / "server", "", "--zombie-after", "3") as server,
        runs_at(f"http://localhost:{server.port}", tmp_path) as found,
    ):
        yield found, server


def lease_renewals(runs: Runs, run_id: str) -> str:
    return runs.rows("query($id: uuid!) { flow_run_by_pk(id: $id) { heartbeat } }", id=run_id)[
        "flow_run_by_pk"
    ]["heartbeat"]


@pytest.fixture
def less_patient(tmp_path: Path) -> Iterator[Runs]:
    """Runs of a server that takes a run for dead after six seconds without a heartbeat."""
    with (
        running_server(tmp_path / "server", "", "--zombie-after", "6") as server,
        runs_at(f"http://localhost:{server.port}", tmp_path) as found,
    ):
        yield found


def in_c_code(runs: Runs, **env: str) -> list[str]:
    """States of a run whose task is in one call of C code for much longer than the lease."""
    # PyDLL keeps the lock of the interpreter: no thread of the process can run meanwhile.
    call = "import ctypes; ctypes.PyDLL(None).sleep(12)"
    code = SLEEPING.format(call=call, executor="None", folder=str(runs.folder)).replace("[1, 2]", "[1]")
    run_id = runs.create(runs.register(code))
    runs.start(run_id, **env)
    runs.until(lambda: runs.state(run_id).is_finished(), 60, run_id)
    print(runs.output(run_id), runs.logs(run_id))
    return runs.history(run_id)


def test_heartbeats_go_on_during_a_long_call_of_c_code(less_patient: Runs) -> None:
    assert in_c_code(less_patient) == ["Scheduled", "Running", "Success"]


def test_heartbeats_of_a_thread_do_not_so_that_the_run_is_missed(less_patient: Runs) -> None:
    states = in_c_code(less_patient, PREFECT__CLOUD__HEARTBEAT_MODE="thread")
    assert states == ["Scheduled", "Running", "Failed"]


@pytest.mark.skipif(sys.platform == "win32", reason="stops processes with signals")
def test_a_run_whose_heartbeats_do_not_arrive_stops_itself(impatient: tuple[Runs, Server]) -> None:
    runs, server = impatient
    assert server.process is not None
    run_id = sleeping(runs)
    process = runs.processes[-1]
    server.process.send_signal(signal.SIGSTOP)  # it accepts connections, and answers nobody
    try:
        assert process.wait(90) == 6
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert "No heartbeat of this flow run has arrived" in runs.output(run_id)
    assert (runs.folder / "cleaned-1").exists()


def test_the_command_for_heartbeats_ends_with_its_standard_input(runs: Runs) -> None:
    run_id = runs.create(runs.register(SLEEPING.format(call="pass", executor="None", folder="x")))
    command: list[Any] = [sys.executable, "-m", "prefect", "heartbeat", "flow-run", "-i", run_id]
    environment = {**os.environ, "PREFECT__CLOUD__API": runs.url}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    runs.until(lambda: lease_renewals(runs, run_id))
    assert process.poll() is None

    assert process.stdin is not None
    process.stdin.close()

    assert process.wait(20) == 0
