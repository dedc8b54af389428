"""Run a flow in this process and show it: alive in a terminal, as plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError
from prefect.cli._output import can_be_live, print_error, styled, write
from prefect.cli._run_logs import plain_lines, run_logging
from prefect.cli._run_model import failure_text
from prefect.utilities.context import context as prefect_context

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.core.task import Task
    from prefect.engine.state import State

__all__ = ["run_here"]

#: Failures that the summary of a plain run lists at most.
_LISTED_FAILURES = 10


def run_here(
    flow: Flow,
    *,
    parameters: dict[str, Any],
    context: dict[str, Any],
    on_schedule: bool,
    log_level: str | None,
    quiet: bool,
    no_logs: bool,
) -> int:
    """Run a flow and return the exit status that says how it went.

    Args:
        flow: the flow.
        parameters: values of its parameters.
        context: values for `prefect.context`.
        on_schedule: run at each time of its schedule.
        log_level: lowest level of log lines; the configured one if None.
        quiet: print nothing but log lines and errors.
        no_logs: print no log lines.
    """
    arguments = {
        "parameters": parameters,
        "run_on_schedule": on_schedule,
        # `config` is merged by the context itself; everything else is of the flow run.
        "context": {key: value for key, value in context.items() if key != "config"},
    }
    try:
        flow.validate()
        with prefect_context(**context), _workers_log_level("CRITICAL" if no_logs else log_level):
            if not quiet and not on_schedule and can_be_live() and not _workers_write_here(flow):
                state = _run_alive(flow, arguments, log_level, no_logs)
            else:
                state = _run_plain(flow, arguments, log_level, quiet, no_logs)
    except KeyboardInterrupt:
        print_error("Interrupted: the flow run was stopped by Ctrl-C.")
        return _exit_codes.INTERRUPTED
    except (TypeError, ValueError) as error:
        if _wants_tracebacks():
            raise
        raise CommandError(f"Flow {flow.name!r} cannot run: {error}") from error
    return _exit_code(state)


@contextmanager
def _workers_log_level(level: str | None) -> Generator[None]:
    """Have processes that are started meanwhile log from this level on; None leaves it to them."""
    name = "PREFECT__LOGGING__LEVEL"
    before = os.environ.get(name)
    if level is not None:
        os.environ[name] = level
    try:
        yield
    finally:
        if before is not None:
            os.environ[name] = before
        elif level is not None:
            del os.environ[name]


def _workers_write_here(flow: Flow) -> bool:
    """Whether tasks run in processes that write to this terminal by themselves.

    What they write would end up in the middle of the tree.
    """
    from prefect.engine import get_default_executor_class

    executor = flow.executor or get_default_executor_class()()
    if executor.placement != "remote":
        return False
    from prefect.executors import LocalDaskExecutor, ProcessPoolExecutor

    # The processes of these send their records here.
    return not isinstance(executor, (LocalDaskExecutor, ProcessPoolExecutor))


def _wants_tracebacks() -> bool:
    import prefect

    return bool(cast("Any", prefect.config).debug)


def _exit_code(state: State | None) -> int:
    if state is None or state.is_successful():
        return _exit_codes.OK
    return _exit_codes.FAILED if state.is_failed() else _exit_codes.CANCELLED


def _run_alive(flow: Flow, arguments: dict[str, Any], log_level: str | None, no_logs: bool) -> State | None:
    from prefect.cli._run_view import RunView
    from prefect.engine.observers import observe

    view = RunView(flow)
    on_record = None if no_logs else view.on_record
    # The tree tells what started and finished; who asks for a level gets all its lines. What tasks
    # print with `log_stdout` comes from the runners' logger too.
    prints = any(task.log_stdout for task in flow.tasks)
    left_out = "nothing" if log_level is not None else "story" if prints else "runners"
    with (
        run_logging(on_record, log_level, left_out=left_out),
        view.shown(),
        observe(view.on_event),
    ):
        state = flow.run(**arguments)
        view.finish(state)
    return state


def _run_plain(
    flow: Flow, arguments: dict[str, Any], log_level: str | None, quiet: bool, no_logs: bool
) -> State | None:
    started = time.monotonic()
    with run_logging(None if no_logs else plain_lines(sys.stdout), log_level):
        state = flow.run(**arguments)
    if not quiet:
        _summarize(flow, state, time.monotonic() - started)
    return state


def _summarize(flow: Flow, state: State, seconds: float) -> None:
    if state.is_successful():
        text, color = "Flow run succeeded!", "green"
    elif state.is_failed():
        text, color = "Flow run failed!", "red"
        for number, line in enumerate(_failures(flow, state)):
            if number == _LISTED_FAILURES:
                write("  …")
                break
            write(f"  {line}")
    else:
        text, color = f"Flow run ended {type(state).__name__}.", "yellow"
    message = f" {state.message}" if state.message and not state.is_successful() else ""
    write(styled(text, sys.stdout, color=color, bold=True) + f"{message} ({seconds:.1f} s)")


def _failures(flow: Flow, state: State) -> Iterator[str]:
    """`task: reason` for each task run that failed by itself, in the order of the flow."""
    states = state.result
    if not isinstance(states, dict):
        if isinstance(states, Exception):
            yield failure_text(state)
        return
    for task in flow.sorted_tasks():
        found = cast("dict[Task, State]", states).get(task)
        if found is None:
            continue
        if found.is_failed():
            yield f"{task.name}: {failure_text(found)}"
        children: dict[str, list[int]] = {}
        for index, child in enumerate(cast("list[State | None]", getattr(found, "map_states", []))):
            if child is not None and child.is_failed():
                children.setdefault(failure_text(child), []).append(index)
        for reason, indexes in children.items():
            others = f" and {len(indexes) - 1:,} more" if len(indexes) > 1 else ""
            yield f"{task.name}[{indexes[0]}]{others}: {reason}"
