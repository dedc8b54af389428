"""A flow run of the API until it has ended: followed while an agent runs it, or run here."""

from __future__ import annotations

import datetime
import json
import logging
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError
from prefect.cli._output import can_be_live, may_ask, note, styled, write, write_log_line
from prefect.cli._status_line import StatusLine

if TYPE_CHECKING:
    from prefect.backend.flow_run import FlowRunLog, FlowRunView
    from prefect.client.client import Client
    from prefect.engine.state import State

__all__ = ["LEVEL_COLORS", "Shown", "execute_here", "follow"]

_ENDED = "Your flow run finished"
#: Seconds in which the last lines of a run arrive.
_LAST_LINES_S = 10.0
#: For a process whose lines are waited for.
_SOON = {"PREFECT__CLOUD__LOGGING_HEARTBEAT": "0.5"}
LEVEL_COLORS = {"DEBUG": "bright_black", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


@dataclass(frozen=True)
class Shown:
    """What is printed of a run that is followed."""

    logs: bool = True
    """Whether log lines are; states always are."""
    quiet: bool = False
    """Whether nothing is."""
    output: str = "text"
    """`text`, or `jsonl` for one JSON object a line."""
    since: datetime.datetime | None = None
    """From when on; from the beginning if None."""
    tells_ended: bool = True
    """Whether a run that had ended before is told of from the beginning too, and not only how it ended."""


def follow(client: Client, run_id: str, shown: Shown) -> int:
    """Print what happens until the run has ended; Ctrl-C asks whether to cancel it.

    Args:
        client: the client.
        run_id: the flow run.
        shown: what to print.

    Returns:
        the exit status that says how the run ended.

    Raises:
        CommandError: the run was deleted, or it takes longer than twelve hours.
    """
    from prefect.backend.flow_run import FlowRunView

    if not shown.quiet:
        note("Watching flow run execution... (Ctrl-C asks whether to cancel it)")
    is_live = shown.output == "text" and not shown.quiet and can_be_live()
    lines = _lines(run_id, shown)
    # After a Ctrl-C it is told from the beginning, or that it has ended, which `_finish` tells.
    is_again = False
    printed: set[tuple[str, str]] = set()
    while True:
        try:
            with StatusLine(run_id, shown=is_live) as status:
                for line in lines:
                    known = (str(line.timestamp), line.message)
                    is_old = shown.since is not None and line.timestamp < shown.since
                    if is_old or known in printed or (is_again and line.message.startswith(_ENDED)):
                        continue
                    printed.add(known)
                    with status.above():
                        _print_line(line, shown)
            break
        except KeyboardInterrupt:
            if _wants_to_cancel():
                client.cancel_flow_run(run_id)
                note("The flow run is being cancelled.")
                is_again = True
                lines = _lines(run_id, shown)
                continue
            note(f"The flow run goes on; follow it again with `prefect watch {run_id}`.")
            return _exit_codes.INTERRUPTED
        except RuntimeError as error:
            raise CommandError(str(error), exit_code=_exit_codes.TIMEOUT) from error
    try:
        return _finish(FlowRunView.from_flow_run_id(run_id), shown)
    except ValueError as error:
        raise CommandError("The flow run was deleted.", exit_code=_exit_codes.NOT_FOUND) from error


def _lines(run_id: str, shown: Shown) -> Iterator[FlowRunLog]:
    from prefect.backend._watch import follow as follow_run

    return follow_run(
        run_id,
        stream_states=True,
        stream_logs=shown.logs,
        tells_ended=shown.tells_ended,
    )


def _entry(line: FlowRunLog, level: str) -> dict[str, str]:
    from prefect.backend._watch import StateLine

    timestamp = line.timestamp.isoformat()
    if isinstance(line, StateLine):
        state, _, message = line.message.removeprefix("Entered state <").partition(">: ")
        return {"type": "state", "timestamp": timestamp, "state": state, "message": message}
    return {"type": "log", "timestamp": timestamp, "level": level, "message": line.message}


def execute_here(run_id: str, shown: Shown, log_level: str | None = None) -> int:
    """Run a flow run in a process of this machine, without an agent.

    Args:
        run_id: the flow run.
        shown: what to print.
        log_level: lowest level of log lines; the configured one by default.

    Returns:
        the exit status that says how the run ended.

    Raises:
        CommandError: the run is not one that may start now.
    """
    from prefect.backend.execution import run_in_process
    from prefect.utilities.configuration import set_temporary_config

    if not shown.quiet:
        note("Executing flow run...")
    look = {
        "logging.format": "└── %(asctime)s | %(levelname)-7s | %(message)s",
        "logging.datefmt": "%H:%M:%S",
    }
    if log_level is not None:
        look["logging.level"] = log_level
    received: list[int] = []
    try:
        with set_temporary_config(look), _interrupted_by_signals(received):
            if shown.output == "jsonl" and shown.logs:
                # The process writes text for people; what it logs is told from what the API has.
                with _telling(run_id, shown):
                    run = run_in_process(run_id, shows_output=False, environment=_SOON)
            else:
                shows_output = shown.logs and not shown.quiet and shown.output == "text"
                run = run_in_process(run_id, shows_output=shows_output)
    except KeyboardInterrupt:
        note("Interrupted: the flow run is marked as failed.")
        return 128 + received[0] if received else _exit_codes.INTERRUPTED
    except RuntimeError as error:
        raise CommandError(str(error), exit_code=_exit_codes.CONFLICT) from error
    return _finish(run, shown)


@contextmanager
def _telling(run_id: str, shown: Shown) -> Generator[None]:
    """Print the lines of a run while the block lasts, and those that come a moment after its end."""
    from prefect.backend.flow_run import watch_flow_run

    def tell() -> None:
        try:
            for line in watch_flow_run(run_id):
                if not line.message.startswith(_ENDED):
                    _print_line(line, shown)
        except (RuntimeError, ValueError) as error:
            note(str(error))

    thread = threading.Thread(target=tell, name="prefect-lines", daemon=True)
    thread.start()
    yield
    thread.join(_LAST_LINES_S)


@contextmanager
def _interrupted_by_signals(received: list[int]) -> Generator[None]:
    """Have what ends this process (a closed terminal, `kill`) end the run with it, as Ctrl-C does.

    Args:
        received: takes the number of the signal.
    """

    def interrupt(number: int, _frame: object) -> None:
        if not received:  # once is enough: what ends the run must not be interrupted itself
            received.append(number)
            raise KeyboardInterrupt

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {
        number: signal.signal(number, interrupt) for number in (getattr(signal, name) for name in names)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wants_to_cancel() -> bool:
    """Ask whether to cancel; a second Ctrl-C, or nobody to ask, leaves the run running."""
    if not may_ask():
        return False
    import click

    try:
        return click.confirm("\nCancel the flow run?", default=True, err=True)
    except click.Abort:
        return False


def _print_line(line: FlowRunLog, shown: Shown) -> None:
    level = logging.getLevelName(line.level)
    if shown.output == "jsonl":
        write(json.dumps(_entry(line, level)))
    elif not shown.quiet:
        text = styled(f"{level:<7}", sys.stdout, color=LEVEL_COLORS.get(level))
        write_log_line(f"└── {line.timestamp:%H:%M:%S} | {text} | ", line.message)


def _finish(run: FlowRunView, shown: Shown) -> int:
    """Say how a run ended.

    Args:
        run: the run.
        shown: what to print.

    Returns:
        the exit status.
    """
    state: State = run.state
    name = type(state).__name__
    if shown.output == "jsonl":
        write(json.dumps({"type": "result", "state": name, "message": state.message}))
    elif not shown.quiet:
        if state.is_successful():
            text, color = "Flow run succeeded!", "green"
        elif state.is_failed():
            text, color = "Flow run failed!", "red"
        elif state.is_finished():
            text, color = f"Flow run ended {name}.", "yellow"
        else:
            text, color = f"Flow run is in unexpected state: {name} ({state.message})", "yellow"
        write(styled(text, sys.stdout, color=color, bold=True))
    if state.is_successful():
        return _exit_codes.OK
    return _exit_codes.CANCELLED if name == "Cancelled" else _exit_codes.FAILED
