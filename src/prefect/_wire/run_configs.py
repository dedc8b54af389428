"""Run configs on the wire: where and how an agent runs a flow."""

from __future__ import annotations

from typing import TypeAlias

from prefect._wire.base import JSON, SortedStrings, Wire

__all__ = [
    "AnyRunConfig",
    "DockerRun",
    "ECSRun",
    "KubernetesRun",
    "LocalRun",
    "RunConfig",
    "UniversalRun",
    "VertexRun",
]


class RunConfig(Wire):
    """What every run config has."""

    #: Environment variables of the run.
    env: dict[str, JSON] | None = None
    #: Labels an agent must have to take the run.
    labels: SortedStrings = []


class UniversalRun(RunConfig, tag="UniversalRun"):
    """For agents of any kind."""


class LocalRun(RunConfig, tag="LocalRun"):
    """For local agents: a process."""

    working_dir: str | None = None


class DockerRun(RunConfig, tag="DockerRun"):
    """For Docker agents: a container."""

    image: str | None = None
    host_config: dict[str, JSON] | None = None
    ports: list[int] | None = None


class KubernetesRun(RunConfig, tag="KubernetesRun"):
    """For Kubernetes agents: a job."""

    job_template_path: str | None = None
    job_template: JSON = None
    image: str | None = None
    cpu_limit: str | None = None
    cpu_request: str | None = None
    memory_limit: str | None = None
    memory_request: str | None = None
    service_account_name: str | None = None
    image_pull_secrets: list[str] | None = None
    image_pull_policy: str | None = None


class ECSRun(RunConfig, tag="ECSRun"):
    """For ECS agents: a task on AWS."""

    task_definition_path: str | None = None
    task_definition: JSON = None
    task_definition_arn: str | None = None
    image: str | None = None
    cpu: str | None = None
    memory: str | None = None
    task_role_arn: str | None = None
    execution_role_arn: str | None = None
    run_task_kwargs: JSON = None


class VertexRun(RunConfig, tag="VertexRun"):
    """For Vertex agents: a custom job on Google Cloud."""

    image: str | None = None
    machine_type: str | None = None
    scheduling: dict[str, JSON] | None = None
    service_account: str | None = None
    network: str | None = None
    worker_pool_specs: list[JSON] | None = None


AnyRunConfig: TypeAlias = UniversalRun | LocalRun | DockerRun | KubernetesRun | ECSRun | VertexRun
