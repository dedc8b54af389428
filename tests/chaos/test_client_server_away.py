"""Flow runs go on through a server that is killed, a network that loses and delays, and answers that are lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from client_faults import bad_network, broken_client, counted, ledger, problems_of
from client_runs import Runs, runs_at
from live_server import Server

from scoreboard import is_full, record, sized

#: A client that gives up where the server is away.
GIVES_UP = """
    from prefect.engine.cloud import _reporter
    _reporter._AWAY_S = 0.0
    from prefect.client import _transport
    original = _transport.HttpTransport.__init__

    def once(self, *args, **kwargs):
        kwargs["max_attempts"] = 1
        original(self, *args, **kwargs)

    _transport.HttpTransport.__init__ = once
"""

#: A client that takes the state of its own, whose answer was lost, for another process's.
FORGETS_ITSELF = """
    from prefect.engine.cloud import _reporter
    _reporter.Reporter.is_own = lambda self, stored: False
"""

#: A client whose lines say when they were sent, and not which they are, so that the server takes one for two.
NO_NUMBERS = """
    import datetime
    from prefect.client import client
    original = client.Client.write_run_logs

    def as_new(self, logs):
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        kept = [{name: line[name] for name in line if name != "sequence"} for line in logs]
        original(self, [{**line, "timestamp": now} for line in kept])

    client.Client.write_run_logs = as_new
"""


@pytest.fixture
def runs(start: Callable[..., Server], tmp_path: Path) -> Iterator[tuple[Runs, Server]]:
    server = start()
    with runs_at(f"http://localhost:{server.port}", tmp_path) as found:
        yield found, server


def kill_the_server(runs: Runs, server: Server, flows: int, tasks: int, **env: str) -> list[str]:
    """What is wrong after a server was killed, and came back, while flow runs were under way."""
    flow_id = counted(runs, tasks, 0.1)
    ids = [runs.create(flow_id) for _ in range(flows)]
    processes = [runs.start(run_id, **env) for run_id in ids]
    for run_id in ids:
        runs.until(lambda run_id=run_id: len(ledger(runs, run_id)) > tasks / 4, run_id=run_id)
    server.kill()
    time.sleep(sized(2, 15))
    server.start()
    for process in processes:
        process.wait(240)
    problems = [problem for run_id in ids for problem in problems_of(runs, run_id, tasks)]
    return problems + [f"exit code {one.returncode}" for one in processes if one.returncode != 0]


def test_f2_runs_outlive_a_server_that_is_killed(runs: tuple[Runs, Server]) -> None:
    flows, tasks = sized(2, 10), sized(40, 100)
    problems = kill_the_server(*runs, flows, tasks)
    record("F2", runs[1].database.backend, None, f"{flows} runs succeed, 0 of {flows * tasks} bodies twice, all lines", {
        "problems": len(problems), "server back (s)": round(runs[1].start_s[-1], 2),
    })  # fmt: skip
    assert problems == []


def lose_answers(runs: Runs, server: Server, tasks: int, seed: int, **env: str) -> list[str]:
    """What is wrong with a run of which some requests (one of ten in full size) are done and their answers lost."""
    flow_id = counted(runs, tasks, 0.02)
    with bad_network(server.port, seed) as network:
        run_id = runs.create(flow_id)
        network.lost_answers = share = 0.1 if is_full() else 0.25
        process = runs.start(run_id, f"http://localhost:{network.port}", **env)
        process.wait(240)
        problems = problems_of(runs, run_id, tasks)
        assert network.cuts, f"of all answers none was lost, where {share:.0%} should be"
    return problems + ([f"exit code {process.returncode}"] if process.returncode else [])


@pytest.mark.parametrize("seed", range(1, 6) if is_full() else range(1, 2))
def test_f21_a_run_whose_answers_are_lost_does_nothing_twice(seed: int, runs: tuple[Runs, Server]) -> None:
    tasks = sized(40, 300)
    problems = lose_answers(*runs, tasks, seed)
    record("F21 (client)", runs[1].database.backend, seed, "a run that loses answers succeeds, each body and line once", {
        "problems": len(problems), "tasks": tasks,
    })  # fmt: skip
    assert problems == []


def spoil_the_network(runs: Runs, server: Server, tasks: int, hole_s: float, **env: str) -> list[str]:
    """What is wrong with a run over a slow network that breaks, and is then cut for a while."""
    flow_id = counted(runs, tasks, 0.1)
    with bad_network(server.port) as network:
        run_id = runs.create(flow_id)
        network.delay_s, network.lost_answers, network.lost_requests = 0.2, 0.025, 0.025
        process = runs.start(run_id, f"http://localhost:{network.port}", **env)
        runs.until(lambda: len(ledger(runs, run_id)) > tasks / 4, 180, run_id)
        network.is_cut = True
        time.sleep(hole_s)
        network.is_cut = False
        back = _heartbeat(runs, run_id)
        took = runs.until(lambda: _heartbeat(runs, run_id) > back or process.poll() is not None, 120, run_id)
        process.wait(400)
        problems = problems_of(runs, run_id, tasks)
    print(f"a sign of life {took:.1f} s after the hole")
    return problems + ([f"exit code {process.returncode}"] if process.returncode else [])


def _heartbeat(runs: Runs, run_id: str) -> str:
    row = runs.rows("query($id: uuid!) { flow_run_by_pk(id: $id) { heartbeat } }", id=run_id)
    return str(row["flow_run_by_pk"]["heartbeat"])


def test_f20_a_run_goes_on_over_a_network_that_is_slow_breaks_and_is_cut(runs: tuple[Runs, Server]) -> None:
    tasks, hole_s = sized(20, 100), sized(5, 30)
    began = time.monotonic()
    problems = spoil_the_network(*runs, tasks, hole_s)
    record("F20", runs[1].database.backend, 1, f"200 ms, 5 % resets, {hole_s} s hole: succeeds, each body once", {
        "problems": len(problems), "took (s)": round(time.monotonic() - began, 1),
    })  # fmt: skip
    assert problems == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_f2_f20_a_client_that_gives_up_is_noticed(runs: tuple[Runs, Server]) -> None:
    found, server = runs
    assert kill_the_server(found, server, 1, 40, **broken_client(found.folder, GIVES_UP))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("broken", [FORGETS_ITSELF, NO_NUMBERS], ids=["forgets itself", "no numbers"])
def test_f21_a_client_that_does_not_know_what_it_sent_is_noticed(
    broken: str, runs: tuple[Runs, Server]
) -> None:
    found, server = runs
    env = broken_client(found.folder, broken) | {"PREFECT__CLOUD__LOGGING_HEARTBEAT": "0.05"}
    assert any(lose_answers(found, server, 40, seed, **env) for seed in range(1, 5))
