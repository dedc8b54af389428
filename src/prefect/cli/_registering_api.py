"""What `prefect.cli.build_register` of 1.x offered to other programs, in terms of this command line."""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from prefect.cli import _exit_codes
from prefect.cli._collect import BuiltFlow, load_json, load_module, load_script, python_files
from prefect.cli._collect import Source as Found
from prefect.cli._errors import CommandError
from prefect.cli._output import print_error
from prefect.cli._watching import module_file
from prefect.utilities.serialization import Nested, ObjectSchema, fields

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.core.flow import Flow

__all__ = [
    "FlowsJSONSchema",
    "SimpleFlowSchema",
    "Source",
    "TerminalError",
    "build_and_register",
    "collect_flows",
    "expand_paths",
    "get_module_paths",
    "get_project_id",
    "handle_terminal_error",
    "load_flows_from_json",
    "log_exception",
    "prepare_flows",
    "register_internal",
    "register_serialized_flow",
]

C = TypeVar("C", bound=Callable[..., Any])


class Source(NamedTuple):
    """Where flows come from: `location`, and its `kind` ("script", "module" or "json")."""

    location: str
    kind: str


class TerminalError(Exception):
    """Ends a command with status 1; its message is printed."""


class SimpleFlowSchema(ObjectSchema):
    """JSON of a flow, of which only the name is checked."""

    name = fields.String(required=True)

    def post_load_hook(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """The values, as they are."""
        return data

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """The values: nothing is made of them."""
        return self.post_load_hook(data, **kwargs)


class FlowsJSONSchema(ObjectSchema):
    """JSON of a file of `prefect build`."""

    version = fields.Integer(required=True)
    flows = Nested(SimpleFlowSchema, many=True, required=True)

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """The values: nothing is made of them."""
        return data


def handle_terminal_error(func: C) -> C:
    """A decorator for commands: `TerminalError` is printed, and becomes status 1.

    Args:
        func: the command's function.
    """

    @functools.wraps(func)
    def inner(*args: Any, **kwargs: Any) -> Any:
        try:
            return func(*args, **kwargs)
        except TerminalError as error:
            if str(error):
                print_error(str(error))
            sys.exit(_exit_codes.FAILED)

    return cast("C", inner)


def log_exception(exc: Exception, indent: int = 0) -> None:
    """Print the traceback of an exception, from the user's code on.

    Args:
        exc: the exception.
        indent: spaces before each line.
    """
    from prefect.cli._output import write
    from prefect.cli._traceback import trimmed_traceback

    text = trimmed_traceback(exc) or f"{type(exc).__name__}: {exc}"
    for line in text.rstrip().splitlines():
        write(" " * indent + line, sys.stderr)


def expand_paths(paths: Iterable[str]) -> list[str]:
    """The Python files of files, folders and patterns.

    Args:
        paths: the paths.

    Raises:
        TerminalError: a path does not exist.
    """
    try:
        return [str(path) for path in python_files(paths)]
    except CommandError as error:
        raise TerminalError(error.message) from error


def get_module_paths(modules: Iterable[str]) -> list[str]:
    """The files of modules.

    Args:
        modules: the modules.

    Raises:
        TerminalError: there is no such module.
    """
    found: list[str] = []
    for module in modules:
        file = module_file(module)
        if file is None:
            raise TerminalError(f"No module named {module!r}")
        found.append(str(file))
    return found


def load_flows_from_json(path: str) -> list[dict[str, Any]]:
    """The flows of a file of `prefect build`, in their JSON form.

    Args:
        path: the file, or its address.

    Raises:
        TerminalError: it cannot be read.
    """
    source = load_json(path)
    if source.error is not None:
        raise TerminalError(source.error.message)
    return [flow.serialized for flow in source.built]


def collect_flows(
    paths: Iterable[str],
    modules: Iterable[str],
    json_paths: Iterable[str],
    names: Iterable[str] | None = None,
    in_watch: bool = False,
) -> dict[Source, list[Any]]:
    """The flows of files, modules and what `prefect build` made.

    Args:
        paths: files, folders and patterns.
        modules: modules.
        json_paths: files of `prefect build`.
        names: only flows of these names.
        in_watch: whether errors are only printed.

    Returns:
        flows by where they come from; those of `json_paths` in their JSON form.

    Raises:
        TerminalError: something cannot be loaded, or there is no flow of a name.
    """
    found = [(Source(path, "script"), load_script(Path(path))) for path in expand_paths(paths)]
    found += [(Source(module, "module"), load_module(module)) for module in modules]
    found += [(Source(path, "json"), load_json(path)) for path in json_paths]
    flows: dict[Source, list[Any]] = {}
    for source, loaded in found:
        if loaded.error is not None:
            loaded.error.show()
            if not in_watch:
                raise TerminalError
            continue
        flows[source] = [*loaded.flows, *(flow.serialized for flow in loaded.built)]
    if names is None:
        return flows
    wanted = set(names)
    kept = {source: [flow for flow in group if _name(flow) in wanted] for source, group in flows.items()}
    missing = wanted - {_name(flow) for group in kept.values() for flow in group}
    if missing and not in_watch:
        raise TerminalError(
            "Failed to find the following flows:\n" + "\n".join(f"- {n}" for n in sorted(missing))
        )
    return {source: group for source, group in kept.items() if group}


def _name(flow: Any) -> str:
    return cast("str", flow["name"] if isinstance(flow, dict) else flow.name)


def get_project_id(client: Client, project: str) -> str:
    """The id of a project.

    Args:
        client: the client.
        project: its name.

    Raises:
        TerminalError: there is no such project.
    """
    from prefect.backend._query import rows

    found = rows("project", {"name": {"_eq": project}}, "id", client=client)
    if not found:
        raise TerminalError(f"Project {project!r} does not exist")
    return found[0].id


def prepare_flows(flows: Iterable[Any], labels: Iterable[str] | None = None) -> None:
    """Give flows what they need to be built: a run config, and labels. They are changed in place.

    Args:
        flows: flows, or their JSON form.
        labels: labels to add.
    """
    from prefect.cli._registering import add_labels, with_run_config

    for flow in flows:
        if isinstance(flow, dict):
            add_labels(cast("dict[str, Any]", flow), labels or ())
        else:
            with_run_config(cast("Flow", flow), labels or ())


def register_serialized_flow(
    client: Client,
    serialized_flow: dict[str, Any],
    project_id: str,
    force: bool = False,
    schedule: bool = True,
) -> tuple[str, int, bool]:
    """Register a flow in its JSON form.

    Args:
        client: the client.
        serialized_flow: the flow.
        project_id: the project.
        force: whether it gets a new version even if it did not change.
        schedule: whether its schedule starts to make runs.

    Returns:
        id and version of the flow, and whether it is a new version.

    Raises:
        ClientError: the API refused.
    """
    from prefect.cli._registering import register_one

    return register_one(
        client,
        project_id,
        BuiltFlow(serialized_flow["name"], serialized_flow),
        schedule=schedule,
        force=force,
    )


def build_and_register(
    client: Client,
    flows: Iterable[Any],
    project_id: str,
    labels: Iterable[str] | None = None,
    force: bool = False,
    schedule: bool = True,
) -> Counter[str]:
    """Build and register flows.

    Args:
        client: the client.
        flows: flows, or their JSON form.
        project_id: the project.
        labels: labels to add.
        force: whether flows that did not change get a new version too.
        schedule: whether their schedules start to make runs.

    Returns:
        how many were `registered`, `skipped`, and went wrong (`error`).
    """
    from prefect.cli._registering import build_source, register_built
    from prefect.cli._tally import Tally

    given = list(flows)
    source = Found("flows")
    source.flows = [flow for flow in given if not isinstance(flow, dict)]
    serialized = [cast("dict[str, Any]", flow) for flow in given if isinstance(flow, dict)]
    source.built = [BuiltFlow(flow["name"], flow) for flow in serialized]
    tally = Tally()
    built = build_source(source, labels or (), tally, report=False)
    register_built(client, built, project_id, tally, schedule=schedule, force=force)
    return Counter(registered=tally.done, skipped=tally.skipped, error=tally.failed)


def register_internal(
    project: str,
    paths: Iterable[str],
    modules: Iterable[str],
    json_paths: Iterable[str] | None = None,
    names: Iterable[str] | None = None,
    labels: Iterable[str] | None = None,
    force: bool = False,
    schedule: bool = True,
    in_watch: bool = False,
) -> None:
    """Load, build and register flows once.

    Args:
        project: name of the project.
        paths: files, folders and patterns.
        modules: modules.
        json_paths: files of `prefect build`.
        names: only flows of these names.
        labels: labels to add.
        force: whether flows that did not change get a new version too.
        schedule: whether their schedules start to make runs.
        in_watch: whether errors are only printed.

    Raises:
        TerminalError: a flow could not be loaded or registered.
    """
    from prefect.cli.build_register import register_once
    from prefect.client.client import Client

    client = Client()
    tally = register_once(
        client,
        get_project_id(client, project),
        list(paths),
        list(modules),
        list(json_paths or ()),
        list(names or ()),
        list(labels or ()),
        force,
        schedule,
    )
    if tally.failed and not in_watch:
        raise TerminalError
