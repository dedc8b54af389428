"""From flow runs to Kubernetes jobs: tables of what goes in and what comes out."""

from __future__ import annotations

from typing import Any

import pytest

from prefect.agent._environment import RunSettings
from prefect.agent.kubernetes._job_spec import JobDefaults, job_spec
from prefect.run_configs import KubernetesRun
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
IDENTITY = {
    "prefect.io/identifier": "1a2b3c4d",
    "prefect.io/flow_run_id": "run-id",
    "prefect.io/flow_id": "flow-id",
}


def flow_run(**changes: Any) -> GraphQLResult:
    flow = GraphQLResult(
        id="flow-id", name="a flow", core_version="1.4.1", storage={"type": "Local"}, run_config=None
    )
    return GraphQLResult({"id": "run-id", "name": "run name", "flow": flow, "run_config": None, **changes})


def spec(
    run_config: KubernetesRun | None = None,
    run: Any = None,
    *,
    env_vars: dict[str, Any] | None = None,
    agent_id: str | None = None,
    **defaults: Any,
) -> dict[str, Any]:
    config = run_config or KubernetesRun()
    return job_spec(
        SETTINGS,
        run or flow_run(run_config=config.serialize()),
        config,
        config.job_template or {},
        identifier="1a2b3c4d",
        defaults=JobDefaults(**defaults),
        of_agent=env_vars or {},
        agent_id=agent_id,
    )


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    return job["spec"]["template"]["spec"]


def variables(job: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in pod_of(job)["containers"][0]["env"]}


def test_a_job_is_what_1_4_1_made() -> None:
    job = spec(env_vars={"A": "agent"})
    assert job["metadata"] == {"name": "prefect-job-1a2b3c4d", "labels": IDENTITY}
    assert job["spec"]["template"]["metadata"] == {"labels": IDENTITY}
    pod = pod_of(job)
    assert pod["restartPolicy"] == "Never"
    (container,) = pod["containers"]
    assert container["name"] == "flow"
    assert container["args"] == ["prefect", "execute", "flow-run"]
    assert container["image"] == "prefecthq/prefect:1.4.1"
    assert container["resources"] == {"limits": {}, "requests": {}}
    assert variables(job) == {
        "PREFECT__LOGGING__LEVEL": "INFO",
        "A": "agent",
        "PREFECT__CLOUD__SEND_FLOW_RUN_LOGS": "true",
        "PREFECT__BACKEND": "server",
        "PREFECT__CLOUD__AGENT__LABELS": "['x']",
        "PREFECT__CLOUD__API": "http://server:4200",
        "PREFECT__CLOUD__API_KEY": "KEY",
        "PREFECT__CLOUD__TENANT_ID": "TENANT",
        "PREFECT__CLOUD__USE_LOCAL_SECRETS": "false",
        "PREFECT__CONTEXT__FLOW_RUN_ID": "run-id",
        "PREFECT__CONTEXT__FLOW_ID": "flow-id",
        "PREFECT__CONTEXT__IMAGE": "prefecthq/prefect:1.4.1",
        "PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudFlowRunner",
        "PREFECT__ENGINE__TASK_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudTaskRunner",
        "PREFECT__LOGGING__LOG_TO_CLOUD": "true",
        "PREFECT__CLOUD__AUTH_TOKEN": "KEY",
    }


def test_an_attempt_and_an_agent_are_on_the_job_so_that_the_next_agent_finds_it() -> None:
    run = flow_run(epoch=3)
    job = spec(run=run, agent_id="agent-id")
    expected = {**IDENTITY, "prefect.io/flow_run_attempt": "3", "prefect.io/agent_id": "agent-id"}
    assert job["metadata"]["labels"] == expected
    assert job["spec"]["template"]["metadata"]["labels"] == expected


TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"t": "1"}},
    "spec": {
        "backoffLimit": 2,
        "template": {
            "spec": {
                "serviceAccountName": "of-template",
                "restartPolicy": "OnFailure",
                "containers": [
                    {
                        "name": "mine",
                        "image": "of-template:1",
                        "env": [{"name": "T", "value": "t"}, {"name": "A", "value": "t"}],
                        "resources": {"limits": {"cpu": "9", "gpu": "1"}},
                    },
                    {"name": "beside"},
                ],
            }
        },
    },
}


def test_a_template_is_kept_but_for_what_is_said_nearer_to_the_run() -> None:
    config = KubernetesRun(job_template=TEMPLATE, cpu_limit=2, memory_request="1G", env={"A": "run"})
    job = spec(config, service_account_name="of-agent", image_pull_secrets=["s1"], env_vars={"A": "agent"})
    assert job["metadata"]["labels"] == {"t": "1", **IDENTITY}
    assert job["spec"]["backoffLimit"] == 2
    pod = pod_of(job)
    assert pod["serviceAccountName"] == "of-template"
    assert pod["restartPolicy"] == "OnFailure"
    assert pod["imagePullSecrets"] == [{"name": "s1"}]
    mine, beside = pod["containers"]
    assert beside == {"name": "beside"}
    assert (mine["name"], mine["image"]) == ("mine", "of-template:1")
    assert mine["resources"] == {"limits": {"cpu": "2", "gpu": "1"}, "requests": {"memory": "1G"}}
    assert (variables(job)["A"], variables(job)["T"]) == ("run", "t")
    assert TEMPLATE["metadata"] == {"labels": {"t": "1"}}, "a template is for many runs"


@pytest.mark.parametrize(
    ("config", "agent", "expected"),
    [
        ({}, {}, (None, None)),
        ({}, {"service_account_name": "a", "image_pull_secrets": ["a"]}, ("a", [{"name": "a"}])),
        (
            {"service_account_name": "r", "image_pull_secrets": ["r", "s"]},
            {"service_account_name": "a", "image_pull_secrets": ["a"]},
            ("r", [{"name": "r"}, {"name": "s"}]),
        ),
        ({"image_pull_secrets": []}, {"image_pull_secrets": ["a"]}, (None, None)),
    ],
)
def test_accounts_and_secrets_of_the_run_win(
    config: dict[str, Any], agent: dict[str, Any], expected: tuple[Any, Any]
) -> None:
    pod = pod_of(spec(KubernetesRun(**config), **agent))
    assert (pod.get("serviceAccountName"), pod.get("imagePullSecrets")) == expected


def test_image_policy_volumes_and_mounts() -> None:
    config = KubernetesRun(image="mine:2", image_pull_policy="Always")
    job = spec(
        config,
        volumes=[{"name": "v", "emptyDir": {}}],
        volume_mounts=[{"name": "v", "mountPath": "/data"}],
    )
    container = pod_of(job)["containers"][0]
    assert (container["image"], container["imagePullPolicy"]) == ("mine:2", "Always")
    assert pod_of(job)["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert container["volumeMounts"] == [{"name": "v", "mountPath": "/data"}]
