"""Any order of what runners, agents, people, services and crashes do, against a model; on both databases."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from world import Clock, Process, World, new_world

from prefect.server.database.store import Store, open_store
from prefect.server.domain import policy, slots
from prefect.server.errors import StateUpdateError
from prefect.server.settings import ServerSettings
from scoreboard import record, sized

#: Steps of one history at most; histories; and what they come to at least.
STEPS = 50
HISTORIES = sized(48, 24_000)
ENOUGH = sized(2_000, 1_000_000)

DUE = {"Scheduled", "Queued"}
HOLDING = {"Submitted", "Running", "Cancelling"}
FINISHED = {"Success", "Failed", "Cancelled"}
ZOMBIE_S, GRACE_S, CANCEL_S, MOST = 120.0, 600.0, 60.0, 3


@dataclass
class Run:
    """What the model knows of a run."""

    state: str = "Scheduled"
    version: int = 1
    epoch: int = 0
    lease: float | None = None
    deadline: float | None = None
    resurrections: int = 0
    is_limited: bool = False
    has_agent: bool = False


class Machine(RuleBasedStateMachine):
    """The server's core, and a dict that says what has to be in it."""

    make_store: Any = None
    steps = 0
    seen: Counter[tuple[str, str]]

    def __init__(self) -> None:
        super().__init__()
        self.world: World
        self.runs: dict[str, Run] = {}
        self.keys: dict[int, str] = {}

    @initialize()
    def start(self) -> None:
        self.store: Store = type(self).make_store()
        self.clock = Clock()
        self.world = new_world(self.store, self.clock)
        self.plain = self.world.flow("plain")
        config = {"type": "UniversalRun", "labels": ["one"], "__version__": "1.4.1"}
        self.limited = self.world.flow("limited", run_config=config)
        self.world.mutate("update_flow_concurrency_limit", label="one", limit=1)
        self.agent = self.world.agent()
        self.process = Process(self.store, self.clock)
        self.process.round()
        self.observe()

    def observe(self) -> None:
        """The services begin anew: one lease passes before anything is reaped."""
        self.quiet_until = self.clock.passed_s + ZOMBIE_S

    # -- the model ----------------------------------------------------------------------

    def change(self, run: Run, state: str) -> None:
        was = run.state
        type(self).seen[was, state] += 1
        run.version += 1
        run.state = state
        if state == "Submitted" or (was in HOLDING and state == "Scheduled"):
            run.epoch += 1
        lease = {"Submitted": GRACE_S, "Running": ZOMBIE_S, "Cancelling": ZOMBIE_S}.get(state)
        run.lease = None if lease is None else self.clock.passed_s + lease
        run.deadline = self.clock.passed_s + CANCEL_S if state == "Cancelling" else None

    def is_free(self, run_id: str) -> bool:
        """Whether the slot is free for a run, or its own."""
        if not self.runs[run_id].is_limited:
            return True
        return not any(
            other.is_limited and other.state in HOLDING for id, other in self.runs.items() if id != run_id
        )

    def pick(self, number: int) -> str | None:
        """A run: mostly one that is not finished, since little becomes of the others."""
        open_ones = [id for id, run in self.runs.items() if run.state not in FINISHED]
        of = list(self.runs) if number == 0 or not open_ones else open_ones
        return of[number % len(of)] if of else None

    def is_quiet(self) -> bool:
        """Whether there are few runs to do something with."""
        return sum(run.state not in FINISHED for run in self.runs.values()) < 4

    # -- what people, agents and runners do -----------------------------------------------

    @precondition(is_quiet)
    @rule(is_limited=st.booleans())
    def create(self, is_limited: bool) -> None:
        run_id = self.world.run(self.limited if is_limited else self.plain)
        self.runs[run_id] = Run(is_limited=is_limited)

    @rule(key=st.integers(0, 3))
    def create_with_a_key(self, key: int) -> None:
        run_id = self.world.run(self.plain, idempotency_key=f"key {key}")
        assert self.keys.setdefault(key, run_id) == run_id
        self.runs.setdefault(run_id, Run())

    @rule(number=st.integers(0, 4))
    def submit(self, number: int) -> None:
        self.set_state(number, "Submitted")

    @rule(number=st.integers(0, 4))
    def run(self, number: int) -> None:
        self.set_state(number, "Running")

    @rule(number=st.integers(0, 4), state=st.sampled_from(["Success", "Failed", "Scheduled"]))
    def end(self, number: int, state: str) -> None:
        self.set_state(number, state)

    def set_state(self, number: int, state: str) -> None:
        run_id = self.pick(number)
        if run_id is None:
            return
        run = self.runs[run_id]
        caller = self.agent if state == "Submitted" else self.world
        if state == "Submitted":
            is_refused = run.state not in DUE or not self.is_free(run_id)
        else:
            is_refused = state == "Running" and run.state in ("Cancelling", "Cancelled")
        if is_refused:
            with pytest.raises(StateUpdateError, match="State update failed"):
                caller.set_state(run_id, state)
            return
        reply = caller.set_state(run_id, state)
        if state == "Running" and not self.is_free(run_id):
            assert reply.status == "QUEUED"
            self.change(run, "Queued")
        else:
            assert reply.status == "SUCCESS"
            self.change(run, state)
            run.has_agent = run.has_agent or state == "Submitted"
        assert (reply.state, reply.version, reply.epoch) == (run.state, run.version, run.epoch)

    @rule(number=st.integers(0, 4), behind=st.integers(1, 3))
    def report_of_an_earlier_attempt(self, number: int, behind: int) -> None:
        run_id = self.pick(number)
        if run_id is None or self.runs[run_id].epoch < behind:
            return
        with pytest.raises(StateUpdateError):
            self.world.set_state(run_id, "Success", epoch=self.runs[run_id].epoch - behind)

    @rule(number=st.integers(0, 4))
    def heartbeat(self, number: int) -> None:
        run_id = self.pick(number)
        if run_id is None:
            return
        self.world.mutate("update_flow_run_heartbeat", flow_run_id=run_id)
        run = self.runs[run_id]
        if run.state in HOLDING:
            run.lease = max(run.lease or 0, self.clock.passed_s + ZOMBIE_S)

    @rule(number=st.integers(0, 4))
    def cancel(self, number: int) -> None:
        run_id = self.pick(number)
        if run_id is None:
            return
        run = self.runs[run_id]
        reply = self.world.mutate("cancel_flow_run", flow_run_id=run_id)
        if run.state == "Running":
            self.change(run, "Cancelling")
        elif run.state not in FINISHED and run.state != "Cancelling":
            self.change(run, "Cancelled")
        assert reply.state == run.state

    @rule()
    def ask_the_queue(self) -> None:
        ids = set(self.agent.mutate("get_runs_in_queue", labels=["one"]).flow_run_ids)
        ids |= set(self.agent.mutate("get_runs_in_queue", labels=[]).flow_run_ids)
        expected = {id for id, run in self.runs.items() if run.state == "Scheduled" and self.is_free(id)}
        assert {id for id in ids if self.runs[id].state == "Scheduled"} == expected
        assert {self.runs[id].state for id in ids} <= DUE

    # -- time, services and crashes ---------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 7, 30]))
    def tick(self, seconds: int) -> None:
        self.clock.move(seconds)
        self.serve()

    @rule()
    def a_lease_passes(self) -> None:
        for _ in range(5):
            self.clock.move(30)
            self.serve()

    def serve(self) -> None:
        self.process.round()
        now = self.clock.passed_s
        for run in self.runs.values():
            if run.deadline is not None and run.deadline <= now and run.state == "Cancelling":
                # Whichever service comes first; both end it.
                self.change(run, "Cancelled")
                run.epoch += 1
            elif run.lease is not None and run.lease <= now and now >= self.quiet_until:
                self.reap(run)

    def reap(self, run: Run) -> None:
        if run.state == "Cancelling":
            self.change(run, "Cancelled")
            run.epoch += 1
        elif run.state in ("Submitted", "Running"):
            if run.has_agent and run.resurrections < MOST:
                run.resurrections += 1
                self.change(run, "Scheduled")
            else:
                self.change(run, "Failed")
                run.epoch += 1

    @rule()
    def crash_and_reopen(self) -> None:
        self.store.close()
        self.store = type(self).make_store(again=True)
        self.world.store = self.agent.store = self.store
        self.process = Process(self.store, self.clock)
        self.process.round()
        self.observe()

    # -- what always holds --------------------------------------------------------------------

    @invariant()
    def the_database_is_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        type(self).steps += 1
        rows = self.world.rows("SELECT id, state, version, epoch, times_resurrected FROM flow_run")
        found = {row.id: (row.state, row.version, row.epoch, row.times_resurrected) for row in rows}
        assert found == {
            id: (run.state, run.version, run.epoch, run.resurrections) for id, run in self.runs.items()
        }
        states = self.world.rows(
            "SELECT flow_run_id, count(*) AS n, max(version) AS v FROM flow_run_state GROUP BY 1"
        )
        assert {row.flow_run_id: (row.n, row.v) for row in states} == {
            id: (run.version, run.version) for id, run in self.runs.items()
        }
        held = {row.run_id for row in self.world.rows("SELECT run_id FROM concurrency_slot")}
        assert held == {id for id, run in self.runs.items() if run.is_limited and run.state in HOLDING}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()


def run_machine(
    request: pytest.FixtureRequest, tmp_path: Path, is_on: str, histories: int, *, shrinks: bool = True
) -> type[Machine]:
    """The machine after its histories on a database."""
    back: list[Any] = []
    current: list[ServerSettings] = []

    def make_store(again: bool = False) -> Store:
        if not again:
            while back:
                back.pop()()
            url = ""
            if is_on == "postgresql":
                url, give_back = request.getfixturevalue("cluster").lend()
                back.append(give_back)
            directory = Path(tempfile.mkdtemp(dir=tmp_path))
            back.append(lambda: shutil.rmtree(directory))
            current[:] = [ServerSettings(directory, connection_url=url, durability="normal")]
            policy.use(current[0])
        return open_store(current[0])

    machine = type(
        "Machine", (Machine,), {"make_store": staticmethod(make_store), "steps": 0, "seen": Counter()}
    )
    try:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            machine,
            settings=settings(
                max_examples=histories,
                stateful_step_count=STEPS,
                deadline=None,
                phases=(Phase.generate, Phase.shrink) if shrinks else (Phase.generate,),
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        while back:
            back.pop()()
    return machine


def test_histories_are_those_of_the_model(request: pytest.FixtureRequest, tmp_path: Path, is_on: str) -> None:
    machine = run_machine(request, tmp_path, is_on, HISTORIES)
    goal = f"the database is the model after each of {ENOUGH:,} steps"
    record(
        "state machine",
        is_on,
        None,
        goal,
        {"steps": machine.steps, "transitions": len(machine.seen), "differences": 0},
    )
    assert machine.steps >= ENOUGH


def test_a_slot_that_leaks_is_noticed(
    request: pytest.FixtureRequest, tmp_path: Path, is_on: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "free", lambda *args: False)
    with pytest.raises(BaseException):  # several differences at once are a group
        run_machine(request, tmp_path, is_on, 40, shrinks=False)
