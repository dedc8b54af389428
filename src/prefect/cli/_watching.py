"""`prefect register --watch`: register again what changes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

from prefect.cli._collect import expand_paths
from prefect.cli._errors import CommandError
from prefect.cli._output import note

__all__ = ["watch_and_register"]

_LOOK_S = 0.5


def watch_and_register(paths: tuple[str, ...], modules: tuple[str, ...], options: list[str]) -> None:
    """Register everything, then whatever changes, until Ctrl-C.

    Each time a new process does it: what a file imports is read anew.

    Args:
        paths: files, folders and patterns; what appears in them later is seen too.
        modules: modules.
        options: the other options of the command.
    """
    # compat: everything was registered at the start, also what did not change: it is skipped.
    before: dict[Path, float] = {}
    while True:
        now = {**_times(_files(paths)), **_times(_module_files(modules))}
        changed = [path for path, changed_at in now.items() if before.get(path) != changed_at]
        if changed:
            first = not before
            before = now
            module_files = {file: module for module in modules for file in _module_files((module,))}
            words = [f"--module={module_files[path]}" for path in changed if path in module_files]
            words += [f"--path={path}" for path in changed if path not in module_files]
            if not first:
                note(f"Changed: {', '.join(str(path) for path in changed)}")
            _register([*options, *dict.fromkeys(words)])
        before = now
        time.sleep(_LOOK_S)  # file systems of containers and networks tell nobody about changes


def _register(options: list[str]) -> None:
    command = [sys.executable, "-m", "prefect", "register", *options]
    subprocess.run(command, check=False)  # noqa: S603 - our own command; its errors are on the screen


def _files(paths: tuple[str, ...]) -> list[Path]:
    try:
        return expand_paths(paths)
    except CommandError:  # a file that an editor is just replacing
        files: list[Path] = []
        for path in paths:
            try:
                files += expand_paths([path])
            except CommandError:
                continue
        return files


def _module_files(modules: tuple[str, ...]) -> list[Path]:
    files: list[Path] = []
    for module in modules:
        for name in (module, module.rpartition(".")[0]):
            try:
                spec = importlib.util.find_spec(name) if name else None
            except (ImportError, ValueError):
                spec = None
            if spec is not None and spec.origin:
                files.append(Path(spec.origin))
                break
    return files


def _times(files: list[Path]) -> dict[Path, float]:
    times: dict[Path, float] = {}
    for file in files:
        try:
            times[file] = file.stat().st_mtime
        except FileNotFoundError:
            continue
    return times
