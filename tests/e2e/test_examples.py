from __future__ import annotations

import csv
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A copy of the examples, because they write beside themselves."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("output")))


def run_example(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = (
        [sys.executable, str(path)]
        if not words
        else [sys.executable, "-m", "prefect", "run", "-p", str(path), *words]
    )
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def test_every_example_is_tested_here() -> None:
    here = Path(__file__)
    tested = "".join(file.read_text(encoding="utf-8") for file in (here, here.with_name("test_demo.py")))
    for path in EXAMPLES.glob("*.py"):
        assert f'"{path.name}"' in tested


def test_the_package_survey_reports_on_this_environment_and_is_cached_the_second_time(examples: Path) -> None:
    result = run_example(examples / "package_survey.py")
    first, second, *_ = result.stdout.splitlines()
    measured = re.search(r"first run: Success in .* (\d+) packages measured: .*Success", first)
    assert measured is not None
    cached = re.search(r"second run: Success .* packages measured: (\d+) Cached", second)
    assert cached is not None
    assert 10 < int(cached[1]) <= int(measured[1])

    output = examples / "output" / "package-survey"
    report = (output / "report.md").read_text(encoding="utf-8")
    assert f"Python {sys.version.split()[0]}: **{measured[1]} packages**" in report
    assert "| click | " in report or "click" in (output / "most-needed.svg").read_text(encoding="utf-8")
    for chart in ("largest.svg", "most-needed.svg"):
        ET.parse(output / chart)
        assert f"]({chart})" in report
    assert "package-survey" in (output / "flow.html").read_text(encoding="utf-8")
    with sqlite3.connect(output / "survey.sqlite") as database:
        (rows,) = database.execute("SELECT count(*) FROM package").fetchone()
        (version,) = database.execute("SELECT version FROM package WHERE name = 'click'").fetchone()
    database.close()
    assert rows == int(measured[1])
    import importlib.metadata

    assert version == importlib.metadata.version("click")
    for path in output.glob("*.*"):
        assert str(path) in result.stdout


def test_the_package_survey_says_what_is_missing(examples: Path) -> None:
    # Dask and Distributed need packages whose names begin otherwise.
    run_example(examples / "package_survey.py", "--param", "pattern=d*")
    report = (examples / "output" / "package-survey" / "report.md").read_text(encoding="utf-8")
    assert "needed packages are not installed (or not in the survey)" in report


def test_etl_loads_the_good_orders_and_names_the_broken_ones(examples: Path) -> None:
    result = run_example(examples / "etl.py")
    assert "4 of 18 orders were rejected" in result.stdout
    for order in ("1004", "1010", "1013", "1015"):
        assert f"order {order}" in result.stdout
    assert "Traceback" not in result.stdout
    run_example(examples / "etl.py", "--quiet")  # again: the same orders, not twice as many
    with sqlite3.connect(examples / "output" / "etl" / "orders.sqlite") as database:
        loaded = database.execute("SELECT count(*), round(sum(euros), 2) FROM orders").fetchone()
    database.close()
    assert loaded == (14, 371.82)


def test_word_count_counts_in_processes_what_the_texts_say(examples: Path) -> None:
    result = run_example(examples / "word_count.py")
    text = " ".join(path.read_text(encoding="utf-8") for path in (EXAMPLES / "texts").glob("*.txt"))
    nations = len(re.findall(r"\bnation\b", text.lower()))
    assert re.search(rf"\bnation #+ {nations}\n", result.stdout)
    longer = run_example(examples / "word_count.py", "--param", "longer_than=9", "--param", "top=3")
    assert re.search(r"\bproposition #+ 1\n|\bconsecrated? #+ \d\n|\bimpediments #+ 1\n", longer.stdout)


def test_scheduled_runs_at_its_times_until_its_end(examples: Path) -> None:
    result = run_example(examples / "scheduled.py")
    with (examples / "output" / "scheduled" / "disk.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # Three, unless this machine was so busy that the first time had passed before the run began.
    assert 2 <= len(rows) <= 3
    assert result.stdout.count("Beginning Flow run") == len(rows)
    assert {row["folder"] for row in rows} == {str(Path.home())}  # the clock's own parameter
    seconds = [int(row["time"][17:19]) for row in rows]
    assert {(after - before) % 60 for before, after in pairwise(seconds)} == {2}
