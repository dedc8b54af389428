"""`prefect register` and `prefect build`: from files with flows to the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError
from prefect.cli._group import Group
from prefect.cli._output import note, write

if TYPE_CHECKING:
    from prefect.cli._collect import Source
    from prefect.cli._registering import Tally
    from prefect.client.client import Client

__all__ = ["build", "register"]

_REGISTER_EPILOG = """\
\b
Examples:
  prefect register --project demo -p flows/                 all flows of the files of a folder
  prefect register --project demo -p flow.py -n nightly     one flow of a file
  prefect register --project demo -m my_company.flows       all flows of a module
  prefect register --project demo --json flows.json         what `prefect build` has built
  prefect register --project demo -p flows/ --watch         and again whenever a file changes

Exit status: 0 all went well, 1 a flow could not be loaded or registered; `prefect help exit-codes` lists all.
"""
_BUILD_EPILOG = """\
\b
Examples:
  prefect build -p flows/                   build all flows of a folder into flows.json
  prefect build -p flow.py -o out.json -u   build a flow again, and leave the others in the file as they are
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
@click.option("--project", metavar="NAME", help="Project to register in. Required.")
@_PATH
@_MODULE
@click.option("--json", "-j", "json_paths", multiple=True, metavar="FILE", help="File or address of what `prefect build` made; repeatable.")  # fmt: skip
@_NAME
@_LABEL
@click.option("--force", "-f", is_flag=True, help="A new version even of flows that did not change.")
@click.option("--watch", is_flag=True, help="Go on, and register again what changes.")
@click.option("--schedule/--no-schedule", default=True, help="Whether schedules start to make runs.")
@click.option("--create-project", is_flag=True, help="Make the project if there is none.")
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
    from prefect.cli._api import connect

    client = connect()
    project_id = _project_id(client, project, create=create_project)
    if watch:
        if json_paths:
            raise CommandError("--watch cannot watch --json files.", exit_code=_exit_codes.USAGE)
        from prefect.cli._watching import watch_and_register

        options = [f"--project={project}", *(f"--name={n}" for n in names), *(f"--label={n}" for n in labels)]
        options += ["--force"] if force else []
        options += [] if schedule else ["--no-schedule"]
        watch_and_register(paths, modules, options)
        return
    write("Collecting flows...")
    sources = _collect(paths, modules, json_paths)
    _keep_named(sources, names)

    from prefect.cli._api import api_errors
    from prefect.cli._registering import Tally, build_source, register_built

    tally = Tally()
    with api_errors():
        for source in _loaded(sources, tally):
            built = build_source(source, labels, tally, report=False)
            register_built(client, built, project_id, tally, schedule=schedule, force=force)
    write(tally.line("registered"))
    ctx.exit(_exit_codes.FAILED if tally.failed else _exit_codes.OK)


@click.command(epilog=_BUILD_EPILOG, context_settings={"max_content_width": 100})
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
    from prefect.cli._registering import Tally, build_source

    kept = load_json(output) if update and Path(output).exists() else None
    if kept is not None and kept.error is not None:
        raise kept.error
    write("Collecting flows...")
    sources = _collect(paths, modules, ())
    _keep_named(sources, names)
    tally = Tally()
    flows = {flow.name: flow.serialized for flow in (kept.built if kept else ())}
    for source in _loaded(sources, tally):
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
        if create:
            note(f"Project {name!r} is new.")
            return client.create_project(name)
    raise CommandError(
        f"Project {name!r} does not exist.",
        hint=f"Make it with `prefect create project {name!r}`, or add --create-project.",
        exit_code=_exit_codes.NOT_FOUND,
    )


def _collect(paths: tuple[str, ...], modules: tuple[str, ...], json_paths: tuple[str, ...]) -> list[Source]:
    from prefect.cli._collect import expand_paths, load_json, load_module, load_script

    sources = [load_script(path) for path in expand_paths(paths)]
    sources += [load_module(module) for module in modules]
    return sources + [load_json(location) for location in json_paths]


def _keep_named(sources: list[Source], names: tuple[str, ...]) -> None:
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


def _loaded(sources: list[Source], tally: Tally) -> Iterator[Source]:
    """Sources with flows, each announced; those that could not be loaded are reported and counted."""
    for source in sources:
        if source.error is not None:
            source.error.show()
            tally.failed += 1
    for source in sources:
        if source.flows or source.built:
            write(f"Processing {source.title!r}:")
            yield source
