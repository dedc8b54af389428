"""Settings of a flow group hold for all versions of its flow."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def group(api: Any) -> tuple[str, str]:
    """`(flow, flow group)`."""
    flow_id = api.flow()
    return flow_id, api.row("flow", flow_id, "flow_group_id")["flow_group_id"]


@pytest.mark.parametrize(
    ("mutation", "name", "value"),
    [
        ("disable_flow_heartbeat", "heartbeat_enabled", False),
        ("enable_flow_heartbeat", "heartbeat_enabled", True),
        ("disable_flow_lazarus_process", "lazarus_enabled", False),
        ("enable_flow_lazarus_process", "lazarus_enabled", True),
        ("enable_flow_version_lock", "version_locking_enabled", True),
        ("disable_flow_version_lock", "version_locking_enabled", False),
    ],
)
def test_a_switch_is_seen_in_the_settings_of_group_and_flow(
    api: Any, group: tuple[str, str], mutation: str, name: str, value: bool
) -> None:
    flow_id = group[0]

    assert api.mutate(mutation, "success", flow_id=flow_id) == {"success": True}

    row = api.row("flow", flow_id, "settings flow_group { settings }")
    assert row["settings"][name] is value
    assert row["flow_group"]["settings"] == row["settings"]


def test_settings_of_the_group_hold_for_the_next_version(api: Any) -> None:
    project_id = api.project()
    api.mutate("disable_flow_heartbeat", "success", flow_id=api.flow(project_id))

    assert api.row("flow", api.flow(project_id), "settings")["settings"]["heartbeat_enabled"] is False


def test_description_labels_run_config_and_parameters_are_set_and_cleared(
    api: Any, group: tuple[str, str]
) -> None:
    group_id = group[1]

    def change(**values: Any) -> Any:
        (name,) = values
        short = name.removeprefix("default_")
        api.mutate(f"set_flow_group_{name}", "success", flow_group_id=group_id, **{short: values[name]})
        return api.row("flow_group", group_id, name)[name]

    assert change(description="what it does") == "what it does"
    assert change(labels=["b", "a", "b"]) == ["a", "b"]
    assert change(labels=[]) == []
    assert change(labels=None) is None
    assert change(run_config={"type": "LocalRun"}) == {"type": "LocalRun"}
    assert change(run_config=None) is None
    assert change(default_parameters={"n": 1}) == {"n": 1}


def test_default_parameters_win_over_the_flow_and_lose_to_the_run(api: Any) -> None:
    flow_id = api.flow(
        parameters=[
            {"name": name, "slug": name, "default": "flow", "required": False} for name in ("a", "b", "c")
        ]
    )
    group_id = api.row("flow", flow_id, "flow_group_id")["flow_group_id"]
    api.mutate(
        "set_flow_group_default_parameters",
        "success",
        flow_group_id=group_id,
        parameters={"b": "group", "c": "group"},
    )

    run_id = api.run(flow_id, parameters={"c": "run"})

    assert api.row("flow_run", run_id, "parameters") == {
        "parameters": {"a": "flow", "b": "group", "c": "run"}
    }
