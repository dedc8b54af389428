"""The agent that runs flows in containers of a Docker engine, or one that speaks its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.agent.docker.agent import DockerAgent

__all__ = ["DockerAgent"]

__getattr__, __dir__ = lazy_names(
    __name__, {"DockerAgent": "prefect.agent.docker.agent"}, submodules=("agent",)
)
