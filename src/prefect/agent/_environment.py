"""What a process of a flow run is told by its environment. Pure: from values to values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["RunSettings", "flow_run_variables"]


@dataclass(frozen=True)
class RunSettings:
    """What an agent passes on to all its runs.

    Attributes:
        backend: `cloud` or `server`.
        api: address of the API, as the runs reach it.
        api_key: key of the runs.
        tenant_id: tenant that the key works in.
        labels: labels of the agent.
        log_to_cloud: whether log lines are sent to the API.
        log_level: level of log lines.
    """

    backend: str
    api: str
    api_key: str | None
    tenant_id: str | None
    labels: Sequence[str]
    log_to_cloud: bool
    log_level: str


def flow_run_variables(
    settings: RunSettings, flow_run: Any, *, image: str | None = None, for_old_images: bool = False
) -> dict[str, str]:
    """The variables that say which flow run this is and how it reaches the API. They win over all others.

    Args:
        settings: of the agent.
        flow_run: a row of `flow_run`, with its flow.
        image: the container image it runs in.
        for_old_images: whether the image may hold a Prefect before 1.0, whose names differ.
    """
    key = settings.api_key or ""
    sends_logs = str(settings.log_to_cloud).lower()
    variables = {
        "PREFECT__BACKEND": settings.backend,
        "PREFECT__CLOUD__API": settings.api,
        "PREFECT__CLOUD__API_KEY": key,
        # The tenant says where a key works; without one there is nothing to choose.
        "PREFECT__CLOUD__TENANT_ID": (settings.tenant_id or "") if key else "",
        "PREFECT__CLOUD__AGENT__LABELS": str(list(settings.labels)),
        "PREFECT__CLOUD__SEND_FLOW_RUN_LOGS": sends_logs,
        "PREFECT__CLOUD__USE_LOCAL_SECRETS": "false",
        "PREFECT__CONTEXT__FLOW_RUN_ID": str(flow_run.id),
        "PREFECT__CONTEXT__FLOW_ID": str(flow_run.flow.id),
        "PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudFlowRunner",
        "PREFECT__ENGINE__TASK_RUNNER__DEFAULT_CLASS": "prefect.engine.cloud.CloudTaskRunner",
    }
    epoch: int | None = getattr(flow_run, "epoch", None)
    if epoch is not None:
        variables["PREFECT__CONTEXT__FLOW_RUN_EPOCH"] = str(epoch)
    if image is not None:
        variables["PREFECT__CONTEXT__IMAGE"] = image
    if for_old_images:
        variables["PREFECT__CLOUD__AUTH_TOKEN"] = key
        variables["PREFECT__LOGGING__LOG_TO_CLOUD"] = sends_logs
    return variables


def as_text(variables: Mapping[str, Any]) -> dict[str, str]:
    """Variables of a run config or an option, as texts; those that are None are left out."""
    return {str(name): str(value) for name, value in variables.items() if value is not None}
