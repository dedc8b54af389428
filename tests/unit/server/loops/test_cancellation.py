"""Cancelling ends, whether or not the run takes part."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_run_that_does_not_stop_is_called_cancelled(services: Any, failure: Any) -> None:
    api = services.api
    run_id = api.run()
    api.set_flow_state(run_id, "Running")
    task_run_id = api.task_runs(run_id)["a"]
    api.set_task_state(task_run_id, "Running")
    epoch = api.row("flow_run", run_id, "epoch")["epoch"]
    api.mutate("cancel_flow_run", "state", flow_run_id=run_id)
    services.move(59)
    assert services.round(services.cancellation) == 0
    services.move(2)
    assert services.round(services.cancellation) == 1
    assert api.row("flow_run", run_id, "state")["state"] == "Cancelled"
    assert api.row("task_run", task_run_id, "state")["state"] == "Cancelled"
    with pytest.raises(failure):
        api.set_task_state(task_run_id, "Success", epoch=epoch)


def test_a_run_that_stopped_by_itself_is_left_alone(services: Any) -> None:
    api = services.api
    run_id = api.run()
    api.set_flow_state(run_id, "Running")
    api.mutate("cancel_flow_run", "state", flow_run_id=run_id)
    api.set_flow_state(run_id, "Cancelled", state={"message": "by itself"})
    services.move(600)
    services.round(services.cancellation)
    assert api.row("flow_run", run_id, "state_message")["state_message"] == "by itself"


def test_many_runs_are_handled_in_pieces(services: Any) -> None:
    api = services.api
    flow_id = api.flow(tasks=[], edges=[])
    for _ in range(130):
        run_id = api.run(flow_id)
        api.set_flow_state(run_id, "Running")
        api.mutate("cancel_flow_run", "state", flow_run_id=run_id)
    services.move(61)
    assert services.round(services.cancellation) == 130
