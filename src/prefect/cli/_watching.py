"""Files and modules that change."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from prefect.cli._collect import python_files
from prefect.cli._errors import CommandError

__all__ = ["module_file", "watch_for_changes"]


#: How many times longer than a look the pause is, so that thousands of files take no more of the processor; seconds.
_PAUSE, _LONGEST_S = 99.0, 5.0


def watch_for_changes(
    paths: Iterable[str] | None = None, modules: Iterable[str] | None = None, period: float = 0.5
) -> Iterator[tuple[list[str], list[str]]]:
    """Which files and modules changed, each time some do; all of them at first.

    Files that appear in folders and patterns are seen too.

    Args:
        paths: files, folders and patterns.
        modules: importable modules.
        period: seconds between two looks.
    """
    known_paths: dict[str, float] = {}
    known_modules: dict[str, float] = {}
    while True:
        started = time.process_time()
        now_paths = _times({str(file): file for path in paths or () for file in _files(path)})
        files = {module: module_file(module) for module in modules or ()}
        now_modules = _times({module: file for module, file in files.items() if file is not None})
        changed = (
            [path for path, changed_at in now_paths.items() if known_paths.get(path) != changed_at],
            [module for module, changed_at in now_modules.items() if known_modules.get(module) != changed_at],
        )
        known_paths, known_modules = now_paths, now_modules
        took = time.process_time() - started
        if any(changed):
            yield changed
        # File systems of containers and networks tell nobody about changes.
        time.sleep(max(period, min(_PAUSE * took, _LONGEST_S)))


def _files(path: str) -> list[Path]:
    try:
        return python_files([path])
    except CommandError:  # an editor is just replacing the file
        return []


def module_file(module: str) -> Path | None:
    """The file of a module, or of the module that `package.module.flow` is in; None if there is none."""
    for name in (module, module.rpartition(".")[0]):
        try:
            spec = importlib.util.find_spec(name) if name else None
        except (ImportError, ValueError):
            spec = None
        if spec is not None and spec.origin:
            return Path(spec.origin)
    return None


def _times(files: dict[str, Path]) -> dict[str, float]:
    times: dict[str, float] = {}
    for name, file in files.items():
        try:
            times[name] = file.stat().st_mtime
        except FileNotFoundError:
            continue
    return times
