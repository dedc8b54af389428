"""From a flow run to the custom job of Vertex AI that runs it. Pure: from values to values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from prefect.agent._environment import RunSettings, as_text, flow_run_variables
from prefect.agent._templates import plain
from prefect.agent.ecs._task_spec import slug
from prefect.utilities.agent import get_flow_image, get_flow_run_command

__all__ = ["AGENT_ID", "ATTEMPT", "RUN_ID", "custom_job", "job_variables"]

#: Labels by which an agent finds the jobs of its runs again. Google takes lower case, digits, - and _ only.
RUN_ID = "prefect-flow-run-id"
ATTEMPT = "prefect-flow-run-attempt"
AGENT_ID = "prefect-agent-id"


def custom_job(
    flow_run: Any,
    run_config: Any,
    variables: Mapping[str, Any],
    *,
    service_account: str | None,
    agent_id: str | None,
) -> dict[str, Any]:
    """The custom job of a flow run, as `create_custom_job` takes it.

    Args:
        flow_run: a row of `flow_run`, with its flow.
        run_config: a `VertexRun`.
        variables: environment variables of the container.
        service_account: the agent's, where the run config names none.
        agent_id: id of the agent.
    """
    pools = cast("list[dict[str, Any]]", plain(run_config.worker_pool_specs or []))
    if not pools:
        machine: dict[str, Any] = {
            "machine_spec": {"machine_type": run_config.machine_type},
            "replica_count": 1,
        }
        pools = [machine]
    # The first pool runs the flow; what others do, their specs say.
    container: dict[str, Any] = pools[0].setdefault("container_spec", {})
    container["image_uri"] = get_flow_image(flow_run, default=container.get("image_uri"))
    container["command"] = get_flow_run_command(flow_run).split()
    container["args"] = []
    entries = cast("list[dict[str, Any]]", container.get("env") or [])
    given = [entry for entry in entries if entry.get("name") not in variables]
    container["env"] = [{"name": name, "value": str(value)} for name, value in variables.items()] + given
    options = {
        "network": run_config.network,
        "service_account": run_config.service_account or service_account,
        "scheduling": plain(run_config.scheduling),
    }
    spec: dict[str, Any] = {
        "worker_pool_specs": pools,
        **{name: value for name, value in options.items() if value},
    }
    labels = {RUN_ID: _label(str(flow_run.id))}
    epoch: int | None = flow_run.get("epoch")
    if epoch is not None:
        labels[ATTEMPT] = str(epoch)
    if agent_id is not None:
        labels[AGENT_ID] = _label(agent_id)
    name = f"{slug(str(flow_run.flow.name))}-{slug(str(flow_run.get('name') or flow_run.id))}"
    return {"display_name": name[:128], "labels": labels, "job_spec": spec}


def job_variables(
    settings: RunSettings, flow_run: Any, *, of_agent: Mapping[str, Any], of_run: Mapping[str, Any] | None
) -> dict[str, str]:
    """The environment of a flow run. Variables of the run config win over those of the agent.

    Args:
        settings: what the agent passes to all runs.
        flow_run: a row of `flow_run`, with its flow.
        of_agent: variables that the agent was given for its runs.
        of_run: variables of the run config.
    """
    own = flow_run_variables(settings, flow_run, for_old_images=True)
    # Jobs may reach the API at another address than the agent; it is given with `--env`.
    api = own.pop("PREFECT__CLOUD__API")
    return {
        "PREFECT__LOGGING__LEVEL": settings.log_level,
        "PREFECT__CLOUD__API": api,
        **as_text(of_agent),
        **as_text(of_run or {}),
        **own,
    }


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:63]
