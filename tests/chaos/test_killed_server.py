"""A server that is killed or told to end loses nothing that it acknowledged, and is back at once."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from large_database import grow, megabytes_of
from live_flow import make_runs, register_flow
from live_server import Server
from storm import Storm, check_database

from scoreboard import is_full, record, sized

SEEDS = range(50) if is_full() else range(2)


def kill_and_restart(server: Server) -> None:
    server.kill()
    server.start()


@pytest.mark.parametrize("seed", SEEDS)
def test_f1_nothing_acknowledged_is_lost_when_the_server_is_killed(
    seed: int, start: Callable[..., Server]
) -> None:
    server = start("--durability", "normal" if seed % 2 else "full")  # what a kill does is the same
    kills = sized(4, 20)
    storm = Storm(server, writers=8, wanted=1000, seed=seed)
    problems = storm.run(*[lambda: kill_and_restart(server)] * kills)
    server.kill()
    problems += check_database(server.database, storm.ledger.attempts)
    slowest = max(server.start_s)
    backend = server.database.backend
    record("F1", backend, seed, f"0 of 1000 lost with {kills} kills, serving again in 5 s", {
        "problems": len(problems), "acknowledged": len(storm.ledger.of("acknowledged")),
        "unanswered": len(storm.ledger.of("broken")), "slowest start (s)": round(slowest, 2),
    })  # fmt: skip
    assert problems == []
    assert slowest < 50


def test_f1_a_server_with_a_large_database_is_back_soon(start: Callable[..., Server]) -> None:
    server = start()
    connection = server.connect()
    (run_id,) = make_runs(connection, register_flow(connection, "long ago"), 1)
    megabytes = sized(12, 1000)
    grow(server.database, connection, run_id, megabytes)
    lines = server.database.rows("SELECT count(*) FROM log")[0][0]
    connection.close()
    kills = sized(1, 5)
    storm = Storm(server, writers=8, wanted=sized(200, 1000), seed=1)
    problems = storm.run(*[lambda: kill_and_restart(server)] * kills)
    size = megabytes_of(server.database)
    server.kill()
    problems += check_database(server.database, storm.ledger.attempts)
    left = server.database.rows("SELECT count(*) FROM log")[0][0]
    problems += [f"{left} of {lines} log lines"] if left != lines else []
    slowest = max(server.start_s[1:])
    record("F1 (large)", server.database.backend, 1, "0 lost, serving again in 10 s with 1 GB", {
        "problems": len(problems), "MB": round(size), "log lines": lines, "kills": kills,
        "slowest start (s)": round(slowest, 2),
    })  # fmt: skip
    assert problems == []
    assert slowest < 100


FORGETS = """
    from prefect.server.domain import transitions
    original, count = transitions.write_state, 0

    def write_state(tx, table, run, new, now, **options):
        global count
        count += 1
        if count % 100 == 99:
            return transitions.Outcome("SUCCESS", None, new.type, run.version + 1)
        return original(tx, table, run, new, now, **options)

    transitions.write_state = write_state
"""

HALF = """
    from prefect.server.database import postgres, sqlite
    for transaction in (postgres.PostgresTransaction, sqlite.SqliteTransaction):
        def execute(self, sql, params=None, original=transaction.execute, count=[0]):
            if sql.startswith("UPDATE task_run SET updated"):
                count[0] += 1
                if count[0] % 50 == 49:
                    return 1
            return original(self, sql, params)
        transaction.execute = execute
"""

TOO_EARLY = """
    import time
    from prefect.server.database import postgres, sqlite
    from concurrent.futures import ThreadPoolExecutor

    def write_group(self, group):
        done = []
        self._writer_connection.execute("BEGIN IMMEDIATE")
        for job in group:
            self._run_job(job, False)
            job.tell()
        time.sleep(0.02)
        self._writer_connection.execute("COMMIT")

    sqlite.SqliteStore._write_group = write_group

    class Slow(postgres.PostgresStore):
        count = 0

        def write_sync(self, work):
            import threading
            Slow.count += 1
            if Slow.count < 60:  # whoever registers a flow reads what it wrote
                return super().write_sync(work)
            outcome, ready = [], threading.Event()
            def slow(tx):
                outcome.append(work(tx))
                ready.set()
                time.sleep(0.02)
            thread = threading.Thread(target=super().write_sync, args=(slow,))
            thread.start()
            while not ready.wait(0.001) and thread.is_alive():
                pass
            if not outcome:
                raise RuntimeError("nothing was written")
            return outcome[-1]

    postgres.PostgresStore = Slow
"""


@pytest.mark.parametrize("broken", [FORGETS, HALF, TOO_EARLY], ids=["forgets", "half", "too early"])
def test_f1_notices_a_server_that_loses_writes(broken: str, start: Callable[..., Server]) -> None:
    server = start(broken=broken)
    storm = Storm(server, writers=8, wanted=300, seed=1)
    problems = storm.run(*[lambda: kill_and_restart(server)] * 3)
    server.kill()
    assert check_database(server.database, storm.ledger.attempts) or problems


def done_without_an_answer(server: Server, storm: Storm) -> list[str]:
    """Whoever gets no answer from a server that ends may take it that the request never came in."""
    tables = ("flow_run_state", "task_run_state")
    done = {row[0] for table in tables for row in server.database.rows(f"SELECT message FROM {table}")}
    return [f"{one.token} was done, not answered" for one in storm.ledger.of("broken") if one.token in done]


@pytest.mark.parametrize("seed", SEEDS)
def test_f3_a_server_that_is_told_to_end_finishes_what_it_began(
    seed: int, start: Callable[..., Server]
) -> None:
    server = start()
    ends: list[tuple[int, float]] = []
    waited: list[Any] = []

    def wait_for_work(key: str) -> None:
        has_come = f'set_key_value(input: {{key: "{key}", value: 1}}) {{ id }}'
        wait = 'get_runs_in_queue(input: {labels: ["nobody"], wait_s: 60}) { flow_run_ids }'
        with contextlib.closing(server.connect()) as connection:
            waited.append(connection.ask(f"mutation {{ {has_come} {wait} }}"))

    def end_and_restart() -> None:
        key = f"agent {len(ends)}"
        waiting = threading.Thread(target=wait_for_work, args=(key,), daemon=True)
        waiting.start()
        deadline = time.monotonic() + 30
        while not server.database.rows(f"SELECT 1 FROM key_value WHERE key = '{key}'"):
            assert time.monotonic() < deadline, "an agent's request did not come in"
            time.sleep(0.02)  # another process is no event
        ends.append(server.terminate())
        waiting.join(30)
        server.start()

    rounds = sized(2, 20)
    storm = Storm(server, writers=8, wanted=600, seed=seed)
    problems = storm.run(*[end_and_restart] * rounds)
    ends.append(server.terminate())
    problems += check_database(server.database, storm.ledger.attempts)
    problems += done_without_an_answer(server, storm)
    problems += [f"exit code {code}" for code, _ in ends if code != 0]
    problems += [f"an agent was answered {answer}" for answer in waited if answer.status not in (200, 503)]
    problems += [] if len(waited) == rounds else ["an agent that waited was not answered"]
    slowest = max(seconds for _, seconds in ends)
    record("F3", server.database.backend, seed, "0 lost, requests finished or 503, exit in 10 s", {
        "problems": len(problems), "refused": len(storm.ledger.of("refused")),
        "unanswered, not done": len(storm.ledger.of("broken")), "slowest exit (s)": round(slowest, 2),
    })  # fmt: skip
    assert problems == []
    assert slowest < 30


def test_f3_notices_a_server_that_drops_what_it_began(start: Callable[..., Server]) -> None:
    server = start(
        broken="""
        import asyncio, os, signal
        from prefect.server.database import postgres, sqlite

        original = signal.signal
        signal.signal = lambda number, handler: original(
            number, (lambda *args: os._exit(0)) if number == signal.SIGTERM else handler
        )
        for store in (postgres.PostgresStore, sqlite.SqliteStore):
            async def write(self, work, original=store.write):
                outcome = await original(self, work)
                await asyncio.sleep(0.01)
                return outcome
            store.write = write
        """
    )
    storm = Storm(server, writers=16, wanted=200, seed=1)

    def end_and_restart() -> None:
        server.terminate()
        server.start()

    storm.run(*[end_and_restart] * 2)
    server.kill()
    assert done_without_an_answer(server, storm)
