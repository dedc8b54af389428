"""What the API knows, as Python objects: flows, runs and tenants to look at, keys and artifacts to keep.

The views are snapshots: they show what was true when they were made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.backend.artifacts import (
        create_link_artifact,
        create_markdown_artifact,
        delete_artifact,
        update_link_artifact,
        update_markdown_artifact,
    )
    from prefect.backend.flow import FlowView
    from prefect.backend.flow_run import FlowRunView
    from prefect.backend.kv_store import delete_key, get_key_value, list_keys, set_key_value
    from prefect.backend.task_run import TaskRunView
    from prefect.backend.tenant import TenantView

__all__ = [
    "FlowRunView",
    "FlowView",
    "TaskRunView",
    "TenantView",
    "create_link_artifact",
    "create_markdown_artifact",
    "delete_artifact",
    "delete_key",
    "get_key_value",
    "list_keys",
    "set_key_value",
    "update_link_artifact",
    "update_markdown_artifact",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "FlowRunView": "prefect.backend.flow_run",
        "FlowView": "prefect.backend.flow",
        "TaskRunView": "prefect.backend.task_run",
        "TenantView": "prefect.backend.tenant",
        "create_link_artifact": "prefect.backend.artifacts",
        "create_markdown_artifact": "prefect.backend.artifacts",
        "delete_artifact": "prefect.backend.artifacts",
        "delete_key": "prefect.backend.kv_store",
        "get_key_value": "prefect.backend.kv_store",
        "list_keys": "prefect.backend.kv_store",
        "set_key_value": "prefect.backend.kv_store",
        "update_link_artifact": "prefect.backend.artifacts",
        "update_markdown_artifact": "prefect.backend.artifacts",
    },
)
