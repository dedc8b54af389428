"""PostgreSQL crashes, sessions end, all are in use: nothing is lost, and the server goes on by itself."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_server import Server, running_server
from pg_cluster import Cluster
from storm import Storm, check_database

from scoreboard import is_full, record, sized

SEEDS = range(10) if is_full() else range(2)


@pytest.fixture
def start(tmp_path: Path, cluster: Cluster) -> Iterator[Callable[..., Server]]:
    """Starts a server on PostgreSQL."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        url, drop = cluster.copy()
        stack.callback(drop)
        yield lambda **options: stack.enter_context(running_server(tmp_path / "server", url, **options))


def after(moments: list[float], storm: Storm) -> list[float]:
    """Seconds from each moment to the next acknowledgement."""
    answers = sorted(one.ended for one in storm.ledger.of("acknowledged"))
    return [
        next((moment_of - moment for moment_of in answers if moment_of > moment), 60.0) for moment in moments
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_f13_a_crash_of_postgresql_is_survived_without_a_restart(
    seed: int, start: Callable[..., Server], cluster: Cluster
) -> None:
    server = start()
    crashes = sized(2, 10)
    is_up: list[float] = []

    def crash() -> None:
        cluster.crash_and_restart()
        is_up.append(time.monotonic())

    storm = Storm(server, writers=8, wanted=sized(800, 3000), seed=seed)
    problems = storm.run(*[crash] * crashes)
    problems += check_database(server.database, storm.ledger.attempts)
    problems += ["a traceback in the log"] if "Traceback" in server.log else []
    slowest = max(after(is_up, storm))
    record("F13", "postgresql", seed, f"0 lost with {crashes} crashes, 503 meanwhile, writing again in 5 s", {
        "problems": len(problems), "refused": len(storm.ledger.of("refused")),
        "slowest return (s)": round(slowest, 2),
    })  # fmt: skip
    assert problems == []
    assert slowest < 50


def test_f13_a_database_that_is_away_for_long_is_found_at_once_when_it_is_back(
    start: Callable[..., Server], cluster: Cluster
) -> None:
    server = start()
    is_up: list[float] = []
    refused_s: list[float] = []

    def stop_for_long() -> None:
        cluster.stop()
        connection = server.connect()
        try:
            until = time.monotonic() + sized(7, 120)
            while time.monotonic() < until:
                began = time.monotonic()
                answer = connection.mutate("update_flow_run_heartbeat", "success", flow_run_id=str(RUN_ID))
                assert answer.status == 503, answer
                refused_s.append(time.monotonic() - began)
                time.sleep(0.5)
        finally:
            connection.close()
            cluster.start()
        is_up.append(time.monotonic())

    storm = Storm(server, writers=8, wanted=400, seed=1)
    problems = storm.run(stop_for_long)
    problems += check_database(server.database, storm.ledger.attempts)
    (back,) = after(is_up, storm)
    record("F13 (long)", "postgresql", 1, "0 lost, writing again in 5 s, 503 in time for a client of 15 s", {
        "problems": len(problems), "return (s)": round(back, 2), "slowest 503 (s)": round(max(refused_s), 2),
    })  # fmt: skip
    assert problems == []
    assert back < 50
    assert max(refused_s) < 15


RUN_ID = "00000000-0000-4000-8000-000000000001"

# What the code was once: the transaction that met a dead connection is tried again, come what may.
REPEATS = """
    from prefect.server.database import postgres
    from prefect.server.errors import UnavailableError
    original = postgres.PostgresStore.write_sync

    def write_sync(self, work):
        while True:
            try:
                return original(self, work)
            except UnavailableError:
                pass

    postgres.PostgresStore.write_sync = write_sync
    commit = postgres.psycopg.Transaction.__exit__

    def lose(self, kind, error, trace, count=[0]):
        count[0] += 1
        connection = self.connection
        outcome = commit(self, kind, error, trace)
        if count[0] % 50 == 0 and error is None:
            raise postgres.psycopg.OperationalError("the connection was lost")
        return outcome

    postgres.psycopg.Transaction.__exit__ = lose
"""


def test_f13_notices_a_server_that_repeats_what_may_be_committed(start: Callable[..., Server]) -> None:
    server = start(broken=REPEATS)
    storm = Storm(server, writers=8, wanted=300, seed=1)
    problems = storm.run()
    assert problems or check_database(server.database, storm.ledger.attempts)


def sessions(cluster: Cluster, server: Server) -> list[int]:
    """The processes that serve the server's sessions."""
    name = server.database.url.partition("?")[0].rpartition("/")[2]
    rows = cluster.execute(
        f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}' AND backend_type = 'client backend'"
    )
    return [row[0] for row in rows]


def settled(cluster: Cluster, server: Server) -> int:
    """How many sessions there are once those that were ended have gone."""
    deadline = time.monotonic() + 20
    while (left := len(sessions(cluster, server))) > 18 and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


@pytest.mark.parametrize("seed", SEEDS)
def test_f14_sessions_that_end_are_replaced_and_none_leak(
    seed: int, start: Callable[..., Server], cluster: Cluster
) -> None:
    server = start()
    choose = random.Random(seed)
    stopping = threading.Event()
    ended: list[float] = []

    def end_sessions() -> None:
        while not stopping.wait(0.05):
            for pid in choose.sample(every := sessions(cluster, server), min(3, len(every))):
                cluster.execute(f"SELECT pg_terminate_backend({pid})")
        ended.append(time.monotonic())

    # Many more clients than there are sessions, so that they are all in use all the time.
    storm = Storm(server, writers=32, wanted=sized(1000, 100_000), seed=seed)
    thread = threading.Thread(target=end_sessions)

    def stop() -> None:
        stopping.set()
        thread.join()

    try:
        # From a third of the writes to two thirds; what the storm needs is made before.
        problems = storm.run(thread.start, stop, evenly=True)
    finally:
        stopping.set()
    problems += check_database(server.database, storm.ledger.attempts)
    late = [one for one in storm.ledger.attempts if one.outcome != "acknowledged" and one.began > ended[0]]
    errors_until = max((one.ended - ended[0] for one in late), default=0.0)
    left = settled(cluster, server)
    # Two pools of at most eight, the listener, and the election of services.
    problems += [f"{left} sessions"] if left > 18 else []
    problems += ["a traceback in the log"] if "Traceback" in server.log else []
    record("F14", "postgresql", seed, "0 lost, no errors 2 s after, at most 18 sessions", {
        "problems": len(problems), "refused": len(storm.ledger.of("refused")),
        "last error after (s)": round(errors_until, 2), "sessions": left,
    })  # fmt: skip
    assert problems == []
    assert errors_until < 20


def test_f14_notices_a_server_that_leaks_sessions(start: Callable[..., Server], cluster: Cluster) -> None:
    server = start(
        broken="""
        from prefect.server.database import postgres
        kept = []

        def elected(self, service):
            kept.extend(postgres.psycopg.connect(self._url) for _ in range(5))
            return True

        postgres.PostgresStore.elected = elected
        """
    )
    deadline = time.monotonic() + 60
    while len(sessions(cluster, server)) <= 18:
        assert time.monotonic() < deadline
        time.sleep(0.1)
