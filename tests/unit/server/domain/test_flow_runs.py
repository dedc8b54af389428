"""Flow runs are made, named, labelled, cancelled and deleted."""

from __future__ import annotations

from typing import Any


def test_a_flow_run_is_scheduled_with_a_pending_task_run_for_each_task(api: Any) -> None:
    run_id = api.run(parameters={"a": 1}, context={"b": 2}, flow_run_name="my-run")

    run = api.row(
        "flow_run",
        run_id,
        "name state version parameters context labels serialized_state state_start_time scheduled_start_time "
        "task_runs(order_by: {task: {slug: asc}}) { map_index version state serialized_state task { slug } "
        "states { state version message } } states { version state message start_time }",
    )

    assert (run["name"], run["state"], run["version"]) == ("my-run", "Scheduled", 1)
    assert run["parameters"] == {"a": 1}
    assert run["context"] == {"b": 2}
    assert run["labels"] == []
    assert run["serialized_state"]["message"] == "Flow run scheduled."
    assert run["state_start_time"] == run["scheduled_start_time"] == api.at(0)
    assert run["states"] == [
        {"version": 1, "state": "Scheduled", "message": "Flow run scheduled.", "start_time": api.at(0)}
    ]
    assert [one["task"]["slug"] for one in run["task_runs"]] == ["a", "b", "c"]
    first = run["task_runs"][0]
    assert (first["map_index"], first["version"], first["state"]) == (-1, 1, "Pending")
    assert first["states"] == [{"state": "Pending", "version": 1, "message": "Task run created"}]
    assert first["serialized_state"]["type"] == "Pending"
