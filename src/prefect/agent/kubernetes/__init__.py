"""The agent that runs flows as jobs of a Kubernetes cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.agent.kubernetes.agent import KubernetesAgent

__all__ = ["KubernetesAgent"]

__getattr__, __dir__ = lazy_names(
    __name__, {"KubernetesAgent": "prefect.agent.kubernetes.agent"}, submodules=("agent",)
)
