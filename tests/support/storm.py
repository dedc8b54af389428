"""Many clients that write to one server, what they were told, and whether the database agrees.

Each writer has a flow run and its two task runs, and moves them from state to state. Every attempt
has a token of its own in the states' messages. Afterwards the database has to have each attempt
that was acknowledged, whole, at the version that was acknowledged; of every other attempt all or
nothing; and of no attempt more than one copy.
"""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from live_flow import make_runs, register_flow
from live_server import Connection, Database, Server

__all__ = ["Attempt", "Ledger", "Storm", "check_database"]

#: Nobody waits longer than this for the server to serve again.
_PATIENCE_S = 60.0

_FLOW = "mutation($states: [set_flow_run_state_input!]!) { set_flow_run_states(input: {states: $states}) { states { id version } } }"
_TASKS = "mutation($states: [set_task_run_state_input!]!) { set_task_run_states(input: {states: $states}) { states { id version } } }"


@dataclass
class Attempt:
    """One request to change states.

    Attributes:
        token: message of the states it sets; nobody else's.
        run_ids: the runs: a flow run, or some task runs.
        began: when it was sent.
        ended: when its answer was there.
        outcome: `acknowledged`, `refused` (503), `broken` (no answer, or one that does not know), or what else
            was answered.
        versions: what was acknowledged, in the order of the runs.
    """

    token: str
    run_ids: tuple[str, ...]
    began: float
    ended: float = 0.0
    outcome: str = ""
    versions: tuple[int, ...] = ()


class Ledger:
    """What clients were told. Safe to use from any thread."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self._changed = threading.Condition()
        self._acknowledged = 0

    def add(self, attempt: Attempt) -> None:
        """Note the end of an attempt."""
        with self._changed:
            self.attempts.append(attempt)
            self._acknowledged += attempt.outcome == "acknowledged"
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        """Wait until so many attempts are acknowledged, as long as there are ever more of them."""
        with self._changed:
            while (before := self._acknowledged) < count:
                came = self._changed.wait_for(lambda: self._acknowledged > before, _PATIENCE_S)
                assert came, f"only {self._acknowledged} of {count} writes came through"

    def of(self, outcome: str) -> list[Attempt]:
        """The attempts that ended so."""
        return [attempt for attempt in self.attempts if attempt.outcome == outcome]

    def latency_ms(self, part: float) -> float:
        """The time of that part of the acknowledged attempts that were fastest, at most."""
        times = sorted(attempt.ended - attempt.began for attempt in self.of("acknowledged"))
        return 1000 * times[min(len(times) - 1, int(part * len(times)))]

    def silence_s(self) -> float:
        """The longest time without any acknowledgement."""
        times = sorted(attempt.ended for attempt in self.of("acknowledged"))
        return max((after - before for before, after in itertools.pairwise(times)), default=0.0)


@dataclass
class Storm:
    """Writers that work until enough is acknowledged.

    Attributes:
        server: whom they write to.
        writers: how many there are.
        wanted: acknowledged attempts in all.
        seed: of everything that is chosen.
        payload: characters that every state carries besides.
    """

    server: Server
    writers: int
    wanted: int
    seed: int
    payload: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    problems: list[str] = field(default_factory=list)

    def run(self, *faults: Callable[[], Any], evenly: bool = False) -> list[str]:
        """Let the writers write while faults happen at moments chosen by the seed; what went wrong.

        Args:
            faults: each is done once.
            evenly: at even distances.
        """
        choose = random.Random(self.seed)
        moments = sorted(choose.randrange(self.wanted // 20, self.wanted) for _ in faults)
        if evenly:
            moments = [self.wanted * number // (len(faults) + 1) for number in range(1, len(faults) + 1)]
        with self:
            for moment, fault in zip(moments, faults, strict=True):
                self.ledger.wait_for(moment)
                time.sleep(choose.random() * 0.01)  # so that it does not always follow an answer
                fault()
            self.ledger.wait_for(self.wanted)
        return self.problems

    def __enter__(self) -> Storm:
        connection = self.server.connect()
        runs = make_runs(connection, register_flow(connection), self.writers)
        self._stopping = threading.Event()
        self._threads = []
        for number, run_id in enumerate(runs):
            where = f'{{flow_run_id: {{_eq: "{run_id}"}}}}'
            rows = connection.ask(f"{{ task_run(where: {where}, order_by: {{id: asc}}) {{ id }} }}").data
            tasks = tuple(str(row["id"]) for row in rows["task_run"])
            self._threads.append(
                threading.Thread(target=self._write, args=(number, run_id, tasks), daemon=True)
            )
        connection.close()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(_PATIENCE_S + 30)
            if thread.is_alive():
                self.problems.append("a writer hangs")

    def _write(self, number: int, run_id: str, tasks: tuple[str, ...]) -> None:
        choose = random.Random(self.seed * 1000 + number)
        connection = self.server.connect()
        for count in itertools.count():
            if self._stopping.is_set():
                break
            # A task run may run only while its flow run does, so that comes first.
            is_flow = count == 0 or choose.random() < 0.5
            state = "Running" if is_flow else choose.choice(["Running", "Success", "Failed", "Pending"])
            ids = (run_id,) if is_flow else tasks
            deadline = time.monotonic() + _PATIENCE_S
            for repeat in itertools.count():
                attempt = Attempt(f"w{number}-{count}-{repeat}", ids, time.monotonic())
                self._try(connection, attempt, state)
                self.ledger.add(attempt)
                if attempt.outcome == "acknowledged" or self._stopping.is_set():
                    break
                if attempt.outcome not in ("refused", "broken"):
                    self.problems.append(f"{attempt.token}: {attempt.outcome}")
                if time.monotonic() > deadline:
                    self.problems.append(f"{attempt.token}: not acknowledged in {_PATIENCE_S:g} s")
                    self._stopping.set()
                    break
                self._stopping.wait(0.02)
        connection.close()

    def _try(self, connection: Connection, attempt: Attempt, state: str) -> None:
        key = "flow_run_id" if len(attempt.run_ids) == 1 else "task_run_id"
        content: dict[str, Any] = {"type": state, "message": attempt.token}
        if self.payload:
            content["context"] = {"filling": random.Random(attempt.token).randbytes(self.payload // 2).hex()}
        states = [{key: one, "state": content} for one in attempt.run_ids]
        try:
            answer = connection.ask(_FLOW if key == "flow_run_id" else _TASKS, {"states": states})
        except (OSError, http.client.HTTPException):
            attempt.outcome = "broken"
        except ValueError as exc:
            attempt.outcome = f"an answer that is no JSON: {exc}"
        else:
            self._note(attempt, answer)
        attempt.ended = time.monotonic()

    def _note(self, attempt: Attempt, answer: Any) -> None:
        if answer.status == 503:
            attempt.outcome = "broken" if "is not known" in answer.message else "refused"
            if "retry-after" not in answer.headers:
                attempt.outcome = "a 503 that does not say when to try again"
            elif any(
                word in answer.message for word in ("Traceback", "SELECT", "INSERT", "database is locked")
            ):
                attempt.outcome = f"a 503 that says too much: {answer.message}"
            return
        if answer.status != 200 or answer.code is not None:
            attempt.outcome = f"{answer.status} {answer.body}"
            return
        (reply,) = answer.body["data"].values()
        attempt.versions = tuple(one["version"] for one in reply["states"])
        attempt.outcome = "acknowledged"


_STATES = (
    "SELECT flow_run_id, version, message, state FROM flow_run_state",
    "SELECT task_run_id, version, message, state FROM task_run_state",
)
_RUNS = (
    "SELECT id, version, state_message, state FROM flow_run",
    "SELECT id, version, state_message, state FROM task_run",
)


def check_database(database: Database, attempts: Sequence[Attempt]) -> list[str]:
    """What in the database is not as the attempts say it has to be."""
    problems = database.damage()
    history: dict[str, dict[int, tuple[str, str]]] = defaultdict(dict)
    copies: Counter[tuple[str, str]] = Counter()
    for sql in _STATES:
        for run_id, version, message, state in database.rows(sql):
            history[run_id][version] = (message, state)
            copies[run_id, message] += 1
    for sql in _RUNS:
        for run_id, version, message, state in database.rows(sql):
            states = history[run_id]
            if sorted(states) != list(range(1, version + 1)):
                problems.append(f"run {run_id} is at version {version}, its states at {sorted(states)[-3:]}")
            elif states[version] != (message, state):
                problems.append(f"run {run_id} says {message}, its history {states[version]}")
    for attempt in attempts:
        found = [copies[run_id, attempt.token] for run_id in attempt.run_ids]
        if attempt.outcome == "acknowledged":
            kept = [
                history[run_id].get(version, ("", ""))[0]
                for run_id, version in zip(attempt.run_ids, attempt.versions, strict=True)
            ]
            if found != [1] * len(found) or set(kept) != {attempt.token}:
                problems.append(f"{attempt.token} was acknowledged and is there {found} times")
        elif attempt.outcome == "refused" and any(found):
            problems.append(f"{attempt.token} was refused, and is there")
        elif len(set(found)) != 1 or found[0] > 1:
            problems.append(f"{attempt.token} is there in part or more than once: {found}")
    return problems
