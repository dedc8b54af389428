"""What people do to flow runs: cancel, restart, set a state, ask why nothing happens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._complete import complete_flows, complete_projects, complete_runs
from prefect.cli._errors import CommandError
from prefect.cli._find import find_run, is_ended, is_uuid, matching
from prefect.cli._group import Command
from prefect.cli._output import may_ask, note, styled, write
from prefect.cli._table import STATE_COLORS, Column, output_option, show_rows

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["STATES", "cancel", "restart", "set_state", "why"]

#: States that may be set by hand.
STATES = (
    "Pending", "Scheduled", "Submitted", "Queued", "Running", "Paused", "Resume", "Retrying", "Success", "Skipped",
    "Failed", "TimedOut", "Cancelling", "Cancelled",
)  # fmt: skip
_ENDED = ("Success", "Failed", "Cancelled", "TimedOut", "Skipped", "Cached", "Mapped", "TriggerFailed")

_RUN = click.argument("run", metavar="RUN", shell_complete=complete_runs)

_CANCEL_EPILOG = """\
\b
Examples:
  prefect cancel brave-otter                   the newest run of that name
  prefect cancel --flow nightly --dry-run      which runs of a flow go on
  prefect cancel --flow nightly --yes          cancel all of them
"""


@click.command(cls=Command, epilog=_CANCEL_EPILOG)
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=complete_runs)
@click.option("--flow", metavar="NAME", shell_complete=complete_flows, help="All runs of this flow that have not ended.")  # fmt: skip
@click.option("--project", metavar="NAME", shell_complete=complete_projects, help="The flow's project.")
@click.option("--dry-run", is_flag=True, help="Say what would be cancelled, and cancel nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def cancel(runs: tuple[str, ...], flow: str | None, project: str | None, dry_run: bool, yes: bool) -> None:
    """Cancel flow runs, by name or id. What runs is told to stop; what waits never runs.

    Exit status: 0 all are cancelled or about to stop, 5 one had ended before.
    """
    if bool(runs) == (flow is not None):
        raise CommandError("Name flow runs, or a flow with --flow.", exit_code=_exit_codes.USAGE)
    client = connect()
    with api_errors():
        found = [find_run(client, word) for word in runs] or _unfinished(client, flow, project)
        if not found:
            note("No run of that flow is under way.")
            return
        if dry_run:
            for run in found:
                write(f"{run['name']} ({run['id']}) is {run['state']}, and would be cancelled.")
            return
        many = flow is not None and len(found) > 1
        if many and not yes and may_ask():
            click.confirm(f"Cancel {len(found)} flow runs?", abort=True, err=True)
        ended = [run for run in found if not _cancel(client, run)]
    if ended:
        raise CommandError(
            f"{', '.join(run['name'] for run in ended)}: not cancelled, because "
            f"{'it' if len(ended) == 1 else 'they'} had ended.",
            exit_code=_exit_codes.CONFLICT,
        )


def _unfinished(client: Client, flow: str | None, project: str | None) -> list[dict[str, Any]]:
    from prefect.backend._query import rows

    of_flow = matching(name=flow)
    if project is not None:
        of_flow["project"] = matching(name=project)
    where = {"flow": of_flow, "state": {"_nin": list(_ENDED)}}
    found = rows("flow_run", where, "id name state", order_by={"created": "asc"}, client=client)
    return [row.to_dict() for row in found]


def _cancel(client: Client, run: dict[str, Any]) -> bool:
    """Cancel one run; whether it had not ended before."""
    if is_ended(run["state"]):
        return False
    reply = client.graphql(
        "mutation($input: cancel_flow_run_input!) { cancel_flow_run(input: $input) { state } }",
        variables={"input": {"flow_run_id": run["id"]}},
    )
    write(f"{run['name']} ({run['id']}) is {reply.data.cancel_flow_run.state}.")
    return True


@click.command(cls=Command)
@_RUN
@click.option("--from-start", is_flag=True, help="Run all tasks again, also those that succeeded.")
@click.option("--watch", "-w", is_flag=True, help="Follow the run until it has ended.")
@click.option("--execute", is_flag=True, help="Run it in this process, without an agent.")
@click.pass_context
def restart(ctx: click.Context, run: str, from_start: bool, watch: bool, execute: bool) -> None:
    """Run again what failed in a flow run, and all that depends on it. RUN is its name or id.

    Exit status with --watch or --execute: 0 the run succeeded, 1 it failed, 11 it was cancelled.
    """
    from prefect.backend._query import parse_time
    from prefect.cli._following import Shown, execute_here, follow

    client = connect()
    with api_errors():
        found = find_run(client, run)
        if not is_ended(found["state"]):
            raise CommandError(
                f"Flow run {found['name']!r} is {found['state']}; it can be restarted when it has ended.",
                hint=f"Cancel it first: `prefect cancel {found['id']}`.",
                exit_code=_exit_codes.CONFLICT,
            )
        reply = client.graphql(
            "mutation($input: restart_flow_run_input!) { restart_flow_run(input: $input) { state task_runs } }",
            variables={"input": {"flow_run_id": found["id"], "from_start": from_start}},
        ).data.restart_flow_run
        count = f"{reply.task_runs} task {'run' if reply.task_runs == 1 else 'runs'}"
        write(f"{found['name']} ({found['id']}) is {reply.state}; {count} will run again.")
        if execute:
            ctx.exit(execute_here(found["id"], Shown()))
        if watch:
            since = parse_time(find_run(client, found["id"], "state_timestamp")["state_timestamp"])
            ctx.exit(follow(client, found["id"], Shown(since=since)))


@click.command("set-state", cls=Command)
@_RUN
@click.argument("state", type=click.Choice(STATES, case_sensitive=False), metavar="STATE")
@click.option("--message", "-m", metavar="TEXT", help="What the state says; who set it by default.")
def set_state(run: str, state: str, message: str | None) -> None:
    """Set the state of a flow run, by name or id, or of a task run, by id.

    STATE is one of Pending, Scheduled, Submitted, Queued, Running, Paused, Resume, Retrying,
    Success, Skipped, Failed, TimedOut, Cancelling, Cancelled.
    """
    client = connect()
    with api_errors():
        kind, found = _run_or_task_run(client, run)
        name = f"set_{kind}_states"
        wanted = {"type": state, "message": message or "Set by hand with `prefect set-state`."}
        entry = {f"{kind}_id": found["id"], "state": wanted}
        reply = client.graphql(
            f"mutation($input: {name}_input!) {{ {name}(input: $input) {{ states {{ status message }} }} }}",
            variables={"input": {"states": [entry]}},
        ).data[name]
    answer = reply.states[0]
    if answer.status != "SUCCESS":
        raise CommandError(
            f"The state was not set: {answer.message or answer.status}", exit_code=_exit_codes.CONFLICT
        )
    write(f"{found['name'] or found['id']} is {styled(state, sys.stdout, color=STATE_COLORS.get(state))}.")


def _run_or_task_run(client: Client, word: str) -> tuple[str, dict[str, Any]]:
    """Which kind of run a word names, and the run."""
    from prefect.backend._query import rows

    if is_uuid(word):
        found = rows("task_run", matching(id=word), "id name state", limit=1, client=client)
        if found:
            return "task_run", found[0].to_dict()
    return "flow_run", find_run(client, word)


@click.command(cls=Command)
@_RUN
@output_option
def why(run: str, output: str) -> None:
    """Say why a flow run does not run: no agent, no slot, not due, paused. RUN is its name or id."""
    client = connect()
    document = "query($id: UUID!) { why_not_running(flow_run_id: $id) { code message data } }"
    with api_errors():
        found = find_run(client, run)
        reasons = client.graphql(document, variables={"id": found["id"]}).data.why_not_running
    rows = [{"id": found["id"], **reason.to_dict()} for reason in reasons]
    show_rows(rows, _REASONS, output)


_REASONS = (Column("CODE", lambda row: row["code"], whole=True), Column("WHY", lambda row: row["message"]))
