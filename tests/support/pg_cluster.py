"""PostgreSQL for tests: started where its programs are installed, in a directory of its own.

A database costs about as much as a whole test, so a test borrows one and gives it back empty:
what was written is deleted, and a database that grew, or that somebody still uses, is dropped.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

__all__ = ["NOT_INSTALLED", "Cluster", "postgres_programs", "running_cluster"]

NOT_INSTALLED = "PostgreSQL is not installed"

#: A table with more pages than this makes the database too slow for the next test.
_MOST_PAGES = 64

# The order of tables is no matter when foreign keys are not looked at. Sessions that remain would
# still hold elections, or their transactions; they get a moment to end by themselves.
_CLEAN = f"""
DO $$
DECLARE
    found record;
    is_used boolean;
BEGIN
    FOR attempt IN 1..100 LOOP
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN NOT EXISTS (
            SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type = 'client backend'
        );
        IF attempt = 100 THEN RAISE EXCEPTION 'somebody still uses the database'; END IF;
        PERFORM pg_sleep(0.005);
    END LOOP;
    SET LOCAL session_replication_role = replica;
    FOR found IN SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND c.relkind = 'r' LOOP
        IF pg_relation_size(found.oid) > {_MOST_PAGES} * 8192 THEN RAISE EXCEPTION 'the database has grown'; END IF;
        CONTINUE WHEN pg_relation_size(found.oid) = 0 OR found.relname IN ('alembic_version', 'server_meta');
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', found.relname) INTO is_used;
        IF is_used THEN EXECUTE format('DELETE FROM public.%I', found.relname); END IF;
    END LOOP;
    DELETE FROM server_meta WHERE key <> 'schema';
END $$
"""


def postgres_programs() -> Path | None:
    """The directory of `initdb` and `pg_ctl`; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found and shutil.which("pg_ctl"):
        return Path(found).parent
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    for prefix in ("/opt/homebrew/opt", "/usr/local/opt"):
        places += Path(prefix).glob("postgresql@*/bin")

    def version(place: Path) -> int:
        return int((re.findall(r"\d+", place.parent.name) or ["0"])[0])

    places = [place for place in places if (place / "initdb").exists()]
    return max(places, key=version, default=None)


@dataclass
class Cluster:
    """A running PostgreSQL, with a database at the schema of this version to copy from.

    Attributes:
        directory: where all of it is: data, socket, log.
        user: its superuser, who needs no password.
        programs: directory of its programs.
    """

    directory: Path
    user: str
    programs: Path
    prepare: Callable[[str], None]
    _number: int = 0
    _is_prepared: bool = False
    _free: list[str] = field(default_factory=list)
    _sessions: dict[str, psycopg.Connection[Any]] = field(default_factory=dict)

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://{self.user}@/{database}?host={self.directory}"

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement outside of any transaction; the rows it returns."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def create(self, name: str, template: str = "template0") -> str:
        """The URL of a new database."""
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Delete a database, whoever uses it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def copy(self) -> tuple[str, Callable[[], None]]:
        """The URL of a new database at the schema of this version, and what deletes it."""
        name = self._new()
        return self.url(name), lambda: self.drop(name)

    def lend(self) -> tuple[str, Callable[[], None]]:
        """The URL of an empty database at the schema of this version, and what gives it back."""
        name = self._free.pop() if self._free else self._new()
        if name not in self._sessions:
            session = psycopg.connect(self.url(name), autocommit=True)
            session.execute("SET lock_timeout = '5s'")
            self._sessions[name] = session
        return self.url(name), lambda: self._take_back(name)

    def _new(self) -> str:
        if not self._is_prepared:
            self.prepare(self.create("prepared"))
            self._is_prepared = True
        self._number += 1
        name = f"test_{self._number}"
        self.create(name, "prepared")
        return name

    def _take_back(self, name: str) -> None:
        try:
            self._sessions[name].execute(_CLEAN)
        except psycopg.Error:
            self._sessions.pop(name).close()
            self.drop(name)
        else:
            self._free.append(name)

    def pg_ctl(self, *words: str) -> None:
        """Run `pg_ctl` on it."""
        _run(self.programs, "pg_ctl", "-D", str(self.directory / "data"), *words)

    def start(self, *options: str) -> None:
        """Start it, and wait until it serves."""
        # Without fsync a crash of PostgreSQL loses nothing that was committed; one of the system would.
        settings = (
            "listen_addresses=",
            "fsync=off",
            "max_connections=200",
            "autovacuum=off",
            "shared_buffers=32MB",
        )
        words = [f"-k {self.directory}", *(f"-c {setting}" for setting in settings), *options]
        self.pg_ctl("-w", "-s", "-l", str(self.directory / "log"), "-o", " ".join(words), "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `immediate` is a crash."""
        self._forget_sessions()
        self.pg_ctl("-w", "-s", "-m", mode, "stop")

    def crash_and_restart(self) -> None:
        """Crash it and start it again; returns when it serves."""
        self._forget_sessions()
        self.pg_ctl("-w", "-s", "-m", "immediate", "-l", str(self.directory / "log"), "restart")

    def _forget_sessions(self) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()


def _run(programs: Path, program: str, *words: str) -> None:
    # PostgreSQL refuses to run as root.
    prefix = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    command = [*prefix, str(programs / program), *words]
    # Into a file: the server that pg_ctl starts would hold a pipe open.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, stdout=output, stderr=output, cwd="/", check=False)
        output.seek(0)
        assert done.returncode == 0, output.read().decode(errors="replace")


@contextlib.contextmanager
def running_cluster(prepare: Callable[[str], None], parent: Path | None = None) -> Iterator[Cluster]:
    """A PostgreSQL that runs while the block does.

    Args:
        prepare: brings the database of a URL to the schema of this version.
        parent: an existing directory to put it in; a short path, since sockets have short names.
    """
    programs = postgres_programs()
    assert programs is not None, NOT_INSTALLED
    is_root = os.geteuid() == 0
    directory = Path(tempfile.mkdtemp(prefix="pg", dir=parent or "/tmp"))
    user = "nobody" if is_root else "postgres"
    if is_root:
        shutil.chown(directory, "nobody")
    try:
        words = ("-A", "trust", "-U", user, "-D", str(directory / "data"), "--locale=C", "-E", "UTF8", "-N")
        _run(programs, "initdb", *words)
        cluster = Cluster(directory, user, programs, prepare)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
