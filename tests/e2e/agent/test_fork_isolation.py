"""A process that is forked from a warm one is like one that was started afresh."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs are forked on Linux alone")

_FACTS = Path(__file__).parent / "process_facts.py"
_OF_AGENT = ("--env", "TZ=Asia/Tokyo", "--env", "COLOUR=green", "--label", "facts", "--no-hostname-label")


@pytest.fixture
def facts(site: Any) -> Iterator[Path]:
    """The module that runs import, in the folder of the agent."""
    path = site.directory / "facts.py"
    shutil.copy(_FACTS, path)
    yield path
    path.unlink()


def run_and_read(site: Any, path: Path, **environment: str) -> dict[str, Any]:
    """What the process of a run wrote of itself."""
    from prefect.run_configs import LocalRun

    run = site.run(
        "describing",
        parameters={"path": str(path)},
        run_config=LocalRun(env=environment, working_dir=str(path.parent), labels=["facts"]),
    )
    site.wait(run, "Success", "Failed")
    assert site.state(run)[0] == "Success", site.logs(run)
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_forked_process_has_all_that_a_fresh_one_has_and_nothing_more(
    site: Any, tmp_path: Path, facts: Path
) -> None:
    found: dict[str, dict[str, Any]] = {}
    for start in ("--warm-start", "--no-warm-start"):
        with site.agent(start, *_OF_AGENT):
            found[start] = run_and_read(site, tmp_path / start, OF_RUN="yes")["same"]
    forked, fresh = found["--warm-start"], found["--no-warm-start"]
    assert forked == fresh
    assert forked["directory"] == str(tmp_path)
    assert forked["zone"][1] == "Asia/Tokyo"
    assert (forked["environment"]["COLOUR"], forked["environment"]["OF_RUN"]) == ("green", "yes")
    assert forked["own session"] == [True, True]


def test_runs_that_are_forked_share_no_chance_and_see_what_changed_on_disk(
    site: Any, tmp_path: Path, facts: Path
) -> None:
    with site.agent("--warm-start", *_OF_AGENT):
        first = run_and_read(site, tmp_path / "first", ONLY_FIRST="yes")
        facts.write_text(_FACTS.read_text(encoding="utf-8").replace("VERSION = 1", "VERSION = 2_000"))
        second = run_and_read(site, tmp_path / "second")
    for name in ("pid", "random", "uuid", "temporary", "run"):
        assert first["own"][name] != second["own"][name], name
    assert (first["same"]["version"], second["same"]["version"]) == (1, 2000)
    assert "ONLY_FIRST" not in second["same"]["environment"]


def test_limits_and_ignored_signals_of_the_agent_are_those_of_its_runs(
    site: Any, tmp_path: Path, facts: Path
) -> None:
    hook = """
        import resource, signal
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    """
    found: dict[str, dict[str, Any]] = {}
    for start in ("--warm-start", "--no-warm-start"):
        with site.agent(start, *_OF_AGENT, hook=hook):
            found[start] = run_and_read(site, tmp_path / start)["same"]
    forked, fresh = found["--warm-start"], found["--no-warm-start"]
    assert forked["limits"] == fresh["limits"]
    assert forked["limits"]["RLIMIT_NOFILE"] == [300, 300]
    assert forked["handlers"] == fresh["handlers"]
    assert forked["handlers"][str(int(signal.SIGUSR1))].endswith(("SIG_IGN", "1"))
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] != 300
