"""Compares this version with prefect 1.4.1: `make bench`.

    python benchmarks/run.py --old .venv-1.4.1/bin/python [--rounds 3] [--quick] [--only map] [--write]

Each round runs every case once with the old and once with the new interpreter, each in a process of its
own, so that what else the machine does meets both. What counts is CPU time, user and system; the median
of the rounds is printed, and the ratio of the medians with the lowest and highest ratio of a round.
Where 1.4.1 would take minutes it gets a smaller n; the column says so, and its cost per item grows with n
or stays, so that this favours it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases.py"
RESULTS = HERE / "RESULTS.md"

QUIET = "CRITICAL"
DEFAULT = "INFO"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        title: what it says.
        case: name in cases.py.
        n_old, n_new: number of items for each side.
        bar: the cost may be at most 1/bar of 1.4.1's.
        logging: level of the logs, which go to the null device.
        quick: part of `--quick`.
    """

    title: str
    case: str
    n_old: int
    n_new: int
    bar: float
    logging: str = QUIET
    quick: bool = False


ROWS = [
    Row("map, quiet", "map_local", 1_000, 10_000, 600, quick=True),
    Row("map, a state handler", "map_handler", 1_000, 10_000, 100, quick=True),
    Row("map, an overridden step", "map_overridden", 1_000, 10_000, 100),
    Row("map, default logging", "map_local", 1_000, 1_000, 200, logging=DEFAULT, quick=True),
    Row("map of map of map, quiet", "map_three_levels", 300, 3_000, 600),
    Row("chain of 1,000, quiet", "chain_local", 1_000, 1_000, 500),
    Row("map with one retry each", "map_retry", 300, 1_000, 400),
    Row("map, Dask threads, quiet", "map_threads", 1_000, 1_000, 300),
    Row("map, Dask threads, default logging", "map_threads", 1_000, 1_000, 150, logging=DEFAULT),
    Row("map, thread pool, quiet", "map_pool", 1_000, 1_000, 300),
    Row("map, Dask cluster of 2, all processes", "map_dask", 1_000, 1_000, 15),
    Row("a flow run of one task", "flow_run", 200, 1_000, 100, quick=True),
    Row("build 10,000 task calls", "build", 10_000, 10_000, 8),
    Row("sorted_tasks, chain of 1,000", "sorted_tasks", 1_000, 1_000, 4_000),
    Row("validate, chain of 1,000", "validate", 1_000, 1_000, 4_000),
    Row("serialize, chain of 1,000", "serialize", 1_000, 1_000, 300),
    Row("serialized_hash, chain of 1,000", "serialized_hash", 1_000, 1_000, 300),
    Row("terminal_tasks, 10,000 tasks", "terminal_tasks", 10_000, 10_000, 1_000),
    Row("upstream_tasks of each of 10,000", "upstream_tasks", 10_000, 10_000, 1_000),
    Row("cron, next(10)", "cron_10", 1_000, 1_000, 10, quick=True),
    Row("cron, next(1,000)", "cron", 1_000, 1_000, 10, quick=True),
    Row("interval, next(10,000)", "interval", 10_000, 10_000, 4, quick=True),
    Row("rrule, next(10,000)", "rrule", 10_000, 10_000, 2, quick=True),
]


@dataclass(frozen=True)
class Command:
    """A whole process: its CPU time, less that of a bare interpreter when `minus_bare`."""

    title: str
    arguments: Sequence[str]
    bar: float
    minus_bare: bool = False


COMMANDS = [
    Command(
        "import, less the bare interpreter",
        ["-c", "from prefect import Flow, task; import prefect.engine"],
        10,
        minus_bare=True,
    ),
    Command("prefect --help", ["prefect", "--help"], 6),
    Command("prefect version", ["prefect", "version"], 8),
]


@dataclass
class Measured:
    """CPU seconds per item, one number per round, and the highest memory."""

    n: int
    costs: list[float] = field(default_factory=list)
    rss_kb: int = 0

    @property
    def cost(self) -> float:
        return statistics.median(self.costs)


def environment(level: str, home: Path) -> dict[str, str]:
    unwanted = ("PREFECT__", "PYTHONDONTWRITEBYTECODE")  # the latter compiles every module in every process
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, "PREFECT__LOGGING__LEVEL": level, "PREFECT__HOME_DIR": str(home), "HOME": str(home)}


def measure_case(python: str, row: Row, n: int, into: Measured, home: Path) -> None:
    output = home / "measured.json"
    subprocess.run(
        [python, str(CASES), row.case, str(n), str(output)],
        check=True,
        env=environment(row.logging, home),
        stdout=subprocess.DEVNULL,
        cwd=home,
    )
    result = json.loads(output.read_text(encoding="utf-8"))
    into.costs.append(result["cpu_s"] / n)
    into.rss_kb = max(into.rss_kb, result["rss_kb"])


def cpu_of(command: Sequence[str], home: Path) -> float:
    """CPU seconds of one process from start to end."""
    process = subprocess.Popen(
        command, env=environment(QUIET, home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=home
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{errors.decode()}")
    return usage.ru_utime + usage.ru_stime


def measure_command(python: str, command: Command, into: Measured, home: Path) -> None:
    if command.arguments[0] == "prefect":
        line = [str(Path(python).with_name("prefect")), *command.arguments[1:]]
    else:
        line = [python, *command.arguments]
    cpu_of(line, home)  # compiles what is not compiled yet
    costs = [cpu_of(line, home) for _ in range(5)]
    cost = statistics.median(costs)
    if command.minus_bare:
        cost -= statistics.median(cpu_of([python, "-c", "pass"], home) for _ in range(5))
    into.costs.append(cost)


def written(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.1f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e6:.1f} µs"


def table_line(title: str, bar: float, old: Measured, new: Measured) -> str:
    ratio = old.cost / new.cost
    ratios = [a / b for a, b in zip(old.costs, new.costs, strict=True)]
    note = "" if old.n == new.n else f" (n = {old.n:,})"
    verdict = "✓" if ratio >= bar else "**over**"
    return (
        f"| {title} | {new.n:,} | {written(old.cost)}{note} | {written(new.cost)} "
        f"| **1/{ratio:,.0f}** ({min(ratios):,.0f} – {max(ratios):,.0f}) | 1/{bar:,.0f} {verdict} |"
    )


@dataclass(frozen=True)
class Growth:
    """How cost and memory grow with n, for one version."""

    title: str
    case: str
    small: int
    large: int
    is_old: bool = False


GROWTHS = [
    Growth("growth: map", "map_local", 1_000, 100_000),
    Growth("growth: map, 1.4.1", "map_local", 1_000, 5_000, is_old=True),
    Growth("growth: chain", "chain_local", 1_000, 10_000),
    Growth("growth: build", "build", 1_000, 10_000),
]


def growth_line(python: str, growth: Growth, home: Path, rounds: int) -> str:
    """Large against small, alternating."""
    row = Row(growth.title, growth.case, growth.small, growth.large, 1)
    few, many = Measured(growth.small), Measured(growth.large)
    for _ in range(1 if growth.is_old else rounds):
        measure_case(python, row, growth.small, few, home)
        measure_case(python, row, growth.large, many, home)
    each = (many.rss_kb - few.rss_kb) * 1024 / (growth.large - growth.small)
    return (
        f"| {growth.title} | {growth.small:,} | {written(few.cost)} | {growth.large:,} | {written(many.cost)} "
        f"| {many.cost / few.cost:.2f} | {each:,.0f} B | {many.rss_kb / 1024:.0f} MB |"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--old", required=True, help="Python of an environment with prefect 1.4.1")
    parser.add_argument("--new", default=sys.executable, help="Python of an environment with this version")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="only the cases that take seconds")
    parser.add_argument("--only", default="", help="only cases whose title contains this")
    parser.add_argument("--write", action="store_true", help=f"write the table to {RESULTS.name}")
    options = parser.parse_args()
    old_python, new_python = (str(Path(name).absolute()) for name in (options.old, options.new))

    lines = [
        "| case | n | 1.4.1, per item | this version | ratio (per round) | bar |",
        "|---|---|---|---|---|---|",
    ]
    missed = 0
    with tempfile.TemporaryDirectory(prefix="prefect-bench-") as directory:
        home = Path(directory)

        def show(line: str) -> None:
            lines.append(line)
            print(line, flush=True)

        print(*lines, sep="\n")
        for row in ROWS:
            if options.only not in row.title or (options.quick and not row.quick):
                continue
            old, new = Measured(row.n_old), Measured(row.n_new)
            for _ in range(options.rounds):
                measure_case(old_python, row, row.n_old, old, home)
                measure_case(new_python, row, row.n_new, new, home)
            missed += old.cost / new.cost < row.bar
            show(table_line(row.title, row.bar, old, new))
        for command in COMMANDS:
            if options.only not in command.title:
                continue
            old, new = Measured(1), Measured(1)
            for _ in range(options.rounds):
                measure_command(old_python, command, old, home)
                measure_command(new_python, command, new, home)
            missed += old.cost / new.cost < command.bar
            show(table_line(command.title, command.bar, old, new))
        growths = [growth for growth in GROWTHS if options.only in growth.title and not options.quick]
        if growths:
            lines.append("")
            show("| with n | n | per item | n | per item | ratio | memory per item | peak |")
            show("|---|---|---|---|---|---|---|---|")
            for growth in growths:
                show(growth_line(old_python if growth.is_old else new_python, growth, home, options.rounds))

    if options.write:
        partial = options.only or options.quick
        text = with_new_lines(lines) if partial else report(lines, options.rounds)
        RESULTS.write_text(text, encoding="utf-8")
    if missed:
        print(f"{missed} bars are missed", file=sys.stderr)
    return 1 if missed else 0


def with_new_lines(lines: list[str]) -> str:
    """The written results, with the lines of the cases that were measured again."""
    new = {line.split("|")[1]: line for line in lines if line.startswith("| ")}
    old = RESULTS.read_text(encoding="utf-8").splitlines()
    return (
        "\n".join(new.get(line.split("|")[1], line) if line.startswith("| ") else line for line in old) + "\n"
    )


def report(lines: list[str], rounds: int) -> str:
    return (
        "# What a run costs\n\n"
        f"Made by `make bench BENCH_ARGS=--write` on {date.today():%d %B %Y}: CPU time (user and system), "
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()} here; "
        "prefect 1.4.1 with the dependencies of January 2023. "
        f"Median of {rounds} alternating rounds; log lines go to the null device.\n\n"
        + "\n".join(lines)
        + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
