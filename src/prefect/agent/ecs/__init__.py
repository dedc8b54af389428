"""The agent that runs flows as tasks of Amazon ECS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.agent.ecs.agent import ECSAgent

__all__ = ["ECSAgent"]

__getattr__, __dir__ = lazy_names(__name__, {"ECSAgent": "prefect.agent.ecs.agent"}, submodules=("agent",))
