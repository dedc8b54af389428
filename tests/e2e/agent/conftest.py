"""A real server, and real agents that take runs from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_site import Site, running_site

_FLOWS = """
import os
import subprocess
import time

import prefect
from prefect import Flow, Parameter, task
from prefect.engine.results import LocalResult


@task
def numbers(n):
    return list(range(n))


@task
def double(x):
    return 2 * x


@task
def fail():
    raise ValueError("it does not work")


@task
def note(path):
    print("last words of this process", flush=True)
    with open(path, "w") as stream:
        stream.write(str(os.getpid()))
    time.sleep(60)


@task
def start_another(path):
    child = subprocess.Popen(["sleep", "300"])
    with open(path, "w") as stream:
        stream.write(str(child.pid))
    child.wait()


@task(log_stdout=True)
def tell(names):
    for name in names:
        print(name, os.environ.get(name))


@task
def describe(path):
    import facts  # a file beside this one, which is read by the run and not when it is registered

    facts.write(path)


with Flow("doubled", result=LocalResult()) as doubled:
    double.map(numbers(Parameter("n", default=3)))

with Flow("failing") as failing:
    fail()

with Flow("sleeping") as sleeping:
    note(Parameter("path"))

with Flow("describing") as describing:
    describe(Parameter("path"))

with Flow("with a child") as with_a_child:
    start_another(Parameter("path"))

with Flow("telling") as telling:
    tell(Parameter("names"))
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server whose runs are missed five seconds after the last sign of life."""
    directory = tmp_path_factory.mktemp("agents")
    with running_site(directory, _FLOWS, "--zombie-after", "5") as found:
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that a run makes when it is under way."""
    return tmp_path / "is-running"


@pytest.fixture
def wait_for_file() -> Callable[[Path], int]:
    """Waits until a run wrote its process id."""

    def wait(path: Path) -> int:
        deadline = time.monotonic() + 60
        while not (path.exists() and path.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return int(path.read_text())

    return wait
