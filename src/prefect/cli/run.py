"""`prefect run`: run a flow of a file or module here, or a registered flow by an agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from prefect.cli._complete import complete_flows, complete_projects
from prefect.cli._group import Group
from prefect.cli._lookup import check_lookup, find_flow
from prefect.cli._output import note
from prefect.cli._run_helpers import (
    echo_with_log_color,
    get_flow_from_path_or_module,
    get_flow_view,
    load_flows_from_module,
    load_flows_from_script,
    load_json_key_values,
    temporary_environ,
    try_error_done,
)
from prefect.cli._values import check_parameters, key_values, merged_parameters

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = [
    "echo_with_log_color",
    "get_flow_from_path_or_module",
    "get_flow_view",
    "load_flows_from_module",
    "load_flows_from_script",
    "load_json_key_values",
    "run",
    "temporary_environ",
    "try_error_done",
]

_EPILOG = """\
\b
Examples:
  prefect run -p flow.py                                  a file's flow
  prefect run -m prefect.hello_world --param name=Marvin  a module's flow
  prefect run -p flows.py -n nightly                      one of several
  prefect run -p flow.py --param 'ids=[1, 2]'             values are JSON
  prefect run -p flow.py --param-file p.json              values of a file
  prefect run -n nightly --watch                          registered; follow
  prefect run -n nightly --execute                        the same, here

Exit status: 0 the run succeeded, 1 it failed, 11 it was cancelled, 2 an option or a value is wrong,
3 no such file or flow, 6 no server;
`prefect help exit-codes` lists all.
"""


@click.group(
    cls=Group,
    shows_commands=False,
    invoke_without_command=True,
    removed={"flow": "Use `prefect run --name FLOW`, or `prefect run --path FILE`."},
    epilog=_EPILOG,
    context_settings={"max_content_width": 100},
)
@click.option("--id", "-i", "flow_or_group_id", metavar="UUID", help="Id of a registered flow or flow group.")
@click.option(
    "--project",
    metavar="NAME",
    shell_complete=complete_projects,
    help="Project of a registered flow; needs --name.",
)
@click.option("--path", "-p", metavar="FILE", help="Python file with the flow.")
@click.option("--module", "-m", metavar="MODULE", help="Importable Python module with the flow.")
@click.option(
    "--name",
    "-n",
    metavar="NAME",
    shell_complete=complete_flows,
    help="Name of the flow: one of several in a file or module, or a registered one.",
)
@click.option(
    "--label", "labels", multiple=True, metavar="LABEL", help="Label of a run by an agent; repeatable."
)
@click.option("--run-name", metavar="NAME", help="Name of this run.")
@click.option(
    "--context",
    "context_vars",
    multiple=True,
    metavar="KEY=VALUE",
    help="Value for prefect.context, as JSON or bare text; repeatable.",
)
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="KEY=VALUE",
    help="Value of a parameter, as JSON or bare text; repeatable. Wins over --param-file.",
)
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], case_sensitive=False),
    metavar="LEVEL",
    help="DEBUG, INFO, WARNING, ERROR or CRITICAL.  [env: PREFECT__LOGGING__LEVEL; default: INFO]",
)
@click.option("--param-file", metavar="FILE", help="JSON file with an object of parameter values.")
@click.option("--idempotency-key", metavar="KEY", help="Key that prevents a second run by an agent.")
@click.option("--execute", is_flag=True, help="Run a registered flow in this process, without an agent.")
@click.option("--schedule", "-s", is_flag=True, help="Run at each time of the flow's schedule, for ever.")
@click.option(
    "--quiet",
    "-q",
    is_flag=True,
    help="Print log lines and errors, nothing else; of a registered flow, the id of the run.",
)
@click.option("--no-logs", is_flag=True, help="Print no log lines.")
@click.option("--watch", "-w", is_flag=True, help="Follow a run by an agent until it is finished.")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="How to print a registered flow's run and what is watched: lines, or a JSON object per line.",
)
@click.option("--web", is_flag=True, help="Open the page of a registered flow's run in the browser.")
@click.pass_context
def run(
    ctx: click.Context,
    flow_or_group_id: str | None,
    project: str | None,
    path: str | None,
    module: str | None,
    name: str | None,
    labels: tuple[str, ...],
    run_name: str | None,
    context_vars: tuple[str, ...],
    params: tuple[str, ...],
    log_level: str | None,
    param_file: str | None,
    idempotency_key: str | None,
    execute: bool,
    schedule: bool,
    quiet: bool,
    no_logs: bool,
    watch: bool,
    output: str,
    web: bool,
) -> None:
    """Run a flow of a file or a module here and now, or a registered flow by an agent.

    A registered flow is found by --id, or by --name with or without --project; a run of it is made,
    which an agent starts, or this process with --execute. Flows of files and modules need no server.
    In a terminal the tasks are shown while they run, with log lines above them; elsewhere log lines
    are printed as they come.
    """
    check_lookup(flow_id=flow_or_group_id, project=project, path=path, module=module, name=name)
    if path is None and module is None:
        from prefect.cli._backend_run import RunOptions, run_registered

        options = RunOptions(
            flow_id=flow_or_group_id,
            project=project,
            name=name,
            labels=labels,
            run_name=run_name,
            context=key_values(context_vars, "--context"),
            parameters=merged_parameters(param_file, params)[0],
            log_level=log_level.upper() if log_level else None,
            idempotency_key=idempotency_key,
            execute=execute,
            schedule=schedule,
            quiet=quiet,
            no_logs=no_logs,
            watch=watch,
            output=output,
            web=web,
        )
        ctx.exit(run_registered(options))
    say = _silent if quiet else note
    for option in _without_effect(labels, idempotency_key, watch, execute):
        say(f"{option} has no effect on a local run.")
    context = key_values(context_vars, "--context")
    parameters, overridden = merged_parameters(param_file, params)
    if overridden:
        say(f"Both --param-file and --param set {', '.join(overridden)}; the value of --param is used.")
    flow = find_flow(path=path, module=module, name=name)
    if schedule and flow.schedule is None:
        say(f"Flow {flow.name!r} has no schedule; it runs once, now.")
    on_schedule = schedule and flow.schedule is not None
    # With a schedule, each of its clocks may bring parameters of its own.
    if not on_schedule:
        check_parameters(flow, parameters)
    if run_name is not None:
        context["flow_run_name"] = run_name
    _announce(say, flow, path or module or "", parameters, context)

    from prefect.cli._execution import run_here

    ctx.exit(
        run_here(
            flow,
            parameters=parameters,
            context=context,
            on_schedule=on_schedule,
            log_level=log_level.upper() if log_level else None,
            quiet=quiet,
            no_logs=no_logs,
        )
    )


def _without_effect(
    labels: Sequence[str], idempotency_key: str | None, watch: bool, execute: bool
) -> list[str]:
    given = {
        "--label": bool(labels),
        "--idempotency-key": idempotency_key is not None,
        "--watch": watch,
        "--execute": execute,
    }
    return [option for option, is_given in given.items() if is_given]


def _silent(text: str) -> None:
    """Say nothing."""


def _announce(say: Any, flow: Flow, source: str, parameters: dict[str, Any], context: dict[str, Any]) -> None:
    say(f"Flow {flow.name!r} of {source}")
    if parameters:
        say(f"  parameters: {_pairs(parameters)}")
    if context:
        say(f"  context: {_pairs(context)}")


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in values.items())
