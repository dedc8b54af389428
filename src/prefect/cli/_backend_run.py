"""`prefect run` of a registered flow: make a run, and execute or follow it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._errors import CommandError
from prefect.cli._find import similar_flow
from prefect.cli._following import Shown, execute_here, follow
from prefect.cli._output import note, write

if TYPE_CHECKING:
    from prefect.backend.flow import FlowView
    from prefect.client.client import Client

__all__ = ["RunOptions", "run_registered"]


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
    web: bool = False

    @property
    def shown(self) -> Shown:
        """What is printed while a run is followed."""
        return Shown(logs=not self.no_logs, quiet=self.quiet, output=self.output)


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
        view = _find(client, options)
        _check_parameters(view, options.parameters)
        if options.execute:
            _refuse_second_execution(client, view, options.idempotency_key)
        run_id = _create(client, view, options)
        if options.quiet:
            write(run_id)
        else:
            _describe(client, view, run_id, options.output)
        if options.web:
            from prefect.cli._web import open_page

            open_page(client, "flow-run", run_id)
        if options.execute:
            return execute_here(run_id, options.shown, options.log_level)
        if options.watch:
            return follow(client, run_id, options.shown)
    return _exit_codes.OK


def _find(client: Client, options: RunOptions) -> FlowView:
    from prefect.backend.flow import FlowView

    try:
        if options.flow_id is not None:
            return FlowView.from_id(_uuid(options.flow_id))
        assert options.name is not None
        return FlowView.from_flow_name(options.name, project_name=options.project or "")
    except ValueError as error:
        raise _not_found(client, options, str(error)) from error


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise CommandError(f"--id {text!r} is no UUID.", exit_code=_exit_codes.USAGE) from None


def _not_found(client: Client, options: RunOptions, text: str) -> CommandError:
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
        hint=similar_flow(client, options.name or "", options.project)
        or "`prefect get flows` lists the registered flows.",
        exit_code=_exit_codes.NOT_FOUND,
    )


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
    key = options.idempotency_key or uuid.uuid4().hex
    try:
        return client.create_flow_run(
            flow_id=view.flow_id,
            parameters=options.parameters or None,
            context=options.context or None,
            labels=labels,
            run_config=run_config,
            run_name=options.run_name,
            idempotency_key=key,
        )
    except KeyboardInterrupt:
        # A key that was given may be of a run that was there before, which nobody wants to end.
        if options.idempotency_key is None:
            _cancel_made(client, view, key)
        raise


def _cancel_made(client: Client, view: FlowView, key: str) -> None:
    """Cancel the run of a request that may have arrived."""
    from prefect.backend._query import rows

    where = {"flow_id": {"_eq": view.flow_id}, "idempotency_key": {"_eq": key}}
    for run in rows("flow_run", where, "id name", client=client):
        client.cancel_flow_run(run.id)
        note(f"The flow run {run.name!r} had been made, and was cancelled.")


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
