"""`prefect heartbeat`: tell the API that a flow run is alive."""

from __future__ import annotations

import os
import sys
import threading

import click

from prefect.cli._group import Group

__all__ = ["heartbeat"]


@click.group(cls=Group)
def heartbeat() -> None:
    """Tell the API that flow runs are alive. Runs start this themselves."""


@heartbeat.command("flow-run")
@click.option("--id", "-i", required=True, metavar="UUID", help="Id of the flow run.")
@click.option("--num", "-n", type=int, metavar="N", help="How many heartbeats to send; no limit by default.")
def flow_run(id: str, num: int | None) -> None:
    """Send heartbeats of a flow run until the process that started this ends."""
    from prefect.utilities.executors import HeartbeatThread

    stop = threading.Event()
    if num is None:
        threading.Thread(target=_stop_with_parent, args=(stop,), daemon=True).start()
    HeartbeatThread(stop, id, num).run()


def _stop_with_parent(stop: threading.Event) -> None:
    """Set the event when the standard input, a pipe of the run's process, is closed."""
    if sys.stdin is None or sys.stdin.isatty():  # pyright: ignore[reportUnnecessaryComparison]
        return
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError):
        return
    import stat

    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return  # compat: started without a pipe, as 1.4.1 does; whoever did ends it
    while os.read(descriptor, 4096):
        pass
    stop.set()
