"""From flow runs to ECS tasks, and from tasks to how runs ended: tables of what goes in and what comes out."""

from __future__ import annotations

from typing import Any

import pytest

from prefect.agent._environment import RunSettings
from prefect.agent.ecs._install import agent_task_definition
from prefect.agent.ecs._service import end_of_task
from prefect.agent.ecs._task_spec import (
    TaskDefaults,
    merge_run_task_kwargs,
    run_task_arguments,
    task_definition,
)
from prefect.run_configs import ECSRun
from prefect.utilities.graphql import GraphQLResult

SETTINGS = RunSettings(
    backend="server",
    api="http://server:4200",
    api_key="KEY",
    tenant_id="TENANT",
    labels=["x"],
    log_to_cloud=True,
    log_level="INFO",
)
TEMPLATE = {"networkMode": "awsvpc", "cpu": 1024, "memory": 2048, "containerDefinitions": [{"name": "flow"}]}
GIVEN = {
    "networkMode": "bridge",
    "cpu": "256",
    "tags": [{"key": "k", "value": "v"}],
    "containerDefinitions": [
        {"name": "side"},
        {"name": "flow", "image": "td:1", "environment": [{"name": "A", "value": "td"}]},
    ],
}


def flow_run(config: ECSRun | None = None, **changes: Any) -> GraphQLResult:
    flow = GraphQLResult(
        id="flow-id", name="a flow", version=7, core_version="1.4.1", storage={}, run_config=None
    )
    stored = (config or ECSRun()).serialize()
    return GraphQLResult({"id": "run-id", "name": "run", "flow": flow, "run_config": stored, **changes})


def definition(config: ECSRun | None = None, template: Any = TEMPLATE, **defaults: Any) -> dict[str, Any]:
    return task_definition(flow_run(config), config or ECSRun(), template, TaskDefaults(**defaults))


def arguments(config: ECSRun | None = None, run: Any = None, **changes: Any) -> dict[str, Any]:
    of_agent = changes.pop("of_agent", {})
    started_by = changes.pop("started_by", None)
    return run_task_arguments(
        SETTINGS,
        run or flow_run(config),
        config or ECSRun(),
        TaskDefaults(**changes),
        of_agent=of_agent,
        started_by=started_by,
    )


def variables(found: dict[str, Any]) -> dict[str, str]:
    (container,) = [one for one in found["overrides"]["containerOverrides"] if one["name"] == "flow"]
    return {one["name"]: one["value"] for one in container["environment"]}


def test_a_task_definition_is_what_1_4_1_registered() -> None:
    assert definition(launch_type="FARGATE") == {
        "networkMode": "awsvpc",
        "cpu": "1024",
        "memory": "2048",
        "containerDefinitions": [
            {
                "name": "flow",
                "image": "prefecthq/prefect:1.4.1",
                "environment": [{"name": "PREFECT__CONTEXT__IMAGE", "value": "prefecthq/prefect:1.4.1"}],
            }
        ],
        "family": "prefect-a-flow-run-id",
        "tags": [
            {"key": "prefect:flow-id", "value": "flow-id"},
            {"key": "prefect:flow-version", "value": "7"},
        ],
        "requiresCompatibilities": ["FARGATE"],
    }


def test_a_given_definition_is_completed_and_not_changed() -> None:
    made = definition(ECSRun(execution_role_arn="run"), GIVEN, execution_role_arn="agent")

    side, flow = made["containerDefinitions"]
    assert side == {"name": "side"}
    assert flow["image"] == "td:1"
    assert flow["environment"] == [
        {"name": "PREFECT__CONTEXT__IMAGE", "value": "td:1"},
        {"name": "A", "value": "td"},
    ]
    assert [tag["key"] for tag in made["tags"]] == ["k", "prefect:flow-id", "prefect:flow-version"]
    assert made["executionRoleArn"] == "run"
    assert "image" not in GIVEN["containerDefinitions"][0], "a template is for many runs"
    assert len(GIVEN["tags"]) == 1


def test_the_container_of_the_flow_is_added_with_its_image() -> None:
    made = definition(template={"containerDefinitions": [{"name": "side"}]})

    assert [one.get("image") for one in made["containerDefinitions"]] == [None, "prefecthq/prefect:1.4.1"]


def test_an_image_of_the_run_config_wins() -> None:
    assert definition(ECSRun(image="run:1"), GIVEN)["containerDefinitions"][1]["image"] == "run:1"


def test_a_definition_whose_containers_are_no_list_is_named() -> None:
    with pytest.raises(ValueError, match="`containerDefinitions` must be a list"):
        definition(template={"containerDefinitions": {"name": "flow"}})


def test_a_task_is_told_which_run_it_is() -> None:
    found = arguments(run=flow_run(epoch=3), started_by="agent-id", launch_type="EC2", cluster="c")

    assert variables(found) == {
        "PREFECT__LOGGING__LEVEL": "INFO",
        "PREFECT__CLOUD__SEND_FLOW_RUN_LOGS": "true",
        "PREFECT__CLOUD__USE_LOCAL_SECRETS": "false",
        "PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudFlowRunner",
        "PREFECT__ENGINE__TASK_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudTaskRunner",
        "PREFECT__BACKEND": "server",
        "PREFECT__CLOUD__API": "http://server:4200",
        "PREFECT__CONTEXT__FLOW_RUN_ID": "run-id",
        "PREFECT__CONTEXT__FLOW_ID": "flow-id",
        "PREFECT__CONTEXT__FLOW_RUN_EPOCH": "3",
        "PREFECT__CLOUD__API_KEY": "KEY",
        "PREFECT__CLOUD__TENANT_ID": "TENANT",
        "PREFECT__CLOUD__AGENT__LABELS": "['x']",
        "PREFECT__LOGGING__LOG_TO_CLOUD": "true",
        "PREFECT__CLOUD__AUTH_TOKEN": "KEY",
    }
    assert found["overrides"]["containerOverrides"][0]["command"] == [
        "/bin/sh",
        "-c",
        "prefect execute flow-run",
    ]
    assert (found["launchType"], found["cluster"], found["startedBy"]) == ("EC2", "c", "agent-id")


def test_what_the_run_says_wins_over_the_agent() -> None:
    config = ECSRun(
        env={"A": 1},
        cpu="1 vcpu",
        memory="2 GB",
        task_role_arn="tr",
        execution_role_arn="er",
        run_task_kwargs={
            "cluster": "run",
            "overrides": {
                "cpu": "9",
                "containerOverrides": [
                    {
                        "name": "flow",
                        "cpu": 1,
                        "environment": [{"name": "A", "value": "kw"}, {"name": "Z", "value": "kw"}],
                    },
                    {"name": "x", "cpu": 1},
                ],
            },
        },
    )
    found = arguments(
        config, cluster="agent", task_role_arn="atr", of_agent={"A": "agent", "C": "c"}, launch_type="EC2"
    )

    assert found["cluster"] == "run"
    overrides = found["overrides"]
    assert (overrides["taskRoleArn"], overrides["executionRoleArn"]) == ("tr", "er")
    assert (overrides["cpu"], overrides["memory"]) == ("1 vcpu", "2 GB")
    assert [(one["name"], one["cpu"]) for one in overrides["containerOverrides"]] == [("flow", 1), ("x", 1)]
    given = variables(found)
    assert (given["A"], given["C"], given["Z"]) == ("1", "c", "kw")


def test_a_capacity_provider_takes_the_place_of_a_launch_type() -> None:
    strategy = [{"capacityProvider": "spot"}]
    found = arguments(launch_type="FARGATE", run_task_kwargs={"capacityProviderStrategy": strategy})

    assert "launchType" not in found
    assert found["capacityProviderStrategy"] == strategy


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"a": 2, "b": 1}, {"a": 2, "b": 1}),
        ({"overrides": {"cpu": 1}}, {}, {"overrides": {"cpu": 1}}),
        (
            {"overrides": {"cpu": 1, "containerOverrides": [{"name": "flow", "cpu": 2}, {"name": "x"}]}},
            {
                "overrides": {
                    "memory": 1,
                    "containerOverrides": [{"name": "flow", "memory": 2}, {"name": "z"}],
                }
            },
            {
                "overrides": {
                    "cpu": 1,
                    "memory": 1,
                    "containerOverrides": [
                        {"name": "flow", "cpu": 2, "memory": 2},
                        {"name": "x"},
                        {"name": "z"},
                    ],
                }
            },
        ),
        # All else is taken as a whole.
        ({"tags": [1], "n": {"a": 1}}, {"tags": [2], "n": {"b": 1}}, {"tags": [2], "n": {"b": 1}}),
    ],
)
def test_arguments_are_merged_as_1_4_1_did(first: Any, second: Any, expected: Any) -> None:
    assert merge_run_task_kwargs(first, second) == expected


def task(exit_code: int | None = None, reason: str | None = None, **more: Any) -> dict[str, Any]:
    container = {"name": "flow", "exitCode": exit_code, "reason": reason}
    return {"containers": [{"name": "side", "exitCode": 9}, container], **more}


@pytest.mark.parametrize(
    ("found", "exit_code", "reason", "is_lost"),
    [
        (
            task(0, stopCode="EssentialContainerExited", stoppedReason="Essential container in task exited"),
            0,
            "",
            False,
        ),
        (
            task(3, stopCode="EssentialContainerExited", stoppedReason="Essential container in task exited"),
            3,
            "",
            False,
        ),
        (
            task(137, "OutOfMemoryError: killed", stopCode="EssentialContainerExited"),
            137,
            "OutOfMemoryError: killed",
            False,
        ),
        (
            task(
                None,
                "CannotPullContainerError: no such image",
                stopCode="TaskFailedToStart",
                stoppedReason="Task failed",
            ),
            None,
            "CannotPullContainerError: no such image; Task failed",
            True,
        ),
        (
            task(143, stopCode="SpotInterruption", stoppedReason="Your Spot Task was interrupted."),
            143,
            "Your Spot Task was interrupted.",
            False,
        ),
        (task(None), None, "its container did not start", True),
    ],
)
def test_how_a_task_ended(found: Any, exit_code: int | None, reason: str, is_lost: bool) -> None:
    ended = end_of_task(found, "last words")

    assert (ended.exit_code, ended.reason, ended.is_lost, ended.output) == (
        exit_code,
        reason,
        is_lost,
        "last words",
    )


def test_a_key_that_is_a_secret_is_not_in_the_task_definition_of_the_agent() -> None:
    made = agent_task_definition(
        ["prefect", "agent", "ecs", "start"],
        image="i",
        launch_type="fargate",
        api="http://server",
        key="KEY",
        key_secret_arn="arn:secret",
        tenant_id=None,
        task_role_arn="role",
        execution_role_arn=None,
    )
    (container,) = made["containerDefinitions"]
    assert container["secrets"] == [{"name": "PREFECT__CLOUD__API_KEY", "valueFrom": "arn:secret"}]
    assert "KEY" not in str(container["environment"])
    assert made["taskRoleArn"] == "role"
    assert made["requiresCompatibilities"] == ["FARGATE"]
