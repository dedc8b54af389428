"""`prefect register` and `prefect build`: from files with flows to the API."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prefect.cli import _exit_codes
from prefect.cli._complete import complete_projects
from prefect.cli._errors import CommandError
from prefect.cli._group import Command, Group
from prefect.cli._output import may_ask, note, write
from prefect.cli._registering_api import (
    FlowsJSONSchema,
    SimpleFlowSchema,
    Source,
    TerminalError,
    build_and_register,
    collect_flows,
    expand_paths,
    get_module_paths,
    get_project_id,
    handle_terminal_error,
    load_flows_from_json,
    log_exception,
    prepare_flows,
    register_internal,
    register_serialized_flow,
)
from prefect.cli._run_helpers import load_flows_from_module, load_flows_from_script
from prefect.cli._watching import watch_for_changes

if TYPE_CHECKING:
    from prefect.cli._collect import Source as Found
    from prefect.cli._tally import Tally
    from prefect.client.client import Client

__all__ = [
    "FlowsJSONSchema",
    "SimpleFlowSchema",
    "Source",
    "TerminalError",
    "build",
    "build_and_register",
    "collect_flows",
    "expand_paths",
    "get_module_paths",
    "get_project_id",
    "handle_terminal_error",
    "load_flows_from_json",
    "load_flows_from_module",
    "load_flows_from_script",
    "log_exception",
    "prepare_flows",
    "register",
    "register_internal",
    "register_serialized_flow",
    "watch_for_changes",
]

_REGISTER_EPILOG = """\
\b
Examples:
  prefect register --project demo -p flows/             all flows of a folder
  prefect register --project demo -p flow.py -n nightly one flow of a file
  prefect register --project demo -m my_company.flows   all flows of a module
  prefect register --project demo --json flows.json     what `build` made
  prefect register --project demo -p flows/ --watch     again on changes

Exit status: 0 all went well, 1 a flow could not be loaded or registered; `prefect help exit-codes` lists all.
"""
_BUILD_EPILOG = """\
\b
Examples:
  prefect build -p flows/                 a folder into flows.json
  prefect build -p flow.py -o out.json    a file into out.json
  prefect build -p flow.py -u             again; others stay
"""

_PATH = click.option("--path", "-p", "paths", multiple=True, metavar="PATH", help="File, folder or pattern with flows; repeatable.")  # fmt: skip
_MODULE = click.option("--module", "-m", "modules", multiple=True, metavar="MODULE", help="Importable module with flows, or MODULE.FLOW; repeatable.")  # fmt: skip
_NAME = click.option("--name", "-n", "names", multiple=True, metavar="NAME", help="Only flows of this name; repeatable.")  # fmt: skip
_LABEL = click.option("--label", "-l", "labels", multiple=True, metavar="LABEL", help="Label to add to all flows; repeatable.")  # fmt: skip


@click.group(
    cls=Group,
    shows_commands=False,
    invoke_without_command=True,
    epilog=_REGISTER_EPILOG,
    removed={"flow": "Use `prefect register --project NAME --path FILE`."},
    context_settings={"max_content_width": 100},
)
@click.option(
    "--project", metavar="NAME", shell_complete=complete_projects, help="Project to register in. Required."
)
@_PATH
@_MODULE
@click.option("--json", "-j", "json_paths", multiple=True, metavar="FILE", help="File or address of what `prefect build` made; repeatable.")  # fmt: skip
@_NAME
@_LABEL
@click.option("--force", "-f", is_flag=True, help="A new version even of flows that did not change.")
@click.option("--watch", is_flag=True, help="Go on, and register again what changes.")
@click.option("--schedule/--no-schedule", default=True, help="Whether schedules start to make runs.")
@click.option("--create-project", is_flag=True, help="Make the project if there is none.")
@click.option("--output", "-o", type=click.Choice(["text", "json", "jsonl", "yaml", "id"]), metavar="FORMAT", default="text", show_default=True, help="How to print what became of each flow: text, json, jsonl (an object per line), yaml, or id (ids of new versions).")  # fmt: skip
@click.pass_context
def register(
    ctx: click.Context,
    project: str | None,
    paths: tuple[str, ...],
    modules: tuple[str, ...],
    json_paths: tuple[str, ...],
    names: tuple[str, ...],
    labels: tuple[str, ...],
    force: bool,
    watch: bool,
    schedule: bool,
    create_project: bool,
    output: str,
) -> None:
    """Register flows with the API.

    Flows that did not change since their last registration are skipped. A file that cannot be loaded
    is reported, and the others are registered all the same.
    """
    if ctx.invoked_subcommand is not None:
        return
    if project is None:
        raise CommandError("Missing required option '--project'", exit_code=_exit_codes.USAGE)
    _check_given(paths, modules, json_paths)
    from prefect.cli._api import api_errors, connect
    from prefect.client._server import check_registration

    client = connect()
    with api_errors():
        check_registration(client)
    project_id = _project_id(client, project, create=create_project)
    if watch:
        if json_paths:
            raise CommandError("--watch cannot watch --json files.", exit_code=_exit_codes.USAGE)
        options = [f"--project={project}", *(f"--name={n}" for n in names), *(f"--label={n}" for n in labels)]
        options += ["--force"] if force else []
        options += [] if schedule else ["--no-schedule"]
        _watch(paths, modules, options)
        return
    tally = register_once(
        client, project_id, paths, modules, json_paths, names, labels, force, schedule, output
    )
    ctx.exit(_exit_codes.FAILED if tally.failed else _exit_codes.OK)


def register_once(
    client: Client,
    project_id: str,
    paths: Iterable[str],
    modules: Iterable[str],
    json_paths: Iterable[str],
    names: Sequence[str],
    labels: Iterable[str],
    force: bool,
    schedule: bool,
    output: str = "text",
) -> Tally:
    """Load, build and register once; how many flows went which way."""
    from prefect.cli._api import api_errors
    from prefect.cli._register_summary import show_outcomes
    from prefect.cli._registering import Registration
    from prefect.cli._tally import Tally

    tally = Tally() if output == "text" else Tally(stream=sys.stderr)
    tally.say("Collecting flows...")
    sources = _collect(paths, modules, json_paths)
    _keep_named(sources, names)

    registration = Registration(client, project_id, tally, schedule=schedule, force=force)
    with api_errors():
        for source in _loaded(sources, tally):
            registration.add(source, labels)
        registration.flush()
    show_outcomes(tally, output)
    tally.say(tally.line("registered"))
    return tally


def _watch(paths: Iterable[str], modules: Iterable[str], options: list[str]) -> None:
    """Register everything, then whatever changes, until Ctrl-C; what did not change is skipped.

    Each time a new process does it: what a file imports is read anew.
    """
    for changed_paths, changed_modules in watch_for_changes(paths, modules):
        words = [f"--path={path}" for path in changed_paths] + [f"--module={m}" for m in changed_modules]
        command = [sys.executable, "-m", "prefect", "register", *options, *words]
        subprocess.run(command, check=False)  # noqa: S603 - our own command; its errors are on the screen


@click.command(cls=Command, epilog=_BUILD_EPILOG, context_settings={"max_content_width": 100})
@_PATH
@_MODULE
@_NAME
@_LABEL
@click.option(
    "--output", "-o", default="flows.json", show_default=True, metavar="FILE", help="File to write."
)
@click.option("--update", "-u", is_flag=True, help="Keep the other flows of the file.")
@click.pass_context
def build(
    ctx: click.Context,
    paths: tuple[str, ...],
    modules: tuple[str, ...],
    names: tuple[str, ...],
    labels: tuple[str, ...],
    output: str,
    update: bool,
) -> None:
    """Build flows into a file that `prefect register --json` registers later, without their code."""
    _check_given(paths, modules, ())
    from prefect.cli._collect import load_json
    from prefect.cli._registering import build_source
    from prefect.cli._tally import Tally

    kept = load_json(output) if update and Path(output).exists() else None
    if kept is not None and kept.error is not None:
        raise kept.error
    write("Collecting flows...")
    sources = _collect(paths, modules, ())
    _keep_named(sources, names)
    tally = Tally()
    flows = {flow.name: flow.serialized for flow in (kept.built if kept else ())}
    for source in _loaded(sources, tally):
        write(f"Processing {source.title!r}:")
        flows.update(
            {flow.name: flow.serialized for flow in build_source(source, labels, tally, report=True)}
        )
    write(f"Writing output to {output!r}")
    Path(output).write_text(
        json.dumps({"version": 1, "flows": list(flows.values())}, sort_keys=True), encoding="utf-8"
    )
    write(tally.line("built"))
    ctx.exit(_exit_codes.FAILED if tally.failed else _exit_codes.OK)


def _check_given(*options: tuple[str, ...]) -> None:
    if not any(options):
        raise CommandError(
            "Say where the flows are.",
            hint="Give --path FILE, --module MODULE, or both; each as often as you like.",
            exit_code=_exit_codes.USAGE,
        )


def _project_id(client: Client, name: str, *, create: bool) -> str:
    from prefect.backend._query import rows
    from prefect.cli._api import api_errors

    with api_errors():
        found = rows("project", {"name": {"_eq": name}}, "id", client=client)
        if found:
            return found[0].id
        if not create and may_ask():
            create = click.confirm(f"Project {name!r} does not exist. Make it?", default=True, err=True)
        if create:
            note(f"Project {name!r} is new.")
            return client.create_project(name)
    raise CommandError(
        f"Project {name!r} does not exist.",
        hint=f"Make it with `prefect create project {name!r}`, or add --create-project.",
        exit_code=_exit_codes.NOT_FOUND,
    )


def _collect(paths: Iterable[str], modules: Iterable[str], json_paths: Iterable[str]) -> list[Found]:
    from prefect.cli._collect import load_json, load_module, load_script, python_files

    sources = [load_script(path) for path in python_files(paths)]
    sources += [load_module(module) for module in modules]
    return sources + [load_json(location) for location in json_paths]


def _keep_named(sources: list[Found], names: Sequence[str]) -> None:
    """Leave flows of these names.

    Raises:
        CommandError: there is no flow of a name; it lists those that there are.
    """
    if not names:
        return
    from prefect.cli._registering import keep_named

    known = [flow.name for source in sources for flow in (*source.flows, *source.built)]
    missing = keep_named(sources, names)
    if missing:
        raise CommandError(
            "Failed to find the following flows:\n" + "\n".join(f"- {name}" for name in missing),
            hint=f"Found were: {', '.join(map(repr, known)) or 'none'}.",
        )


def _loaded(sources: list[Found], tally: Tally) -> Iterator[Found]:
    """Sources with flows; those that could not be loaded are reported and counted."""
    for source in sources:
        if source.error is not None:
            source.error.show()
            tally.add(source.title, None, "failed", error=source.error.message)
    yield from (source for source in sources if source.flows or source.built)
