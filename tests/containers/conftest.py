"""A real container engine, and the image of deploy/ built with it: `make test-image` says where both are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

NEEDED = "needs a container engine and the image of deploy/ (make test-image)"


@pytest.fixture(scope="session")
def image() -> str:
    """The name of the image."""
    name = os.environ.get("PREFECT_TESTS_IMAGE")
    if not name:
        pytest.skip(NEEDED)
    return name


@pytest.fixture
def engine(image: str) -> Iterator[Any]:
    """A client of the engine. Others may use it at the same time."""
    import docker

    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def start(engine: Any) -> Iterator[Callable[..., Any]]:
    """Starts containers, as `engine.containers.run` does; they are gone after the test."""
    started: list[Any] = []

    def start_one(image: str, command: list[str], **options: Any) -> Any:
        started.append(engine.containers.run(image, command, detach=True, **options))
        return started[-1]

    yield start_one
    for container in reversed(started):
        container.remove(force=True)


Run = Callable[..., str]


@pytest.fixture
def run(engine: Any) -> Run:
    """Runs a command in an image, without a network, and gives what it wrote; it has to end with 0."""

    def run_one(image: str, *command: str) -> str:
        container = engine.containers.run(image, list(command), network_mode="none", detach=True)
        # Read when it has ended: what follows a running container may miss its last lines.
        status = container.wait()["StatusCode"]
        written = container.logs().decode(errors="replace")
        container.remove(force=True)
        assert status == 0, f"exit code {status}: {written}"
        return written

    return run_one
