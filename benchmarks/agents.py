"""How soon a run begins, and how many there are a second: `make bench-agents`.

    python benchmarks/agents.py --theirs PYTHON_WITH_PREFECT_3 [--rounds 20] [--runs 200] [--write]

A local agent of this version (`prefect agent local start`) and a process worker of Prefect 3 that asks every
second stand side by side, each with a server of its own on SQLite. Runs are made one at a time, at odd
moments: measured is the time from the request that makes a run to the first line of the flow's own code.
Then many runs of one task are made at once, for at most eight processes. Times of the clock, so the machine
has to be idle; Linux only.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server_process import ServerProcess, free_port

RESULTS = Path(__file__).resolve().parent / "RESULTS-agents.md"
LIMIT = 8
MOST_P50_S, MOST_P95_S, RATIO, LEAST_PER_S = 0.4, 1.0, 6, 10.0
_TIMEOUT_S = 120.0

OURS = """
import os
import time
from pathlib import Path

import prefect
from prefect import Flow, task


@task
def starts():
    Path(os.environ["STARTED"], prefect.context.flow_run_id).write_text(str(time.time()))


with Flow("starts") as flow:
    starts()
"""

THEIRS = """
import os
import time
from pathlib import Path

from prefect import flow, runtime, task


@task
def starts():
    Path(os.environ["STARTED"], str(runtime.flow_run.id)).write_text(str(time.time()))


@flow(name="starts")
def one():
    starts()


if __name__ == "__main__":
    where = str(Path(__file__).parent)
    one.from_source(source=where, entrypoint="theirs.py:one").deploy(name="starts", work_pool_name="pool")
"""


class Side:
    """A server, and what starts its runs.

    Args:
        directory: for all of its files.
        python: the Python it is installed for.
    """

    name = ""

    def __init__(self, directory: Path, python: str) -> None:
        directory.mkdir()
        self.directory, self.python = directory, python
        self.url = f"http://127.0.0.1:{free_port()}"
        self.started = directory / "started"
        self.started.mkdir()
        self.environment = {
            **os.environ,
            "HOME": str(directory),
            "STARTED": str(self.started),
            "NO_COLOR": "1",
        }
        self.server: ServerProcess | None = None
        self.agent: subprocess.Popen[bytes] | None = None

    def run(self, *words: str) -> str:
        """Output of a command of its Python."""
        done = subprocess.run(
            [self.python, *words],
            env=self.environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{self.name}: {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def spawn(self, *words: str) -> None:
        """Start what starts its runs."""
        with (self.directory / "agent.log").open("ab") as output:
            self.agent = subprocess.Popen(
                [self.python, *words], env=self.environment, cwd=self.directory, stdout=output, stderr=output
            )

    def post(self, path: str, content: Any) -> Any:
        """The JSON that an address answers."""
        request = urllib.request.Request(
            self.url + path, json.dumps(content).encode(), {"content-type": "application/json"}
        )
        attempts = 10
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as reply:
                    return json.load(reply)
            except urllib.error.HTTPError as exc:
                attempts -= 1
                if exc.code != 503 or not attempts:
                    raise
                time.sleep(0.5)  # a server that is busy says so, and asks to be asked again

    def start(self) -> None:
        """Start both, and register the flow."""
        raise NotImplementedError

    def create(self) -> str:
        """Make a run; its id."""
        raise NotImplementedError

    def latency_s(self) -> float:
        """Seconds from making a run to the first line of its code."""
        began = time.time()
        run_id = self.create()
        wait_for(lambda: self.has_begun(run_id), f"{self.name}: run {run_id} did not begin")
        return float((self.started / run_id).read_text()) - began

    def has_begun(self, run_id: str) -> bool:
        """Whether the code of a run wrote when it began."""
        file = self.started / run_id
        return file.exists() and file.stat().st_size > 0

    def per_second(self, runs: int) -> float:
        """Runs a second, of many that are made at once."""
        before = len(list(self.started.iterdir()))
        ids = [self.create() for _ in range(runs)]
        began = time.time()
        wait_for(
            lambda: len(list(self.started.iterdir())) >= before + runs, f"{self.name}: runs did not begin"
        )
        times = sorted(float((self.started / run_id).read_text() or "inf") for run_id in ids)
        # Some began while others were still being made: only what came after counts.
        late = [moment for moment in times if moment >= began]
        return (len(late) - 1) / (late[-1] - late[0])

    def end(self) -> None:
        """End both."""
        if self.agent is not None:
            self.agent.terminate()
            self.agent.wait(60)
        if self.server is not None:
            self.server.end()


class Ours(Side):
    """This version: a local agent."""

    name = "this version"

    def start(self) -> None:
        """See `Side.start`."""
        port = self.url.rpartition(":")[2]
        command = [self.python, "-m", "prefect", "server", "start", "--hide-welcome", "--port", port]
        command += ["--data-dir", str(self.directory / "data")]
        self.server = ServerProcess(
            command, {"HOME": str(self.directory)}, self.url, "/health", self.directory / "server.log"
        )
        self.environment["PREFECT__CLOUD__API"] = self.url
        (self.directory / "ours.py").write_text(OURS, encoding="utf-8")
        self.run("-m", "prefect", "create", "project", "bench")
        self.run("-m", "prefect", "register", "--project", "bench", "-p", "ours.py")
        self.flow_id = self.post("/graphql", {"query": "{ flow { id } }"})["data"]["flow"][0]["id"]
        self.spawn("-m", "prefect", "agent", "local", "start", "--limit", str(LIMIT))

    def create(self) -> str:
        """See `Side.create`."""
        query = f'mutation {{ create_flow_run(input: {{flow_id: "{self.flow_id}"}}) {{ id }} }}'
        return str(self.post("/graphql", {"query": query})["data"]["create_flow_run"]["id"])


class Prefect3(Side):
    """Prefect 3: a process worker that asks every second."""

    name = "prefect 3"

    def start(self) -> None:
        """See `Side.start`."""
        port = self.url.rpartition(":")[2]
        self.environment.update(
            PREFECT_HOME=str(self.directory),
            PREFECT_API_URL=f"{self.url}/api",
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            PREFECT_WORKER_QUERY_SECONDS="1",
            DO_NOT_TRACK="1",
        )
        prefect = str(Path(self.python).with_name("prefect"))
        command = [prefect, "server", "start", "--host", "127.0.0.1", "--port", port]
        self.server = ServerProcess(
            command, self.environment, self.url, "/api/health", self.directory / "server.log"
        )
        (self.directory / "theirs.py").write_text(THEIRS, encoding="utf-8")
        self.run("-m", "prefect", "work-pool", "create", "pool", "--type", "process")
        self.run("theirs.py")
        self.deployment = self.post("/api/deployments/filter", {})[0]["id"]
        self.spawn(
            "-m", "prefect", "worker", "start", "--pool", "pool", "--type", "process", "--limit", str(LIMIT)
        )

    def create(self) -> str:
        """See `Side.create`."""
        content = {"state": {"type": "SCHEDULED"}}
        return str(self.post(f"/api/deployments/{self.deployment}/create_flow_run", content)["id"])


def wait_for(is_there: Callable[[], bool], failure: str) -> None:
    """Look every 10 ms; files of another process are no event that can be waited for."""
    deadline = time.monotonic() + _TIMEOUT_S
    while not is_there():
        if time.monotonic() > deadline:
            raise SystemExit(failure)
        time.sleep(0.01)


def p95(times: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(times, n=20)[-1]


def mark(is_met: bool) -> str:
    """How a bar is shown."""
    return "✓" if is_met else "**over**"


def table(
    theirs: list[float], ours: list[float], speeds: tuple[float, float], runs: int
) -> tuple[list[str], bool]:
    """The lines of the table, and whether every bar is met."""
    halves = statistics.median(theirs), statistics.median(ours)
    tails = p95(theirs), p95(ours)
    ratio = halves[0] / halves[1]
    met = (
        halves[1] <= MOST_P50_S and ratio >= RATIO,
        tails[1] <= MOST_P95_S,
        speeds[1] >= LEAST_PER_S,
    )
    lines = [
        "| | prefect 3, asks every second | this version | ratio | bar |",
        "|---|---|---|---|---|",
        (
            f"| from making a run to its first line, half of them (p50) | {halves[0] * 1e3:,.0f} ms | {halves[1] * 1e3:,.0f} ms "
            f"| **1/{ratio:.1f}** | {MOST_P50_S * 1e3:.0f} ms, 1/{RATIO} {mark(met[0])} |"
        ),
        (
            f"| 95 of 100 (p95) | {tails[0] * 1e3:,.0f} ms | {tails[1] * 1e3:,.0f} ms | 1/{tails[0] / tails[1]:.1f} "
            f"| {MOST_P95_S * 1e3:.0f} ms {mark(met[1])} |"
        ),
        (
            f"| runs of one task a second, {LIMIT} at a time | {speeds[0]:.1f} | {speeds[1]:.1f} "
            f"| {speeds[1] / speeds[0]:.0f} times | {LEAST_PER_S:.0f} of {runs} {mark(met[2])} |"
        ),
    ]
    return lines, all(met)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--theirs", required=True, help="Python of an environment with Prefect 3")
    parser.add_argument("--rounds", type=int, default=20, help="runs that are made one at a time")
    parser.add_argument(
        "--runs", type=int, default=200, help="runs that are made at once; Prefect 3 gets a fifth"
    )
    parser.add_argument("--write", action="store_true", help=f"write the table to {RESULTS.name}")
    options = parser.parse_args()
    odd = random.Random(1)
    times: tuple[list[float], list[float]] = ([], [])
    with tempfile.TemporaryDirectory(prefix="prefect-bench-", ignore_cleanup_errors=True) as name:
        sides = (
            Prefect3(Path(name, "theirs"), str(Path(options.theirs).absolute())),
            Ours(Path(name, "ours"), sys.executable),
        )
        try:
            for side in sides:
                side.start()
                side.latency_s()  # warm
            for _ in range(options.rounds):
                for side, found in zip(sides, times, strict=True):
                    # Not in step with whoever asks every second; and what ran before has ended.
                    time.sleep(2 + odd.random())
                    found.append(side.latency_s())
            time.sleep(3)
            speeds = sides[0].per_second(options.runs // 5), sides[1].per_second(options.runs)
        finally:
            for side in sides:
                side.end()
    lines, is_met = table(*times, speeds, options.runs)
    print(*lines, sep="\n")
    if options.write:
        RESULTS.write_text(report(lines, options.rounds), encoding="utf-8")
    return 0 if is_met else 1


def report(lines: list[str], rounds: int) -> str:
    """The file with the table."""
    return (
        "# How soon a run begins\n\n"
        f"Made by `make bench-agents AGENT_BENCH_ARGS=--write` on {datetime.date.today():%d %B %Y}: {rounds} runs each, one "
        f"at a time and in turn; {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, each with "
        "a server of its own on SQLite.\n\n" + "\n".join(lines) + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
