"""Compares this version's server with Prefect 3's: `make bench-server`.

    .venv-3/bin/python benchmarks/server.py --ours .venv/bin/python [--rounds 5] [--quick] [--write]

Both servers run on SQLite on this machine at the same time, and one client (httpx) asks them in turns, so
that what else the machine does meets both. What counts is the CPU time, user and system, of all processes of
a server for each request, less what it takes while nobody asks. The median of the rounds is printed, and the
ratio of the medians with the lowest and highest ratio of a round.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from server_peers import Ours, Peer, Prefect3
from server_process import ServerProcess

RESULTS = Path(__file__).resolve().parent / "RESULTS-server.md"
LINES = 1_000
BULK = 50


@dataclass
class Side:
    """One server while it is measured.

    Attributes:
        peer: how to ask it.
        server: its processes.
        client: the client.
        idle: seconds of the processor for each second without requests.
        runs: runs that were made and are still scheduled.
        refused_alone: requests, sent one after the other, that were refused (5xx) and sent again.
    """

    peer: Peer
    server: ServerProcess
    client: httpx.Client
    idle: float = 0.0
    runs: list[str] = field(default_factory=list[str])
    refused_alone: int = 0

    def cpu_of(self, requests: list[httpx.Request]) -> tuple[float, list[httpx.Response]]:
        """CPU seconds of the server for requests sent one after the other, and the answers."""
        before, started = self.server.cpu_s(), time.perf_counter()
        replies = [self._send(request) for request in requests]
        used = self.server.cpu_s() - before - self.idle * (time.perf_counter() - started)
        return max(used, 1e-6), replies

    def _send(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request; one that is refused because the server is busy is sent again."""
        for _ in range(100):
            reply = self.client.send(request)
            if reply.status_code < 500:
                return reply
            self.refused_alone += 1
            time.sleep(0.1)
        raise SystemExit(f"{self.peer.name} refused a request 100 times: {reply.text}")

    def create(self, number: int) -> float:
        """CPU seconds to make a run."""
        used, replies = self.cpu_of([self.peer.create_run() for _ in range(number)])
        self.runs += [self.peer.run_id(reply) for reply in replies]
        return used / number

    def set_states(self, number: int) -> float:
        """CPU seconds to set a state: runs begin and end."""
        self._have(number)
        chosen = [self.runs.pop() for _ in range(number)]
        used = 0.0
        for state in ("Running", "Success"):
            cost, replies = self.cpu_of(self.peer.set_states(chosen, state))
            for reply in replies:
                self.peer.check(reply)
            used += cost
        return used / (2 * number)

    def set_states_at_once(self, number: int) -> float:
        """CPU seconds to set a state, `BULK` in each request."""
        assert isinstance(self.peer, Ours)
        self._have(number)
        chosen = [self.runs.pop() for _ in range(number)]
        used = 0.0
        for state in ("Running", "Success"):
            parts = [chosen[start : start + BULK] for start in range(0, number, BULK)]
            cost, replies = self.cpu_of([self.peer.set_states_at_once(part, state) for part in parts])
            for reply in replies:
                self.peer.check(reply)
            used += cost
        return used / (2 * number)

    def _have(self, number: int) -> None:
        while len(self.runs) < number:
            self.create(number - len(self.runs))

    def log_lines(self, batches: int) -> float:
        """CPU seconds to write a line."""
        self._have(1)
        used, replies = self.cpu_of([self.peer.log_lines(self.runs[0], LINES) for _ in range(batches)])
        for reply in replies:
            self.peer.check(reply)
        return used / (batches * LINES)

    def read(self, number: int) -> float:
        """CPU seconds to read 100 runs."""
        self._have(100)
        used, replies = self.cpu_of([self.peer.read_runs(100) for _ in range(number)])
        for reply in replies:
            content = self.peer.check(reply)
            rows: Any = content["flow_run"] if isinstance(content, dict) else content
            if len(rows) != 100:
                raise SystemExit(f"{self.peer.name} answered {len(rows)} runs, not 100")
        return used / number

    def refused(self, concurrency: int, number: int) -> int:
        """How many of the requests that make a run are refused when so many clients ask at once."""

        def one(request: httpx.Request) -> bool:
            with httpx.Client(timeout=300) as client:
                try:
                    self.runs.append(self.peer.run_id(client.send(request)))
                except (httpx.HTTPError, RuntimeError):
                    return True
            return False

        requests = [self.peer.create_run() for _ in range(number)]
        with ThreadPoolExecutor(concurrency) as pool:
            return sum(pool.map(one, requests))


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        title: what it says.
        theirs, ours: measure one side of a round.
        bar: the cost may be at most 1/bar of Prefect 3's.
    """

    title: str
    theirs: Callable[[Side], float]
    ours: Callable[[Side], float]
    bar: float


def rows(scale: float) -> list[Row]:
    def n(number: int) -> int:
        return max(1, round(number * scale))

    return [
        Row("create a run", lambda s: s.create(n(40)), lambda s: s.create(n(400)), 15),
        Row("set a state", lambda s: s.set_states(n(20)), lambda s: s.set_states(n(200)), 15),
        Row(
            f"set a state, {BULK} in a request",
            lambda s: s.set_states(n(20)),
            lambda s: s.set_states_at_once(n(20) * BULK),
            60,
        ),
        Row(
            f"a log line, {LINES:,} in a request", lambda s: s.log_lines(2), lambda s: s.log_lines(n(20)), 30
        ),
        Row("read 100 runs", lambda s: s.read(n(20)), lambda s: s.read(n(200)), 15),
    ]


def shown(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} µs"


class Table:
    """Lines that are printed as they come, and the number of bars that were missed."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.missed = 0

    def add(self, line: str) -> None:
        self.lines.append(line)
        print(line, flush=True)

    def compare(
        self, title: str, theirs: list[float], ours: list[float], bar: float, show: Callable[[float], str]
    ) -> None:
        a, b = statistics.median(theirs), statistics.median(ours)
        ratios = [one / other for one, other in zip(theirs, ours, strict=True)]
        is_met = a / b >= bar
        self.missed += not is_met
        self.add(
            f"| {title} | {show(a)} | {show(b)} | **1/{a / b:,.1f}** ({min(ratios):,.1f} – {max(ratios):,.1f}) "
            f"| 1/{bar:g} {'✓' if is_met else '**over**'} |"
        )


def requests_table(table: Table, sides: tuple[Side, Side], rounds: int, scale: float) -> None:
    theirs, ours = sides
    for row in rows(scale):
        costs: tuple[list[float], list[float]] = ([], [])
        row.theirs(theirs)  # warm: connections, caches, statements
        row.ours(ours)
        for _ in range(rounds):
            costs[0].append(row.theirs(theirs))
            costs[1].append(row.ours(ours))
        table.compare(row.title, *costs, row.bar, shown)
    alone = [side.refused_alone for side in sides]
    table.add(f"| refused and sent again, of all the requests above | {alone[0]} | {alone[1]} | | |")
    for concurrency in (16, 64):
        number = max(concurrency, round(300 * scale))
        refused = [side.refused(concurrency, number) for side in sides]
        table.missed += refused[1] > 0
        table.add(
            f"| refused of {number}, {concurrency} clients at once | {refused[0]} | {refused[1]} | "
            f"| 0 {'✓' if not refused[1] else '**over**'} |"
        )


def start_table(table: Table, peers: tuple[Peer, Peer], home: Path, rounds: int) -> None:
    new: tuple[list[float], list[float]] = ([], [])
    again: tuple[list[float], list[float]] = ([], [])
    memory: tuple[list[float], list[float]] = ([], [])
    idle: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for which, peer in enumerate(peers):
            directory = home / f"start-{which}-{number}"
            directory.mkdir()
            for costs in (new, again):
                server = peer.start(directory)
                costs[which].append(server.start_cpu_s)
                if costs is again:
                    server.idle(5)
                    memory[which].append(server.pss_mb())
                    idle[which].append(server.idle(5))
                server.end()
    table.compare("start until healthy, a new database", *new, 6, shown)
    table.compare("start until healthy, an existing database", *again, 4, shown)
    table.compare("memory of an idle server (PSS)", *memory, 2, lambda mb: f"{mb:.0f} MB")
    percent = [f"{100 * statistics.median(one):.1f} %" for one in idle]
    table.add(f"| processor of an idle server | {percent[0]} | {percent[1]} | | |")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ours", required=True, help="Python of an environment with this version")
    parser.add_argument("--theirs", default=sys.executable, help="Python of an environment with Prefect 3")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the requests, one round: does it work?"
    )
    parser.add_argument("--write", action="store_true", help=f"write the table to {RESULTS.name}")
    options = parser.parse_args()
    rounds, scale = (1, 0.1) if options.quick else (options.rounds, 1.0)
    peers = (Prefect3(str(Path(options.theirs).absolute())), Ours(str(Path(options.ours).absolute())))

    table = Table()
    table.add("| server CPU of | prefect 3 | this version | ratio (per round) | bar |")
    table.add("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="prefect-bench-") as directory:
        home = Path(directory)
        servers: list[ServerProcess] = []
        try:
            for which, peer in enumerate(peers):
                (home / f"{which}").mkdir()
                servers.append(peer.start(home / f"{which}"))
            with httpx.Client(timeout=300) as client:
                for peer in peers:
                    peer.prepare(client)
                sides = tuple(Side(*pair, client) for pair in zip(peers, servers, strict=True))
                for side in sides:
                    side.idle = side.server.idle(2 if options.quick else 10)
                requests_table(table, (sides[0], sides[1]), rounds, scale)
        finally:
            for server in servers:
                server.end()
        start_table(table, peers, home, rounds)
    if options.write:
        RESULTS.write_text(report(table.lines, rounds, peers[0].python), encoding="utf-8")
    if table.missed:
        print(f"{table.missed} bars are missed", file=sys.stderr)
    return 1 if table.missed else 0


def report(lines: list[str], rounds: int, python: str) -> str:
    import subprocess

    command = [python, "-c", "from importlib.metadata import version; print(version('prefect'))"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return (
        "# What the server costs\n\n"
        f"Made by `make bench-server SERVER_BENCH_ARGS=--write` on {date.today():%d %B %Y}: CPU time (user and "
        f"system) of all processes of a server for each request, less what it takes when idle; {os.cpu_count()} "
        f"cores, {platform.machine()}, Python {platform.python_version()}, prefect {version}, both on SQLite "
        f"(this version with `synchronous=FULL`). Median of {rounds} alternating rounds.\n\n"
        + "\n".join(lines)
        + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
