"""A survey of the Python packages installed here: how big they are, and who needs whom.

    python examples/package_survey.py
    prefect run -p examples/package_survey.py --param pattern='d*'

It reads the metadata and every file of each package, keeps what it found in a SQLite database,
asks the database, and writes a report with charts. Run it twice: what was measured once is read
back the second time, for packages that have not changed.
"""

from __future__ import annotations

import fnmatch
import importlib.metadata
import logging
import sqlite3
import sys
import time
from collections import Counter
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

import prefect
from prefect import Flow, Parameter, case, resource_manager, task
from prefect.engine import signals
from prefect.engine.cache_validators import all_parameters
from prefect.engine.results import LocalResult
from prefect.engine.serializers import JSONSerializer
from prefect.engine.state import State
from prefect.executors import ThreadPoolExecutor
from prefect.tasks.control_flow import merge

OUTPUT = Path(__file__).resolve().parent / "output" / "package-survey"


# --- Look at the packages ----------------------------------------------------------------------
# The list is the same for a minute, as long as it is asked for with the same parameters.
@task(cache_for=timedelta(minutes=1), cache_validator=all_parameters)
def find_packages(pattern: str) -> list[str]:
    names = {
        canonicalize_name(found.metadata["Name"])
        for found in importlib.metadata.distributions()
        if "Name" in found.metadata  # half-removed packages have none
    }
    return sorted(name for name in names if fnmatch.fnmatch(name, pattern))


# A package may be replaced by pip in the very moment in which its metadata is read.
@task(
    max_retries=2,
    retry_delay=timedelta(seconds=0.2),
    retry_on=(OSError, importlib.metadata.PackageNotFoundError),
)
def read_metadata(name: str) -> dict[str, Any]:
    found = importlib.metadata.distribution(name)
    return {
        "name": name,
        "version": found.version,
        "needs": sorted(needed_names(found.requires or [])),
    }


def needed_names(requirements: list[str]) -> set[str]:
    """Names of the packages that are needed on this Python, without those of extras."""
    names: set[str] = set()
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            names.add(canonicalize_name(requirement.name))
    return names


# The target makes a second run fast: a package that has a file there is not measured again. A new
# version has another file.
@task(
    target="sizes/{package[name]}-{package[version]}.json",
    result=LocalResult(dir=str(OUTPUT / "results"), serializer=JSONSerializer()),
    checkpoint=True,
)
def measure(package: dict[str, Any]) -> dict[str, Any]:
    paths = importlib.metadata.distribution(package["name"]).files
    if paths is None:
        raise signals.SKIP(f"{package['name']} has no list of its files", result=None)
    files = size = lines = 0
    for listed in paths:
        path = Path(str(listed.locate()))
        try:
            size += path.stat().st_size
            lines += path.read_bytes().count(b"\n") if path.suffix == ".py" else 0
        except OSError:  # listed, but removed by somebody
            continue
        files += 1
    return {"name": package["name"], "files": files, "bytes": size, "lines": lines}


# --- Keep and ask ------------------------------------------------------------------------------
@resource_manager
class Database:
    """A database for one run. It is closed whatever happens in between."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def setup(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        connection = sqlite3.connect(self.path, check_same_thread=False)
        connection.executescript(
            """
            CREATE TABLE package (
                name TEXT PRIMARY KEY, version TEXT, files INT, bytes INT, lines INT
            );
            CREATE TABLE need (name TEXT, needs TEXT, PRIMARY KEY (name, needs));
            """
        )
        return connection

    def cleanup(self, connection: sqlite3.Connection) -> None:
        connection.close()


@task
def store(
    database: sqlite3.Connection, packages: list[dict[str, Any]], sizes: list[dict[str, Any] | None]
) -> dict[str, int]:
    size_of = {size["name"]: size for size in sizes if size is not None}
    nothing = {"files": 0, "bytes": 0, "lines": 0}
    rows = [{**package, **nothing, **size_of.get(package["name"], {})} for package in packages]
    with database:
        database.executemany("INSERT INTO package VALUES (:name, :version, :files, :bytes, :lines)", rows)
        database.executemany(
            "INSERT INTO need VALUES (?, ?)",
            [(package["name"], needs) for package in packages for needs in package["needs"]],
        )
    return {
        "packages": len(rows),
        "files": sum(row["files"] for row in rows),
        "bytes": sum(row["bytes"] for row in rows),
        "lines": sum(row["lines"] for row in rows),
        "needs": sum(len(package["needs"]) for package in packages),
        "unmeasured": len(rows) - len(size_of),
    }


@task
def ask(database: sqlite3.Connection, question: str) -> list[tuple[Any, ...]]:
    return database.execute(question).fetchall()


LARGEST = "SELECT name, version, files, lines, bytes FROM package ORDER BY bytes DESC, name LIMIT 15"
MOST_NEEDED = """
    SELECT needs, count(*) FROM need JOIN package ON package.name = needs
    GROUP BY needs ORDER BY count(*) DESC, needs LIMIT 15
"""
ALL_THAT_IS_NEEDED = """
    WITH RECURSIVE below (top, name) AS (
        SELECT name, needs FROM need
        UNION SELECT top, needs FROM below JOIN need ON need.name = below.name
    )
    SELECT top, count(*) AS others, sum(bytes) FROM below JOIN package ON package.name = below.name
    WHERE top <> below.name GROUP BY top ORDER BY others DESC, top LIMIT 10
"""
MISSING = "SELECT needs, group_concat(name, ', ') FROM need WHERE needs NOT IN (SELECT name FROM package) GROUP BY needs"


@task
def number_of(rows: list[tuple[Any, ...]]) -> int:
    return len(rows)


@task
def nothing_is_missing() -> str:
    return "Everything that an installed package needs is installed."


@task
def what_is_missing(rows: list[tuple[str, str]]) -> str:
    lines = [f"- **{needs}**, needed by {names}" for needs, names in rows]
    return "\n".join([f"{len(rows)} needed packages are not installed (or not in the survey):", "", *lines])


# --- Report ------------------------------------------------------------------------------------
@task
def draw_bars(title: str, rows: list[tuple[Any, ...]], column: int, path: Path) -> Path:
    """A bar chart of one column of `rows`, whose first column has the names."""
    values = [(str(row[0]), int(row[column])) for row in rows]
    longest = max((value for _, value in values), default=0) or 1
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{70 + 26 * len(values)}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#1c2733">'
    )
    parts = [
        head,
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="20" y="34" font-size="17" font-weight="600">{escape(title)}</text>',
    ]
    for number, (name, value) in enumerate(values):
        top, width = 54 + 26 * number, 400 * value / longest
        text = in_bytes(value) if longest > 100_000 else f"{value:,}"
        parts.append(
            f'<text x="200" y="{top + 13}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="212" y="{top}" width="{width:.1f}" height="17" rx="3" fill="#3d67ff"/>'
            f'<text x="{220 + width:.1f}" y="{top + 13}" fill="#5b6875">{text}</text>'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]), encoding="utf-8")
    return path


def in_bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


@task
def write_report(
    totals: dict[str, int],
    largest: list[tuple[Any, ...]],
    closures: list[tuple[Any, ...]],
    missing: str,
    charts: list[Path],
    path: Path,
) -> Path:
    overview = (
        f"Python {sys.version.split()[0]}: **{totals['packages']} packages** with {totals['files']:,} files, "
        f"{in_bytes(totals['bytes'])}, {totals['lines']:,} lines of Python; {totals['needs']} dependencies."
    )
    lines = [
        "# The Python packages installed here",
        "",
        overview,
        *([f"{totals['unmeasured']} have no list of their files."] if totals["unmeasured"] else []),
        "",
        *[f"![]({chart.name})" for chart in charts],
        "",
        "## The largest",
        "",
        "| package | version | files | lines of Python | size |",
        "|---|---|--:|--:|--:|",
        *[
            f"| {name} | {version} | {files:,} | {code:,} | {in_bytes(size)} |"
            for name, version, files, code, size in largest
        ],
        "",
        "## The ones that bring the most others with them",
        "",
        "| package | others | their size |",
        "|---|--:|--:|",
        *[f"| {name} | {others} | {in_bytes(size or 0)} |" for name, others, size in closures],
        "",
        "## Missing",
        "",
        missing,
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# --- The flow ----------------------------------------------------------------------------------
with Flow("package-survey", executor=ThreadPoolExecutor()) as flow:
    pattern = Parameter("pattern", default="*")

    packages = read_metadata.map(find_packages(pattern))
    sizes = measure.map(packages)

    with Database(OUTPUT / "survey.sqlite") as database:
        totals = store(database, packages, sizes)
        # `upstream_tasks` orders what no value connects: ask after everything is stored.
        largest = ask(database, LARGEST, task_args={"name": "largest"}, upstream_tasks=[totals])
        most_needed = ask(database, MOST_NEEDED, task_args={"name": "most needed"}, upstream_tasks=[totals])
        closures = ask(
            database, ALL_THAT_IS_NEEDED, task_args={"name": "all that is needed"}, upstream_tasks=[totals]
        )
        missing = ask(database, MISSING, task_args={"name": "missing"}, upstream_tasks=[totals])

    is_complete = number_of(missing).is_equal(0)
    with case(is_complete, True):
        good_news = nothing_is_missing()
    with case(is_complete, False):
        bad_news = what_is_missing(missing)

    charts = [
        draw_bars("Size on disk", largest, 4, OUTPUT / "largest.svg"),
        draw_bars("Needed directly by", most_needed, 1, OUTPUT / "most-needed.svg"),
    ]
    report = write_report(totals, largest, closures, merge(good_news, bad_news), charts, OUTPUT / "report.md")


def main() -> int:
    # Results are written only when checkpointing is on; and these two runs tell their own story.
    logging.getLogger("prefect").setLevel("WARNING")
    for attempt in ("first run", "second run"):
        started = time.perf_counter()
        with prefect.context(checkpointing=True):
            state = flow.run()
        assert state is not None
        describe(attempt, state, time.perf_counter() - started)
        if not state.is_successful():
            return 1
    flow.visualize(flow_state=state, filename=str(OUTPUT / "flow.html"))
    print("\nWritten:")
    for path in sorted(OUTPUT.glob("*.*")):
        print(f"  {path}  ({in_bytes(path.stat().st_size)})")
    print()
    print("\n".join((OUTPUT / "report.md").read_text(encoding="utf-8").splitlines()[:22]))
    return 0


def describe(attempt: str, state: State, seconds: float) -> None:
    states: dict[Any, Any] = state.result
    children: list[State] = states[sizes].map_states
    counts = Counter(type(child).__name__ for child in children)
    found = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    print(f"{attempt}: {type(state).__name__} in {seconds:.2f} s; {len(children)} packages measured: {found}")


if __name__ == "__main__":
    sys.exit(main())
