"""The agent that runs flows as custom jobs of Vertex AI, on Google Cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.agent.vertex.agent import VertexAgent

__all__ = ["VertexAgent"]

__getattr__, __dir__ = lazy_names(
    __name__, {"VertexAgent": "prefect.agent.vertex.agent"}, submodules=("agent",)
)
