"""From flow runs to custom jobs of Vertex AI, and from jobs to how runs ended: tables of what goes in and comes out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from prefect.agent._environment import RunSettings
from prefect.agent.vertex._job_spec import custom_job, job_variables
from prefect.agent.vertex._service import end_of_job
from prefect.run_configs import VertexRun
from prefect.utilities.graphql import GraphQLResult

SETTINGS = RunSettings(
    backend="server",
    api="http://server:4200",
    api_key="KEY",
    tenant_id="TENANT",
    labels=[],
    log_to_cloud=True,
    log_level="INFO",
)


def flow_run(config: VertexRun | None = None, **changes: Any) -> GraphQLResult:
    flow = GraphQLResult(id="flow-id", name="a flow", core_version="1.4.1", storage={}, run_config=None)
    stored = (config or VertexRun()).serialize()
    return GraphQLResult({"id": "run-id", "name": "a run", "flow": flow, "run_config": stored, **changes})


def job(config: VertexRun | None = None, account: str | None = None, **changes: Any) -> dict[str, Any]:
    return custom_job(
        flow_run(config, **changes),
        config or VertexRun(),
        {"A": "run"},
        service_account=account,
        agent_id="Agent-Id",
    )


def test_a_job_is_what_1_4_1_made_and_carries_what_finds_it_again() -> None:
    assert job(epoch=3) == {
        "display_name": "a-flow-a-run",
        "labels": {
            "prefect-flow-run-id": "run-id",
            "prefect-flow-run-attempt": "3",
            "prefect-agent-id": "agent-id",
        },
        "job_spec": {
            "worker_pool_specs": [
                {
                    "machine_spec": {"machine_type": "e2-standard-4"},
                    "replica_count": 1,
                    "container_spec": {
                        "image_uri": "prefecthq/prefect:1.4.1",
                        "command": ["prefect", "execute", "flow-run"],
                        "args": [],
                        "env": [{"name": "A", "value": "run"}],
                    },
                }
            ]
        },
    }


@pytest.mark.parametrize(
    ("config", "account", "expected"),
    [
        ({}, "agent", {"service_account": "agent"}),
        ({"service_account": "run"}, "agent", {"service_account": "run"}),
        (
            {"network": "net", "scheduling": {"timeout": "60s"}},
            None,
            {"network": "net", "scheduling": {"timeout": "60s"}},
        ),
    ],
)
def test_options_of_the_run_win_over_those_of_the_agent(
    config: dict[str, Any], account: str | None, expected: dict[str, Any]
) -> None:
    spec = job(VertexRun(**config), account)["job_spec"]

    assert {name: value for name, value in spec.items() if name != "worker_pool_specs"} == expected


def test_the_first_pool_runs_the_flow_and_others_are_left_alone() -> None:
    pools = [
        {
            "machine_spec": {"machine_type": "x"},
            "container_spec": {
                "image_uri": "own:1",
                "env": [{"name": "Q", "value": "1"}, {"name": "A", "value": "2"}],
            },
        },
        {"replica_count": 2},
    ]
    first, second = job(VertexRun(worker_pool_specs=pools))["job_spec"]["worker_pool_specs"]

    assert second == {"replica_count": 2}
    assert first["machine_spec"] == {"machine_type": "x"}
    assert first["container_spec"]["image_uri"] == "own:1"
    assert first["container_spec"]["env"] == [{"name": "A", "value": "run"}, {"name": "Q", "value": "1"}]
    assert len(pools[0]["container_spec"]) == 2, "a run config is for many runs"


def test_variables_of_the_run_win_over_those_of_the_agent() -> None:
    made = job_variables(SETTINGS, flow_run(), of_agent={"A": "agent", "B": "b"}, of_run={"A": 1})

    assert (made["A"], made["B"]) == ("1", "b")
    assert made["PREFECT__CONTEXT__FLOW_RUN_ID"] == "run-id"
    assert made["PREFECT__CLOUD__API"] == "http://server:4200"


@pytest.mark.parametrize(
    ("state", "words", "exit_code", "reason", "is_lost"),
    [
        ("SUCCEEDED", "", 0, "", False),
        (
            "FAILED",
            "The replica workerpool0-0 exited with a non-zero status of 137. Out of memory.",
            137,
            "The replica workerpool0-0 exited with a non-zero status of 137. Out of memory.",
            False,
        ),
        ("FAILED", "Failed to pull image", None, "Failed to pull image", True),
        ("CANCELLED", "", None, "it was cancelled", True),
        ("EXPIRED", "", None, "its time was over", True),
    ],
)
def test_how_a_job_ended(state: str, words: str, exit_code: int | None, reason: str, is_lost: bool) -> None:
    found = SimpleNamespace(
        state=SimpleNamespace(name=f"JOB_STATE_{state}"), error=SimpleNamespace(message=words)
    )
    ended = end_of_job(found)

    assert (ended.exit_code, ended.reason, ended.is_lost) == (exit_code, reason, is_lost)
