"""`prefect execute`: run a flow run of the API in this process. Agents start this."""

from __future__ import annotations

import click

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError
from prefect.cli._group import Group

__all__ = ["execute"]


@click.group(cls=Group, removed={"cloud-flow": "Use `prefect execute flow-run`."})
def execute() -> None:
    """Run a flow run of the API in this process. Agents start this."""


@execute.command("flow-run")
def flow_run() -> None:
    """Run the flow run that the environment names (PREFECT__CONTEXT__FLOW_RUN_ID).

    The flow is loaded from its storage. The exit status says whether it could be run; how the run
    ended is its state.
    """
    import prefect
    from prefect.backend.execution import execute_flow_run
    from prefect.utilities.context import context

    flow_run_id = context.get("flow_run_id")
    if not flow_run_id:
        raise CommandError(
            "Not currently executing a flow within a Cloud context.",
            hint="Agents set PREFECT__CONTEXT__FLOW_RUN_ID; to run a flow run yourself use `prefect run --execute`.",
            exit_code=_exit_codes.FAILED,
        )
    try:
        execute_flow_run(flow_run_id)
    finally:
        prefect.utilities.logging.LOG_MANAGER.stop()
