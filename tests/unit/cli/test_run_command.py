from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from prefect import Flow, Task
from prefect.cli import cli
from prefect.cli._execution import _workers_write_here
from prefect.executors import (
    DaskExecutor,
    Executor,
    LocalDaskExecutor,
    LocalExecutor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from prefect.testing import FakeClock

FLOWS = """
import prefect
from prefect import Flow, Parameter, task

@task
def show(x):
    logger = prefect.context.logger
    logger.info(f"x is {x!r}")
    logger.debug("a detail")
    for name in ("color", "flow_run_name", "nested"):
        logger.info(f"{name} is {prefect.context.get(name)!r}")

@task
def fail():
    raise ValueError("this is why")

@task
def children(n):
    if n > 1:
        raise ValueError("too big")

with Flow("good") as good:
    show(Parameter("x", default=1))

with Flow("bad") as bad:
    fail()

with Flow("mapped") as mapped:
    children.map([0, 1, 2, 3])
"""


@pytest.fixture
def flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "path", sys.path[:])
    path = tmp_path / "flows.py"
    path.write_text(FLOWS, encoding="utf-8")
    return str(path)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["run", *words])


def test_hello_world_greets_whom_it_is_told_to() -> None:
    result = run("-m", "prefect.hello_world", "--param", "name=marvin")
    assert result.exit_code == 0
    assert "| INFO    | Hello Marvin\n" in result.stdout
    assert "Flow run succeeded!" in result.stdout


def test_progress_goes_to_standard_error_and_logs_to_standard_output(flows: str) -> None:
    result = run("-p", flows, "-n", "good", "--param", "x=[1]", "--context", "color=red")
    assert "x is [1]" in result.stdout
    assert f"Flow 'good' of {flows}" in result.stderr
    assert "parameters: x=[1]" in result.stderr
    assert "context: color='red'" in result.stderr
    assert "Flow 'good'" not in result.stdout


def test_quiet_prints_log_lines_and_nothing_else(flows: str) -> None:
    result = run("-p", flows, "-n", "good", "--quiet", "--label", "x")
    assert result.stderr == ""
    assert "x is 1" in result.stdout
    assert all(" | " in line for line in result.stdout.splitlines())


def test_no_logs_prints_the_outcome_only(flows: str) -> None:
    result = run("-p", flows, "-n", "good", "--no-logs")
    assert result.stdout.startswith("Flow run succeeded! (")
    assert run("-p", flows, "-n", "good", "--no-logs", "--quiet").output == ""


def test_context_values_are_json_and_nest(flows: str) -> None:
    result = run("-p", flows, "-n", "good", "--context", "color=red", "--context", 'nested={"a": [1]}')
    assert "color is 'red'" in result.stdout
    assert "nested is {'a': [1]}" in result.stdout


def test_the_run_may_have_a_name(flows: str) -> None:
    assert "flow_run_name is 'nightly'" in run("-p", flows, "-n", "good", "--run-name", "nightly").stdout


@pytest.mark.parametrize(("level", "seen"), [("debug", True), ("DEBUG", True), ("info", False)])
def test_the_log_level_takes_any_case(flows: str, level: str, seen: bool) -> None:
    before = logging.getLogger("prefect").level
    assert ("a detail" in run("-p", flows, "-n", "good", "--log-level", level).stdout) is seen
    assert logging.getLogger("prefect").level == before


def test_handlers_are_as_before_after_a_run(flows: str) -> None:
    logger = logging.getLogger("prefect")
    before = logger.handlers[:]
    run("-p", flows, "-n", "good")
    assert logger.handlers == before


def test_a_failed_run_exits_with_1_and_says_what_failed(flows: str) -> None:
    result = run("-p", flows, "-n", "bad")
    assert result.exit_code == 1
    assert "  fail: ValueError: this is why\n" in result.stdout
    assert "Flow run failed!" in result.stdout
    # The traceback in the log is the user's.
    assert f'File "{flows}", line' in result.stdout
    assert "task_runner.py" not in result.stdout
    assert "task_plan.py" not in result.stdout


def test_equal_failures_of_children_are_told_once(flows: str) -> None:
    result = run("-p", flows, "-n", "mapped", "--no-logs")
    assert "  children[2] and 1 more: ValueError: too big\n" in result.stdout


def test_param_wins_over_param_file_and_says_so(flows: str, tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    file.write_text('{"x": "from file"}', encoding="utf-8")
    assert "x is 'from file'" in run("-p", flows, "-n", "good", "--param-file", str(file)).stdout
    both = run("-p", flows, "-n", "good", "--param-file", str(file), "--param", "x=mine")
    assert "x is 'mine'" in both.stdout
    assert "Both --param-file and --param set x; the value of --param is used." in both.stderr


@pytest.mark.parametrize(
    "options", [["--label", "a"], ["--idempotency-key", "k"], ["--watch"], ["--execute"]]
)
def test_options_for_a_server_have_no_effect_locally_and_say_so(flows: str, options: list[str]) -> None:
    result = run("-p", flows, "-n", "good", *options)
    assert result.exit_code == 0
    assert f"{options[0]} has no effect on a local run." in result.stderr


def test_schedule_without_one_is_ignored(flows: str) -> None:
    result = run("-p", flows, "-n", "good", "--schedule")
    assert result.exit_code == 0
    assert "has no schedule; it runs once, now." in result.stderr


def test_a_schedule_is_followed_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])
    path = tmp_path / "scheduled.py"
    path.write_text(
        "import datetime\n"
        "from prefect import Flow, Parameter, task\n"
        "from prefect.schedules import Schedule\n"
        "from prefect.schedules.clocks import DatesClock\n"
        "days = [datetime.datetime(2030, 1, day, tzinfo=datetime.timezone.utc) for day in (2, 3)]\n"
        "clock = DatesClock(days, parameter_defaults={'x': 'of the clock'})\n"
        "@task(log_stdout=True)\n"
        "def show(x): print('x is', x)\n"
        "with Flow('dates', schedule=Schedule(clocks=[clock])) as flow: show(Parameter('x'))\n",
        encoding="utf-8",
    )
    with FakeClock("2030-01-01T00:00:00"):
        once = run("-p", str(path), "--param", "x=mine")
        assert once.stdout.count("x is mine") == 1
        followed = run("-p", str(path), "--schedule")
        assert followed.exit_code == 0
        assert followed.stdout.count("x is of the clock") == 2


def test_a_cycle_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])
    path = tmp_path / "cycle.py"
    path.write_text(
        "from prefect import Flow, Task\n"
        "a, b = Task('a'), Task('b')\n"
        "flow = Flow('cyclic')\n"
        "flow.add_edge(a, b)\nflow.add_edge(b, a)\n",
        encoding="utf-8",
    )
    result = run("-p", str(path))
    assert result.exit_code == 1
    assert "Error: Flow 'cyclic' cannot run: Cycle found" in result.stderr
    assert "Traceback" not in result.output


def test_the_help_shows_examples_and_the_meaning_of_exit_codes() -> None:
    output = run("--help").output
    assert "prefect run -m prefect.hello_world --param name=Marvin" in output
    assert "Exit status" in output
    assert "COMMAND" not in output


def test_processes_that_a_run_starts_get_its_log_level(flows: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    class Watching(LocalExecutor):
        def submit(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(os.environ.get("PREFECT__LOGGING__LEVEL"))
            return super().submit(fn, *args, **kwargs)

    flow = Flow("watched", tasks=[Task("x")], executor=Watching())
    monkeypatch.setattr("prefect.cli.run.find_flow", lambda **_: flow)
    for options, expected in (
        (["--log-level", "error"], "ERROR"),
        (["--no-logs"], "CRITICAL"),
        (["--quiet"], None),
    ):
        seen.clear()
        assert run("-p", flows, *options).exit_code == 0
        assert set(seen) == {expected}
        assert "PREFECT__LOGGING__LEVEL" not in os.environ


@pytest.mark.parametrize(
    ("executor", "write_here"),
    [
        (LocalExecutor(), False),
        (ThreadPoolExecutor(), False),
        (ProcessPoolExecutor(), False),
        (LocalDaskExecutor(scheduler="processes"), False),
        (DaskExecutor(), True),
        (Executor(), True),
    ],
)
def test_only_executors_whose_processes_do_not_report_home_write_here(
    executor: Executor, write_here: bool
) -> None:
    assert _workers_write_here(Flow("f", executor=executor)) is write_here
