"""Several server processes on one PostgreSQL: what has to be done once is done once."""

from __future__ import annotations

import datetime
import functools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pg_cluster import Cluster
from world import START, Process, World, at_once, interval_clock, new_world

from prefect.server.database.store import Store, open_store
from prefect.server.domain.schedules import load_schedule
from prefect.server.loops import reaper, scheduler
from prefect.server.settings import ServerSettings
from scoreboard import record, sized

FLOWS = sized(20, 500)
MINUTES = sized(20, 60)
DEAD = sized(10, 100)
STEP_S = 20


@pytest.fixture
def stores(tmp_path: Path, cluster: Cluster) -> Iterator[tuple[Store, Store]]:
    """One database, as two processes have it open."""
    from prefect.server.domain import policy

    url, give_back = cluster.lend()
    settings = ServerSettings(tmp_path, connection_url=url)
    policy.use(settings)
    opened = open_store(settings), open_store(settings)
    try:
        yield opened
    finally:
        for one in opened:
            one.close()
        give_back()


def _interval_s(number: int) -> int:
    return 60 * (1 + number % 30)


def lose_elections(store: Any) -> None:
    """What a process notices when the session that holds its elections ends."""
    with store._election_lock:
        if store._elections is not None:
            store._elections.close()


def an_hour(stores: tuple[Store, Store], seed: int) -> list[str]:
    """Problems of two processes whose services work for an hour, at times both of them at once."""
    choose = random.Random(seed)
    world = new_world(stores[0])
    clock = world.clock
    flows = {
        world.flow(f"flow {number}", schedule=interval_clock(_interval_s(number))): _interval_s(number)
        for number in range(FLOWS)
    }
    processes = [Process(store, clock) for store in stores]
    agent = world.agent()
    lost = _lose_runs(world, agent)
    both_elected = 0
    for _ in range(MINUTES * 60 // STEP_S):
        clock.move(STEP_S)
        kind = choose.random()
        if kind < 0.2:
            lose_elections(choose.choice(stores))
        # A process that was elected may still be at its work when the next one is.
        both = True if kind < 0.6 else None
        both_elected += both is True
        outcomes = at_once(*(functools.partial(one.round, is_elected=both) for one in processes))
        if any(isinstance(one, Exception) for one in outcomes):
            return [f"a round failed: {outcomes}"]
        if both is None:
            elected = [[store.elected(name) for store in stores] for name in ("scheduler", "reaper")]
            if any(one == [True, True] for one in elected):
                return ["two processes are elected for one service"]
    return _check_schedules(world, flows) + _check_reaped(world, lost)


def _lose_runs(world: World, agent: World) -> list[str]:
    """Runs that are Running, and that nobody is heard of any more."""
    flow_id = world.flow("lost")
    lost = [world.run(flow_id) for _ in range(DEAD)]
    for run_id in lost:
        agent.set_state(run_id, "Submitted")
        world.set_state(run_id, "Running")
    return lost


def _check_schedules(world: World, flows: dict[str, int]) -> list[str]:
    problems: list[str] = []
    found: dict[str, list[str]] = {flow_id: [] for flow_id in flows}
    for row in world.rows("SELECT flow_id, scheduled_start_time AS due FROM flow_run WHERE auto_scheduled"):
        found[row.flow_id].append(str(row.due)[:19].replace(" ", "T"))
    until = (START + datetime.timedelta(minutes=MINUTES)).isoformat()[:19]
    for flow_id, seconds in flows.items():
        clock = load_schedule(interval_clock(seconds))
        times = [moment.isoformat()[:19] for moment in clock.next(70, after=START)]
        expected = [one for one in times if one <= until]
        twice = [one for one, count in Counter(found[flow_id]).items() if count > 1]
        if [one for one in sorted(found[flow_id]) if one <= until] != expected or twice:
            problems.append(
                f"every {seconds} s: {sorted(found[flow_id])[:3]}, twice {twice}, expected {expected[:3]}"
            )
    return problems


def _check_reaped(world: World, lost: list[str]) -> list[str]:
    problems: list[str] = []
    for run_id in lost:
        (row,) = world.rows(
            "SELECT state, times_resurrected, version FROM flow_run WHERE id = :id", id=run_id
        )
        (lines,) = world.rows("SELECT count(*) AS lines FROM log WHERE flow_run_id = :id", id=run_id)
        seen = (row.state, row.times_resurrected, row.version, lines.lines)
        if seen != ("Scheduled", 1, 4, 1):
            problems.append(f"a lost run is {seen}")
    return problems


@pytest.mark.parametrize("seed", range(sized(2, 5)))
def test_f10_each_run_is_made_once_and_each_lost_run_reaped_once(
    seed: int, stores: tuple[Store, Store]
) -> None:
    problems = an_hour(stores, seed)
    goal = f"0 duplicate, 0 missing of {FLOWS} schedules in {MINUTES} min, {DEAD} lost runs reaped once"
    record("F10", "postgresql", seed, goal, {"problems": len(problems)})
    assert problems == []


def test_f10_notices_runs_that_are_made_twice(
    stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = scheduler.insert_flow_run

    def insert(tx: Any, flow: Any, request: Any, now: Any) -> Any:
        return original(tx, flow, replace(request, idempotency_key=None), now)

    monkeypatch.setattr(scheduler, "insert_flow_run", insert)
    monkeypatch.setattr(scheduler, "lock_for_update", lambda *args: "")
    assert an_hour(stores, 1)


def test_f10_notices_runs_that_are_reaped_twice(
    stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaper, "lock_for_update", lambda *args: "")
    assert an_hour(stores, 1)
