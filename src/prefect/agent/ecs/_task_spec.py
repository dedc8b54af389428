"""From a flow run to the ECS task that runs it. Pure: from values to values."""

from __future__ import annotations

import copy
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from prefect.agent._environment import RunSettings, as_text, flow_run_variables
from prefect.agent._templates import plain
from prefect.utilities.agent import get_flow_image, get_flow_run_command

__all__ = ["CONTAINER", "TaskDefaults", "merge_run_task_kwargs", "run_task_arguments", "task_definition"]

#: The container that runs the flow. Others may be beside it.
CONTAINER = "flow"


@dataclass(frozen=True)
class TaskDefaults:
    """What an agent gives to all its tasks.

    Attributes:
        cluster: cluster of the tasks; the account's default if None.
        launch_type: `FARGATE` or `EC2`; None where a capacity provider decides.
        task_role_arn: role of calls that flows make to AWS.
        execution_role_arn: role that ECS starts tasks with.
        run_task_kwargs: further arguments of `run_task`.
    """

    cluster: str | None = None
    launch_type: str | None = None
    task_role_arn: str | None = None
    execution_role_arn: str | None = None
    run_task_kwargs: Mapping[str, Any] | None = None


def task_definition(
    flow_run: Any, run_config: Any, template: Mapping[str, Any], defaults: TaskDefaults
) -> dict[str, Any]:
    """The task definition of a flow run: arguments of `register_task_definition`.

    Args:
        flow_run: a row of `flow_run`, with its flow.
        run_config: an `ECSRun`.
        template: the task definition that is completed.
        defaults: of the agent.

    Raises:
        ValueError: `containerDefinitions` of the template is no list of mappings.
    """
    found = cast("dict[str, Any]", plain(template))
    flow = flow_run.flow
    found["family"] = f"prefect-{slug(str(flow.name))[:100]}-{flow_run.id}"
    found["tags"] = [
        *(found.get("tags") or []),
        {"key": "prefect:flow-id", "value": str(flow.id)},
        {"key": "prefect:flow-version", "value": str(flow.get("version") or 1)},
    ]
    container = _container_of(found, "containerDefinitions")
    image = get_flow_image(flow_run, default=container.get("image"))
    container["image"] = image
    environment = [
        entry
        for entry in cast("list[dict[str, Any]]", container.get("environment") or [])
        if entry.get("name") != "PREFECT__CONTEXT__IMAGE"
    ]
    container["environment"] = [{"name": "PREFECT__CONTEXT__IMAGE", "value": image}, *environment]
    for what in ("cpu", "memory"):
        if found.get(what) is not None:
            found[what] = str(found[what])
    role = run_config.execution_role_arn or defaults.execution_role_arn
    if role:
        found["executionRoleArn"] = role
    if defaults.launch_type and not found.get("requiresCompatibilities"):
        found["requiresCompatibilities"] = [defaults.launch_type]
    return found


def run_task_arguments(
    settings: RunSettings,
    flow_run: Any,
    run_config: Any,
    defaults: TaskDefaults,
    *,
    of_agent: Mapping[str, Any],
    started_by: str | None,
) -> dict[str, Any]:
    """The arguments of `run_task` for a flow run, but for the task definition.

    What the run config says wins over the agent. Of environment variables, those of the run config win over
    those of the agent, and these over the ones in `run_task_kwargs`.

    Args:
        settings: what the agent passes to all runs.
        flow_run: a row of `flow_run`, with its flow.
        run_config: an `ECSRun`.
        defaults: of the agent.
        of_agent: variables that the agent was given for its runs.
        started_by: by which the agent finds its tasks again.
    """
    arguments = merge_run_task_kwargs(defaults.run_task_kwargs or {}, run_config.run_task_kwargs or {})
    if defaults.launch_type and not arguments.get("capacityProviderStrategy"):
        arguments.setdefault("launchType", defaults.launch_type)
    if defaults.cluster:
        arguments.setdefault("cluster", defaults.cluster)
    if started_by:
        arguments["startedBy"] = started_by
    overrides = arguments.setdefault("overrides", {})
    container = _container_of(overrides, "containerOverrides")
    container["command"] = ["/bin/sh", "-c", get_flow_run_command(flow_run)]
    container["environment"] = _environment(settings, flow_run, container, of_agent, run_config.env)
    values = {
        "taskRoleArn": run_config.task_role_arn or defaults.task_role_arn,
        "executionRoleArn": run_config.execution_role_arn or defaults.execution_role_arn,
        "cpu": run_config.cpu,
        "memory": run_config.memory,
    }
    overrides.update({name: value for name, value in values.items() if value})
    return arguments


def merge_run_task_kwargs(opts1: Mapping[str, Any], opts2: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `run_task`, merged: overrides of containers by their names, all else as a whole.

    Args:
        opts1: arguments.
        opts2: those that win.
    """
    merged = cast("dict[str, Any]", plain({**opts1, **opts2}))
    first, second = (plain(opts.get("overrides") or {}) for opts in (opts1, opts2))
    if not first or not second:
        return merged
    overrides = {**copy.deepcopy(first), **copy.deepcopy(second)}
    containers: dict[Any, dict[str, Any]] = {}
    for source in (first, second):
        for entry in source.get("containerOverrides") or ():
            containers.setdefault(entry.get("name"), {}).update(copy.deepcopy(entry))
    if containers:
        overrides["containerOverrides"] = list(containers.values())
    merged["overrides"] = overrides
    return merged


def slug(text: str) -> str:
    """A text of ASCII letters, digits and single dashes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower() or "flow"


def _environment(
    settings: RunSettings,
    flow_run: Any,
    container: Mapping[str, Any],
    of_agent: Mapping[str, Any],
    of_run: Mapping[str, Any] | None,
) -> list[dict[str, str]]:
    own = flow_run_variables(settings, flow_run, for_old_images=True)
    # Tasks may reach the API at another address than the agent; it is given with `--env`.
    api = own.pop("PREFECT__CLOUD__API")
    variables = {
        "PREFECT__LOGGING__LEVEL": settings.log_level,
        "PREFECT__CLOUD__API": api,
        **as_text(of_agent),
        **as_text(of_run or {}),
        **own,
    }
    entries = [{"name": name, "value": value} for name, value in variables.items()]
    given = cast("Sequence[dict[str, str]]", container.get("environment") or ())
    return entries + [dict(entry) for entry in given if entry.get("name") not in variables]


def _container_of(owner: dict[str, Any], key: str) -> dict[str, Any]:
    """The container of the flow among those of a definition; it is added if it is not there."""
    containers: Any = owner.setdefault(key, [])
    if not isinstance(containers, list) or not all(
        isinstance(one, dict) for one in cast("list[Any]", containers)
    ):
        raise ValueError(f"`{key}` must be a list of mappings, not {containers!r}.")
    found = cast("list[dict[str, Any]]", containers)
    for one in found:
        if one.get("name") == CONTAINER:
            return one
    added: dict[str, Any] = {"name": CONTAINER}
    found.append(added)
    return added
