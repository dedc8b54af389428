"""Real agents that race for the same runs: each is deployed once, none is forgotten, the oldest come first."""

from __future__ import annotations

import contextlib
import datetime
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from live_flow import make_runs, register_flow
from live_server import Server

from scoreboard import record, sized

pytestmark = pytest.mark.skipif(os.name == "nt", reason="programs are killed as on POSIX")

RUNS = sized(120, 10_000)
PROGRAM = Path(__file__).resolve().parents[1] / "support" / "ledger_agent.py"


@contextlib.contextmanager
def agents(servers: list[Server], count: int, ledger: Path, hook: str = "") -> Generator[None]:
    """So many agent processes, each with one of the servers in turn, that end with the block."""
    folder = ledger.parent / f"hook-{ledger.name}"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(textwrap.dedent(hook), encoding="utf-8")
    log = ledger.with_suffix(".log")
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with log.open("wb") as output:
            for number in range(count):
                endpoint = f"http://localhost:{servers[number % len(servers)].port}"
                processes.append(
                    subprocess.Popen(
                        [sys.executable, str(PROGRAM), str(ledger)],
                        env={
                            **os.environ,
                            "PREFECT__SERVER__ENDPOINT": endpoint,
                            "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
                            "PREFECT__CLOUD__AGENT__LEVEL": "WARNING",
                        },
                        stdout=output,
                        stderr=output,
                    )
                )
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait(30)


def deployed(ledger: Path) -> list[list[str]]:
    """What agents noted: run, time, agent."""
    return [line.split() for line in ledger.read_text().splitlines()] if ledger.exists() else []


def wait_until_deployed(ledger: Path, count: int, timeout_s: float) -> float:
    """Seconds from the first to the last run, as soon as so many were noted."""
    began = time.monotonic()
    while len({line[0] for line in deployed(ledger)}) < count:
        assert time.monotonic() - began < timeout_s, (
            len(deployed(ledger)),
            ledger.with_suffix(".log").read_text()[-2000:],
        )
        time.sleep(0.1)  # other processes write the file
    time.sleep(0.5)  # whoever deploys a run twice does it now
    times = [float(line[1]) for line in deployed(ledger)]
    return max(times) - min(times)


@pytest.mark.parametrize("servers", [1, 2])
def test_f9_agents_that_race_deploy_each_run_once(
    servers: int, start: Callable[..., Server], database_url: str, tmp_path: Path
) -> None:
    if servers > 1 and not database_url:
        pytest.skip("one process owns the file")
    first = start()
    keys = first.directory / "data" / "encryption-keys.json"  # all servers of a database need the same
    all_servers = [first, *(start("--encryption-key-file", str(keys)) for _ in range(servers - 1))]
    count = 2 if servers == 1 else 5
    connection = first.connect()
    flow = register_flow(connection, tasks=1)
    ledger = tmp_path / "ledger"
    with agents(all_servers, count, ledger):
        made = make_runs(connection, flow, RUNS)
        took = wait_until_deployed(ledger, RUNS, timeout_s=sized(90, 1800))
    connection.close()
    counts = Counter(line[0] for line in deployed(ledger))
    double = [run for run, times in counts.items() if times > 1]
    lost = set(made) - set(counts)
    shares = Counter(line[2] for line in deployed(ledger))
    unfinished = [row[0] for row in first.database.rows("SELECT state FROM flow_run") if row[0] != "Success"]
    record(f"F9 (real agents: {count}, servers: {servers})", first.database.backend, None,
           f"0 double, 0 lost of {RUNS}", {
        "double": len(double), "lost": len(lost), "runs per second": round(RUNS / took),
        "by each agent": sorted(shares.values()),
    })  # fmt: skip
    assert (double, lost) == ([], set())
    assert len(unfinished) <= count  # an agent that was killed while it noted its last run


#: A run may be taken as often as somebody asks for it, and is offered to all.
TAKEN_TWICE = """
    from prefect.server.domain import queue, states, transitions
    transitions.DUE_STATES = (*states.DUE_STATES, "Submitted", "Running", "Success")
    original = queue._sql
    queue._sql = lambda *args: original(*args).replace(
        "r.lease_until IS NULL OR r.lease_until <= :now", "1 = 1"
    )
"""
#: Agents say neither which version nor which attempt of a run they take.
NO_CLAIM = """
    from prefect.agent._api import AgentApi
    submit = AgentApi.submit

    def without_version(self, run, state, lease_s):
        run["version"] = run["epoch"] = None
        return submit(self, run, state, lease_s)

    AgentApi.submit = without_version
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_f9_notices_agents_and_servers_without_an_atomic_claim(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start(broken=TAKEN_TWICE)
    connection = server.connect()
    make_runs(connection, register_flow(connection, tasks=1), 60)
    connection.close()
    ledger = tmp_path / "ledger"
    with agents([server], 3, ledger, hook=NO_CLAIM):
        wait_until_deployed(ledger, 60, timeout_s=60)
    assert max(Counter(line[0] for line in deployed(ledger)).values()) > 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_f24_runs_that_are_due_at_one_second_are_handed_out_in_order(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start()
    connection = server.connect()
    flow = register_flow(connection, tasks=1)
    ledger = tmp_path / "ledger"
    count = sized(3, 10)
    with agents([server], count, ledger):
        # They are made ahead of their time, the older half for a second earlier.
        due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=sized(4, 90))
        later = due + datetime.timedelta(seconds=1)
        half = RUNS // 2
        younger = set(make_runs(connection, flow, half, scheduled_start_time=later.isoformat()))
        older = set(make_runs(connection, flow, half, scheduled_start_time=due.isoformat()))
        assert datetime.datetime.now(datetime.timezone.utc) < due
        wait_until_deployed(ledger, 2 * half, timeout_s=sized(90, 3000))
    connection.close()
    times = {line[0]: float(line[1]) for line in deployed(ledger)}
    first, last = min(times.values()) - due.timestamp(), max(times.values()) - due.timestamp()
    median = {
        name: sorted(times[run] for run in runs)[half // 2]
        for name, runs in (("older", older), ("younger", younger))
    }
    record("F24", server.database.backend, None, "first in 2 s, all in 5 min, by start time", {
        "first (s)": round(first, 2), "all (s)": round(last, 2), "runs": 2 * half, "agents": count,
    })  # fmt: skip
    assert first >= 0
    assert len(deployed(ledger)) == 2 * half
    assert median["older"] < median["younger"]
    assert first < 20
    assert last < 3000


def offered_after_another_hung_up(server: Server) -> tuple[list[str], str]:
    """Runs that are offered to whoever asks after somebody who waited hung up; and the one that there is."""
    connection = server.connect()
    flow = register_flow(connection, tasks=1)
    gone = server.connect()

    def ask() -> None:
        with pytest.raises(OSError):
            gone.mutate("get_runs_in_queue", "flow_run_ids", wait_s=10, lease_s=600)

    asks = threading.Thread(target=ask)
    asks.start()
    time.sleep(0.3)  # it has come in, and waits
    gone.hang_up()
    asks.join(30)
    time.sleep(0.1)
    (run,) = make_runs(connection, flow, 1)
    answer = connection.mutate("get_runs_in_queue", "flow_run_ids", wait_s=3, lease_s=600)
    connection.close()
    return answer.data["get_runs_in_queue"]["flow_run_ids"], run


def test_f7_an_agent_that_hangs_up_is_offered_nothing(start: Callable[..., Server]) -> None:
    offered, run = offered_after_another_hung_up(start())
    assert offered == [run]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_f7_notices_a_server_that_offers_runs_to_agents_that_are_gone(start: Callable[..., Server]) -> None:
    broken = """
        from starlette.requests import Request
        async def is_disconnected(self):
            return False
        Request.is_disconnected = is_disconnected
    """
    assert offered_after_another_hung_up(start(broken=broken))[0] == []
