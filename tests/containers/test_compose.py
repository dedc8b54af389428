"""deploy/compose.yaml, run: PostgreSQL, server and agent in containers of their own, and a flow through all of them."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import free_port

from prefect import Client
from prefect.run_configs import UniversalRun
from prefect.storage import Module
from prefect.utilities.storage import extract_flow_from_module

FILE = Path(__file__).resolve().parents[2] / "deploy" / "compose.yaml"
_LIMIT_S = 120


class Stack:
    """The containers of the file, under names and a port of their own.

    This version of podman cannot wait for a healthy container, as the file asks, so `start` does it.
    """

    def __init__(self, program: str, image: str, database: str) -> None:
        self.program = program
        self.name = f"prefect-test-{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        self.environ = {
            **os.environ,
            "POSTGRES_PASSWORD": uuid.uuid4().hex,
            "POSTGRES_IMAGE": database,
            "PREFECT_IMAGE": image,
            "PREFECT_PORT": str(self.port),
        }

    def compose(self, *words: str) -> str:
        done = subprocess.run(
            [self.program, "--file", str(FILE), "--project-name", self.name, *words],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def podman(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["podman", *words], capture_output=True, text=True, check=False, timeout=_LIMIT_S
        )

    def container(self, service: str) -> str:
        return f"{self.name}_{service}_1"

    def logs(self) -> str:
        found = [self.podman("logs", self.container(service)) for service in ("database", "server", "agent")]
        return "\n".join(one.stdout[-3000:] + one.stderr[-3000:] for one in found)

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + _LIMIT_S
        while time.monotonic() < end:
            found = holds()
            if found:
                return found
            time.sleep(0.5)
        pytest.fail(f"{what}: not within {_LIMIT_S} s\n{self.logs()}")

    def is_healthy(self, service: str) -> bool:
        return self.podman("healthcheck", "run", self.container(service)).returncode == 0

    def start(self) -> None:
        for service, others in (("database", ()), ("server", ("--no-deps",)), ("agent", ("--no-deps",))):
            self.compose("up", "--detach", *others, service)
            if service != "agent":
                self.until(lambda service=service: self.is_healthy(service), f"{service} is healthy")

    def remove(self) -> None:
        self.podman(
            "rm", "--force", "--depend", *(self.container(one) for one in ("agent", "server", "database"))
        )
        self.podman("pod", "rm", "--force", f"pod_{self.name}")
        self.podman("network", "rm", "--force", f"{self.name}_default")
        self.podman(
            "volume",
            "rm",
            "--force",
            *(f"{self.name}_{one}" for one in ("agent", "database", "keys", "server")),
        )


@pytest.fixture
def stack(image: str) -> Iterator[Stack]:
    program, database = os.environ.get("PREFECT_TESTS_COMPOSE"), os.environ.get("PREFECT_TESTS_POSTGRES")
    if not program or not database:
        pytest.skip("needs podman-compose and an image of PostgreSQL (make test-image)")
    found = Stack(program, image, database)
    yield found
    found.remove()


def test_the_file_of_compose_runs_a_flow(stack: Stack) -> None:
    stack.start()
    key = stack.podman("exec", stack.container("server"), "cat", "/keys/admin.key").stdout.strip()
    client = Client(api_server=f"http://127.0.0.1:{stack.port}", api_key=key)
    client.create_project("p")
    # A flow that every image has.
    flow = extract_flow_from_module("prefect.hello_world")
    flow.storage, flow.run_config = Module("prefect.hello_world"), UniversalRun()
    flow.storage.add_flow(flow)
    run_id = client.create_flow_run(flow_id=client.register(flow, "p", no_url=True))

    state = stack.until(
        lambda: (found := client.get_flow_run_state(run_id)).is_finished() and found, "the run ends"
    )

    assert state.is_successful(), f"{state}\n{stack.logs()}"
    assert key not in stack.logs()
    assert stack.environ["POSTGRES_PASSWORD"] not in stack.logs()
    # What it knows outlives its containers.
    stack.podman("restart", stack.container("server"))
    stack.until(lambda: stack.is_healthy("server"), "the server is healthy again")
    assert client.get_flow_run_state(run_id).is_successful()
