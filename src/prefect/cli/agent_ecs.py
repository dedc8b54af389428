"""`prefect agent ecs`: flow runs as tasks of Amazon ECS."""

from __future__ import annotations

import json
from typing import Any

import click

from prefect.cli._agent_options import (
    identity,
    identity_options,
    installation,
    start_agent,
    start_options,
    variables,
)
from prefect.cli._group import Group
from prefect.cli._option_list import OptionList
from prefect.cli._output import write

__all__ = ["ecs"]

_own_options = OptionList(
    click.option("--cluster", metavar="NAME", help="Cluster of the tasks; the account's default by default."),
    click.option(
        "--launch-type",
        type=click.Choice(["FARGATE", "EC2"], case_sensitive=False),
        help="Where tasks run; FARGATE by default.",
    ),
    click.option("--task-role-arn", metavar="ARN", help="Role of calls that flows make to AWS."),
    click.option("--execution-role-arn", metavar="ARN", help="Role that ECS starts tasks with."),
    click.option(
        "--task-definition",
        "task_definition_path",
        metavar="PATH",
        help="File or URL of the task definition of runs that have none.",
    ),
    click.option(
        "--run-task-kwargs",
        "run_task_kwargs_path",
        metavar="PATH",
        help="File or URL with further arguments of `run_task` of boto3, as YAML.",
    ),
)


@click.group(cls=Group)
def ecs() -> None:
    """Run flows as tasks of Amazon ECS."""


@ecs.command("start")
@start_options
@_own_options
def start_ecs(
    cluster: str | None,
    launch_type: str | None,
    task_role_arn: str | None,
    execution_role_arn: str | None,
    task_definition_path: str | None,
    run_task_kwargs_path: str | None,
    **options: Any,
) -> None:
    """Run flows as tasks of Amazon ECS, until Ctrl-C.

    Keys and region are what boto3 finds. Tasks go on without the agent; one with the same name and labels
    finds them again.
    """
    with identity(options):
        from prefect.agent.ecs import ECSAgent

        start_agent(
            ECSAgent,
            options,
            cluster=cluster,
            launch_type=launch_type,
            task_role_arn=task_role_arn,
            execution_role_arn=execution_role_arn,
            task_definition_path=task_definition_path,
            run_task_kwargs_path=run_task_kwargs_path,
        )


@ecs.command("install")
@identity_options
@click.option(
    "--format",
    "format",
    type=click.Choice(["task-definition", "supervisor", "systemd"]),
    default="task-definition",
    show_default=True,
    help="What keeps the agent running: a service of ECS, or a machine.",
)
@click.option("--image", metavar="IMAGE", help="Image of the agent, for a task definition.")
@click.option(
    "--agent-role-arn", metavar="ARN", help="Role of the agent's own calls to AWS, for a task definition."
)
@click.option(
    "--key-secret-arn",
    metavar="ARN",
    help="Secret of AWS Secrets Manager with the agent's API key, for a task definition.",
)
@_own_options
def install_ecs(
    format: str,
    image: str | None,
    agent_role_arn: str | None,
    key_secret_arn: str | None,
    cluster: str | None,
    launch_type: str | None,
    task_role_arn: str | None,
    execution_role_arn: str | None,
    task_definition_path: str | None,
    run_task_kwargs_path: str | None,
    **options: Any,
) -> None:
    """Print what keeps an ECS agent running.

    The task definition is for `aws ecs register-task-definition --cli-input-json`, and for a service of one
    task. A key that is given is in it; with --key-secret-arn, ECS reads it when it starts the agent. systemd
    reads it from /etc/prefect/agent.env.
    """
    own: dict[str, Any] = {
        "--cluster": cluster,
        "--launch-type": launch_type,
        "--task-role-arn": task_role_arn,
        "--execution-role-arn": execution_role_arn,
        "--task-definition": task_definition_path,
        "--run-task-kwargs": run_task_kwargs_path,
    }
    if format != "task-definition":
        write(installation("ecs", {**options, "format": format}, own))
        return
    from prefect import __version__
    from prefect.agent._install import agent_command
    from prefect.agent.ecs._install import agent_task_definition

    command = agent_command(
        "ecs",
        labels=options["label"],
        env_vars=variables(options["env"]),
        options={"--agent-config-id": options["agent_config_id"], "--limit": options["limit"], **own},
    )
    definition = agent_task_definition(
        command,
        image=image or f"prefect-classic:{__version__}",
        launch_type=launch_type or "FARGATE",
        api=options["api"],
        key=options["key"],
        key_secret_arn=key_secret_arn,
        tenant_id=options["tenant_id"],
        task_role_arn=agent_role_arn,
        execution_role_arn=execution_role_arn,
    )
    write(json.dumps(definition, indent=2))
