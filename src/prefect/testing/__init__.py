"""Helpers for tests of flows and tasks, without side effects and without waiting.

Example:
    ```python
    from prefect.testing import run_flow, run_task


    @task
    def double(x):
        return 2 * x


    @task
    def load(x):
        raise OSError("the database is not there in tests")


    with Flow("doubles") as flow:
        load(double(Parameter("n")))


    def test_double():
        assert run_task(double, x=2).result == 4


    def test_pipeline():
        run = run_flow(flow, parameters={"n": 2}, replace={"load": None})
        assert run.state.is_successful()
        assert run["double"].result == 4


    test_double()
    test_pipeline()
    ```
"""

from __future__ import annotations

from prefect.testing.clock import FakeClock
from prefect.testing.results import MemoryResult
from prefect.testing.runs import FlowRunOutcome, run_flow, run_task

__all__ = ["FakeClock", "FlowRunOutcome", "MemoryResult", "run_flow", "run_task"]
