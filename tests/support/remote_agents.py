"""Flows and agents for the tests of agents whose runs are jobs of a cluster or a service."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agent_site import RunningAgent, Site

__all__ = ["FLOWS", "eventually", "running_agent"]

FLOWS = """
import os
import time

import prefect
from prefect import Flow, Parameter, task


@task
def say(word):
    prefect.context.logger.info("a word of the flow: %s %s", word, os.environ.get("FROM_AGENT"))


@task
def fail():
    raise ValueError("it does not work")


@task
def sleep(path):
    print("last words of this process", flush=True)
    with open(path, "w") as stream:
        stream.write(str(os.getpid()))
    time.sleep(120)


with Flow("saying") as saying:
    say(Parameter("word", default="hello"))

with Flow("failing") as failing:
    fail()

with Flow("sleeping") as sleeping:
    sleep(Parameter("path"))
"""


def eventually(found: Callable[[], object], what: str, timeout_s: float = 90) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + timeout_s
    while not found():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)  # another process makes it so


@contextmanager
def running_agent(site: Site, kind: str, *words: str, **environment: str) -> Iterator[RunningAgent]:
    """An agent, ready for work; killed after the block if it is still there."""
    log = site.directory / f"{kind}-{time.monotonic_ns()}.log"
    environ = {**os.environ, "PREFECT__SERVER__ENDPOINT": site.endpoint, **environment}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "agent", kind, "start", "--api", site.endpoint, *words],
            stdout=output,
            stderr=output,
            env=environ,
            cwd=site.directory,
        )
    agent = RunningAgent(process, log)
    try:
        agent.wait_for("Waiting for flow runs")
        yield agent
    finally:
        process.kill()
        process.wait(30)
