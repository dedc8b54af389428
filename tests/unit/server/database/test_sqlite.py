"""SQLite: one writer for everybody, many writes in a commit, and a disk that may be full."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from prefect.server.database import sqlite
from prefect.server.database.store import open_store
from prefect.server.errors import UnavailableError
from prefect.server.settings import ServerSettings


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    opened = open_store(ServerSettings(tmp_path))
    yield opened
    opened.close()


def put(tx: Any, key: str, value: str = "x") -> str:
    tx.execute("INSERT INTO server_meta (key, value) VALUES (:key, :value)", {"key": key, "value": value})
    return key


def keys(store: Any) -> set[str]:
    return store.read_sync(
        lambda tx: {row.key for row in tx.rows("SELECT key FROM server_meta WHERE key <> 'schema'")}
    )


class _Commits:
    """Counts the commits of a connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.count = 0
        connection.set_trace_callback(self._see)

    def _see(self, statement: str) -> None:
        self.count += statement == "COMMIT"


def _stop_writer(store: Any) -> threading.Event:
    """Keeps the writer busy until the event is set."""
    begun, go_on = threading.Event(), threading.Event()

    def work(tx: Any) -> None:
        begun.set()
        assert go_on.wait(30)

    threading.Thread(target=lambda: store.write_sync(work)).start()
    assert begun.wait(30)
    return go_on


def test_writes_that_wait_are_committed_together_and_one_that_fails_takes_none_with_it(store: Any) -> None:
    commits = _Commits(store._writer_connection)
    go_on = _stop_writer(store)

    def failing(tx: Any) -> None:
        put(tx, "failed")
        raise LookupError("no")

    def broken(tx: Any) -> None:
        put(tx, "broken")
        tx.execute("SELECT nope FROM nowhere")

    async def all_of_them() -> list[Any]:
        works = [lambda tx, n=number: put(tx, f"{n}") for number in range(100)]
        waiting = [asyncio.ensure_future(store.write(work)) for work in [*works, failing, broken]]
        await asyncio.sleep(0)
        go_on.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = asyncio.run(all_of_them())
    assert outcomes[:100] == [str(number) for number in range(100)]
    assert isinstance(outcomes[100], LookupError)
    assert isinstance(outcomes[101], sqlite3.OperationalError)
    assert keys(store) == {str(number) for number in range(100)}
    assert commits.count <= 3  # the one that kept it busy, and the group


def test_nobody_is_told_before_it_is_on_disk(store: Any, tmp_path: Path) -> None:
    # A second process, which knows only what is in the file, sees what was acknowledged.
    for number in range(20):
        store.write_sync(lambda tx, number=number: put(tx, f"{number}"))
        other = sqlite3.connect(tmp_path / "prefect.db")
        assert other.execute("SELECT count(*) FROM server_meta WHERE key = ?", (f"{number}",)).fetchone() == (
            1,
        )
        other.close()


def test_a_write_that_nobody_waits_for_any_more_is_left_out(store: Any) -> None:
    go_on = _stop_writer(store)

    async def give_up() -> None:
        waiting = asyncio.ensure_future(store.write(lambda tx: put(tx, "late")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        await store.write(lambda tx: put(tx, "next"))

    asyncio.run(give_up())
    assert keys(store) == {"next"}


def test_acknowledged_writes_survive_the_end_of_the_process(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import itertools, sys
        from pathlib import Path
        from prefect.server.database.store import open_store
        from prefect.server.settings import ServerSettings
        store = open_store(ServerSettings(Path({str(tmp_path)!r})))
        for number in itertools.count():
            store.write_sync(lambda tx: tx.execute(
                "INSERT INTO server_meta (key, value) VALUES (:key, 'x')", {{"key": str(number)}}))
            print(number, flush=True)
    """)
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(200)]
    child.kill()
    child.wait()
    told += [int(line) for line in child.stdout.read().split()]
    child.stdout.close()
    store = open_store(ServerSettings(tmp_path))
    try:
        assert {str(number) for number in told} <= keys(store)
        assert store.read_sync(lambda tx: tx.scalar("PRAGMA integrity_check")) == "ok"
    finally:
        store.close()


def test_32_writers_and_a_long_reader_are_never_told_that_it_is_locked(store: Any) -> None:
    stop = threading.Event()
    done: list[int] = []

    def write(number: int) -> None:
        count = 0
        while not stop.is_set():
            store.write_sync(lambda tx: put(tx, str(uuid.uuid4()), "y" * 500))
            count += 1
        done.append(count)

    def read(tx: Any) -> tuple[int, int]:
        first = tx.scalar("SELECT count(*) FROM server_meta")
        stop.wait(2)
        return first, tx.scalar("SELECT count(*) FROM server_meta")

    with ThreadPoolExecutor(34) as pool:
        reader = pool.submit(store.read_sync, read)
        writers = [pool.submit(write, number) for number in range(32)]
        time.sleep(2)  # for as long as it takes; what is asserted does not depend on it
        stop.set()
        for writer in writers:
            writer.result(60)
        first, last = reader.result(60)
    assert first == last  # it saw one state all the time
    assert len(done) == 32
    assert min(done) > 0
    assert len(keys(store)) == sum(done)


def test_another_program_that_holds_the_file_delays_and_does_not_lose(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(tmp_path / "prefect.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, lambda: None).start()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.write_sync, lambda tx: put(tx, "a"))
        other.execute("COMMIT")
        assert waiting.result(30) == "a"
        # Held for longer than anybody waits: refused, and nothing of it is there later.
        store._writer_connection.execute("PRAGMA busy_timeout = 50")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="could not be written"):
            pool.submit(store.write_sync, lambda tx: put(tx, "b")).result(30)
        other.execute("COMMIT")
        store.write_sync(lambda tx: put(tx, "c"))
    other.close()
    assert keys(store) == {"a", "c"}


def test_a_copy_is_taken_while_it_is_in_use(store: Any, tmp_path: Path) -> None:
    store.write_sync(lambda tx: put(tx, "a"))
    sqlite.copy_database(tmp_path / "prefect.db", tmp_path / "copy.db")
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT key FROM server_meta WHERE key = 'a'").fetchall() == [("a",)]
    copy.close()


# -- a full disk ----------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting needs root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("this machine does not let us mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_refuses_writes_and_is_used_again_once_there_is_space(small_disk: Path) -> None:
    store = open_store(ServerSettings(small_disk))
    told: set[str] = set()
    try:
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * 1_500_000)

        def fill() -> None:
            for number in range(100):
                told.add(store.write_sync(lambda tx, number=number: put(tx, f"{number}", "y" * 100_000)))

        with pytest.raises(UnavailableError, match="nothing was saved"):
            fill()
        # Also in company: none of a group is acknowledged if the group is not on disk.
        with ThreadPoolExecutor(8) as pool:
            outcomes = [
                pool.submit(
                    store.write_sync, lambda tx, number=number: put(tx, f"more {number}", "y" * 100_000)
                )
                for number in range(8)
            ]
            for outcome in outcomes:
                if outcome.exception(30) is None:
                    told.add(outcome.result())
                else:
                    assert isinstance(outcome.exception(), UnavailableError)
        assert keys(store) == told
        ballast.unlink()
        told.add(store.write_sync(lambda tx: put(tx, "after", "y" * 100_000)))
        assert keys(store) == told
        assert store.read_sync(lambda tx: tx.scalar("PRAGMA integrity_check")) == "ok"
    finally:
        store.close()


def test_settings_of_a_connection_are_those_that_were_asked_for(tmp_path: Path) -> None:
    for durability, synchronous in (("full", 2), ("normal", 1)):
        connection = sqlite.connect(str(tmp_path / f"{durability}.db"), durability)
        assert connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        connection.close()
