"""A restarted flow run does again what failed and what depends on it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def failed(api: Any, task_json: Any, edge_json: Any) -> str:
    """A flow run that Failed: a -> b (mapped) -> c, and d on its own; a child of b failed."""
    flow_id = api.flow(
        tasks=[task_json(slug) for slug in "abcd"],
        edges=[edge_json("a", "b", mapped=True), edge_json("b", "c")],
    )
    run_id = api.run(flow_id)
    api.set_flow_state(run_id, "Running")
    tasks = api.task_runs(run_id)
    task_id = api.rows("task", "id", '(where: {slug: {_eq: "b"}})')[0]["id"]
    for index, state in enumerate(("Success", "Failed")):
        child = api.mutate("get_or_create_task_run", flow_run_id=run_id, task_id=task_id, map_index=index)[
            "id"
        ]
        inputs = {"x": {"type": "LocalResult", "location": "/x", "dir": "/", "__version__": "1.4.1"}}
        api.set_task_state(child, state, state={"cached_inputs": inputs})
    for slug, state in {"a": "Success", "b": "Mapped", "c": "TriggerFailed", "d": "Success"}.items():
        api.set_task_state(tasks[slug], state)
    api.set_flow_state(run_id, "Failed")
    return run_id


def _states(api: Any) -> dict[tuple[str, int], str]:
    rows = api.rows("task_run", "state map_index task { slug }")
    return {(row["task"]["slug"], row["map_index"]): row["state"] for row in rows}


def test_what_failed_and_what_depends_on_it_runs_again(api: Any, failed: str) -> None:
    api.move(60)
    assert api.mutate("restart_flow_run", "id state task_runs", flow_run_id=failed) == {
        "id": failed,
        "state": "Scheduled",
        "task_runs": 2,
    }
    assert _states(api) == {
        ("a", -1): "Success",
        ("b", -1): "Mapped",
        ("b", 0): "Success",
        ("b", 1): "Pending",
        ("c", -1): "Pending",
        ("d", -1): "Success",
    }
    assert api.queue() == [failed]
    child = api.rows(
        "task_run", "version serialized_state states { version }", "(where: {map_index: {_eq: 1}})"
    )[0]
    assert child["version"] == 3
    assert len(child["states"]) == 3
    assert child["serialized_state"]["cached_inputs"]["x"]["location"] == "/x"
    logs = api.rows("log", "message")
    assert logs == [{"message": "Flow run was restarted: 2 task runs will run again."}]


def test_all_runs_again_when_that_is_wanted(api: Any, failed: str) -> None:
    assert api.mutate("restart_flow_run", "task_runs", flow_run_id=failed, from_start=True) == {
        "task_runs": 6
    }
    assert set(_states(api).values()) == {"Pending"}


def test_a_run_that_has_not_ended_or_cannot_run_is_not_restarted(api: Any, failed: str, failure: Any) -> None:
    waiting = api.run()
    with pytest.raises(failure, match="is Scheduled; it can be restarted when it has ended"):
        api.mutate("restart_flow_run", flow_run_id=waiting)
    api.mutate("archive_flow", "success", flow_id=api.row("flow_run", failed, "flow_id")["flow_id"])
    with pytest.raises(failure, match="archived"):
        api.mutate("restart_flow_run", flow_run_id=failed)


def test_a_run_is_restarted_from_a_task_that_succeeded_and_what_failed_elsewhere_runs_too(
    api: Any, failed: str, failure: Any
) -> None:
    here = api.task_runs(failed)["d"]
    assert api.mutate("restart_flow_run", "task_runs", flow_run_id=failed, task_run_id=here) == {
        "task_runs": 3
    }
    states = _states(api)
    assert states["d", -1] == states["c", -1] == states["b", 1] == "Pending"
    assert states["a", -1] == states["b", 0] == "Success"


def test_a_run_that_is_restarted_from_a_task_maps_again_what_comes_after_it(api: Any, failed: str) -> None:
    here = api.task_runs(failed)["a"]
    assert api.mutate("restart_flow_run", "task_runs", flow_run_id=failed, task_run_id=here) == {
        "task_runs": 5
    }
    states = _states(api)
    assert states.pop(("d", -1)) == "Success"
    assert set(states.values()) == {"Pending"}


def test_a_run_is_restarted_from_one_child_of_a_mapped_task(api: Any, failed: str) -> None:
    child = api.rows("task_run", "id", "(where: {map_index: {_eq: 0}})")[0]["id"]
    api.mutate("restart_flow_run", "task_runs", flow_run_id=failed, task_run_id=child)
    states = _states(api)
    assert states["b", 0] == states["b", 1] == states["c", -1] == "Pending"
    assert states["b", -1] == "Mapped"


def test_a_task_run_of_another_flow_run_is_no_place_to_restart_from(
    api: Any, failed: str, failure: Any
) -> None:
    other = api.run(api.row("flow_run", failed, "flow_id")["flow_id"])
    here = api.task_runs(other)["a"]
    with pytest.raises(failure, match="is one of another flow run"):
        api.mutate("restart_flow_run", flow_run_id=failed, task_run_id=here)
    assert api.row("flow_run", failed, "state") == {"state": "Failed"}
