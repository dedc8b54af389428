"""`KubernetesAgent`: runs flows as jobs of a Kubernetes cluster."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prefect.agent._remote_agent import RemoteAgent
from prefect.agent._remote_jobs import RemoteJob, RemoteJobs
from prefect.agent._templates import template_at
from prefect.agent.kubernetes import _cluster
from prefect.agent.kubernetes._job_spec import JobDefaults, job_spec
from prefect.exceptions import ClientError
from prefect.utilities.context import context as prefect_context

__all__ = ["DEFAULT_JOB_TEMPLATE_PATH", "KubernetesAgent"]

DEFAULT_JOB_TEMPLATE_PATH = str(Path(__file__).with_name("job_template.yaml"))

#: Variables of the agent's pod for what jobs get that do not say it themselves.
_RESOURCES = {
    "requests": {"cpu": "JOB_CPU_REQUEST", "memory": "JOB_MEM_REQUEST"},
    "limits": {"cpu": "JOB_CPU_LIMIT", "memory": "JOB_MEM_LIMIT"},
}


class KubernetesAgent(RemoteAgent):
    """Runs each flow run as a job of a Kubernetes cluster.

    The jobs go on when the agent is gone. An agent with the same name and labels finds them again when it
    starts. A job is deleted when the API knows how it ended.

    Example:
        <!-- no-run: needs a cluster -->
        ```python
        from prefect.agent.kubernetes import KubernetesAgent

        agent = KubernetesAgent(namespace="flows", labels=["etl"])  # doctest: +SKIP
        agent.start()  # doctest: +SKIP
        ```

    Args:
        agent_config_id: settings kept by the API, of an agent configuration.
        namespace: namespace of the jobs; that of the variable `NAMESPACE`, or `default`, by default.
        service_account_name: service account of the jobs; that of `SERVICE_ACCOUNT_NAME` by default.
        image_pull_secrets: names of secrets for pulling images; those of `IMAGE_PULL_SECRETS` by default.
        job_template_path: file or URL of the template of jobs.
        name: the name that the API shows; `cloud.agent.name` by default.
        labels: the agent takes runs whose labels are all among these.
        env_vars: environment variables of every run.
        max_polls: how often to ask for work before `start` returns; no limit by default.
        agent_address: address of its health page, such as `http://localhost:8080`.
        no_cloud_logs: whether logs of flow runs are not sent to the API.
        volume_mounts: where the container of a flow sees volumes, as Kubernetes writes it.
        volumes: volumes of each pod, as Kubernetes writes them.
        delete_finished_jobs: whether jobs are deleted when they have ended.
        limit: most flow runs at once; no limit by default.

    Raises:
        ConnectionError: no cluster is known here.
        ImportError: the kubernetes package is not installed.
    """

    _what = "job"

    def __init__(
        self,
        agent_config_id: str | None = None,
        namespace: str | None = None,
        service_account_name: str | None = None,
        image_pull_secrets: Iterable[str] | None = None,
        job_template_path: str | None = None,
        name: str | None = None,
        labels: Iterable[str] | None = None,
        env_vars: dict[str, Any] | None = None,
        max_polls: int | None = None,
        agent_address: str | None = None,
        no_cloud_logs: bool | None = None,
        volume_mounts: list[dict[str, Any]] | None = None,
        volumes: list[dict[str, Any]] | None = None,
        delete_finished_jobs: bool = True,
        *,
        limit: int | None = None,
    ) -> None:
        super().__init__(
            agent_config_id=agent_config_id,
            name=name,
            labels=labels,
            env_vars=env_vars,
            max_polls=max_polls,
            agent_address=agent_address,
            no_cloud_logs=no_cloud_logs,
            limit=limit,
        )
        secrets = os.environ.get("IMAGE_PULL_SECRETS", "")
        self.namespace: str = namespace or os.environ.get("NAMESPACE") or "default"
        self.service_account_name: str | None = (
            service_account_name or os.environ.get("SERVICE_ACCOUNT_NAME") or None
        )
        self.image_pull_secrets: list[str] | None = (
            list(image_pull_secrets or filter(None, (one.strip() for one in secrets.split(",")))) or None
        )
        self.job_template_path: str = job_template_path or DEFAULT_JOB_TEMPLATE_PATH
        self.volumes = volumes
        self.volume_mounts = volume_mounts
        self.delete_finished_jobs = delete_finished_jobs
        self.job_pod_event_timestamps: dict[str, Any] = {}
        keep_alive = bool(prefect_context.config.cloud.agent.get("kubernetes_keep_alive", False))
        self.batch_client: Any
        self.core_client: Any
        self.batch_client, self.core_client = _cluster.connect(keep_alive)
        self._cluster = _cluster.Cluster(
            self.batch_client, self.core_client, self.namespace, delete_finished_jobs, self.logger
        )
        self._jobs = RemoteJobs(self._cluster, self.logger)

    # -- life -----------------------------------------------------------------------------------

    def manage_jobs(self) -> None:
        """Look at the jobs now, and write into the logs of runs which of them cannot be placed."""
        self._jobs.look()
        waiting = self._cluster.waiting()
        for job, (run_id, words) in waiting.items():
            if self.job_pod_event_timestamps.get(job) == words:
                continue
            try:
                self._api.log(run_id, self.name, "WARNING", f"Job {job} waits to be placed. {words}")
            except (ClientError, OSError, ValueError) as exc:
                self.logger.warning("Flow run %s: a line of its log was not written: %s", run_id, exc)
                continue
            self.job_pod_event_timestamps[job] = words
        for job in [job for job in self.job_pod_event_timestamps if job not in waiting]:
            del self.job_pod_event_timestamps[job]

    def _before_round(self) -> None:
        self.manage_jobs()

    # -- one run --------------------------------------------------------------------------------

    def deploy_flow(self, flow_run: Any) -> str:
        """Create the job of a flow run.

        Args:
            flow_run: the run.

        Returns:
            `Job prefect-job-1a2b3c4d`.

        Raises:
            TypeError: its run config is for another kind of agent.
            ValueError: its job template is wrong.
            RuntimeError: the cluster refuses the job.
        """
        spec = self.generate_job_spec(flow_run)
        job = RemoteJob(self._jobs)
        self._watch(flow_run, job)
        job.check()
        name = str(spec["metadata"]["name"])
        self._cluster.create(spec)
        job.started(name, f"Job {name}", kept=not self.delete_finished_jobs)
        return f"Job {name}"

    def generate_job_spec(self, flow_run: Any) -> dict[str, Any]:
        """The job of a flow run, as the API of Kubernetes takes it.

        Args:
            flow_run: the run.

        Raises:
            TypeError: its run config is for another kind of agent.
            ValueError: its job template is wrong.
        """
        from prefect.run_configs import KubernetesRun

        run_config: KubernetesRun = self._get_run_config(flow_run, KubernetesRun)
        return job_spec(
            self._run_settings(),
            flow_run,
            run_config,
            self._template(run_config),
            identifier=uuid.uuid4().hex[:8],
            defaults=self._defaults(),
            of_agent=self.env_vars,
            agent_id=self._agent_id,
        )

    def _template(self, run_config: Any) -> dict[str, Any]:
        if run_config.job_template:
            return run_config.job_template
        path = str(run_config.job_template_path or self.job_template_path)
        return template_at(path, "Kubernetes job template")

    def _defaults(self) -> JobDefaults:
        return JobDefaults(
            service_account_name=self.service_account_name,
            image_pull_secrets=self.image_pull_secrets or (),
            image_pull_policy=os.environ.get("IMAGE_PULL_POLICY") or None,
            resources=resources_of_jobs(),
            volumes=self.volumes or (),
            volume_mounts=self.volume_mounts or (),
        )

    @staticmethod
    def generate_deployment_yaml(
        api: str | None = None,
        namespace: str | None = None,
        image_pull_secrets: str | None = None,
        rbac: bool = False,
        latest: bool = False,
        mem_request: str | None = None,
        mem_limit: str | None = None,
        cpu_request: str | None = None,
        cpu_limit: str | None = None,
        image_pull_policy: str | None = None,
        service_account_name: str | None = None,
        labels: Iterable[str] | None = None,
        env_vars: dict[str, Any] | None = None,
        backend: str | None = None,
        key: str | None = None,
        tenant_id: str | None = None,
        agent_config_id: str | None = None,
    ) -> str:
        """Manifests that run an agent in a cluster, as YAML.

        Args:
            api: address of the API, as pods reach it.
            namespace: namespace of agent and jobs.
            image_pull_secrets: name of the secret for pulling images.
            rbac: whether the manifests allow the agent what it needs at the cluster.
            latest: whether the image is the latest one, and not that of this version.
            mem_request: memory to reserve for each job.
            mem_limit: most memory of each job.
            cpu_request: CPUs to reserve for each job.
            cpu_limit: most CPUs of each job.
            image_pull_policy: pull policy of jobs.
            service_account_name: service account of jobs.
            labels: labels of the agent.
            env_vars: environment variables of every run.
            backend: `cloud` or `server`.
            key: API key of the agent.
            tenant_id: tenant of the agent.
            agent_config_id: settings kept by the API.
        """
        from prefect import __version__
        from prefect.agent.kubernetes._manifest import deployment_yaml

        config = prefect_context.config
        image = str(config.cloud.agent.get("default_image") or "")
        if latest or not image:
            image = f"prefect-classic:{'latest' if latest else __version__.partition('+')[0]}"
        return deployment_yaml(
            api=api or str(config.cloud.api),
            namespace=namespace or "default",
            image=image,
            image_pull_secrets=image_pull_secrets,
            with_rbac=rbac,
            jobs={
                "JOB_MEM_REQUEST": mem_request,
                "JOB_MEM_LIMIT": mem_limit,
                "JOB_CPU_REQUEST": cpu_request,
                "JOB_CPU_LIMIT": cpu_limit,
                "IMAGE_PULL_POLICY": image_pull_policy,
                "SERVICE_ACCOUNT_NAME": service_account_name,
            },
            labels=list(labels or ()),
            env_vars=env_vars or {},
            backend=backend or str(config.backend),
            key=key,
            tenant_id=tenant_id,
            agent_config_id=agent_config_id,
        )


def resources_of_jobs() -> dict[str, dict[str, str]]:
    """CPUs and memory of jobs that name none, as the variables of the agent's pod say."""
    return {
        kind: {what: os.environ.get(variable, "") for what, variable in names.items()}
        for kind, names in _RESOURCES.items()
    }
