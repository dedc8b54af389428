"""Flows end in the API as they did with unmodified 1.4.1.

Every run of the flows in `same_flows/` is made twice against one server: by 1.4.1 and by this version. What
the API then has must be equal: states of the flow run with their messages, states, names and numbers of
attempts of every task run, results that are read back, artifacts, children; and every line of the log of
1.4.1 has to be there. What differs on purpose is in `WANTED`.

`PREFECT_SAME_OUTCOMES=FILE` writes the table of all outcomes to a file, as `make same` does.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from live_server import running_server
from python_1x import python_1x
from same_outcomes import Outcome, Told, differences, outcome_of, registration_of

FLOWS = Path(__file__).with_name("same_flows")


class Wanted(NamedTuple):
    """A difference that is wanted.

    Attributes:
        flows: pattern of the names of the flows.
        difference: pattern of the whole difference.
        listed: beginning of the line of docs/differences.md that says so.
    """

    flows: str
    difference: str
    listed: str


WANTED = (
    Wanted(".*", r"log: \d+ x 'INFO prefect\.inc\[\d\]: .* is missing", "| Lines that a mapped child logs"),
    Wanted("state handlers", r"log: 1 x 'INFO prefect\.fail: softened", "| Lines that a copied task logs"),
    Wanted(
        "an empty map", r"results of inc-1: 'cannot be read' became '\[\]'", "| The result of a map without"
    ),
    Wanted("a parent.*", r"artifacts of create_flow_run-1: None became", "| `create_flow_run` left no link"),
    Wanted(
        "a result that cannot be written",
        r"(tasks of a_generator-1: |log: 1 x )[^\n]*cannot pickle",
        "| An object that cannot be pickled",
    ),
)


def runs_of(file: Path) -> dict[str, list[Any]]:
    """`RUNS` of a file of flows."""
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "RUNS":
            found: dict[str, list[Any]] = ast.literal_eval(statement.value)
            return found
    raise AssertionError(f"{file} has no RUNS")


FILES = sorted(path for path in FLOWS.glob("*.py") if not path.name.startswith("_"))
NAMES = [name for file in FILES for name in runs_of(file)]


@dataclass
class Played:
    """What came of all runs.

    Attributes:
        runs: `{name of the flow: [outcomes of 1.4.1 and of this version]}`.
        registrations: `{name of the flow: what the API has of it from either}`.
        used: wanted differences that were met.
    """

    runs: dict[str, list[tuple[Outcome, Outcome]]] = field(default_factory=dict)
    registrations: dict[str, tuple[Told, Told]] = field(default_factory=dict)
    used: set[Wanted] = field(default_factory=set)

    def unwanted(self, name: str) -> list[str]:
        """Differences in the runs of a flow that nobody wants."""
        found = [line for old, new in self.runs[name] for line in differences(old, new)]
        for line in list(found):
            for wanted in WANTED:
                if re.fullmatch(wanted.flows, name) and re.match(wanted.difference, line):
                    self.used.add(wanted)
                    found.remove(line)
                    break
        return found


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All runs, made by both."""
    folder = tmp_path_factory.mktemp("same")
    pythons = {"old": str(python_1x()), "new": sys.executable}
    key_file = folder / "key"
    options = ("--require-keys", "--bootstrap-key-file", str(key_file))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running_server(folder / "server", "", *options))
        key = key_file.read_text(encoding="utf-8").strip()
        connection = stack.enter_context(closing(server.connect(authorization=f"Bearer {key}")))

        def ask(document: str, variables: Told) -> Any:
            return connection.ask(document, variables).data

        assert connection.mutate("set_secret", "success", name="TOKEN", value={"password": "hunter2"}).data
        players = {
            name: start_player(name, python, folder / name, f"http://localhost:{server.port}", key)
            for name, python in pythons.items()
        }
        try:
            for name, player in players.items():
                output = folder / name / "output.log"
                assert player.wait(300) == 0, output.read_text(errors="replace")[-3000:]
        finally:
            for player in players.values():
                player.kill()
                player.wait()
        connection.close()  # it has been idle for longer than servers keep connections
        played = Played()
        old, new = (
            [json.loads(line) for line in (folder / name / "runs.jsonl").read_text().splitlines()]
            for name in pythons
        )
        for was, now in zip(old, new, strict=True):
            assert (was["flow"], was["number"]) == (now["flow"], now["number"])
            pair = (outcome_of(ask, was), outcome_of(ask, now))
            played.runs.setdefault(was["flow"], []).append(pair)
        for flow in played.runs:
            before, after = (registration_of(ask, project, flow) for project in ("old-flows", "new-flows"))
            played.registrations[flow] = before, after
    if os.environ.get("PREFECT_SAME_OUTCOMES"):
        Path(os.environ["PREFECT_SAME_OUTCOMES"]).write_text(table(played), encoding="utf-8")
    return played


def start_player(name: str, python: str, place: Path, url: str, key: str) -> subprocess.Popen[bytes]:
    """Register and run all flows with a Python, in a process."""
    place.mkdir()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "PYTHON"))
    }
    environment |= {
        "HOME": str(place),
        "SAME_FLOWS_PROJECT": f"{name}-flows",
        "PREFECT__HOME_DIR": str(place),
        "PREFECT__BACKEND": "cloud",
        "PREFECT__CLOUD__API": url,
        "PREFECT__CLOUD__API_KEY": key,
        "PREFECT__CLOUD__CHECK_CANCELLATION_INTERVAL": "1",
        "PREFECT__CLOUD__HEARTBEAT_MODE": "thread",  # a process for each run would cost more than the run
        "PREFECT__CLOUD__LOGGING_HEARTBEAT": "1",
        "PREFECT__CLOUD__SEND_FLOW_RUN_LOGS": "true",
        "PREFECT__CLOUD__USE_LOCAL_SECRETS": "false",
        "PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudFlowRunner",
        "PREFECT__ENGINE__TASK_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudTaskRunner",
        "PREFECT__FLOWS__CHECKPOINTING": "true",
        "PREFECT__LOGGING__LEVEL": "INFO",
        "PYTHONWARNINGS": "ignore",
    }
    with (place / "output.log").open("wb") as output:
        return subprocess.Popen(
            [
                *(python, str(FLOWS / "_play.py"), f"{name}-flows", str(place / "runs.jsonl")),
                *map(str, FILES),
            ],
            env=environment,
            cwd=place,
            stdout=output,
            stderr=output,
        )


def table(played: Played) -> str:
    """All outcomes, as a table in Markdown."""
    lines = [
        "| flow | run | ends | task runs | changes of state | lines of the log | compared with 1.4.1 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, runs in played.runs.items():
        for number, (old, new) in enumerate(runs, 1):
            found = differences(old, new)
            reasons = {
                wanted.listed.strip("| `")
                for wanted in WANTED
                for line in found
                if re.fullmatch(wanted.flows, name) and re.match(wanted.difference, line)
            }
            verdict = "same" if not found else "; ".join(sorted(reasons)) + " …"
            states = sum(map(len, new.tasks.values())) + len(new.states)
            lines.append(
                f"| {name} | {number} | {new.states[-1].partition(':')[0]} | {len(new.tasks)} | {states} "
                f"| {sum(old.logs.values())} → {sum(new.logs.values())} | {verdict} |"
            )
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_flow_ends_as_with_1_4_1(played: Played, name: str) -> None:
    assert not played.unwanted(name), "\n".join(played.unwanted(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_flow_is_registered_as_by_1_4_1(played: Played, name: str) -> None:
    old, new = played.registrations[name]
    assert new == old


def test_only_differences_that_exist_and_are_documented_are_let_pass(played: Played) -> None:
    page = (Path(__file__).parents[3] / "docs" / "differences.md").read_text(encoding="utf-8")
    for name in NAMES:
        played.unwanted(name)
    assert played.used == set(WANTED)
    assert [wanted.listed for wanted in WANTED if f"\n{wanted.listed}" not in page] == []


def test_what_is_compared_tells_runs_apart(played: Played) -> None:
    compared: Callable[[str, str], list[str]] = lambda one, other: differences(
        played.runs[one][0][0], played.runs[other][0][0]
    )
    assert not compared("a chain", "a chain")
    assert any(line.startswith("states: ") for line in compared("a chain", "a task fails"))
    assert any(line.startswith("log: ") for line in compared("logs", "a chain"))
    assert any(line.startswith("artifacts of ") for line in compared("artifacts", "a chain"))
    assert any(line.startswith("results of ") for line in compared("a chain", "retries"))


def test_enough_is_compared() -> None:
    assert len(NAMES) >= 60
    assert len(set(NAMES)) == len(NAMES)
