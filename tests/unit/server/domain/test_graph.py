"""What depends on what, and how mapped children do."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from prefect.server.domain.graph import reachable


def _tasks(api: Any) -> dict[str, str]:
    return {row["slug"]: row["id"] for row in api.rows("task", "slug id")}


def test_downstream_and_upstream_tasks_come_with_their_distance(
    api: Any, task_json: Any, edge_json: Any
) -> None:
    api.flow(
        tasks=[task_json(slug) for slug in "abcde"],
        edges=[edge_json(*pair) for pair in ("ab", "bc", "ac", "cd")],
    )
    tasks = _tasks(api)
    names = {id: slug for slug, id in tasks.items()}

    def walk(direction: str, start: Any, **more: Any) -> dict[str, int]:
        name = f"utility_{direction}_tasks"
        query = f"query($args: {name}_args!) {{ {name}(args: $args) {{ task_id depth tenant_id }} }}"
        rows = api(query, {"args": {"start_task_ids": start, **more}})[name]
        assert {row["tenant_id"] for row in rows} <= {api.caller.tenant_id}
        return {names[row["task_id"]]: row["depth"] for row in rows}

    assert walk("downstream", f"{{{tasks['a']}}}") == {"a": 0, "b": 1, "c": 1, "d": 2}
    assert walk("downstream", [tasks["b"], tasks["e"]]) == {"b": 0, "e": 0, "c": 1, "d": 2}
    assert walk("downstream", f"{{{tasks['a']},{tasks['d']}}}", depth_limit=1) == {
        "a": 0,
        "d": 0,
        "b": 1,
        "c": 1,
    }
    assert walk("upstream", f"{{{tasks['d']}}}") == {"d": 0, "c": 1, "a": 2, "b": 2}
    assert walk("downstream", "{}") == {}


def test_tasks_on_the_way_come_with_their_rows(api: Any, other: Any) -> None:
    flow_id = api.flow()
    run_id = api.run(flow_id)
    start = _tasks(api)["b"]
    query = f"""query($name: String!) {{
        down: utility_downstream_tasks(args: {{start_task_ids: "{{{start}}}"}}) {{
            depth
            task {{ ...named task_runs(where: {{flow_run_id: {{_eq: "{run_id}"}}}}) {{ state }} }}
        }}
        up: utility_upstream_tasks(args: {{start_task_ids: "{{{start}}}"}}) {{
            task {{ ...named task_runs_aggregate(where: {{state: {{_eq: $name}}}}) {{ aggregate {{ count }} }} }}
        }}
        none: utility_upstream_tasks(args: {{start_task_ids: "{{}}"}}) {{ task {{ slug }} }}
    }}
    fragment named on task {{ name: slug __typename }}"""
    runs = [{"state": "Pending"}]

    assert api(query, {"name": "Pending"}) == {
        "down": [
            {"depth": 0, "task": {"name": "b", "__typename": "task", "task_runs": runs}},
            {"depth": 1, "task": {"name": "c", "__typename": "task", "task_runs": runs}},
        ],
        "up": [
            {"task": {"name": "b", "__typename": "task", "task_runs_aggregate": {"aggregate": {"count": 1}}}},
            {"task": {"name": "a", "__typename": "task", "task_runs_aggregate": {"aggregate": {"count": 1}}}},
        ],
        "none": [],
    }
    assert api(query, {"name": "Failed"})["up"][0]["task"]["task_runs_aggregate"]["aggregate"]["count"] == 0
    assert other(query, {"name": "Pending"}) == {"down": [], "up": [], "none": []}


@given(st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8))), st.sets(st.integers(0, 8), min_size=1))
def test_reachable_is_the_smallest_set_closed_under_edges(
    edges: set[tuple[int, int]], starts: set[int]
) -> None:
    pairs = [(str(tail), str(head)) for tail, head in sorted(edges)]
    depths = reachable([str(start) for start in sorted(starts)], pairs)
    assert {str(start) for start in starts} <= depths.keys()
    for tail, head in pairs:
        if tail in depths:
            assert depths[head] <= depths[tail] + 1
    for node, depth in depths.items():
        assert depth == 0 or any(head == node and depths.get(tail) == depth - 1 for tail, head in pairs)


def test_mapped_children_are_summed_up(api: Any) -> None:
    flow_id = api.flow()
    run_id = api.run(flow_id)
    api.set_flow_state(run_id, "Running")
    task_id = _tasks(api)["b"]
    ids = [
        api.mutate("get_or_create_task_run", flow_run_id=run_id, task_id=task_id, map_index=index)["id"]
        for index in range(4)
    ]
    for number, task_run in enumerate(ids[:3]):
        api.set_task_state(task_run, "Running")
        api.move(1)
        if number < 2:
            api.set_task_state(task_run, "Success")
    parent = api.task_runs(run_id)["b"]
    query = f'{{ mapped_children(task_run_id: "{parent}") {{ min_start_time max_end_time state_counts }} }}'

    assert api(query)["mapped_children"] == {
        "min_start_time": api.at(-3),
        "max_end_time": api.at(-1),
        "state_counts": {"Success": 2, "Running": 1, "Pending": 1},
    }
    none = api(query.replace(parent, api.task_runs(run_id)["a"]))["mapped_children"]
    assert none == {"min_start_time": None, "max_end_time": None, "state_counts": {}}
