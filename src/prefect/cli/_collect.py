"""Finding flows: in files, folders, modules, and files that `prefect build` made."""

from __future__ import annotations

import glob
import json
import os
import runpy
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.storage import Storage

__all__ = ["BuiltFlow", "Source", "load_json", "load_module", "load_script", "python_files"]


@dataclass
class BuiltFlow:
    """A flow in the form that is registered."""

    name: str
    """Its name."""
    serialized: dict[str, Any]
    """Its JSON form."""
    source: str = ""
    """The path, module or address that it was found in."""


@dataclass
class Source:
    """Where flows come from, and the flows that were found there."""

    title: str
    """The path, module or address as the user gave it."""
    flows: list[Flow] = field(default_factory=list["Flow"])
    """Flows whose storage is still to be built."""
    built: list[BuiltFlow] = field(default_factory=list[BuiltFlow])
    """Flows of `prefect build`."""
    error: CommandError | None = None
    """Why nothing could be loaded."""


def python_files(paths: Iterable[str]) -> list[Path]:
    """The Python files of paths, folders (at any depth) and patterns such as `flows/**/*.py`, sorted, each once.

    Raises:
        CommandError: a path does not exist, or a pattern matches nothing.
    """
    found: dict[Path, None] = {}
    for text in paths:
        expanded = os.path.expanduser(text)  # noqa: PTH111 - patterns are no paths
        matches = sorted(glob.glob(expanded, recursive=True)) if glob.has_magic(expanded) else [expanded]  # noqa: PTH207
        if not matches or not all(Path(match).exists() for match in matches):
            what = "matches no file" if glob.has_magic(expanded) else "does not exist"
            raise CommandError(f"Path {text!r} {what}.", exit_code=_exit_codes.NOT_FOUND)
        for match in matches:
            path = Path(match)
            files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
            found.update((file, None) for file in files if not _is_hidden(file.relative_to(path)))
    return list(found)


def _is_hidden(path: Path) -> bool:
    """Whether a file in a folder is in `.venv`, `__pycache__` or the like."""
    return any(
        (part.startswith(".") and part not in (".", "..")) or part == "__pycache__" for part in path.parts
    )


def load_script(path: Path) -> Source:
    """The flows that are variables of a Python file, kept by default as that file."""
    from prefect.storage import Local

    absolute = path.resolve()
    source = Source(str(path))
    sys.path.insert(0, str(absolute.parent))  # as `python FILE` does, so that it can import its neighbours
    try:
        values = _run(source, lambda: runpy.run_path(str(absolute), run_name="<flow>"), str(absolute))
    finally:
        sys.path.remove(str(absolute.parent))
    source.flows = _flows_among(values.values())
    if any(flow.storage is None for flow in source.flows):
        _keep_in(source.flows, Local(path=str(absolute), stored_as_script=True))
    return source


def load_module(dotted: str) -> Source:
    """The flows of an importable module, or the one that `package.module.flow` names."""
    import importlib

    from prefect.storage import Module

    source = Source(dotted)
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m MODULE` does

    modules = [dotted]

    def load() -> dict[str, Any]:
        try:
            return vars(importlib.import_module(dotted))
        except ModuleNotFoundError as error:
            owner, _, attribute = dotted.rpartition(".")
            # A module that exists, and lacks one that it imports, has a traceback to show.
            if not owner or error.name is None or not f"{dotted}.".startswith(f"{error.name}."):
                raise
            values = vars(importlib.import_module(owner))
            if attribute not in values:
                raise
            modules[0] = owner
            return {attribute: values[attribute]}

    values = _run(source, load, None)
    source.flows = _flows_among(values.values())
    _keep_in(source.flows, Module(modules[0]))
    return source


def _keep_in(flows: list[Flow], storage: Storage) -> None:
    """Give flows that have no storage of their own this one, so that it is built once for all."""
    for flow in flows:
        if flow.storage is None:
            flow.storage = storage


def load_json(location: str) -> Source:
    """The flows of a file of `prefect build`, by path or address."""
    source = Source(location)
    try:
        text = _fetch(location) if "://" in location else Path(location).read_text(encoding="utf-8")
        document = json.loads(text)
        if document.get("version", 1) != 1:
            raise ValueError(f"its version is {document['version']}, and this program reads version 1")
        source.built = [BuiltFlow(flow["name"], flow) for flow in document["flows"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        source.error = CommandError(f"{location!r} is no file of `prefect build` that can be read: {error}.")
    return source


def _fetch(address: str) -> str:
    import requests

    reply = requests.get(address, timeout=30)
    reply.raise_for_status()
    return reply.text


def _flows_among(values: Iterable[Any]) -> list[Flow]:
    from prefect.core.flow import Flow

    return list({id(value): value for value in values if isinstance(value, Flow)}.values())


def _run(source: Source, load: Any, script: str | None) -> dict[str, Any]:
    """Run a user's code; what it raises becomes the error of the source."""
    import warnings

    from prefect.cli._traceback import trimmed_traceback
    from prefect.utilities.context import context

    values = {} if script is None else {"local_script_path": script}
    try:
        with context(loading_flow=True, **values), warnings.catch_warnings():
            # Files often end with `flow.run()` or `flow.register()`, which are not meant here.
            warnings.filterwarnings("ignore", "Attempting to call `flow")
            return load()
    except SystemExit as error:
        source.error = CommandError(
            f"{source.title!r} ended with sys.exit({error.code!r}) instead of defining flows.",
            hint='Keep what only a script does under `if __name__ == "__main__":`.',
        )
    except Exception as error:  # noqa: BLE001 - any code of the user's runs here, and fails in any way
        source.error = CommandError(f"Error loading {source.title!r}", details=trimmed_traceback(error))
        if isinstance(error, ModuleNotFoundError) and error.name and source.title.startswith(error.name):
            source.error = CommandError(f"There is no module {source.title!r} to import.")
    return {}
