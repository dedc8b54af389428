"""A real server process that tests start, kill and start again, and connections to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Answer", "Connection", "Database", "Server", "free_port", "running_server"]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Answer:
    """An answer of the server.

    Attributes:
        status: HTTP status.
        headers: by lower-case name.
        body: the JSON.
    """

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str | None:
        """The code of its first error; None without one."""
        errors = self.body.get("errors")
        return errors[0]["extensions"]["code"] if errors else None

    @property
    def message(self) -> str:
        """The message of its first error."""
        return str(self.body["errors"][0]["message"])

    @property
    def data(self) -> Any:
        """What was asked for."""
        assert "errors" not in self.body, self.body
        return self.body["data"]


class Connection:
    """One connection to a server, made when it is first used. Not for several threads at once."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None, timeout_s: float = 30) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        self._headers = {"content-type": "application/json", "host": f"localhost:{port}", **(headers or {})}

    def ask(self, document: str, variables: Mapping[str, Any] | None = None) -> Answer:
        """The answer to a document.

        Raises:
            OSError, http.client.HTTPException: there was none; whether it was done is not known.
        """
        body = json.dumps({"query": document, "variables": variables or {}}).encode()
        try:
            if self._http.sock is None:
                self._http.connect()
                self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._http.request("POST", "/graphql", body, self._headers)
            with self._http.getresponse() as reply:  # a reply that ends the connection owns its socket
                content = reply.read()
        except BaseException:
            self.close()
            raise
        headers = {name.lower(): value for name, value in reply.getheaders()}
        return Answer(reply.status, headers, json.loads(content))

    def mutate(self, name: str, selection: str, /, **values: Any) -> Answer:
        """The answer to a mutation."""
        document = f"mutation($input: {name}_input!) {{ {name}(input: $input) {{ {selection} }} }}"
        return self.ask(document, {"input": values})

    def close(self) -> None:
        """Close it; it is made again when it is used."""
        self._http.close()

    def hang_up(self) -> None:
        """Close it under a request that another thread waits for the answer to."""
        self._http.sock.shutdown(socket.SHUT_RDWR)


@dataclass
class Database:
    """The database of a server, as it is for whoever looks at it from outside.

    Attributes:
        backend: `sqlite` or `postgresql`.
        path: the file, of SQLite.
        url: the URL, of PostgreSQL.
    """

    backend: str
    path: Path = Path()
    url: str = ""

    def rows(self, sql: str) -> list[Any]:
        """The rows of a query."""
        if self.backend == "sqlite":
            with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as connection:
                return connection.execute(sql).fetchall()
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(sql).fetchall()  # type: ignore[call-overload]

    def damage(self) -> list[str]:
        """What SQLite says is broken in the file; nothing for PostgreSQL, which looks itself."""
        if self.backend != "sqlite":
            return []
        found = [str(row[0]) for row in self.rows("PRAGMA integrity_check")]
        return [line for line in found if line != "ok"] + [
            f"foreign key: {row}" for row in self.rows("PRAGMA foreign_key_check")
        ]


@dataclass
class Server:
    """A server process, which may die and be started again.

    Attributes:
        directory: its data directory and log are in there.
        database: what it works on.
        words: more options of `prefect server start`.
        broken: Python code that breaks the product in that process, to show that a scenario notices.
        start_s: seconds that each start took, until it answered.
    """

    directory: Path
    database: Database
    words: tuple[str, ...] = ()
    broken: str = ""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    start_s: list[float] = field(default_factory=list)

    @property
    def log(self) -> str:
        """What it has written."""
        return (self.directory / "output.log").read_text(errors="replace")

    def command(self) -> list[str]:
        """The command line."""
        words = [sys.executable, "-m", "prefect", "server", "start", "--hide-welcome"]
        words += ["--data-dir", str(self.directory / "data"), "--port", str(self.port), *self.words]
        return words + (["--postgres-url", self.database.url] if self.database.url else [])

    def start(self) -> None:
        """Start it, and wait until it serves."""
        environment = dict(os.environ)
        if self.broken:
            hook = self.directory / "broken"
            hook.mkdir(exist_ok=True)
            (hook / "sitecustomize.py").write_text(textwrap.dedent(self.broken))
            environment["PYTHONPATH"] = str(hook)
        began = time.monotonic()
        with (self.directory / "output.log").open("ab") as output:
            self.process = subprocess.Popen(self.command(), stdout=output, stderr=output, env=environment)
        while not self.is_healthy():
            assert self.process.poll() is None, self.log
            assert time.monotonic() - began < 60, self.log
            time.sleep(0.02)  # the readiness of another process is no event
        self.start_s.append(time.monotonic() - began)

    def is_healthy(self) -> bool:
        """Whether it and its database answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request("GET", "/health", headers={"host": f"localhost:{self.port}"})
            with connection.getresponse() as reply:
                return reply.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """End it by SIGKILL, at once."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def terminate(self) -> tuple[int, float]:
        """End it by SIGTERM: its exit code, and the seconds that took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        return code, time.monotonic() - began

    def connect(self, **headers: str) -> Connection:
        """A connection to it."""
        return Connection(self.port, {name.replace("_", "-"): value for name, value in headers.items()})


@contextlib.contextmanager
def running_server(
    directory: Path, database_url: str = "", *words: str, broken: str = "", data_dir: Path | None = None
) -> Iterator[Server]:
    """A server that is started before the block, and is gone after it.

    Args:
        directory: a directory of its own.
        database_url: PostgreSQL; SQLite in the directory if empty.
        words: more options of `prefect server start`.
        broken: see `Server`.
        data_dir: where SQLite is, if not in the directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if database_url:
        database = Database("postgresql", url=database_url)
    else:
        database = Database("sqlite", (data_dir or directory / "data") / "prefect.db")
    if data_dir is not None:
        words = (*words, "--data-dir", str(data_dir))  # the last one counts
    server = Server(directory, database, words, broken)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
