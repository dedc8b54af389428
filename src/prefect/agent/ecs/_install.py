"""The task definition with which ECS keeps an agent running. Pure: from values to values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["agent_task_definition"]


def agent_task_definition(
    command: Sequence[str],
    *,
    image: str,
    launch_type: str,
    api: str | None,
    key: str | None,
    key_secret_arn: str | None,
    tenant_id: str | None,
    task_role_arn: str | None,
    execution_role_arn: str | None,
) -> dict[str, Any]:
    """Arguments of `register_task_definition` for the task of an agent.

    Args:
        command: what it runs.
        image: an image with Prefect and boto3.
        launch_type: `FARGATE` or `EC2`.
        api: address of the API, as tasks reach it.
        key: API key.
        key_secret_arn: secret with the API key, which wins over `key`.
        tenant_id: tenant of the agent.
        task_role_arn: role of the agent's calls to AWS.
        execution_role_arn: role that ECS starts the agent with.
    """
    variables = {
        "PREFECT__CLOUD__API": api,
        "PREFECT__CLOUD__API_KEY": None if key_secret_arn else key,
        "PREFECT__CLOUD__TENANT_ID": tenant_id,
    }
    container: dict[str, Any] = {
        "name": "agent",
        "image": image,
        "essential": True,
        "command": list(command),
        "environment": [{"name": name, "value": value} for name, value in variables.items() if value],
        # The agent takes no more runs; tasks go on, and the next agent finds them again.
        "stopTimeout": 30,
    }
    if key_secret_arn:
        container["secrets"] = [{"name": "PREFECT__CLOUD__API_KEY", "valueFrom": key_secret_arn}]
    definition: dict[str, Any] = {
        "family": "prefect-agent",
        "networkMode": "awsvpc",
        "requiresCompatibilities": [launch_type.upper()],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [container],
    }
    if task_role_arn:
        definition["taskRoleArn"] = task_role_arn
    if execution_role_arn:
        definition["executionRoleArn"] = execution_role_arn
    return definition
