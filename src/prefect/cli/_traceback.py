"""Tracebacks of users' code without the frames of ours around it."""

from __future__ import annotations

import os
import traceback
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import prefect

__all__ = ["trimmed_traceback"]

_PACKAGE = str(Path(prefect.__file__).parent) + os.sep
#: Parts of the package that are a user's code as far as an error is concerned.
_NOT_INTERNAL = (_PACKAGE + "tasks" + os.sep, _PACKAGE + "hello_world.py")


def _machinery() -> tuple[str, ...]:
    specs = [find_spec(name) for name in ("runpy", "importlib", "click", "concurrent.futures")]
    files = [spec.origin for spec in specs if spec is not None and spec.origin]
    # Packages with everything below them, single modules as they are; frozen modules by their marks.
    folders = (f"{Path(file).parent}{os.sep}" if file.endswith("__init__.py") else file for file in files)
    return ("<frozen runpy>", "<frozen importlib", *folders)


def trimmed_traceback(error: BaseException, tb: TracebackType | None = None) -> str:
    """The traceback of `error` as Python prints it, with the user's frames only.

    Frames before the first and after the last line of user code are left out: the ones that led
    there (command line, import machinery) and the ones of Prefect that raised. If no line is a
    user's, all frames stay.

    Args:
        error: the exception.
        tb: where it passed, if that is not `error.__traceback__`.
    """
    report = traceback.TracebackException(type(error), error, tb or error.__traceback__, compact=True)
    internal = (_PACKAGE, *_machinery())
    seen: set[int] = set()
    pending: list[traceback.TracebackException | None] = [report]
    while pending:
        part = pending.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        pending += [part.__cause__, part.__context__]
        part.stack = _trimmed(part.stack, internal)
    return "".join(report.format())


def _trimmed(stack: traceback.StackSummary, internal: tuple[str, ...]) -> traceback.StackSummary:
    users = [
        index
        for index, frame in enumerate(stack)
        if not frame.filename.startswith(internal) or frame.filename.startswith(_NOT_INTERNAL)
    ]
    if not users:
        return stack
    return traceback.StackSummary.from_list(list(stack)[users[0] : users[-1] + 1])
