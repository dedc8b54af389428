"""What an agent needs to know about a flow run before it starts one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from prefect.utilities.context import context

__all__ = ["get_flow_image", "get_flow_run_command"]

_RELEASE = re.compile(r"\d+(?:\.\d+)*")


def get_flow_image(flow_run: Any, default: str | None = None) -> str:
    """The container image that a flow run wants.

    In this order: the image that Docker storage built, the image in the run config, and `default`. After
    that, flows that a version up to 1.4.1 registered run in its image, `prefecthq/prefect:<version>`; others
    in the image of the setting `cloud.agent.default_image`, or that of their version:
    `prefect-classic:<version>`.

    Args:
        flow_run: a row of `flow_run` with `run_config` and `flow { storage, run_config, core_version }`
        default: image to use when neither storage nor run config name one
    """
    flow = flow_run.flow
    storage = cast("Mapping[str, Any]", flow.storage or {})
    if storage.get("type") == "Docker":
        image = f"{storage['image_name']}:{storage['image_tag']}"
        registry = storage.get("registry_url")
        return f"{registry}/{image}" if registry else image
    run_config = getattr(flow_run, "run_config", None) or getattr(flow, "run_config", None)
    image = cast("Mapping[str, Any]", run_config or {}).get("image") or default
    if image:
        return image
    # Versions of commits after a release ("1.4.1+3.gabc") have no image of their own.
    version = (flow.core_version or "latest").partition("+")[0]
    # compat: versions up to 1.4.1 were published under another name.
    if _release(version) < [1, 5]:
        return f"prefecthq/prefect:{version}"
    return str(context.config.cloud.agent.get("default_image") or f"prefect-classic:{version}")


def get_flow_run_command(flow_run: Any) -> str:
    """The command that runs a flow run inside its container or process.

    Args:
        flow_run: a row of `flow_run` with `flow { core_version }`
    """
    # compat: flows registered before 0.13 have an older Prefect in their image.
    return (
        "prefect execute flow-run"
        if _release(flow_run.flow.core_version or "") >= [0, 13]
        else "prefect execute cloud-flow"
    )


def _release(version: str) -> list[int]:
    """The numbers of a version; those of none are lower than all."""
    found = _RELEASE.match(version)
    return [int(part) for part in found.group().split(".")] if found else [0]
