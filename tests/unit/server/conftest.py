"""A database for each test, on both SQLite and PostgreSQL.

PostgreSQL is a real one: a cluster of the worker's own, made on first use and thrown away at the
end. Where its programs are not installed, the tests on it are skipped.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefect.server.database.store import Store, open_store
from prefect.server.settings import ServerSettings

#: The time of tests that do not care about it.
NOW = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


@functools.cache
def _postgres_programs() -> Path | None:
    """The directory of `initdb` and `pg_ctl`, of the newest version there is."""
    found = shutil.which("initdb")
    if found is not None and shutil.which("pg_ctl") is not None:
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def _as_user(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root; then it runs as nobody."""
    if os.geteuid() == 0:
        return ["runuser", "-u", "nobody", "--", *command]
    return command


class PostgresCluster:
    """A PostgreSQL of the tests' own, reached by a socket in its directory."""

    def __init__(self) -> None:
        programs = _postgres_programs()
        assert programs is not None
        self._programs = programs
        # A short path: the name of a Unix socket has 107 characters at most.
        self.directory = Path(tempfile.mkdtemp(prefix="pg-"))
        if os.geteuid() == 0:
            shutil.chown(self.directory, "nobody")
        self._run("initdb", "-A", "trust", "-U", "tests", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-D", self._data)
        options = f"-k {self.directory} -c listen_addresses= -c fsync=off -c max_connections=200"
        self._run("pg_ctl", "-D", self._data, "-w", "-o", options, "-l", f"{self.directory}/log", "start")
        self._number = 0

    @property
    def _data(self) -> str:
        return str(self.directory / "data")

    def _run(self, program: str, *arguments: str) -> None:
        command = _as_user([str(self._programs / program), *arguments])
        subprocess.run(
            command, check=True, cwd=self.directory, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://tests@/{name}?host={self.directory}"

    def create(self, template: str | None = None) -> str:
        """The name of a new database: empty, or like another one."""
        import psycopg

        self._number += 1
        name = f"tests_{self._number}"
        copied = f" TEMPLATE {template}" if template else ""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}{copied}")  # pyright: ignore
        return name

    def stop(self) -> None:
        """Stop it and remove its files."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """A running PostgreSQL."""
    pytest.importorskip("psycopg")
    if _postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    cluster = PostgresCluster()
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def postgres_url(postgres_cluster: PostgresCluster) -> str:
    """The URL of an empty database on PostgreSQL."""
    return postgres_cluster.url(postgres_cluster.create())


class Databases:
    """Databases at the newest schema, without running its migrations for each test."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sqlite: Path | None = None
        self._postgres: str | None = None

    def sqlite(self, data_dir: Path, **settings: Any) -> ServerSettings:
        """Settings of a new SQLite database in a directory."""
        found = ServerSettings(data_dir, **settings)
        if self._sqlite is None:
            self._sqlite = self._directory / "template"
            open_store(ServerSettings(self._sqlite)).close()
        data_dir.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ServerSettings(self._sqlite).sqlite_path, found.sqlite_path)
        return found

    def postgres(self, cluster: PostgresCluster, data_dir: Path, **settings: Any) -> ServerSettings:
        """Settings of a new PostgreSQL database."""
        if self._postgres is None:
            self._postgres = cluster.create()
            open_store(ServerSettings(data_dir, cluster.url(self._postgres))).close()
        return ServerSettings(data_dir, cluster.url(cluster.create(self._postgres)), **settings)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Makes databases."""
    return Databases(tmp_path_factory.mktemp("databases"))


@pytest.fixture(params=["sqlite", "postgresql"])
def server_settings(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> ServerSettings:
    """Settings of a server with an empty database at the newest schema: once for each kind."""
    if request.param == "sqlite":
        return databases.sqlite(tmp_path / "server")
    return databases.postgres(request.getfixturevalue("postgres_cluster"), tmp_path / "server")


@pytest.fixture
def store(server_settings: ServerSettings) -> Iterator[Store]:
    """An open, empty database: once for each kind."""
    opened = open_store(server_settings)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def sqlite_store(databases: Databases, tmp_path: Path) -> Iterator[Store]:
    """An open, empty SQLite database."""
    opened = open_store(databases.sqlite(tmp_path / "server"))
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def postgres_store(
    databases: Databases, postgres_cluster: PostgresCluster, tmp_path: Path
) -> Iterator[Store]:
    """An open, empty PostgreSQL database."""
    opened = open_store(databases.postgres(postgres_cluster, tmp_path / "server"))
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def now() -> datetime.datetime:
    """The time of tests that do not care about it."""
    return NOW
