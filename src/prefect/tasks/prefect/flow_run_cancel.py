"""`CancelFlowRun`: cancels a flow run."""

from __future__ import annotations

from typing import Any

from prefect.core.task import Task
from prefect.utilities._lazy import removed_names
from prefect.utilities.context import context
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["CancelFlowRun"]

__getattr__ = removed_names(__name__)


class CancelFlowRun(Task):
    """Cancels a flow run.

    Args:
        flow_run_id: the run; the current one by default.
        **kwargs: as for `Task`.
    """

    def __init__(self, flow_run_id: str | None = None, **kwargs: Any) -> None:
        self.flow_run_id = flow_run_id
        super().__init__(**kwargs)

    @defaults_from_attrs("flow_run_id")
    def run(self, flow_run_id: str | None = None) -> bool:
        """Whether the run was asked to stop.

        Args:
            flow_run_id: the run; the current one by default.

        Raises:
            ValueError: there is no run.
        """
        from prefect.client.client import Client

        run_id = flow_run_id or context.get("flow_run_id")
        if not run_id:
            raise ValueError("Can't cancel a flow run without flow run ID.")
        return Client().cancel_flow_run(run_id)
