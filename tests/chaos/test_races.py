"""Of many who want the same at the same time, one gets it."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from world import Process, World, at_once, new_world

from prefect.server.database.store import Store
from prefect.server.domain import flow_runs, transitions
from prefect.server.errors import VersionLockingError
from scoreboard import record, sized

CLIENTS = 50
ROUNDS = sized(10, 1000)


def race_for_a_version(world: World, seed: int) -> list[str]:
    """Problems of many clients that set a state at the same version, again and again."""
    flow_id = world.flow("versions")
    if seed == 0:  # the flow asks for locked versions; else the clients send their epoch
        world.mutate("enable_flow_version_lock", flow_id=flow_id)
    run_id = world.run(flow_id)
    version = 1
    problems: list[str] = []
    for number in range(ROUNDS):
        more = {} if seed == 0 else {"epoch": 0}
        outcomes = at_once(
            *(
                functools.partial(
                    world.set_state, run_id, "Running", f"{number}-{client}", version=version, **more
                )
                for client in range(CLIENTS)
            )
        )
        winners = [client for client, one in enumerate(outcomes) if not isinstance(one, Exception)]
        others = [
            one for one in outcomes if isinstance(one, Exception) and not isinstance(one, VersionLockingError)
        ]
        version += 1
        rows = world.rows("SELECT version, state_message FROM flow_run WHERE id = :id", id=run_id)
        kept = [(row.version, row.state_message) for row in rows]
        if len(winners) != 1 or others or kept != [(version, f"{number}-{winners[0]}")]:
            problems.append(f"round {number}: {len(winners)} winners, {others[:1]}, {kept}")
    return problems


@pytest.mark.parametrize("seed", [0, 1])
def test_f11_one_client_wins_a_version(seed: int, store: Store) -> None:
    problems = race_for_a_version(new_world(store), seed)
    goal = f"1 winner in each of {ROUNDS} rounds of {CLIENTS}"
    record("F11", store.dialect, seed, goal, {"problems": len(problems)})
    assert problems == []


def test_f11_notices_that_rows_are_not_locked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    if store.dialect == "postgresql":
        monkeypatch.setattr(transitions, "lock_for_update", lambda *args: "")
    else:  # one thread writes, which no lock is needed for
        monkeypatch.setattr(transitions, "_check_version", lambda *args: None)
    assert race_for_a_version(new_world(store), 1)


def race_for_a_key(world: World) -> list[str]:
    """Problems of many clients that ask for a run with the same idempotency key."""
    flow_id = world.flow("keys")
    problems: list[str] = []
    for number in range(ROUNDS):
        ask = functools.partial(world.run, flow_id, idempotency_key=f"key {number}")
        outcomes = at_once(*[ask] * CLIENTS)
        if len(set(map(str, outcomes))) != 1 or isinstance(outcomes[0], Exception):
            problems.append(f"round {number}: {sorted(set(map(str, outcomes)))[:3]}")
    (row,) = world.rows("SELECT count(*) AS runs FROM flow_run")
    (tasks,) = world.rows("SELECT count(*) AS runs FROM task_run")
    if (row.runs, tasks.runs) != (ROUNDS, ROUNDS):
        problems.append(f"{row.runs} runs with {tasks.runs} task runs")
    return problems


@pytest.mark.parametrize("seed", [0, 1])
def test_f12_one_run_is_made_for_a_key(seed: int, store: Store) -> None:
    problems = race_for_a_key(new_world(store))
    goal = f"1 run in each of {ROUNDS} rounds of {CLIENTS}"
    record("F12", store.dialect, seed, goal, {"problems": len(problems)})
    assert problems == []


def test_f12_notices_that_keys_are_ignored(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    original = flow_runs.insert_flow_run

    def insert(tx: Any, flow: Any, request: Any, now: Any) -> Any:
        from dataclasses import replace

        return original(tx, flow, replace(request, idempotency_key=None), now)

    monkeypatch.setattr(flow_runs, "insert_flow_run", insert)
    assert race_for_a_key(new_world(store))


def race_for_a_slot(world: World, cycles: int, holders_die: bool) -> list[str]:
    """Problems of runs that share one slot, whose holders end well, or die and are reaped."""
    flow_id = world.flow(
        "slots", run_config={"type": "UniversalRun", "labels": ["one"], "__version__": "1.4.1"}
    )
    world.mutate("update_flow_concurrency_limit", label="one", limit=1)
    agents = [world.agent(number) for number in range(4)]
    process = Process(world.store, world.clock)
    for _ in range(14):  # one lease passes after the start of the services
        world.clock.move(10)
        process.round()
    waiting = [world.run(flow_id) for _ in range(100)]
    problems: list[str] = []
    for cycle in range(cycles):
        tries = [
            functools.partial(agent.set_state, run_id, "Submitted")
            for agent, run_id in zip(agents, waiting, strict=False)
        ]
        outcomes = at_once(*tries)
        won = [
            run_id for run_id, one in zip(waiting, outcomes, strict=False) if not isinstance(one, Exception)
        ]
        strange = [
            one for one in outcomes if isinstance(one, Exception) and "no slot is free" not in str(one)
        ]
        held = world.rows("SELECT run_id FROM concurrency_slot")
        if len(won) != 1 or strange or [row.run_id for row in held] != won:
            problems.append(f"cycle {cycle}: {len(won)} hold the slot, {len(held)} rows, {strange[:1]}")
            return problems
        run_id = won[0]
        waiting.remove(run_id)
        world.set_state(run_id, "Running")
        if not holders_die or cycle % 3 == 0:
            world.set_state(run_id, "Success")
            waiting.append(world.run(flow_id))
        else:  # kill -9: nobody is heard of again
            reaped_s = 0
            while world.rows("SELECT 1 FROM concurrency_slot"):
                world.clock.move(5)
                process.round()
                reaped_s += 5
                if reaped_s > 120 + 15:
                    problems.append(f"cycle {cycle}: the slot is not free after {reaped_s} s")
                    return problems
            # Made due again for an agent; another run of the same flow goes first.
            waiting.append(run_id)
            if world.rows("SELECT state FROM flow_run WHERE id = :id", id=run_id)[0].state == "Failed":
                waiting[-1] = world.run(flow_id)
    return problems


@pytest.mark.parametrize("seed", [0, 1])
def test_f26_a_slot_has_one_holder_and_those_of_the_dead_are_freed(seed: int, store: Store) -> None:
    cycles = sized(30, 10_000)
    problems = race_for_a_slot(new_world(store), cycles, holders_die=bool(seed))
    goal = f"never 2 holders, none leaked in {cycles} cycles, free 15 s after the zombie time"
    record("F26", store.dialect, seed, goal, {"problems": len(problems)})
    assert problems == []


def test_f26_notices_slots_that_leak(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.server.domain.slots.free", lambda *args: False)
    assert race_for_a_slot(new_world(store), 3, holders_die=False)


def test_f26_notices_slots_that_are_not_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.server.domain.slots.take", lambda *args: None)
    assert race_for_a_slot(new_world(store), 3, holders_die=False)
