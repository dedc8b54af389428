"""A Dask cluster of containers of the image, as the page "From laptop to cluster" has it, runs the tasks of a flow."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from live_server import free_port

from prefect import Flow, task
from prefect.executors import DaskExecutor


# The Python of the image may be of another patch release than the one here.
@pytest.mark.filterwarnings("ignore:Mismatched versions found")
def test_tasks_of_a_flow_run_on_workers_in_containers(start: Callable[..., Any], image: str) -> None:
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    common = {"network_mode": "host", "environment": {"WHERE": "container"}}
    start(
        image, ["dask", "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"], **common
    )
    for _ in range(2):
        words = ["--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
        start(image, ["dask", "worker", address, *words], **common)

    @task
    def where(x: int) -> tuple[int, str | None]:
        return x * x, os.environ.get("WHERE")

    @task
    def total(pairs: list[tuple[int, str | None]]) -> tuple[int, set[str | None]]:
        return sum(square for square, _ in pairs), {place for _, place in pairs}

    with Flow("squares") as flow:
        result = total(where.map(list(range(200))))
    flow.executor = DaskExecutor(address=address)

    state = flow.run()

    assert state.is_successful(), state
    assert state.result[result].result == (sum(x * x for x in range(200)), {"container"})
