"""F15 on PostgreSQL: the disk of its tables is full, or that of everything it has, its log included.

The first makes single statements fail. The second ends PostgreSQL itself, which starts again when
there is room and somebody starts it; the server is not touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from live_server import Server, running_server
from pg_cluster import Cluster, running_cluster
from small_disk import SmallDisk
from storm import Storm, check_database

from prefect.server.database.store import open_store
from prefect.server.settings import ServerSettings
from scoreboard import is_full, record, sized

SEEDS = range(10) if is_full() else range(1)


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[SmallDisk]:
    """A small disk of the user that PostgreSQL runs as."""
    parent = Path(tempfile.mkdtemp(prefix="disk", dir="/tmp"))  # a short path, which sockets need
    parent.chmod(0o755)
    try:
        made = SmallDisk(parent / "d", getattr(request, "param", 24))
        try:
            made.directory.chmod(0o777)
            yield made
        finally:
            made.remove()
    finally:
        shutil.rmtree(parent, ignore_errors=True)


@contextlib.contextmanager
def tables_on(disk: SmallDisk, cluster: Cluster) -> Iterator[str]:
    """The URL of a database whose tables are on a disk of their own."""
    place = disk.directory / "tables"
    place.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(place, "nobody")
    cluster.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
    url, drop = cluster.copy()
    try:
        name = url.partition("?")[0].rpartition("/")[2]
        cluster.execute(f"ALTER DATABASE {name} SET TABLESPACE small")
        yield url
    finally:
        drop()
        cluster.execute("DROP TABLESPACE small")


def fill_for_a_while(disk: SmallDisk, storm: Storm, then: Callable[[], object] = lambda: None) -> None:
    """Fill the disk, hear that writes are refused, and make room."""
    disk.fill()
    try:
        then()
        deadline = time.monotonic() + 30
        while not storm.ledger.of("refused"):
            assert time.monotonic() < deadline, "nothing was refused"
            time.sleep(0.05)
        time.sleep(0.5)
    finally:
        disk.empty()


def check(storm: Storm, server: Server, problems: list[str], ends: list[float], kind: str, seed: int) -> None:
    """Look at what is there, and write the figures down."""
    problems += check_database(server.database, storm.ledger.attempts)
    answers = sorted(one.ended for one in storm.ledger.of("acknowledged"))
    back = max(next((answer - end for answer in answers if answer > end), 60.0) for end in ends)
    problems += ["a traceback in the log"] if "Traceback" in server.log else []
    record(f"F15 ({kind})", "postgresql", seed, "refused with 503, 0 lost, no damage, writing again in 10 s", {
        "problems": len(problems), "refused": len(storm.ledger.of("refused")),
        "not known": len(storm.ledger.of("broken")), "return (s)": round(back, 2),
    })  # fmt: skip
    assert problems == []
    assert back < 100


@pytest.mark.parametrize("seed", SEEDS)
def test_f15_a_full_disk_of_tables_refuses_writes_and_nothing_else(
    seed: int, disk: SmallDisk, cluster: Cluster, tmp_path: Path
) -> None:
    ends: list[float] = []
    with tables_on(disk, cluster) as url, running_server(tmp_path / "server", url) as server:
        storm = Storm(server, writers=8, wanted=600, seed=seed, payload=2000)

        def fill() -> None:
            fill_for_a_while(disk, storm)
            ends.append(time.monotonic())

        problems = storm.run(*[fill] * sized(1, 5))
        check(storm, server, problems, ends, "tables", seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("disk", [160], indirect=True)
def test_f15_a_disk_that_is_full_of_all_that_postgresql_has_loses_nothing(
    seed: int, disk: SmallDisk, cluster: Cluster, tmp_path: Path
) -> None:
    del cluster  # says whether PostgreSQL is there at all
    ends: list[float] = []

    def prepare(url: str) -> None:
        open_store(ServerSettings(tmp_path, connection_url=url)).close()

    with running_cluster(prepare, disk.directory) as small:
        url, _ = small.copy()
        with running_server(tmp_path / "server", url) as server:
            storm = Storm(server, writers=8, wanted=600, seed=seed, payload=2000)

            def need_room_for_the_log() -> None:
                with contextlib.suppress(psycopg.OperationalError):
                    for number in range(100):
                        small.execute(f"CREATE TABLE t_{number} (); SELECT pg_switch_wal()")

            def fill() -> None:
                fill_for_a_while(disk, storm, need_room_for_the_log)
                assert "PANIC" in (small.directory / "log").read_text(), "PostgreSQL found room"
                small.crash_and_restart()
                ends.append(time.monotonic())

            problems = storm.run(fill)
            check(storm, server, problems, ends, "everything", seed)


SAYS_YES = """
    import psycopg
    from prefect.server.database import postgres

    def lenient(original):
        def run(self, sql, params=None):
            try:
                with self._connection.transaction():
                    return original(self, sql, params)
            except psycopg.errors.DiskFull:
                return 1
        return run

    for name in ("execute", "execute_many"):
        setattr(postgres.PostgresTransaction, name, lenient(getattr(postgres.PostgresTransaction, name)))
"""


def test_f15_notices_a_server_that_acknowledges_what_postgresql_could_not_write(
    disk: SmallDisk, cluster: Cluster, tmp_path: Path
) -> None:
    with tables_on(disk, cluster) as url, running_server(tmp_path / "server", url, broken=SAYS_YES) as server:
        storm = Storm(server, writers=8, wanted=400, seed=1, payload=2000)

        def fill() -> None:
            disk.fill()
            storm.ledger.wait_for(len(storm.ledger.of("acknowledged")) + 50)
            disk.empty()

        with contextlib.suppress(AssertionError):
            storm.run(fill)
        server.kill()
        assert storm.problems or check_database(server.database, storm.ledger.attempts)
