"""Flow runs are cancelled at any moment: they end, and leave no process behind."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from client_faults import broken_client
from client_runs import Runs, runs_at
from live_server import Server

from scoreboard import is_full, record, sized

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="looks for processes by their environment")

#: Each run goes through: starting, a task that runs, a retry that is waited for, children, the end.
PHASES = """
    import datetime, time
    from prefect import Flow, task
    from prefect.executors import ThreadPoolExecutor, ProcessPoolExecutor

    @task(max_retries=1, retry_delay=datetime.timedelta(seconds=0.5))
    def flaky():
        import prefect
        time.sleep(0.2)
        if prefect.context.task_run_count == 1:
            raise OSError("not yet")
        return [1, 2, 3]

    @task
    def child(n):
        time.sleep(0.1)

    with Flow("phases {executor}", executor={executor}) as flow:
        child.map(flaky())
"""

#: Seconds from the start of a process to the end of its run, roughly.
LONG_S = 4.0
ENDS = ("Cancelled", "Success")


@pytest.fixture
def runs(start: Callable[..., Server], tmp_path: Path) -> Iterator[tuple[Runs, Server]]:
    server = start()
    with runs_at(f"http://localhost:{server.port}", tmp_path) as found:
        yield found, server


def cancel_at(runs: Runs, run_id: str, seconds: float, **env: str) -> tuple[float, list[str]]:
    """Seconds that cancelling took, so long after the start, and what is wrong then."""
    process = runs.start(run_id, **env)
    time.sleep(seconds)
    runs.client.cancel_flow_run(run_id)
    took = 0.0
    began = time.monotonic()
    while not runs.state(run_id).is_finished() and took < 60:
        time.sleep(0.02)
        took = time.monotonic() - began
    problems: list[str] = []
    end = runs.history(run_id)[-1]
    problems += [] if end in ENDS else [f"{end} at {seconds:.2f} s"]
    if end == "Cancelled":
        left = {
            state for state in runs.task_runs(run_id).values() if state in ("Running", "Retrying", "Pending")
        }
        problems += [f"task runs that are {left} at {seconds:.2f} s"] if left else []
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        problems.append(f"the process goes on, cancelled at {seconds:.2f} s")
        process.kill()
    _, is_there, traceback = runs.output(run_id).replace(_EXPECTED, "").partition("Traceback")
    problems += [f"a traceback, cancelled at {seconds:.2f} s: {traceback[-800:]}"] if is_there else []
    return took, problems


#: The task fails by itself at first, which the log shows.
_EXPECTED = "Task 'flaky': Exception encountered during task execution!\nTraceback"


def orphans(runs: Runs) -> list[int]:
    """Processes of this test that are left."""
    home = str(runs.folder / "home")
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            if (
                process.environ().get("PREFECT__HOME_DIR") == home
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("seed", range(4) if is_full() else range(1))
def test_f25_a_run_that_is_cancelled_at_any_moment_ends_and_leaves_nothing(
    runs: tuple[Runs, Server], seed: int
) -> None:
    found, server = runs
    choose = random.Random(seed)
    count = sized(6, 250)
    took: list[float] = []
    problems: list[str] = []
    ends: list[str] = []
    flows = [found.register(PHASES.format(executor=executor), f"flow{number}") for number, executor in enumerate(
        ("None", "ThreadPoolExecutor(2)", "ProcessPoolExecutor(2)")
    )]  # fmt: skip
    for number in range(count):
        run_id = found.create(flows[number % 3])
        seconds, wrong = cancel_at(found, run_id, choose.uniform(0, LONG_S))
        took.append(seconds)
        problems += wrong
        ends.append(found.history(run_id)[-1])
    deadline = time.monotonic() + 30
    while (left := orphans(found)) and time.monotonic() < deadline:
        time.sleep(0.2)
    record("F25", server.database.backend, seed, "Cancelled (or ended before) in 30 s, 0 processes left", {
        "problems": len(problems), "cancelled": f"{ends.count('Cancelled')} of {count}",
        "slowest (s)": round(max(took), 2), "processes left": len(left),
    })  # fmt: skip
    assert problems == []
    assert left == []


#: A client that does not hear that its run is cancelled.
DEAF = """
    from prefect.engine.cloud import _liveness, _stopping
    _stopping.Stopper.stop = lambda self, reason, text: None
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_f25_a_run_that_does_not_hear_of_it_is_noticed(runs: tuple[Runs, Server]) -> None:
    found, _ = runs
    code = PHASES.format(executor="None").replace("time.sleep(0.2)", "time.sleep(8)")
    run_id = found.create(found.register(code))
    found.start(run_id, **broken_client(found.folder, DEAF))
    found.until_task(run_id, "flaky-1")
    found.client.cancel_flow_run(run_id)
    time.sleep(3)
    assert found.history(run_id)[-1] == "Cancelling"
