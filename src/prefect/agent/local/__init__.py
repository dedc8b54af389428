"""The agent that runs flows as processes of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.agent.local.agent import LocalAgent

__all__ = ["LocalAgent"]

__getattr__, __dir__ = lazy_names(
    __name__, {"LocalAgent": "prefect.agent.local.agent"}, submodules=("agent",)
)
