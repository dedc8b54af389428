"""Tracebacks of users' code without the frames of ours around it."""

from __future__ import annotations

import os
import sysconfig
import traceback
from functools import cache
from pathlib import Path

import prefect
from prefect.exceptions import PrefectException

__all__ = ["trimmed_traceback"]

_PACKAGE = str(Path(prefect.__file__).parent) + os.sep
#: Parts of the package that are a user's code as far as an error is concerned.
_NOT_INTERNAL = (_PACKAGE + "tasks" + os.sep, _PACKAGE + "hello_world.py")


def trimmed_traceback(error: BaseException) -> str:
    """The traceback of `error` as Python prints it, without the frames of Prefect and of Python's imports.

    It begins at the first line of the user's code, and ends before Prefect is called from there.
    Exceptions that Prefect handled on the way are left out. Empty if there is none of the user's
    code in it and Prefect raised it on purpose: then its message says all.
    """
    report = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    if not _has_user_frames(report) and not isinstance(error, SyntaxError):
        is_meant = isinstance(error, PrefectException) or _is_raised_by_us(error, report)
        return "" if is_meant else "".join(report.format())
    part: traceback.TracebackException | None = report
    while part is not None:
        part.stack = _trimmed(part.stack)
        following = part.__cause__ or (None if part.__suppress_context__ else part.__context__)
        if following is not None and not _has_user_frames(following):
            part.__cause__ = part.__context__ = following = None
        part = following
    return "".join(report.format())


def _is_raised_by_us(error: BaseException, report: traceback.TracebackException) -> bool:
    """Whether Prefect refuses a value, which is not the same as a mistake in Prefect of the same type."""
    if not isinstance(error, (ValueError, TypeError)) or not report.stack:
        return False
    last = report.stack[-1]
    return _is_internal(last) and (last.line or "").startswith("raise ")


def _has_user_frames(part: traceback.TracebackException) -> bool:
    return any(_is_users(frame) for frame in part.stack)


def _trimmed(stack: traceback.StackSummary) -> traceback.StackSummary:
    frames = list(stack)
    users = [index for index, frame in enumerate(frames) if _is_users(frame)]
    if not users:
        return traceback.StackSummary()
    end = users[-1] + 1
    # What the user's code called outside of Prefect belongs to the story.
    while end < len(frames) and not _is_internal(frames[end]):
        end += 1
    return traceback.StackSummary.from_list(frames[users[0] : end])


def _is_internal(frame: traceback.FrameSummary) -> bool:
    """Whether a frame is of Prefect, or of the machinery that imports and runs files."""
    name = frame.filename
    if name.startswith(_NOT_INTERNAL):
        return False
    return name.startswith((_PACKAGE, "<frozen ")) or name.endswith(
        ("runpy.py", f"importlib{os.sep}__init__.py")
    )


def _is_users(frame: traceback.FrameSummary) -> bool:
    return not _is_internal(frame) and not _is_standard(frame.filename)


def _is_standard(name: str) -> bool:
    """Whether a file is one of Python's own; installed libraries may hold the user's flows."""
    if f"{os.sep}site-packages{os.sep}" in name or f"{os.sep}dist-packages{os.sep}" in name:
        return False
    return name.startswith(_standard_library())


@cache
def _standard_library() -> tuple[str, ...]:
    folders = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    return tuple(folder + os.sep for folder in folders if folder)
