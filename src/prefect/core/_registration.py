"""`Flow.register` and `Flow.run_agent`: from a flow to the API."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from prefect.utilities.context import context

if TYPE_CHECKING:
    from prefect.core.flow import Flow

_LOADING = "Attempting to call `flow.{0}` during execution of flow file will lead to unexpected results."


def refuse_inside_flow(method: str, error: type[Exception]) -> None:
    """Raise `error` while a `with Flow(...)` block is open."""
    if context.top.get("flow") is not None:
        raise error(
            f"Don't call `flow.{method}()` from within a `Flow` context manager.\n\nDo:\n\n"
            f"  with Flow(...) as flow:\n      ...\n  flow.{method}(...)\n\nDon't:\n\n"
            f"  with Flow(...) as flow:\n      ...\n      flow.{method}(...)"
        )


def is_loading(method: str) -> bool:
    """Whether a flow file is being loaded, where `method` only warns."""
    if not context.top.get("loading_flow"):
        return False
    warnings.warn(_LOADING.format(method), stacklevel=4)
    return True


def use_result_of_storage(flow: Flow) -> None:
    """Give a flow that says nothing of results those of its storage: values are kept where the flow is.

    A flow that is pickled takes it along. One in a script is made anew by each run, so the script says it.
    """
    if flow.result is None and flow.storage is not None:
        flow.result = flow.storage.result


def register_flow(
    flow: Flow,
    *,
    project_name: str | None,
    build: bool,
    labels: list[str] | None,
    set_schedule_active: bool,
    version_group_id: str | None,
    no_url: bool,
    idempotency_key: str | None,
    storage_arguments: dict[str, Any],
) -> str | None:
    """See `Flow.register`."""
    if is_loading("register"):
        return None
    refuse_inside_flow("register", ValueError)
    if flow.storage is None:
        from prefect.storage import get_default_storage_class

        flow.storage = get_default_storage_class()(**storage_arguments)
    use_result_of_storage(flow)
    if flow.run_config is None:
        from prefect.run_configs import UniversalRun

        flow.run_config = UniversalRun()
    if labels:
        flow.run_config.labels.update(labels)
    client: Any = import_module("prefect.client.client").Client()
    return client.register(
        flow=flow,
        build=build,
        project_name=project_name,
        set_schedule_active=set_schedule_active,
        version_group_id=version_group_id,
        no_url=no_url,
        idempotency_key=idempotency_key,
    )


def run_agent(
    flow: Flow, *, token: str | None, show_flow_logs: bool, log_to_cloud: bool | None, api_key: str | None
) -> None:
    """See `Flow.run_agent`."""
    if token is not None:
        raise TypeError("API tokens were removed in 1.0. Pass an API key as `api_key` instead of `token`.")
    if log_to_cloud is not None:
        warnings.warn(
            "`log_to_cloud` is ignored. Set `cloud.send_flow_run_logs` in the configuration instead.",
            stacklevel=3,
        )
    labels = set(flow.run_config.labels) if flow.run_config is not None else set[str]()
    if flow.storage is not None:
        labels |= set(flow.storage.labels)
    agent: Any = import_module("prefect.agent.local").LocalAgent(
        labels=sorted(labels), show_flow_logs=show_flow_logs, key=api_key
    )
    agent.start()
