"""What docs/differences.md says of the agents for Kubernetes, ECS and Vertex AI is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from prefect.agent._environment import RunSettings
from prefect.agent.ecs._task_spec import TaskDefaults, run_task_arguments
from prefect.agent.kubernetes import agent as kubernetes_agent
from prefect.agent.kubernetes._job_spec import JobDefaults, job_spec
from prefect.run_configs import ECSRun, KubernetesRun
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
FLOW = GraphQLResult(id="flow-id", name="a flow", core_version="1.4.1", storage={}, run_config=None)
RUN = GraphQLResult(id="run-id", name="run", flow=FLOW, run_config=None)


def job(template: dict[str, Any] | None = None, of_agent: Any = None, **defaults: Any) -> dict[str, Any]:
    if template is None:
        template = yaml.safe_load(Path(kubernetes_agent.DEFAULT_JOB_TEMPLATE_PATH).read_text())
    return job_spec(
        SETTINGS,
        RUN,
        KubernetesRun(),
        template or {},
        identifier="1a2b3c4d",
        defaults=JobDefaults(**defaults),
        of_agent=of_agent or {},
        agent_id=None,
    )


def test_a_pod_that_failed_is_not_started_again_by_the_cluster() -> None:
    assert job()["spec"]["backoffLimit"] == 0
    assert job({"spec": {"backoffLimit": 2}})["spec"]["backoffLimit"] == 2


def test_volumes_of_the_agent_are_in_each_job() -> None:
    made = job(volumes=[{"name": "v", "emptyDir": {}}], volume_mounts=[{"name": "v", "mountPath": "/v"}])

    pod = made["spec"]["template"]["spec"]
    assert pod["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert pod["containers"][0]["volumeMounts"] == [{"name": "v", "mountPath": "/v"}]


def test_sizes_of_the_agent_are_for_jobs_that_name_none(monkeypatch: pytest.MonkeyPatch) -> None:
    text = kubernetes_agent.KubernetesAgent.generate_deployment_yaml(mem_request="1Gi", cpu_limit="2")
    (deployment,) = yaml.safe_load_all(text)
    for variable in deployment["spec"]["template"]["spec"]["containers"][0]["env"]:
        if variable["name"].startswith("JOB_"):
            monkeypatch.setenv(variable["name"], variable["value"])

    defaults = {"resources": kubernetes_agent.resources_of_jobs()}
    given: dict[str, Any] = {"resources": {"limits": {"cpu": "9"}}}
    template = {"spec": {"template": {"spec": {"containers": [given]}}}}
    for made, cpu in ((job(**defaults), "2"), (job(template, **defaults), "9")):
        resources = made["spec"]["template"]["spec"]["containers"][0]["resources"]
        assert resources == {"requests": {"memory": "1Gi"}, "limits": {"cpu": cpu}}


def test_the_role_of_an_agent_allows_what_it_does() -> None:
    text = kubernetes_agent.KubernetesAgent.generate_deployment_yaml(rbac=True, namespace="flows")
    deployment, account, role, binding = yaml.safe_load_all(text)

    assert all("*" not in rule["verbs"] for rule in role["rules"])
    name = account["metadata"]["name"]
    assert name != "default"
    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == name
    assert [one["name"] for one in binding["subjects"]] == [name]


def test_the_environment_names_the_address_of_the_api() -> None:
    other = {"PREFECT__CLOUD__API": "http://other"}
    made = job(of_agent=other)["spec"]["template"]["spec"]["containers"][0]
    arguments = run_task_arguments(
        SETTINGS, RUN, ECSRun(env=other), TaskDefaults(), of_agent={}, started_by=None
    )
    for container in (made["env"], arguments["overrides"]["containerOverrides"][0]["environment"]):
        assert {one["name"]: one["value"] for one in container}["PREFECT__CLOUD__API"] == "http://other"
