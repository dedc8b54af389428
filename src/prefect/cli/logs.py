"""`prefect logs` and `prefect watch`: what a flow run says, and what becomes of it."""

from __future__ import annotations

import datetime
import logging

import click

from prefect._wire.times import parse_time
from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._complete import complete_runs
from prefect.cli._errors import CommandError
from prefect.cli._find import find_run, is_ended
from prefect.cli._following import Shown
from prefect.cli._following import follow as follow_until_end
from prefect.cli._group import Command
from prefect.cli._log_lines import LEVELS, log_rows, show_log, write_line
from prefect.cli._output import note
from prefect.cli._table import output_option

__all__ = ["logs", "watch"]

#: How long after the end of a run lines of it may still arrive.
_LATE = datetime.timedelta(seconds=15)

_RUN = click.argument("run", metavar="RUN", shell_complete=complete_runs)
_EPILOG = """\
\b
Examples:
  prefect logs brave-otter                     the newest run of that name
  prefect logs brave-otter -f                  and what is still to come
  prefect logs UUID --level WARNING --tail 20  the last lines that matter
"""


@click.command(cls=Command, epilog=_EPILOG)
@_RUN
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@click.option("--level", type=click.Choice(LEVELS, case_sensitive=False), metavar="LEVEL", help="Only lines of this level and above: DEBUG, INFO, WARNING, ERROR or CRITICAL.")  # fmt: skip
@click.option("--logger", metavar="NAME", help="Only lines of this logger and those below it, such as prefect, distributed or stdout.")  # fmt: skip
@click.option("--tail", "-n", type=click.IntRange(min=1), metavar="N", help="Only the last N lines.")
@click.option("--web", is_flag=True, help="Open the page of the run in the browser instead.")
@output_option
def logs(
    run: str, follow: bool, level: str | None, logger: str | None, tail: int | None, web: bool, output: str
) -> None:
    """Print the log of a flow run, oldest line first. RUN is its name or id."""
    client = connect()
    with api_errors():
        found = find_run(client, run, "id state state_timestamp")
        if web:
            from prefect.cli._web import open_page

            open_page(client, "flow-run", found["id"])
            return
        if not follow:
            show_log(log_rows(client, found["id"], level=level, logger=logger, last=tail), output)
            return
        if output != "table":
            raise CommandError(
                "With --follow, lines are printed as text.",
                hint=f"`prefect watch {run} -o jsonl` prints JSON lines.",
                exit_code=_exit_codes.USAGE,
            )
        for name, value in (("--tail", tail), ("--logger", logger)):
            if value is not None:
                raise CommandError(f"--follow and {name} exclude each other.", exit_code=_exit_codes.USAGE)
        if is_ended(found["state"]) and _age(found["state_timestamp"]) > _LATE:
            for row in log_rows(client, found["id"], level=level):
                write_line(row["timestamp"], row["level"], row["message"])
            return
        _follow(found["id"], level or "DEBUG")


def _age(timestamp: str) -> datetime.timedelta:
    return datetime.datetime.now(datetime.timezone.utc) - parse_time(timestamp)


def _follow(run_id: str, level: str) -> None:
    from prefect.backend._watch import follow as follow_run

    wanted = LEVELS[LEVELS.index(level) :]
    try:
        for line in follow_run(run_id, stream_states=False, stream_logs=True, tells_ended=True):
            name = logging.getLevelName(line.level)
            if name in wanted:
                write_line(line.timestamp.isoformat(), name, line.message)
    except KeyboardInterrupt:
        note("The flow run goes on.")
        raise
    except RuntimeError as error:
        raise CommandError(str(error), exit_code=_exit_codes.TIMEOUT) from error


@click.command(cls=Command)
@_RUN
@click.option("--no-logs", is_flag=True, help="Print states alone.")
@click.option("--output", "-o", type=click.Choice(["text", "jsonl"]), metavar="FORMAT", default="text", show_default=True, help="How to print: text, or jsonl (a JSON object per line).")  # fmt: skip
@click.pass_context
def watch(ctx: click.Context, run: str, no_logs: bool, output: str) -> None:
    """Follow a flow run until it has ended: states and log lines. RUN is its name or id.

    Exit status: 0 the run succeeded, 1 it failed, 11 it was cancelled.
    """
    client = connect()
    with api_errors():
        found = find_run(client, run)
        ctx.exit(
            follow_until_end(client, found["id"], Shown(logs=not no_logs, output=output, tells_ended=False))
        )
