"""The whole way of runs as tasks of ECS: the real boto3, moto, and tasks that run as processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from agent_site import Site, running_site
from ecs_stand_in import ENVIRONMENT, Ecs, running_ecs
from remote_agents import FLOWS, eventually, running_agent

from prefect.run_configs import ECSRun
from scoreboard import record

pytest.importorskip("moto.server", reason="needs moto (make test-extras)")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

LOGGED = {
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [
        {
            "name": "flow",
            "cpu": 256,
            "memory": 512,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": "flows",
                    "awslogs-region": "eu-west-1",
                    "awslogs-stream-prefix": "run",
                },
            },
        }
    ],
}
WORDS = ("--label", "tasks", "--cluster", "flows", "--env", "FROM_AGENT=x")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("ecs"), FLOWS) as found:
        yield found


@pytest.fixture
def ecs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ecs]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with running_ecs(tmp_path / "ecs") as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        yield found


@pytest.fixture
def words(ecs: Ecs, tmp_path: Path) -> tuple[str, ...]:
    """Options of the agent."""
    definition, more = tmp_path / "definition.yaml", tmp_path / "more.yaml"
    definition.write_text(yaml.safe_dump(LOGGED))
    network = {"awsvpcConfiguration": {"subnets": ecs.subnets, "securityGroups": []}}
    more.write_text(yaml.safe_dump({"networkConfiguration": network}))
    return (*WORDS, "--task-definition", str(definition), "--run-task-kwargs", str(more))


def run(site: Site, flow: str, **parameters: Any) -> str:
    return site.run(flow, labels=["tasks"], run_config=ECSRun(image="flows:1"), parameters=parameters)


def test_a_run_is_a_task_that_succeeds(site: Site, ecs: Ecs, words: tuple[str, ...]) -> None:
    with running_agent(site, "ecs", *words):
        good, bad = run(site, "saying"), run(site, "failing")
        site.wait(good, "Success", "Failed")
        site.wait(bad, "Failed")
    assert site.state(good)[0] == "Success", site.logs(good)
    assert site.has_logged(good, "a word of the flow: hello x")
    assert site.has_logged(good, "Submitted for execution: Task arn:aws:ecs:")
    assert site.has_logged(bad, "it does not work")
    assert len(ecs.processes) == 2
    active = ecs.client.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
    assert active == [], "definitions are for one task"


def test_a_task_that_is_out_of_memory_is_told_of_with_its_last_output(
    site: Site, ecs: Ecs, words: tuple[str, ...], tmp_path: Path
) -> None:
    ecs.oom = True
    path = tmp_path / "pid"
    with running_agent(site, "ecs", *words):
        found = run(site, "sleeping", path=str(path))
        eventually(path.exists, "the run runs")
        began = time.monotonic()
        next(iter(ecs.processes.values())).signal(signal.SIGKILL)
        eventually(lambda: "OutOfMemoryError" in site.logs(found), "the log says why")
        record("F8 (ECS)", "sqlite", None, "<= 15 s", round(time.monotonic() - began, 1))
        assert site.has_logged(found, "exited with code 137")
        assert site.has_logged(found, "last words of this process")
        site.client.cancel_flow_run(found)


def test_the_next_agent_finds_tasks_again_and_a_cancelled_one_is_gone_soon(
    site: Site, ecs: Ecs, words: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "pid"
    with running_agent(site, "ecs", *words) as agent:
        found = run(site, "sleeping", path=str(path))
        eventually(path.exists, "the run runs")
        agent.kill()
    with running_agent(site, "ecs", *words) as agent:
        agent.wait_for("found its task again")
        process = next(iter(ecs.processes.values()))
        assert process.exit_code() is None
        began = time.monotonic()
        site.client.cancel_flow_run(found)
        eventually(lambda: process.exit_code() is not None, "the process is gone")
        record("F25 (ECS)", "sqlite", None, "<= 10 s", round(time.monotonic() - began, 1))
        site.wait(found, "Cancelled")


def test_a_task_that_ecs_refuses_fails_the_run_with_its_words(
    site: Site, ecs: Ecs, words: tuple[str, ...]
) -> None:
    with running_agent(site, "ecs", *words):
        config = ECSRun(task_definition_arn="nothing:1")
        found = site.run("saying", labels=["tasks"], run_config=config)
        message = site.wait(found, "Failed")
    assert "ECS refused the task of the flow run" in message
    assert ecs.processes == {}
