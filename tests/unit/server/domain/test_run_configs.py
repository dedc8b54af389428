"""A run config that no agent can serve is refused where it arrives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prefect.server.domain.run_configs import checked_run_config
from prefect.server.errors import BadInputError

RECORDED = json.loads((Path(__file__).parents[3] / "compat" / "wire" / "run_configs.json").read_text())
REFUSED = [
    (
        {"type": "FargateRun"},
        "No agent can serve a run config of type 'FargateRun'. There are UniversalRun, LocalRun",
    ),
    ({"labels": []}, "type None"),
    ({"type": ["LocalRun"]}, "type ['LocalRun']"),
    ({"type": "DockerRun", "image": 5}, "DockerRun: Expected `str | null`, got `int` - at `$.image`"),
    ({"type": "DockerRun", "ports": [80, 70000]}, "DockerRun: 70000 is no port"),
    ({"type": "LocalRun", "env": ["A=1"]}, "at `$.env`"),
    ({"type": "UniversalRun", "labels": "prod"}, "at `$.labels`"),
    ({"type": "KubernetesRun", "job_template": {}, "job_template_path": "p"}, "only one of job_template and"),
    (
        {"type": "KubernetesRun", "image_pull_policy": "Sometimes"},
        "'Sometimes' is none of Always, IfNotPresent, Never",
    ),
    (
        {"type": "ECSRun", "task_definition": {}, "task_definition_arn": "a"},
        "only one of task_definition and",
    ),
    (
        {"type": "ECSRun", "task_definition_arn": "a", "image": "i"},
        "an image can only be part of a task definition",
    ),
    ({"type": "VertexRun", "worker_pool_specs": {}}, "at `$.worker_pool_specs`"),
]


@pytest.mark.parametrize("config", RECORDED, ids=str)
def test_what_1_4_1_writes_is_taken_as_it_is(config: Any) -> None:
    value = RECORDED[config] if isinstance(RECORDED, dict) else config

    assert checked_run_config(value) == value


def test_none_is_none_and_keys_of_later_versions_stay() -> None:
    later = {"type": "DockerRun", "image": "i", "gpus": 2}

    assert checked_run_config(None) is None
    assert checked_run_config(later) == later


@pytest.mark.parametrize(("config", "reason"), REFUSED)
def test_the_reason_is_said(config: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInputError) as caught:
        checked_run_config(config)
    assert reason in str(caught.value)


@pytest.mark.parametrize("value", [[], "LocalRun", 3])
def test_other_json_is_no_run_config(value: Any) -> None:
    with pytest.raises(BadInputError, match="A run config is a JSON object"):
        checked_run_config(value)


def test_a_local_agent_has_no_flows_of_images() -> None:
    local, image = {"type": "LocalRun"}, {"type": "Docker", "image_name": "i"}

    with pytest.raises(BadInputError, match="Docker storage keeps the flow in an image"):
        checked_run_config(local, image)
    for config, storage in (
        ({"type": "DockerRun"}, image),
        ({"type": "UniversalRun"}, image),
        (local, {"type": "Local"}),
    ):
        assert checked_run_config(config, storage) == config


@pytest.mark.parametrize("mutation", ["create_flow_run", "set_flow_group_run_config", "create_flow"])
def test_flows_groups_and_runs_are_not_made_with_it(
    api: Any, failure: type[Exception], flow_json: Any, mutation: str
) -> None:
    config, reason = REFUSED[0]
    flow_id = api.flow()
    group_id = api.row("flow", flow_id, "flow_group_id")["flow_group_id"]
    values, selection = {
        "create_flow_run": ({"flow_id": flow_id, "run_config": config}, "id"),
        "set_flow_group_run_config": ({"flow_group_id": group_id, "run_config": config}, "success"),
        "create_flow": ({"project_id": api.project(), "serialized_flow": flow_json(run_config=config)}, "id"),
    }[mutation]
    columns = "run_config flows { id flow_runs { id } }"
    before = api.row("flow_group", group_id, columns)

    with pytest.raises(failure, match=reason[:40]):
        api.mutate(mutation, selection, **values)
    assert api.row("flow_group", group_id, columns) == before


def test_runs_and_groups_of_flows_in_images_take_no_local_run(api: Any, failure: type[Exception]) -> None:
    flow_id = api.flow(storage={"type": "Docker", "image_name": "i", "flows": {}, "secrets": []})
    group_id = api.row("flow", flow_id, "flow_group_id")["flow_group_id"]
    local, docker = {"type": "LocalRun"}, {"type": "DockerRun"}

    with pytest.raises(failure, match="Docker storage keeps the flow in an image"):
        api.run(flow_id, run_config=local)
    with pytest.raises(failure, match="Docker storage keeps the flow in an image"):
        api.mutate("set_flow_group_run_config", "success", flow_group_id=group_id, run_config=local)

    assert api.run(flow_id, run_config=docker)
    assert api.mutate("set_flow_group_run_config", "success", flow_group_id=group_id, run_config=docker)
    assert api.run(api.flow(), run_config=local)


def test_the_group_of_another_tenant_says_nothing_of_its_storage(
    api: Any, other: Any, failure: type[Exception]
) -> None:
    flow_id = api.flow(storage={"type": "Docker", "image_name": "i", "flows": {}, "secrets": []})
    group_id = api.row("flow", flow_id, "flow_group_id")["flow_group_id"]

    for mutation, values in (
        ("set_flow_group_run_config", {"flow_group_id": group_id}),
        ("create_flow_run", {"flow_id": flow_id}),
    ):
        with pytest.raises(failure) as caught:
            other.mutate(
                mutation,
                "success" if "group" in mutation else "id",
                **values,
                run_config={"type": "LocalRun"},
            )
        assert "Docker" not in str(caught.value)
        assert "not found" in str(caught.value)
