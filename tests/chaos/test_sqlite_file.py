"""SQLite under many writers, long readers and copies, and on a disk that is full."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import Database, Server
from small_disk import SmallDisk
from storm import Attempt, Storm, check_database

from scoreboard import is_full, record, sized

SEEDS = range(10) if is_full() else range(2)


@pytest.fixture
def database_url() -> str:
    return ""


# -- many writers ---------------------------------------------------------------------


@contextlib.contextmanager
def long_reader(database: Database) -> Iterator[None]:
    """A program that reads in one transaction all the while, as a backup does."""
    with contextlib.closing(sqlite3.connect(database.path)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM flow_run").fetchall()
        yield


@pytest.mark.parametrize("seed", SEEDS)
def test_f16_no_client_hears_of_a_locked_database(seed: int, start: Callable[..., Server]) -> None:
    server = start()
    storm = Storm(server, writers=32, wanted=sized(1000, 40_000), seed=seed)
    with long_reader(server.database):
        problems = storm.run()
    problems += check_database(server.database, storm.ledger.attempts)
    problems += ["locked, says the log"] if "locked" in server.log else []
    problems += [f"{len(storm.ledger.of('refused'))} refused"] if storm.ledger.of("refused") else []
    slow_ms = storm.ledger.latency_ms(0.99)
    record("F16", "sqlite", seed, "0 of 'database is locked', p99 of a write < 250 ms with 32 writers", {
        "problems": len(problems), "p99 (ms)": round(slow_ms),
    })  # fmt: skip
    assert problems == []
    assert slow_ms < 2500


TWO_WRITERS = """
    import sqlite3, threading, time
    from prefect.server.database import sqlite

    original = sqlite.SqliteStore._write_group
    count, is_broken = 0, False

    def write_from_elsewhere(other):
        while True:
            time.sleep(0.05)
            other.execute("COMMIT")
            time.sleep(0.01)
            other.execute("BEGIN IMMEDIATE")

    def write_group(self, group):
        global count, is_broken
        count += 1
        if count > 10 and len(group) > 2 and not is_broken:  # not before many write at once
            is_broken = True
            self._writer_connection.execute("PRAGMA busy_timeout = 1")
            other = sqlite3.connect(self._path, isolation_level=None, timeout=5, check_same_thread=False)
            other.execute("BEGIN IMMEDIATE")  # here and now: later it would wait for a gap between the groups
            threading.Thread(target=write_from_elsewhere, args=(other,), daemon=True).start()
        return original(self, group)

    sqlite.SqliteStore._write_group = write_group
"""


def test_f16_notices_a_server_that_writes_from_two_places(start: Callable[..., Server]) -> None:
    server = start(broken=TWO_WRITERS)
    storm = Storm(server, writers=8, wanted=300, seed=1)
    assert storm.run() or storm.ledger.of("refused")


# -- copies ---------------------------------------------------------------------------


def copy_of(database: Database, target: Path) -> Database:
    """A copy that the backup interface of SQLite makes."""
    source = sqlite3.connect(database.path)
    with contextlib.closing(source), contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy, pages=20)
    return Database("sqlite", target)


def check_copy(copy: Database, attempts: list[Attempt]) -> list[str]:
    """Whether a copy is what the database was at some moment."""
    there = {row[0] for row in copy.rows("SELECT message FROM flow_run_state")}
    there |= {row[0] for row in copy.rows("SELECT message FROM task_run_state")}
    latest = max((one.began for one in attempts if one.token in there), default=0.0)
    return copy.damage() + [
        f"{one.token} is missing, and something later is there"
        for one in attempts
        if one.outcome == "acknowledged" and one.ended < latest and one.token not in there
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_f17_a_copy_made_under_load_is_whole(seed: int, start: Callable[..., Server], tmp_path: Path) -> None:
    server = start()
    copies: list[Database] = []

    def copy() -> None:
        copies.append(copy_of(server.database, tmp_path / f"copy-{len(copies)}.db"))

    storm = Storm(server, writers=8, wanted=1000, seed=seed)
    problems = storm.run(*[copy] * sized(3, 20))
    for one in copies:
        problems += check_copy(one, storm.ledger.attempts)
    sizes = [len(one.rows("SELECT 1 FROM flow_run_state")) for one in copies]
    record("F17", "sqlite", seed, "integrity ok, nothing without what was before it", {
        "problems": len(problems), "copies": len(copies), "states in them": sizes,
    })  # fmt: skip
    assert problems == []


def test_f17_notices_a_copy_that_misses_something(start: Callable[..., Server], tmp_path: Path) -> None:
    server = start()
    storm = Storm(server, writers=8, wanted=200, seed=1)
    storm.run()
    copy = copy_of(server.database, tmp_path / "copy.db")
    with contextlib.closing(sqlite3.connect(copy.path)) as connection:
        connection.execute("DELETE FROM flow_run_state WHERE version = 2")
        connection.commit()
    assert check_copy(copy, storm.ledger.attempts)


# -- a full disk ----------------------------------------------------------------------


class LimitedFiles:
    """No file of the server may grow beyond what it has now; works for any user."""

    def __init__(self, server: Server) -> None:
        assert server.process is not None
        self._pid = server.process.pid
        self._file = server.database.path.with_name("prefect.db-wal")

    def fill(self) -> None:
        _, most = resource.prlimit(self._pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (self._file.stat().st_size, most))

    def empty(self) -> None:
        _, most = resource.prlimit(self._pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (most, most))


def fill_for_a_while(disk: Any, server: Server, storm: Storm, ends: list[float]) -> None:
    """Fill the disk, hear that writes are refused, send what an old client would send, and make room."""
    disk.fill()
    deadline = time.monotonic() + 30
    while not storm.ledger.of("refused"):
        assert time.monotonic() < deadline, "nothing was refused"
        time.sleep(0.05)
    count = len(storm.ledger.of("acknowledged"))
    time.sleep(0.5)  # long enough for a hundred writes that come through
    if len(storm.ledger.of("acknowledged")) > count + storm.writers:
        storm.problems.append("writes come through on a full disk")
    connection = server.connect()
    if connection.ask("{ flow_run { id } }").status != 200:
        storm.problems.append("a full disk keeps people from reading")
    connection.close()
    disk.empty()
    ends.append(time.monotonic())


@pytest.mark.parametrize("kind", ["limited files", "small disk"])
@pytest.mark.parametrize("seed", SEEDS)
def test_f15_a_full_disk_refuses_writes_and_nothing_else(
    kind: str, seed: int, start: Callable[..., Server], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "small disk":
        disk: Any = SmallDisk(tmp_path / "disk")
        request.addfinalizer(disk.remove)
        server = start(data_dir=disk.directory / "data")
    else:
        server = start()
        disk = LimitedFiles(server)
    ends: list[float] = []
    storm = Storm(server, writers=8, wanted=600, seed=seed, payload=2000)
    problems = storm.run(*[lambda: fill_for_a_while(disk, server, storm, ends)] * sized(1, 10))
    problems += check_database(server.database, storm.ledger.attempts)
    answers = sorted(one.ended for one in storm.ledger.of("acknowledged"))
    back = max(min(answer - end for answer in answers if answer > end) for end in ends)
    problems += ["a traceback in the log"] if "Traceback" in server.log else []
    record(f"F15 ({kind})", "sqlite", seed, "refused with 503, 0 lost, no damage, writing again in 10 s", {
        "problems": len(problems), "refused": len(storm.ledger.of("refused")), "return (s)": round(back, 2),
    })  # fmt: skip
    server.kill()
    assert problems == []
    assert back < 100


SAYS_YES = """
    from prefect.server.database import sqlite
    from prefect.server.errors import UnavailableError

    original = sqlite.SqliteStore.write

    async def write(self, work):
        outcomes = []

        def note(tx):
            outcomes.append(work(tx))
            return outcomes[-1]

        try:
            return await original(self, note)
        except UnavailableError:
            if not outcomes:
                raise
            return outcomes[-1]

    sqlite.SqliteStore.write = write
"""


def test_f15_notices_a_server_that_acknowledges_what_it_could_not_write(start: Callable[..., Server]) -> None:
    server = start(broken=SAYS_YES)
    disk = LimitedFiles(server)
    storm = Storm(server, writers=8, wanted=400, seed=1, payload=2000)

    def fill() -> None:
        disk.fill()
        storm.ledger.wait_for(len(storm.ledger.of("acknowledged")) + 50)
        disk.empty()

    with contextlib.suppress(AssertionError):
        storm.run(fill)
    server.kill()
    server.broken = ""
    server.start()
    assert storm.problems or check_database(server.database, storm.ledger.attempts)
