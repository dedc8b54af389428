"""`VertexAgent`: runs flows as custom jobs of Vertex AI, on Google Cloud."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prefect.agent._remote_agent import RemoteAgent
from prefect.agent._remote_jobs import RemoteJob, RemoteJobs
from prefect.agent.vertex._job_spec import custom_job, job_variables
from prefect.agent.vertex._service import Service
from prefect.utilities._extras import require

__all__ = ["VertexAgent", "get_client"]


def get_client(client_options: dict[str, Any]) -> Any:
    """A client of Google's library for the jobs of Vertex AI.

    Args:
        client_options: its options, such as `{"api_endpoint": "us-central1-aiplatform.googleapis.com"}`.

    Raises:
        ImportError: google-cloud-aiplatform is not installed.
    """
    return require("google.cloud.aiplatform_v1", "gcp").JobServiceClient(client_options=client_options)


class VertexAgent(RemoteAgent):
    """Runs each flow run as a custom job of Vertex AI, on Google Cloud.

    The jobs go on when the agent is gone. An agent with the same name and labels finds them again when it
    starts. A job is deleted when the API knows how it ended; what it wrote stays in Cloud Logging.

    Example:
        <!-- no-run: needs Vertex AI -->
        ```python
        from prefect.agent.vertex import VertexAgent

        agent = VertexAgent(project="flows", region_name="europe-west4")  # doctest: +SKIP
        agent.start()  # doctest: +SKIP
        ```

    Args:
        project: project of the jobs; that of the agent's own credentials by default.
        region_name: region of the jobs; `us-central1` by default.
        service_account: account that jobs run as, where their run config names none.
        agent_config_id: settings kept by the API, of an agent configuration.
        name: the name that the API shows; `cloud.agent.name` by default.
        labels: the agent takes runs whose labels are all among these.
        env_vars: environment variables of every run.
        max_polls: how often to ask for work before `start` returns; no limit by default.
        agent_address: address of its health page, such as `http://localhost:8080`.
        no_cloud_logs: whether logs of flow runs are not sent to the API.
        limit: most flow runs at once; no limit by default.

    Raises:
        ImportError: google-cloud-aiplatform is not installed.
        ValueError: no project was given, and the credentials have none.
    """

    _what = "job"
    # Machines of Vertex AI take minutes to start; Google counts requests.
    _lease_s = 60.0
    _round_s = 4.0

    def __init__(
        self,
        project: str | None = None,
        region_name: str | None = None,
        service_account: str | None = None,
        agent_config_id: str | None = None,
        name: str | None = None,
        labels: Iterable[str] | None = None,
        env_vars: dict[str, Any] | None = None,
        max_polls: int | None = None,
        agent_address: str | None = None,
        no_cloud_logs: bool | None = None,
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
        if project is None:
            _, project = require("google.auth", "gcp").default()
        if not project:
            raise ValueError("Your Google credentials have no project: name one with --project.")
        self.project: str = project
        self.region_name: str = region_name or "us-central1"
        self.service_account = service_account
        self.client_options: dict[str, Any] = {
            "api_endpoint": f"{self.region_name}-aiplatform.googleapis.com"
        }
        self.vertex_client: Any = get_client(self.client_options)
        parent = f"projects/{self.project}/locations/{self.region_name}"
        self._service = Service(self.vertex_client, parent)
        self._jobs = RemoteJobs(self._service, self.logger)

    # -- one run --------------------------------------------------------------------------------

    def deploy_flow(self, flow_run: Any) -> str:
        """Create the job of a flow run.

        Args:
            flow_run: the run.

        Returns:
            the address of the job in Google's console.

        Raises:
            TypeError: its run config is for another kind of agent.
            RuntimeError: Vertex AI refuses the job.
        """
        spec = self.generate_task_definition(flow_run)
        job = RemoteJob(self._jobs)
        self._watch(flow_run, job)
        job.check()
        name = self._service.create(spec)
        job.started(name, f"Job {name}")
        number = name.rsplit("/", 1)[-1]
        return (
            f"https://console.cloud.google.com/vertex-ai/locations/{self.region_name}/training/{number}"
            f"?project={self.project}"
        )

    def generate_task_definition(self, flow_run: Any) -> dict[str, Any]:
        """The custom job of a flow run, as `create_custom_job` takes it.

        Args:
            flow_run: the run.

        Raises:
            TypeError: its run config is for another kind of agent.
        """
        from prefect.run_configs import VertexRun

        run_config: VertexRun = self._get_run_config(flow_run, VertexRun)
        return custom_job(
            flow_run,
            run_config,
            self.populate_env_vars(flow_run),
            service_account=self.service_account,
            agent_id=self._agent_id,
        )

    def populate_env_vars(self, flow_run: Any) -> dict[str, str]:
        """The environment of a flow run.

        Args:
            flow_run: the run.

        Raises:
            TypeError: its run config is for another kind of agent.
        """
        from prefect.run_configs import VertexRun

        run_config: VertexRun = self._get_run_config(flow_run, VertexRun)
        return job_variables(self._run_settings(), flow_run, of_agent=self.env_vars, of_run=run_config.env)
