"""Tracebacks without the frames that are not the user's."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

__all__ = ["format_user_exception", "user_traceback"]

_PACKAGE = str(Path(__file__).resolve().parents[1])


def user_traceback(exc: BaseException) -> TracebackType | None:
    """The traceback of an exception, from the first frame on that is code of the user.

    What leads there (this library, and the import machinery) is left out. If no frame is the
    user's, as for a file that is no Python, there is no traceback.
    """
    found = exc.__traceback__
    while found is not None and not _is_users(found):
        found = found.tb_next
    return found


def _is_users(frame: TracebackType) -> bool:
    filename = frame.tb_frame.f_code.co_filename
    if filename.startswith("<frozen "):
        return False
    if filename.startswith(_PACKAGE):
        return False
    name = str(frame.tb_frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] not in ("importlib", "runpy")


def format_user_exception(exc: BaseException) -> str:
    """An exception as Python prints it, with the traceback of `user_traceback`.

    Exceptions it was raised from, or while handling, are shown too, each as far as it is the
    user's.
    """
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = exc
    link = ""
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        trace = user_traceback(current)
        text = "Traceback (most recent call last):\n" + "".join(traceback.format_tb(trace)) if trace else ""
        parts.append(text + "".join(traceback.format_exception_only(type(current), current)) + link)
        if current.__cause__ is not None:
            current, link = current.__cause__, _CAUSED
        else:
            current = None if current.__suppress_context__ else current.__context__
            link = _DURING
    return "".join(reversed(parts))


_CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"
_DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"
