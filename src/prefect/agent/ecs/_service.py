"""Amazon ECS, asked by its API: a thin shell over boto3."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from prefect.agent._job import Ended
from prefect.agent._remote_jobs import InfrastructureAwayError, Sighting, epoch_of
from prefect.agent.ecs._task_spec import CONTAINER
from prefect.utilities._extras import require

if TYPE_CHECKING:
    import logging

__all__ = ["Service", "end_of_task"]

#: Lines of a task's output that are read when it has ended.
_LAST_LINES = 200
#: Most tasks that ECS describes at once.
_BATCH = 100


class Service:
    """What the agent needs of ECS. It is the `Infrastructure` of its jobs.

    Which flow run a task is for is read from the variables that the task was started with; who started it
    from `startedBy`. Tasks that have ended are there for about an hour.

    Args:
        client: a client of boto3 for `ecs`.
        logs: makes a client of boto3 for `logs`.
        cluster: cluster of the tasks; the account's default if None.
        logger: the agent's.
    """

    def __init__(self, client: Any, logs: Any, cluster: str | None, logger: logging.Logger) -> None:
        self.client = client
        self._make_logs = logs
        self._cluster: dict[str, str] = {"cluster": cluster} if cluster else {}
        self._logger = logger
        #: Tasks to ask after, and the clusters that they are in.
        self._known: dict[str, str | None] = {}
        self._tasks: dict[str, Any] = {}
        self._has_looked = False
        #: Id of the agent, whose tasks these are.
        self.agent_id: str | None = None

    def run(self, definition: dict[str, Any] | None, arguments: dict[str, Any]) -> str:
        """Start a task; its ARN.

        Args:
            definition: the task definition to register for it; None if `arguments` name one.
            arguments: arguments of `run_task`.

        Raises:
            RuntimeError: ECS refuses it; the message has its words.
            InfrastructureAwayError: it does not answer.
        """
        errors = require("botocore.exceptions", "aws")
        arn: str | None = None
        try:
            with _answers():
                if definition is not None:
                    answer = self.client.register_task_definition(**definition)
                    arn = str(answer["taskDefinition"]["taskDefinitionArn"])
                    arguments = {**arguments, "taskDefinition": arn}
                answer = self.client.run_task(**arguments)
        except (errors.ClientError, errors.ParamValidationError) as exc:
            raise RuntimeError(f"ECS refused the task of the flow run: {exc}") from exc
        finally:
            if arn is not None:
                self._deregister(arn)
        if not answer.get("tasks"):
            reasons = "; ".join(
                f"{one.get('reason')} {one.get('detail') or ''}".strip() for one in answer.get("failures", ())
            )
            raise RuntimeError(f"ECS did not start the task of the flow run: {reasons or 'it says not why'}.")
        task = str(answer["tasks"][0]["taskArn"])
        self._known[task] = arguments.get("cluster")
        return task

    def _deregister(self, arn: str) -> None:
        """A definition is for one task, which keeps it."""
        errors = require("botocore.exceptions", "aws")
        try:
            self.client.deregister_task_definition(taskDefinition=arn)
        except (errors.ClientError, errors.BotoCoreError) as exc:
            self._logger.warning("The task definition %s was not deregistered: %s", arn, exc)

    def look(self) -> Iterable[Sighting]:
        """All tasks of this agent."""
        with _answers(all_errors=True):
            found = self._list(startedBy=self.agent_id)
            if not self._has_looked:
                found |= self._list(desiredStatus="STOPPED")
            for arn in found:
                self._known.setdefault(arn, self._cluster.get("cluster"))
            tasks = list(self._describe(dict(self._known)))
            self._has_looked = True
        self._tasks = {str(task["taskArn"]): task for task in tasks if task.get("startedBy") == self.agent_id}
        for arn in set(self._known) - set(self._tasks):
            # Others' tasks, and those that ECS has forgotten.
            self._known.pop(arn, None)
        return [one for one in map(_sighting, self._tasks.values()) if one is not None]

    def _list(self, **options: Any) -> set[str]:
        # ECS takes `startedBy` with no other filter, and lists tasks that are to run then.
        pages = self.client.get_paginator("list_tasks").paginate(**self._cluster, **options)
        return {str(arn) for page in pages for arn in page["taskArns"]}

    def _describe(self, known: dict[str, str | None]) -> Iterator[Any]:
        for cluster in set(known.values()):
            arns = [arn for arn, where in known.items() if where == cluster]
            options = {"cluster": cluster} if cluster else {}
            for start in range(0, len(arns), _BATCH):
                yield from self.client.describe_tasks(tasks=arns[start : start + _BATCH], **options)["tasks"]

    def end_of(self, job_id: str) -> Ended:
        """How a task ended: exit code, last output, and what ECS says."""
        task = self._tasks[job_id]
        return end_of_task(task, self._last_lines(task))

    def stop(self, job_id: str, is_urgent: bool) -> None:
        """Stop a task. ECS sends SIGTERM, and SIGKILL after the time that its definition says."""
        errors = require("botocore.exceptions", "aws")
        where = self._known.get(job_id)
        options = {"cluster": where} if where else self._cluster
        with _answers():
            try:
                self.client.stop_task(task=job_id, reason="The flow run was cancelled or ended", **options)
            except errors.ClientError as exc:
                if exc.response.get("Error", {}).get("Code") != "InvalidParameterException":
                    raise InfrastructureAwayError(f"ECS did not stop the task: {exc}") from exc

    def remove(self, job_id: str) -> None:
        """Ask no more after a task; ECS removes it by itself."""
        self._known.pop(job_id, None)

    def _last_lines(self, task: Any) -> str:
        """The last output of a task whose definition has it written to CloudWatch."""
        errors = require("botocore.exceptions", "aws")
        try:
            answer = self.client.describe_task_definition(taskDefinition=task["taskDefinitionArn"])
            containers = answer["taskDefinition"]["containerDefinitions"]
            logging = next(
                (one.get("logConfiguration") for one in containers if one.get("name") == CONTAINER), None
            )
            kind: Any = logging or {"logDriver": None}
            options = cast("dict[str, str]", kind.get("options") or {})
            if kind["logDriver"] != "awslogs" or "awslogs-stream-prefix" not in options:
                return ""
            number = str(task["taskArn"]).rsplit("/", 1)[-1]
            events = self._make_logs().get_log_events(
                logGroupName=options["awslogs-group"],
                logStreamName=f"{options['awslogs-stream-prefix']}/{CONTAINER}/{number}",
                limit=_LAST_LINES,
            )
        except (errors.ClientError, errors.BotoCoreError) as exc:
            self._logger.warning("Task %s: its last output was not read: %s", task["taskArn"], exc)
            return ""
        return "\n".join(str(event["message"]) for event in events["events"])


def _sighting(task: Any) -> Sighting | None:
    """A task of a flow run; None for others."""
    variables: dict[str, str] = {}
    for container in task.get("overrides", {}).get("containerOverrides", ()):
        if container.get("name") == CONTAINER:
            variables = {one["name"]: one["value"] for one in container.get("environment", ())}
    run_id = variables.get("PREFECT__CONTEXT__FLOW_RUN_ID")
    if run_id is None:
        return None
    arn = str(task["taskArn"])
    return Sighting(
        job_id=arn,
        name=f"Task {arn}",
        run_id=run_id,
        epoch=epoch_of(variables.get("PREFECT__CONTEXT__FLOW_RUN_EPOCH")),
        has_ended=task.get("lastStatus") in ("STOPPED", "DELETED"),
    )


def end_of_task(task: Any, output: str) -> Ended:
    """How a task ended.

    Args:
        task: as ECS describes it.
        output: the last that it wrote.
    """
    containers = cast("list[dict[str, Any]]", task.get("containers", []))
    container = next((one for one in containers if one.get("name") == CONTAINER), dict[str, Any]())
    code = container.get("exitCode")
    reasons = [container.get("reason")]
    # Of a container that ended by itself, the task has nothing to add.
    if task.get("stopCode") != "EssentialContainerExited":
        reasons.append(task.get("stoppedReason"))
    reason = "; ".join(str(one) for one in dict.fromkeys(reasons) if one)
    return Ended(
        code if code is None else int(code),
        output=output,
        reason=reason or ("" if code is not None else "its container did not start"),
        is_lost=code is None,
    )


@contextmanager
def _answers(*, all_errors: bool = False) -> Generator[None]:
    """Say of a service that does not answer that it is away; refusals too, where nobody can be told of one."""
    errors = require("botocore.exceptions", "aws")
    try:
        yield
    except (errors.HTTPClientError, errors.ConnectionError) as exc:
        raise InfrastructureAwayError(f"ECS does not answer: {exc}") from exc
    except errors.ClientError as exc:
        status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = exc.response.get("Error", {}).get("Code", "")
        if all_errors or status >= 500 or "Throttl" in code:
            raise InfrastructureAwayError(f"ECS says: {exc}") from exc
        raise
