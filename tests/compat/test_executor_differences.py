"""Differences of the executors that docs/differences.md lists."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from prefect import Flow, task
from prefect.engine.state import Failed, Success
from prefect.executors import DaskExecutor, LocalDaskExecutor

cloudpickle.register_pickle_by_value(sys.modules[__name__])

IN_PROCESS: dict[str, Any] = {
    "n_workers": 1,
    "threads_per_worker": 1,
    "processes": False,
    "dashboard_address": ":0",
    "silence_logs": 50,
}


@pytest.mark.difference("A process that died took the whole run")
def test_a_process_that_dies_fails_its_task_run_only() -> None:
    @task
    def die_at_two(x: int) -> int:
        if x == 2:
            os._exit(3)
        return x

    with Flow("one dies") as flow:
        mapped = die_at_two.map([1, 2, 3])
    state = flow.run(executor=LocalDaskExecutor("processes", num_workers=1))
    assert state is not None
    assert [type(child) for child in state.result[mapped].map_states] == [Success, Failed, Success]


@pytest.mark.dask
@pytest.mark.difference("`DaskExecutor(performance_report_path=…)` failed")
def test_a_performance_report_needs_no_default_client(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "report.html"
    with Flow("reported") as flow:
        one = task(lambda: 1, name="one")()
    executor = DaskExecutor(cluster_kwargs=IN_PROCESS, performance_report_path=str(path))
    state = flow.run(executor=executor)
    assert state is not None
    assert state.result[one].result == 1
    assert path.exists() or "bokeh" in caplog.text, "the report is drawn by bokeh, where that is installed"


@pytest.mark.dask
@pytest.mark.difference("`DaskExecutor` took the place of the cluster")
def test_the_cluster_goes_on_watching_its_workers() -> None:
    executor = DaskExecutor(cluster_kwargs=IN_PROCESS)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "error"
        )  # "Scheduler already contains a plugin with name worker-status; overwriting."
        with executor.start():
            cluster = executor.client.cluster
            cluster.scale(2)
            executor.client.wait_for_workers(2)
            assert executor.wait([executor.submit(abs, -n) for n in range(3)]) == [0, 1, 2]
            assert len(cluster.scheduler_info["workers"]) == 2
