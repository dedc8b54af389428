"""`prefect execute`: run a flow run of the API in this process. Agents start this."""

from __future__ import annotations

import os
import sys
import threading

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
    from prefect.backend.execution import FlowRunLost, execute_flow_run
    from prefect.exceptions import ObjectNotFoundError
    from prefect.utilities.context import context

    flow_run_id = context.get("flow_run_id")
    if not flow_run_id:
        raise CommandError(
            "Not currently executing a flow within a Cloud context.",
            hint="Agents set PREFECT__CONTEXT__FLOW_RUN_ID; to run a flow run yourself use `prefect run --execute`.",
            exit_code=_exit_codes.FAILED,
        )
    try:
        with context(is_flow_run_process=True):
            execute_flow_run(flow_run_id)
    except ObjectNotFoundError as exc:
        raise CommandError(str(exc), exit_code=_exit_codes.NOT_FOUND) from exc
    except FlowRunLost as exc:
        code = _exit_codes.UNREACHABLE if exc.reason == "lost" else _exit_codes.CONFLICT
        raise CommandError(str(exc), exit_code=code) from exc
    finally:
        prefect.utilities.logging.LOG_MANAGER.stop()
        _leave_threads_behind()


def _leave_threads_behind() -> None:
    """End now, although threads of the flow are stuck in calls that nothing can interrupt.

    Python waits for threads at its end; a run that was cancelled would wait for its task.
    """
    me = threading.current_thread()
    stuck = [t for t in threading.enumerate() if t is not me and t.is_alive() and not t.daemon]
    error = sys.exc_info()[1]
    if not stuck:
        return
    for thread in stuck:
        thread.join(1.0)
    if any(thread.is_alive() for thread in stuck):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_exit_codes.FAILED if error is not None else _exit_codes.OK)
