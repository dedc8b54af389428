"""Scenarios of faults: each on both databases, small in every build and in full by `make chaos`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty PostgreSQL database; empty for SQLite."""
    if request.param == "sqlite":
        yield ""
        return
    url, drop = request.getfixturevalue("cluster").copy()
    yield url
    drop()


@pytest.fixture
def start(tmp_path: Path, database_url: str) -> Iterator[Callable[..., Any]]:
    """Starts servers on the database; they are gone after the test."""
    from live_server import running_server

    with contextlib.ExitStack() as stack:
        count = 0

        def start_one(*words: str, broken: str = "", **options: Any) -> Any:
            nonlocal count
            count += 1
            directory = tmp_path / f"server-{count}"
            return stack.enter_context(
                running_server(directory, database_url, *words, broken=broken, **options)
            )

        yield start_one


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path, is_on: str) -> Iterator[Any]:
    """An empty database in this process."""
    from prefect.server.database.store import open_store
    from prefect.server.domain import policy
    from prefect.server.settings import ServerSettings

    url, give_back = "", lambda: None
    if is_on == "postgresql":
        url, give_back = request.getfixturevalue("cluster").lend()
    settings = ServerSettings(tmp_path, connection_url=url, durability="normal")
    policy.use(settings)
    opened = open_store(settings)
    try:
        yield opened
    finally:
        opened.close()
        give_back()


@pytest.fixture(params=["sqlite", "postgresql"])
def is_on(request: pytest.FixtureRequest) -> str:
    """The database that `store` opens."""
    return str(request.param)
