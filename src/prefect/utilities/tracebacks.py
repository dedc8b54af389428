"""Tracebacks without the frames that are not the user's."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any, TypeVar

__all__ = ["format_user_exception", "runs_user_code", "user_frames"]

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = str(Path(__file__).resolve().parents[1])
_CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"
_DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"

_borders: set[CodeType] = set()


def runs_user_code(function: F) -> F:
    """Mark a function of this library that calls code of the user: what it calls is the user's business."""
    _borders.add(function.__code__)
    return function


def user_frames(exc: BaseException) -> traceback.StackSummary:
    """The frames of an exception's traceback that are the user's.

    Left out are the frames up to the last function marked by `runs_user_code`, those of the import
    machinery below it, and, at the end, those of this library, where the user's mistake was noticed.
    A file that is no Python has no frames.
    """
    frames = list(traceback.walk_tb(exc.__traceback__))
    start = 0
    for index, (frame, _) in enumerate(frames):
        if frame.f_code in _borders:
            start = index + 1
    while start < len(frames) and _is_machinery(frames[start][0].f_code.co_filename):
        start += 1
    end = len(frames)
    while end > start and frames[end - 1][0].f_code.co_filename.startswith(_PACKAGE):
        end -= 1
    return traceback.StackSummary.extract(iter(frames[start:end]))


def _is_machinery(filename: str) -> bool:
    path = Path(filename)
    return (
        filename.startswith(("<frozen ", _PACKAGE))
        or path.parent.name == "importlib"
        or path.name == "runpy.py"
    )


def format_user_exception(exc: BaseException) -> str:
    """An exception as Python prints it, with no frames but `user_frames`.

    Exceptions it was raised from, or while handling, are shown too, each as far as it is the user's.
    """
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = exc
    link = ""
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = user_frames(current)
        head = "Traceback (most recent call last):\n" if frames else ""
        own = traceback.format_exception_only(type(current), current)
        parts.append("".join([head, *frames.format(), *own, link]))
        if current.__cause__ is not None:
            current, link = current.__cause__, _CAUSED
        else:
            current = None if current.__suppress_context__ else current.__context__
            link = _DURING
    return "".join(reversed(parts))
