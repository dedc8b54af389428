"""`prefect run` of a registered flow: make a run, and execute or follow it."""

from __future__ import annotations

import json
import logging
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._errors import CommandError
from prefect.cli._output import note, styled, write

if TYPE_CHECKING:
    from prefect.backend.flow import FlowView
    from prefect.backend.flow_run import FlowRunLog, FlowRunView
    from prefect.client.client import Client
    from prefect.engine.state import State

__all__ = ["RunOptions", "run_registered"]

_LEVEL_COLORS = {"DEBUG": "bright_black", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


@dataclass(frozen=True)
class RunOptions:
    """The options of `prefect run` that a registered flow knows."""

    flow_id: str | None
    project: str | None
    name: str | None
    labels: tuple[str, ...]
    run_name: str | None
    context: dict[str, Any]
    parameters: dict[str, Any]
    log_level: str | None
    idempotency_key: str | None
    execute: bool
    schedule: bool
    quiet: bool
    no_logs: bool
    watch: bool
    output: str


def run_registered(options: RunOptions) -> int:
    """Make a run of a registered flow, and execute or follow it as the options say.

    Returns:
        the exit status.

    Raises:
        CommandError: there is no such flow, a value is wrong, or the API refused.
    """
    if options.schedule:
        raise CommandError(
            "--schedule is for flows of files and modules; the server runs registered flows on their schedule.",
            exit_code=_exit_codes.USAGE,
        )
    client = connect()
    with api_errors():
        view = _find(options)
        _check_parameters(view, options.parameters)
        if options.execute:
            _refuse_second_execution(client, view, options.idempotency_key)
        run_id = _create(client, view, options)
        if options.quiet:
            write(run_id)
        else:
            _describe(client, view, run_id, options.output)
        if options.execute:
            return _execute(run_id, options)
        if options.watch:
            return _watch(client, run_id, options)
    return _exit_codes.OK


def _find(options: RunOptions) -> FlowView:
    from prefect.backend.flow import FlowView

    try:
        if options.flow_id is not None:
            return FlowView.from_id(_uuid(options.flow_id))
        assert options.name is not None
        return FlowView.from_flow_name(options.name, project_name=options.project or "")
    except ValueError as error:
        raise _not_found(options, str(error)) from error


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise CommandError(f"--id {text!r} is no UUID.", exit_code=_exit_codes.USAGE) from None


def _not_found(options: RunOptions, text: str) -> CommandError:
    if text.startswith("Found "):
        return CommandError(
            text, hint="Name the project with --project, or the flow with --id.", exit_code=_exit_codes.USAGE
        )
    if options.flow_id is not None:
        return CommandError(
            f"There is no flow or flow group with the id {options.flow_id}.", exit_code=_exit_codes.NOT_FOUND
        )
    where = f" in project {options.project!r}" if options.project else ""
    return CommandError(
        f"There is no registered flow {options.name!r}{where}.",
        hint=_similar(options) or "`prefect get flows` lists the registered flows.",
        exit_code=_exit_codes.NOT_FOUND,
    )


def _similar(options: RunOptions) -> str | None:
    import difflib

    from prefect.backend._query import rows

    found = rows("flow", {"archived": {"_eq": False}}, "name project { name }", limit=500)
    names = {row.name: row.project.name if row.project else None for row in found}
    close = difflib.get_close_matches(options.name or "", list(names), n=1)
    return f"Did you mean {close[0]!r} of project {names[close[0]]!r}?" if close else None


def _check_parameters(view: FlowView, given: dict[str, Any]) -> None:
    """Refuse values for parameters that the flow has not; the API checks for those that are missing."""
    parameters = cast("list[dict[str, Any]]", view.serialized_flow.get("parameters") or [])
    known = [str(parameter["name"]) for parameter in parameters]
    unknown = sorted(given.keys() - set(known))
    if not unknown:
        return
    import difflib

    close = difflib.get_close_matches(unknown[0], known, n=1)
    raise CommandError(
        f"Flow {view.name!r} has no parameter {', '.join(map(repr, unknown))}; it has "
        f"{', '.join(map(repr, sorted(known))) or 'none'}.",
        hint=f"Did you mean {close[0]!r}?" if close else None,
        exit_code=_exit_codes.USAGE,
    )


def _refuse_second_execution(client: Client, view: FlowView, key: str | None) -> None:
    from prefect.backend._query import rows

    if key is None:
        return
    where = {"flow_id": {"_eq": view.flow_id}, "idempotency_key": {"_eq": key}}
    found = rows("flow_run", where, "id name", client=client)
    if found:
        raise CommandError(
            f"The idempotency key {key!r} belongs to the flow run {found[0].name!r} ({found[0].id}), which exists "
            "already: it is not executed again.",
            exit_code=_exit_codes.CONFLICT,
        )


def _create(client: Client, view: FlowView, options: RunOptions) -> str:
    run_config = None
    if options.log_level is not None:
        from prefect.run_configs import UniversalRun

        run_config = view.run_config or UniversalRun()
        run_config.env = {**(run_config.env or {}), "PREFECT__LOGGING__LEVEL": options.log_level}
    labels = list(options.labels) or None
    if options.execute:
        # No agent has this label, so that none takes the run away.
        labels = [f"agentless-run-{uuid.uuid4().hex[:8]}"]
    elif labels is None and run_config is not None:
        # The labels of a run config that is given win over those of the flow group.
        labels = view.flow_group_labels
    if not options.quiet:
        note(f"Creating run for flow {view.name!r}...")
    run_id: str | None = None
    try:
        run_id = client.create_flow_run(
            flow_id=view.flow_id,
            parameters=options.parameters or None,
            context=options.context or None,
            labels=labels,
            run_config=run_config,
            run_name=options.run_name,
            idempotency_key=options.idempotency_key,
        )
    except KeyboardInterrupt:
        if run_id is not None:
            client.cancel_flow_run(run_id)
            note("Interrupted: the flow run was cancelled.")
        raise
    return run_id


def _describe(client: Client, view: FlowView, run_id: str, output: str) -> None:
    from prefect.backend.flow_run import FlowRunView

    run = FlowRunView.from_flow_run_id(run_id)
    url = client.get_cloud_url("flow-run", run_id)
    if output == "jsonl":
        write(
            json.dumps(
                {
                    "type": "flow_run",
                    "id": run_id,
                    "name": run.name,
                    "flow": view.name,
                    "labels": run.labels,
                    "parameters": run.parameters,
                    "context": run.context,
                    "url": url,
                },
                default=str,
            )
        )
        return
    # compat: scripts read these lines.
    for title, value in (
        ("Name", run.name),
        ("UUID", run_id),
        ("Labels", sorted(run.labels)),
        ("Parameters", run.parameters),
        ("Context", run.context),
        ("URL", url),
    ):
        write(f"└── {title}: {value}")


def _execute(run_id: str, options: RunOptions) -> int:
    from prefect.backend.execution import run_in_process
    from prefect.utilities.configuration import set_temporary_config

    if not options.quiet:
        note("Executing flow run...")
    look = {
        "logging.format": "└── %(asctime)s | %(levelname)-7s | %(message)s",
        "logging.datefmt": "%H:%M:%S",
    }
    if options.log_level is not None:
        look["logging.level"] = options.log_level
    try:
        with set_temporary_config(look):
            run = run_in_process(run_id, shows_output=not (options.no_logs or options.quiet))
    except KeyboardInterrupt:
        note("Interrupted: the flow run is marked as failed.")
        return _exit_codes.INTERRUPTED
    except RuntimeError as error:
        raise CommandError(str(error), exit_code=_exit_codes.CONFLICT) from error
    return _finish(run, options)


def _watch(client: Client, run_id: str, options: RunOptions) -> int:
    from prefect.backend.flow_run import FlowRunView, watch_flow_run

    if not options.quiet:
        note("Watching flow run execution... (Ctrl-C asks whether to cancel it)")
    lines = watch_flow_run(run_id, stream_logs=not options.no_logs)
    while True:
        try:
            for line in lines:
                _print_line(line, options)
            break
        except KeyboardInterrupt:
            if _wants_to_cancel():
                client.cancel_flow_run(run_id)
                note("The flow run is being cancelled.")
                lines = watch_flow_run(run_id, stream_logs=False)
                continue
            note(f"The flow run goes on; follow it again with `prefect get logs --id {run_id}`.")
            return _exit_codes.INTERRUPTED
        except RuntimeError as error:
            raise CommandError(str(error), exit_code=_exit_codes.TIMEOUT) from error
    try:
        return _finish(FlowRunView.from_flow_run_id(run_id), options)
    except ValueError as error:
        raise CommandError("The flow run was deleted.", exit_code=_exit_codes.NOT_FOUND) from error


def _wants_to_cancel() -> bool:
    """Ask whether to cancel; a second Ctrl-C, or nobody to ask, leaves the run running."""
    if not sys.stdin.isatty():
        return False
    import click

    try:
        return click.confirm("\nCancel the flow run?", default=True, err=True)
    except click.Abort:
        return False


def _print_line(line: FlowRunLog, options: RunOptions) -> None:
    level = logging.getLevelName(line.level)
    if options.output == "jsonl":
        write(
            json.dumps(
                {
                    "type": "log",
                    "timestamp": line.timestamp.isoformat(),
                    "level": level,
                    "message": line.message,
                }
            )
        )
    elif not options.quiet:
        text = styled(f"{level:<7}", sys.stdout, color=_LEVEL_COLORS.get(level))
        write(f"└── {line.timestamp:%H:%M:%S} | {text} | {line.message}")


def _finish(run: FlowRunView, options: RunOptions) -> int:
    """Say how it went; the exit status."""
    state: State = run.state
    if options.output == "jsonl":
        write(json.dumps({"type": "state", "state": type(state).__name__, "message": state.message}))
    elif not options.quiet:
        if state.is_successful():
            write(styled("Flow run succeeded!", sys.stdout, color="green", bold=True))
        elif state.is_failed():
            write(styled("Flow run failed!", sys.stdout, color="red", bold=True))
        else:
            name = type(state).__name__
            write(
                styled(
                    f"Flow run is in unexpected state: {name} ({state.message})"
                    if not state.is_finished()
                    else f"Flow run ended {name}.",
                    sys.stdout,
                    color="yellow",
                    bold=True,
                )
            )
    if state.is_successful():
        return _exit_codes.OK
    return _exit_codes.CANCELLED if type(state).__name__ == "Cancelled" else _exit_codes.FAILED
