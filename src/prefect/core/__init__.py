"""Building flows: tasks, parameters, edges, and the flow that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.core.flow import Flow
    from prefect.core.parameter import Parameter
    from prefect.core.task import Task

__all__ = ["Edge", "Flow", "Parameter", "Task"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Edge": "prefect.core.edge",
        "Flow": "prefect.core.flow",
        "Parameter": "prefect.core.parameter",
        "Task": "prefect.core.task",
    },
)
