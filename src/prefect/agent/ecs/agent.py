"""`ECSAgent`: runs flows as tasks of Amazon ECS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prefect.agent._remote_agent import RemoteAgent
from prefect.agent._remote_jobs import RemoteJob, RemoteJobs
from prefect.agent._templates import template_at
from prefect.agent.ecs._service import Service
from prefect.agent.ecs._task_spec import (
    TaskDefaults,
    merge_run_task_kwargs,
    run_task_arguments,
    task_definition,
)
from prefect.utilities._extras import require

__all__ = ["DEFAULT_TASK_DEFINITION_PATH", "ECSAgent", "merge_run_task_kwargs"]

DEFAULT_TASK_DEFINITION_PATH = str(Path(__file__).with_name("task_definition.yaml"))


class ECSAgent(RemoteAgent):
    """Runs each flow run as a task of Amazon ECS.

    The tasks go on when the agent is gone. An agent with the same name and labels finds them again when it
    starts. The last output of a task is in the log of its run where the definition has a `logConfiguration`
    for CloudWatch (`awslogs`) with a stream prefix.

    Example:
        <!-- no-run: needs ECS -->
        ```python
        from prefect.agent.ecs import ECSAgent

        agent = ECSAgent(cluster="flows", labels=["etl"])  # doctest: +SKIP
        agent.start()  # doctest: +SKIP
        ```

    Args:
        agent_config_id: settings kept by the API, of an agent configuration.
        name: the name that the API shows; `cloud.agent.name` by default.
        labels: the agent takes runs whose labels are all among these.
        env_vars: environment variables of every run.
        max_polls: how often to ask for work before `start` returns; no limit by default.
        agent_address: address of its health page, such as `http://localhost:8080`.
        no_cloud_logs: whether logs of flow runs are not sent to the API.
        task_definition_path: file or URL of the task definition of runs that have none.
        run_task_kwargs_path: file or URL with further arguments of `run_task` of boto3, as YAML.
        aws_access_key_id: key of the agent at AWS; what boto3 finds by default.
        aws_secret_access_key: the other half of the key.
        aws_session_token: token of a temporary key.
        region_name: region; what boto3 finds by default.
        cluster: cluster of the tasks; the account's default by default.
        launch_type: `FARGATE`, which is the default, or `EC2`.
        task_role_arn: role of calls that flows make to AWS.
        execution_role_arn: role that ECS starts tasks with.
        botocore_config: arguments of `botocore.config.Config`.
        limit: most flow runs at once; no limit by default.

    Raises:
        ImportError: boto3 is not installed.
        ValueError: a file has no YAML mapping; there is no default VPC to run Fargate tasks in.
    """

    _what = "task"
    # A task takes its time to start; ECS counts requests.
    _lease_s = 60.0

    def __init__(
        self,
        agent_config_id: str | None = None,
        name: str | None = None,
        labels: Iterable[str] | None = None,
        env_vars: dict[str, Any] | None = None,
        max_polls: int | None = None,
        agent_address: str | None = None,
        no_cloud_logs: bool | None = None,
        task_definition_path: str | None = None,
        run_task_kwargs_path: str | None = None,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        region_name: str | None = None,
        cluster: str | None = None,
        launch_type: str | None = None,
        task_role_arn: str | None = None,
        execution_role_arn: str | None = None,
        botocore_config: dict[str, Any] | None = None,
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
        config = require("botocore.config", "aws").Config(
            **{"retries": {"mode": "standard"}, **(botocore_config or {})}
        )
        self.boto_kwargs: dict[str, Any] = {
            "aws_access_key_id": aws_access_key_id,
            "aws_secret_access_key": aws_secret_access_key,
            "aws_session_token": aws_session_token,
            "region_name": region_name,
            "config": config,
        }
        self.cluster = cluster
        self.launch_type: str = launch_type.upper() if launch_type else "FARGATE"
        self.task_role_arn = task_role_arn
        self.execution_role_arn = execution_role_arn
        self.task_definition: dict[str, Any] = template_at(
            task_definition_path or DEFAULT_TASK_DEFINITION_PATH, "ECS task definition"
        )
        self.run_task_kwargs: dict[str, Any] = (
            template_at(run_task_kwargs_path, "arguments of `run_task`") if run_task_kwargs_path else {}
        )
        self.ecs_client: Any = self._client("ecs")
        if self.launch_type == "FARGATE" and not self.run_task_kwargs.get("networkConfiguration"):
            self.run_task_kwargs["networkConfiguration"] = self.infer_network_configuration()
        self._service = Service(self.ecs_client, lambda: self._client("logs"), cluster, self.logger)
        self._jobs = RemoteJobs(self._service, self.logger)

    def _client(self, service: str) -> Any:
        return require("boto3", "aws").client(service, **self.boto_kwargs)

    def infer_network_configuration(self) -> dict[str, Any]:
        """The network of tasks on Fargate whose arguments name none: the subnets of the default VPC.

        Raises:
            ValueError: there is no default VPC.
        """
        ec2 = self._client("ec2")
        vpcs = ec2.describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"]
        subnets: list[str] = []
        if vpcs:
            filters = [{"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}]
            subnets = [one["SubnetId"] for one in ec2.describe_subnets(Filters=filters)["Subnets"]]
        if not subnets:
            raise ValueError(
                "The region has no default VPC with subnets for tasks on Fargate. Write a `networkConfiguration` "
                "into a file and name it with --run-task-kwargs."
            )
        return {"awsvpcConfiguration": {"subnets": subnets, "assignPublicIp": "ENABLED"}}

    # -- one run --------------------------------------------------------------------------------

    def deploy_flow(self, flow_run: Any) -> str:
        """Start the task of a flow run.

        Args:
            flow_run: the run.

        Returns:
            `Task arn:aws:ecs:...`.

        Raises:
            TypeError: its run config is for another kind of agent.
            ValueError: its task definition is wrong.
            RuntimeError: ECS refuses the task.
        """
        from prefect.run_configs import ECSRun

        run_config: ECSRun = self._get_run_config(flow_run, ECSRun)
        definition: dict[str, Any] | None = None
        known: dict[str, Any] = {"taskDefinitionArn": run_config.task_definition_arn}
        if run_config.task_definition_arn is None:
            definition = known = self.generate_task_definition(flow_run, run_config)
        arguments = self.get_run_task_kwargs(flow_run, run_config, known)
        if run_config.task_definition_arn is not None:
            arguments["taskDefinition"] = run_config.task_definition_arn
        job = RemoteJob(self._jobs)
        self._watch(flow_run, job)
        job.check()
        arn = self._service.run(definition, arguments)
        job.started(arn, f"Task {arn}")
        return f"Task {arn}"

    def generate_task_definition(self, flow_run: Any, run_config: Any) -> dict[str, Any]:
        """The task definition of a flow run: arguments of `register_task_definition` of boto3.

        Args:
            flow_run: the run.
            run_config: its run config.

        Raises:
            ValueError: the definition that it is made of is wrong.
        """
        template: Mapping[str, Any] = self.task_definition
        if run_config.task_definition:
            template = run_config.task_definition
        elif run_config.task_definition_path:
            template = template_at(run_config.task_definition_path, "ECS task definition")
        return task_definition(flow_run, run_config, template, self._defaults())

    def get_run_task_kwargs(
        self, flow_run: Any, run_config: Any, taskdef: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The arguments of `run_task` of boto3 for a flow run, but for the task definition.

        Args:
            flow_run: the run.
            run_config: its run config.
            taskdef: its task definition.
        """
        return run_task_arguments(
            self._run_settings(),
            flow_run,
            run_config,
            self._defaults(),
            of_agent=self.env_vars,
            started_by=self._agent_id,
        )

    def _defaults(self) -> TaskDefaults:
        return TaskDefaults(
            cluster=self.cluster,
            launch_type=self.launch_type,
            task_role_arn=self.task_role_arn,
            execution_role_arn=self.execution_role_arn,
            run_task_kwargs=self.run_task_kwargs,
        )
