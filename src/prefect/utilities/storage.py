"""Flows in files, modules and pickles."""

from __future__ import annotations

import base64
import binascii
import importlib
import json
import linecache
import platform
import re
import sys
import threading
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prefect.exceptions import FlowStorageError
from prefect.utilities.context import context

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = [
    "extract_flow_from_file",
    "extract_flow_from_module",
    "flow_from_bytes_pickle",
    "flow_to_bytes_pickle",
    "get_flow_image",
    "is_module_name",
]

#: Name of the module that a flow file is while it is executed. It is not `__main__`, so that what a
#: file does when it is run as a program is left out, and no module that can be imported, so that
#: its functions are pickled by value.
_MODULE_NAME = "__prefect_flow_file__"
_one_file_at_a_time = threading.RLock()


def extract_flow_from_file(
    file_path: str | None = None, file_contents: str | None = None, flow_name: str | None = None
) -> Flow:
    """A flow that a Python file defines.

    The file is executed, but not as `__main__`; `flow.run()` and `flow.register()` in it do nothing
    but warn.

    Args:
        file_path: path of the file.
        file_contents: the Python itself, instead of a path.
        flow_name: name of the flow; the first one in the file by default.

    Raises:
        ValueError: neither or both of path and contents; no flow in the file, or none of that name.
        OSError: the file cannot be read.
        Exception: whatever the file raises.
    """
    flows = _flows_of_file(file_path, file_contents)
    if not flows:
        raise ValueError("No flows found in file.")
    if flow_name is None:
        return flows[0]
    for flow in flows:
        if flow.name == flow_name:
            return flow
    names = "\n".join(f"- {flow.name!r}" for flow in flows)
    raise ValueError(f"Flow {flow_name!r} not found in file. Found flows:\n{names}")


def _flows_of_file(file_path: str | None = None, file_contents: str | None = None) -> list[Flow]:
    """All flows that a Python file defines, in the order of its variables."""
    if file_path is not None:
        if file_contents is not None:
            raise ValueError("Provide either `file_path` or `file_contents` but not both.")
        shown = file_path
        source: str | bytes = Path(file_path).read_bytes()  # bytes: the file may declare its encoding
    elif file_contents is not None:
        shown = "<flow>"
        source = file_contents
        # For tracebacks, which look for the lines of a file that does not exist.
        linecache.cache[shown] = (len(source), None, source.splitlines(keepends=True), shown)
    else:
        raise ValueError("Provide either `file_path` or `file_contents`.")
    return _flows_among(_execute(source, shown, has_file=file_path is not None))


def _execute(source: str | bytes, shown: str, *, has_file: bool) -> dict[str, Any]:
    """The variables of executed Python."""
    code = compile(source, shown, "exec", dont_inherit=True)
    module = types.ModuleType(_MODULE_NAME)
    if has_file:
        module.__file__ = shown
    with _one_file_at_a_time:
        outer = sys.modules.get(_MODULE_NAME)
        # Dataclasses and type hints look their module up there while a class is being made.
        sys.modules[_MODULE_NAME] = module
        try:
            with context(loading_flow=True):
                exec(code, module.__dict__)  # noqa: S102 - running the user's file is what was asked for
        finally:
            if outer is None:
                del sys.modules[_MODULE_NAME]
            else:  # a flow file that reads another
                sys.modules[_MODULE_NAME] = outer
    # The module object ends here; functions of the file keep the dictionary alive.
    return module.__dict__


def _flows_among(namespace: dict[str, Any]) -> list[Flow]:
    """The flows among variables, each once."""
    from prefect.core.flow import Flow

    found = {id(value): value for value in namespace.values() if isinstance(value, Flow)}
    return list(found.values())


def _choose(flows: list[Flow], flow_name: str | None, where: str) -> Flow:
    """The flow of a name, or the only one.

    Args:
        flows: the flows found.
        flow_name: name of the flow; may be None if there is only one.
        where: where they were found, for the message.

    Raises:
        ValueError: there are none, there is none of that name, or there are several and no name
            was given; the message lists the names.
    """
    if not flows:
        raise ValueError(f"No flows found in {where}.")
    names = ", ".join(repr(flow.name) for flow in flows)
    if flow_name is None:
        if len(flows) > 1:
            raise ValueError(f"Multiple flows found in {where}: {names}. Give the name of one.")
        return flows[0]
    for flow in flows:
        if flow.name == flow_name:
            return flow
    raise ValueError(f"Failed to find flow {flow_name!r} in {where}: there is {names}.")


_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*(\.[^\W\d]\w*)*)?")


def is_module_name(text: str) -> bool:
    """Whether a text may be the name of a module (`package.module`, `package.module:attribute`)."""
    return _MODULE.fullmatch(text) is not None


def extract_flow_from_module(module_str: str, flow_name: str | None = None) -> Flow:
    """A flow of an importable module.

    Args:
        module_str: name of the module, or `module:attribute` for a flow or a function that
            returns one.
        flow_name: name of the flow; may be missing if there is only one.

    Raises:
        ImportError: the module cannot be imported.
        ValueError: there is no such flow, or several and no name; the message lists them.
        TypeError: the attribute is no flow, nor a function that returns one.
    """
    from prefect.core.flow import Flow

    module_name, _, path = module_str.partition(":")
    module = importlib.import_module(module_name)
    if not path:
        return _choose(_flows_among(vars(module)), flow_name, repr(module_str))
    found: Any = module
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise ValueError(f"Failed to find flow at {module_str!r}") from None
    if not isinstance(found, Flow) and callable(found):
        found = found()
    if not isinstance(found, Flow):
        raise TypeError(f"Object at {module_str!r} is a {type(found)} not a `prefect.Flow`")
    if flow_name is not None and found.name != flow_name:
        raise ValueError(f"Flow at {module_str!r} is named {found.name!r}, expected {flow_name!r}")
    return found


def _versions() -> dict[str, str]:
    """The versions that decide whether a pickled flow can be loaded."""
    import cloudpickle

    from prefect import __version__

    return {
        "cloudpickle": cloudpickle.__version__,
        "prefect": __version__,
        "python": platform.python_version(),
    }


def _pickle(flow: Flow) -> bytes:
    import cloudpickle

    dumps = cast("Callable[[Any], bytes]", cloudpickle.dumps)  # pyright: ignore[reportUnknownMemberType]
    return dumps(flow)


def flow_to_bytes_pickle(flow: Flow) -> bytes:
    """A flow as bytes: its pickle, with the versions it was made by.

    Raises:
        TypeError, pickle.PicklingError: something in the flow does not pickle; the message names it.
    """
    import pickle

    try:
        pickled = _pickle(flow)
    except (TypeError, AttributeError, pickle.PicklingError) as exc:
        from prefect.utilities._pickling import unpicklable_error

        raise unpicklable_error(flow, exc) from exc
    return json.dumps({"flow": base64.b64encode(pickled).decode("ascii"), "versions": _versions()}).encode()


def flow_from_bytes_pickle(data: bytes) -> Flow:
    """The flow of bytes made by `flow_to_bytes_pickle`, here or by Prefect 1.x.

    It is loaded with a warning if another version of Prefect made it.

    Raises:
        FlowStorageError: it cannot be loaded; the message lists the versions that differ.
    """
    import cloudpickle

    pickled, built_with = _unwrap(data)
    try:
        flow = cloudpickle.loads(pickled)
    except Exception as exc:  # unpickling runs any code, which may fail in any way
        raise FlowStorageError(_why_not_loaded(exc, built_with)) from exc
    from prefect.core.flow import Flow

    if not isinstance(flow, Flow):
        raise FlowStorageError(f"These bytes hold no flow, but a {type(flow).__name__}.")
    running = _versions()
    made_by = built_with.get("prefect", running["prefect"])
    if made_by != running["prefect"]:
        warnings.warn(
            f"This flow was built using Prefect {made_by!r}, but you currently have Prefect "
            f"{running['prefect']!r} installed. We recommend loading flows with the same Prefect version they "
            "were built with, failure to do so may result in errors.",
            stacklevel=2,
        )
    return flow


def _unwrap(data: bytes) -> tuple[bytes, dict[str, str]]:
    """The pickle and the versions in bytes; bare pickles have no versions."""
    try:
        wrapped = json.loads(data)
        return base64.b64decode(wrapped["flow"]), wrapped["versions"]
    except (ValueError, TypeError, KeyError, binascii.Error):
        return data, {}


def _why_not_loaded(exc: Exception, built_with: dict[str, str]) -> str:
    parts = [f"An error occurred while unpickling the flow:\n  {exc!r}"]
    differing = [
        f"  - {name}: (flow built with {built_with[name]!r}, currently running with {version!r})"
        for name, version in _versions().items()
        if built_with.get(name, version) != version
    ]
    if differing:
        parts.append(
            "This may be due to one of the following version mismatches between the flow build and execution "
            "environments:\n" + "\n".join(differing)
        )
    if _is_older_line(built_with.get("prefect", "")):
        parts.append(
            f"Prefect {built_with['prefect']} pickled it, as another library than this one ({_versions()['prefect']}). "
            "Re-register the flow with this version, from an environment like this one, or store it as a script "
            "(`stored_as_script=True`), which any version can load."
        )
    elif differing:
        parts.append(
            "Re-register the flow from an environment like this one, or run it in one like that it was built in."
        )
    if isinstance(exc, ImportError):
        parts.append(
            "This may be due to a missing Python module in your current environment. Please ensure you have "
            "all required flow dependencies installed."
        )
    return "\n".join(parts)


def _is_older_line(version: str) -> bool:
    """Whether a version is one of Prefect 1.x or before, whose pickles name parts that are elsewhere now."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version) < Version("1.5.dev0")
    except InvalidVersion:
        return False


def get_flow_image(flow: Flow, default: str | None = None) -> str | None:
    """The container image a flow runs in: that of its run config, else that of its Docker storage.

    Args:
        flow: the flow.
        default: image if neither says one.

    Raises:
        ValueError: neither says one, and there is no default.
    """
    from prefect.storage.docker import Docker

    if isinstance(flow.storage, Docker) and getattr(flow.run_config, "image", None) is None:
        return flow.storage.name
    if hasattr(flow.run_config, "image"):
        return getattr(flow.run_config, "image", None) or default
    if default is not None:
        return default
    raise ValueError(
        f"Storage for flow run {flow.name} is not of type Docker and run_config has no `image` attribute in the "
        "metadata field."
    )
