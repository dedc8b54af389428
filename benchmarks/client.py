"""What a backend run costs its client: `make bench-client`.

    python benchmarks/client.py [--tasks 1000] [--rounds 3] [--only-runs] [--only-watch] [--write]

A server is started for it. Runs of mapped tasks are measured in processes of their own: CPU time of all
their threads for each task (1 ms at most), and requests for 100 tasks (4 at most). `prefect run --watch` is
measured beside a run that takes a while and writes ten lines a second: what it takes of a core, less what
it takes to watch a run that has ended (1 % at most). Linux only.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from client_run import CASES
from server_process import ServerProcess, free_port

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS-client.md"
MOST_US, MOST_REQUESTS = 1_000.0, 4.0
#: Lines a second, and the part of a core that showing them may take.
WATCHED = {10: 0.01, 200: 0.05}

_TALKS = """
import time

import prefect
from prefect import Flow, Parameter, task


@task
def talk(seconds, lines):
    for number in range(10 * seconds):
        for _ in range(lines // 10):
            prefect.context.logger.info("line %d of a run that takes a while", number)
        time.sleep(0.1)


with Flow("talks") as flow:
    talk(Parameter("seconds"), Parameter("lines"))
"""


def prefect(url: str, directory: Path, *words: str) -> str:
    """Output of a command."""
    environment = {**os.environ, "PREFECT__CLOUD__API": url, "HOME": str(directory), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "prefect", *words]
    done = subprocess.run(
        command, env=environment, cwd=directory, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def cpu_of_watching(url: str, directory: Path, run_id: str) -> tuple[float, float]:
    """Seconds of CPU that `prefect watch` takes until a run has ended, and of the clock."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    prefect(url, directory, "watch", run_id)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        time.perf_counter() - began,
    )


def watch(url: str, directory: Path, seconds: int, lines: int) -> float:
    """The part of a core that watching a run takes which writes so many lines a second."""
    (directory / "talks.py").write_text(_TALKS, encoding="utf-8")
    prefect(url, directory, "create", "project", "talks", "--skip-if-exists")
    prefect(url, directory, "register", "--project", "talks", "-p", "talks.py")
    words = ("run", "-n", "talks", "--project", "talks", "--param", f"seconds={seconds}", "--quiet")
    words += ("--param", f"lines={lines}")
    run_id = prefect(url, directory, *words).strip()
    environment = {
        **os.environ,
        "PREFECT__CLOUD__API": url,
        "HOME": str(directory),
        "PREFECT__CONTEXT__FLOW_RUN_ID": run_id,
    }
    command = [sys.executable, "-m", "prefect", "execute", "flow-run"]
    # Its own CPU is counted when it is waited for, which is after the watching.
    run = subprocess.Popen(command, env=environment, cwd=directory, stdout=subprocess.DEVNULL)
    try:
        live, wall = cpu_of_watching(url, directory, run_id)
    finally:
        run.wait()
    ended = min(cpu_of_watching(url, directory, run_id)[0] for _ in range(3))
    return (live - ended) / wall


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--watch-s", type=int, default=30, help="length of the run that is watched")
    parser.add_argument("--only-runs", action="store_true", help="leave watching out")
    parser.add_argument("--only-watch", action="store_true", help="leave runs out")
    parser.add_argument("--write", action="store_true", help=f"write the table to {RESULTS.name}")
    options = parser.parse_args()
    lines = [
        f"| a backend run of {options.tasks:,} mapped tasks | CPU of the client for each | requests for 100 | bar |",
        "|---|---|---|---|",
    ]
    print(*lines, sep="\n")
    missed = 0
    with tempfile.TemporaryDirectory(prefix="prefect-bench-") as name:
        directory, port = Path(name), free_port()
        url = f"http://localhost:{port}"
        words = ["server", "start", "--hide-welcome", "--port", str(port), "--data-dir", f"{name}/data"]
        command = [sys.executable, "-m", "prefect", *words]
        server = ServerProcess(command, {"HOME": name}, url, "/health", directory / "server.log")
        try:
            for case in CASES if not options.only_watch else ():
                us, requests = zip(
                    *(one_run(url, directory, case, options.tasks) for _ in range(options.rounds)),
                    strict=True,
                )
                cost, asked = statistics.median(us), statistics.median(requests)
                is_met = cost <= MOST_US and asked <= MOST_REQUESTS
                missed += not is_met
                lines.append(
                    f"| {case} | {cost:.0f} µs | {asked:.1f} | {MOST_US:.0f} µs, {MOST_REQUESTS:.0f} {mark(is_met)} |"
                )
                print(lines[-1], flush=True)
            if not options.only_runs:
                lines += [
                    "",
                    "| `prefect watch` of a run that writes | part of a core | bar |",
                    "|---|---|---|",
                ]
                print(*lines[-3:], sep="\n")
                for rate, most in WATCHED.items():
                    part = watch(url, directory, options.watch_s, rate)
                    missed += part > most
                    lines.append(f"| {rate} lines a second | {part:.2%} | {most:.0%} {mark(part <= most)} |")
                    print(lines[-1], flush=True)
        finally:
            server.end()
    if options.write:
        RESULTS.write_text(report(lines, options.rounds), encoding="utf-8")
    return 1 if missed else 0


def one_run(url: str, directory: Path, case: str, tasks: int) -> tuple[float, float]:
    """CPU of a run in µs for each task, and requests for 100."""
    command = [sys.executable, str(HERE / "client_run.py"), url, case, str(tasks)]
    environment = {**os.environ, "HOME": str(directory)}
    done = subprocess.run(
        command, env=environment, cwd=directory, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    return float(found["us"]), float(found["requests"])


def mark(is_met: bool) -> str:
    return "✓" if is_met else "**over**"


def report(lines: list[str], rounds: int) -> str:
    return (
        "# What a backend run costs its client\n\n"
        f"Made by `make bench-client CLIENT_BENCH_ARGS=--write` on {datetime.date.today():%d %B %Y}: CPU time (user and "
        f"system, all threads), median of {rounds} rounds; {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}, a server on SQLite. Results are in files (`LocalResult`); a file is written before "
        "its state is sent.\n\n" + "\n".join(lines) + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
