"""Agents that ask for the same runs: each run is deployed by one of them, and none is forgotten."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_agents import Fleet
from live_flow import make_runs, register_flow
from live_server import Server

from scoreboard import record, sized

RUNS = sized(300, 10_000)


@pytest.mark.parametrize("lease_s", [None, 60.0], ids=["agents of 1.x", "agents that reserve"])
@pytest.mark.parametrize("servers", [1, 2])
def test_f9_each_run_is_deployed_once(
    servers: int, lease_s: float | None, start: Callable[..., Server], database_url: str
) -> None:
    if servers > 1 and not database_url:
        pytest.skip("one process owns the file")
    first = start()
    keys = first.directory / "data" / "encryption-keys.json"  # all servers of a database need the same
    fleet = Fleet(
        [first, *(start("--encryption-key-file", str(keys)) for _ in range(servers - 1))],
        agents=2 if servers == 1 else 5,
        lease_s=lease_s,
    )
    connection = first.connect()
    made = make_runs(connection, register_flow(connection, tasks=1), RUNS)
    connection.close()
    took = fleet.work_until(RUNS, timeout_s=sized(60, 900))
    double = [run_id for run_id, count in fleet.deployed.items() if count > 1]
    lost = set(made) - set(fleet.deployed)
    unfinished = [
        row[0]
        for row in first.database.rows("SELECT state FROM flow_run")
        if row[0] not in ("Success", "Submitted", "Running")
    ]
    agents = f"{fleet.agents} agents, {servers} servers, {'reserving' if lease_s else 'as 1.x'}"
    record(f"F9 ({agents})", first.database.backend, None, f"0 double, 0 lost of {RUNS}", {
        "double": len(double), "lost": len(lost), "refused": fleet.refused, "runs per second": round(RUNS / took),
    })  # fmt: skip
    assert (double, lost, unfinished, fleet.problems) == ([], set(), [], [])


def test_f9_notices_a_server_that_lets_runs_be_submitted_twice(start: Callable[..., Server]) -> None:
    server = start(
        broken="""
        from prefect.server.domain import states, transitions
        transitions.DUE_STATES = (*states.DUE_STATES, "Submitted", "Running", "Success")
        """
    )
    connection = server.connect()
    make_runs(connection, register_flow(connection, tasks=1), 100)
    connection.close()
    fleet = Fleet([server], agents=4)
    fleet.work_until(100, timeout_s=30)
    assert [run_id for run_id, count in fleet.deployed.items() if count > 1]
