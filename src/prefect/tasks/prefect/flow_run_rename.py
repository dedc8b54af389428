"""`RenameFlowRun`: gives a flow run another name."""

from __future__ import annotations

from typing import Any

from prefect.core.task import Task
from prefect.utilities._lazy import removed_names
from prefect.utilities.context import context
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["RenameFlowRun"]

__getattr__ = removed_names(__name__)


class RenameFlowRun(Task):
    """Renames a flow run.

    Args:
        flow_run_id: the run; the current one by default.
        flow_run_name: its new name.
        **kwargs: as for `Task`.
    """

    def __init__(
        self, flow_run_id: str | None = None, flow_run_name: str | None = None, **kwargs: Any
    ) -> None:
        self.flow_run_id = flow_run_id
        self.flow_run_name = flow_run_name
        super().__init__(**kwargs)

    @defaults_from_attrs("flow_run_id", "flow_run_name")
    def run(self, flow_run_id: str | None, flow_run_name: str | None) -> bool:
        """Whether the run was renamed.

        Args:
            flow_run_id: the run; the current one by default.
            flow_run_name: its new name.

        Raises:
            ValueError: there is no name, or no run.
        """
        from prefect.client.client import Client

        run_id = flow_run_id or context.get("flow_run_id")
        if not run_id:
            raise ValueError("`flow_run_id` must be explicitly provided or available in the context")
        if not flow_run_name:
            raise ValueError("Must provide a flow name.")
        return Client().set_flow_run_name(run_id, flow_run_name)
