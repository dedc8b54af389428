from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prefect.run_configs._templates import local_path, parse_template, read_template
from prefect.run_configs.base import RunConfig

__all__ = ["ECSRun"]


class ECSRun(RunConfig):
    """Runs the flow as a task of an ECS agent.

    Example:
        ```python
        flow = Flow("nightly")
        flow.run_config = ECSRun(image="registry.example.com/flows:7", cpu="1 vcpu", memory="2 GB")
        ```

    Args:
        task_definition: the task definition itself, as dictionary or YAML text.
        task_definition_path: path of a YAML task definition. A local file is read here and now;
            other paths (`s3://…`) are read by the agent.
        task_definition_arn: ARN (or family) of a task definition that is registered already.
        image: the image of the container; part of the task definition, so not with an ARN.
        env: environment variables of the container.
        cpu: CPU units, or text such as `"1 vcpu"`.
        memory: MiB, or text such as `"2 GB"`.
        task_role_arn: role of the flow's own calls to AWS.
        execution_role_arn: role that ECS starts the task with.
        run_task_kwargs: further arguments of `run_task` of boto3.
        labels: labels an agent must have to take the run.

    Raises:
        ValueError: more than one task definition, an image with an ARN, or a task definition that
            is no YAML mapping.
        OSError: the local task definition cannot be read.
    """

    task_definition: dict[str, Any] | None
    task_definition_path: str | None
    task_definition_arn: str | None
    image: str | None
    cpu: str | None
    memory: str | None
    task_role_arn: str | None
    execution_role_arn: str | None
    run_task_kwargs: dict[str, Any] | None

    def __init__(
        self,
        *,
        task_definition: str | Mapping[str, Any] | None = None,
        task_definition_path: str | None = None,
        task_definition_arn: str | None = None,
        image: str | None = None,
        env: dict[str, Any] | None = None,
        cpu: int | str | None = None,
        memory: int | str | None = None,
        task_role_arn: str | None = None,
        execution_role_arn: str | None = None,
        run_task_kwargs: dict[str, Any] | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        super().__init__(env=env, labels=labels)
        given = (task_definition, task_definition_path, task_definition_arn)
        if sum(value is not None for value in given) > 1:
            raise ValueError(
                "Can only provide one of `task_definition`, `task_definition_path`, or `task_definition_arn`"
            )
        if task_definition_arn is not None and image is not None:
            raise ValueError(
                "Cannot provide both `task_definition_arn` and `image`, since an ECS task's `image` can only be "
                "configured as part of the task definition"
            )
        what = "ECS task definition"
        definition = None if task_definition is None else parse_template(task_definition, what)
        if task_definition_path is not None:
            path = local_path(task_definition_path)
            if path is not None:
                definition, task_definition_path = read_template(path, what), None
        self.task_definition = definition
        self.task_definition_path = task_definition_path
        self.task_definition_arn = task_definition_arn
        self.image = image
        self.cpu = None if cpu is None else str(cpu)
        self.memory = None if memory is None else str(memory)
        self.task_role_arn = task_role_arn
        self.execution_role_arn = execution_role_arn
        self.run_task_kwargs = run_task_kwargs
