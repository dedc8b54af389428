"""Helpers for tests of flows and tasks, without side effects and without waiting.

Example:

    from prefect.testing import run_flow, run_task

    def test_double():
        assert run_task(double, x=2).result == 4

    def test_pipeline():
        run = run_flow(flow, parameters={"day": "2030-01-01"}, replace={"load": None})
        assert run.state.is_successful()
        assert run["transform"].result == [2, 4]
"""

from __future__ import annotations

from prefect.testing.clock import FakeClock
from prefect.testing.results import MemoryResult
from prefect.testing.runs import FlowRunOutcome, run_flow, run_task

__all__ = ["FakeClock", "FlowRunOutcome", "MemoryResult", "run_flow", "run_task"]
