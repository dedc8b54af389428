"""Every request that clients of 1.4.1 send is answered in the shape that they read.

The documents are those that were recorded; ids in them are replaced by ids of a prepared database.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import parse

_DATA = json.loads(
    (Path(__file__).parents[2] / "compat" / "wire_operations.json").read_text(encoding="utf-8")
)
_OPERATIONS: list[dict[str, Any]] = _DATA["operations"]
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

#: Operations that answer with an error when what they name is not there, and that text.
_REFUSED = {
    "secret_value.get": "No value found for the requested key",
    "update_flow_run_heartbeat.update_flow_run_heartbeat": "UUID",  # recorded outside of a flow run, without an id
}
#: Queries that find nothing in our world.
_EMPTY = {
    "flow._query_for_flows.5",  # a flow without a project
    "flow_run._get_flow_run_metadata",  # recorded for a run that is due
    "project.project", "project.delete_project",  # of another project
    "secret_names.exists", "task_run._get_next_task_run_start_time", "task_run._query_for_task_runs.5",
    "task_run.get_latest_cached_states", "task_run.get_latest_cached_states.2",
}  # fmt: skip


@pytest.fixture
def world(api: Any, flow_json: Any, task_json: Any) -> dict[str, str]:
    """One of each thing that the recorded requests name."""
    project_id = api.project("P1")
    doomed_project_id = api.project("P2 to delete")
    flow_id = api.flow(
        project_id,
        name="cap-flow",
        schedule=None,
        parameters=[{"name": "n", "slug": "n", "default": 1, "required": False}],
        tasks=[task_json("MYSECRET-1"), task_json("inc")],
        edges=[],
    )
    run_id = api.run(flow_id, flow_run_name="zz")
    api.set_flow_state(run_id, "Running")
    task_run_id = api.task_runs(run_id)["MYSECRET-1"]
    artifact = api.mutate(
        "create_task_run_artifact", task_run_id=task_run_id, kind="link", data={"link": "x"}
    )
    user_id = api.caller.user_id
    return {
        "tenant": api.caller.tenant_id,
        "project": project_id,
        "doomed_project": doomed_project_id,
        "flow": flow_id,
        "flow_group": api.row("flow", flow_id, "flow_group_id")["flow_group_id"],
        "task": api.rows("task", "id", '(where: {slug: {_eq: "MYSECRET-1"}})')[0]["id"],
        "flow_run": run_id,
        "task_run": task_run_id,
        "artifact": artifact["id"],
        "user": user_id,
        "key": api.mutate("create_api_key", user_id=user_id, name="old")["id"],
        "tag_limit": api.mutate("update_task_tag_limit", tag="db", limit=3)["id"],
        "agent": api.mutate("register_agent", type="LocalAgent", name="agent", labels=["x"])["id"],
        "agent_config": api.mutate("create_agent_config", settings={"a": 1})["id"],
        "key_value": api.mutate("set_key_value", key="k", value=1)["id"],
    }


def _prepared(operation: dict[str, Any], world: dict[str, str]) -> tuple[str, Any]:
    """Document and variables, with ids of the world in the places of the recorded ones."""
    places = {
        "tenant_id": "tenant",
        "project_id": "doomed_project" if operation["root_fields"] == ["delete_project"] else "project",
        "flow_id": "flow",
        "flow_group_id": "flow_group",
        "task_id": "task",
        "flow_run_id": "flow_run",
        "task_run_id": "task_run",
        "task_run_artifact_id": "artifact",
        "user_id": "user",
        "key_id": "key",
        "limit_id": "tag_limit",
        "key_value_id": "key_value",
    }
    table = operation["root_fields"][0].removesuffix("_by_pk")
    own = {"auth_api_key": "key", "task_tag_limit": "tag_limit"}.get(table, table)

    def in_variables(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: world[places[key]] if key in places and inner is not None else in_variables(inner)
                for key, inner in value.items()
            }
        return [in_variables(item) for item in value] if isinstance(value, list) else value

    def in_document(match: re.Match[str]) -> str:
        before = operation["document"][: match.start()]
        key = re.findall(r"(\w+):\s*(?:\{\s*_\w+:\s*)?\[?[\"\s,0-9a-f-]*$", before)[-1]
        name = re.findall(r"project:\s*\{\s*id:\s*\{\s*_eq:\s*\"$", before)
        return world["project" if name else places.get(key, own)]

    return _UUID.sub(in_document, operation["document"]), in_variables(operation["variables_example"])


def _check_shape(found: Any, node: Any, expected: Any, place: str) -> None:
    """The reply has what was selected, in values of the kinds that the recorded reply has."""
    if found is None or node.selection_set is None:
        if node.selection_set is None and isinstance(expected, (str, bool, int)) and not _is_json(place):
            assert found is None or isinstance(found, type(expected)), place
        return
    if isinstance(expected, list):
        assert isinstance(found, list), place
        expected = expected[0] if expected else None
    for entry in found if isinstance(found, list) else [found]:
        assert list(entry) == [field.name.value for field in node.selection_set.selections], place
        for field in node.selection_set.selections:
            name = field.name.value
            recorded = expected.get(name) if isinstance(expected, dict) else None
            _check_shape(entry[name], field, recorded, f"{place}.{name}")


def _is_json(place: str) -> bool:
    return place.endswith((".value", "secret_value"))


def _check(operation: dict[str, Any], api: Any, world: dict[str, str], failure: Any) -> None:
    document, variables = _prepared(operation, world)
    if operation["name"] in _REFUSED:
        with pytest.raises(failure, match=_REFUSED[operation["name"]]):
            api(document, variables)
        return
    data = api(document, variables)

    root = parse(document).definitions[0]
    assert list(data) == operation["root_fields"]
    _check_shape(data, root, operation.get("reply_example", {}).get("data"), "data")
    found = data[operation["root_fields"][0]]
    if operation["kind"] == "mutation":
        assert found is not None
    elif isinstance(found, list):
        assert bool(found) == (operation["name"] not in _EMPTY), operation["name"]


def test_recorded_queries_are_answered(api: Any, world: dict[str, str], failure: Any) -> None:
    for operation in _OPERATIONS:
        if operation["kind"] == "query":
            _check(operation, api, world, failure)


@pytest.mark.parametrize(
    "operation",
    [operation for operation in _OPERATIONS if operation["kind"] == "mutation"],
    ids=lambda operation: operation["name"],
)
def test_a_recorded_mutation_is_answered(
    operation: dict[str, Any], api: Any, world: dict[str, str], failure: Any
) -> None:
    _check(operation, api, world, failure)


def test_all_92_operations_are_there() -> None:
    assert len(_OPERATIONS) == 92
