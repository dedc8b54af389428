"""Whether a process was killed because the system, or its container, was out of memory."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["kill_reason", "oom_kills"]


def oom_kills(file: str = "/proc/vmstat") -> int | None:
    """How many processes the kernel has killed for want of memory since it started; None if it does not say."""
    try:
        for line in Path(file).read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    except (OSError, ValueError):
        pass
    return None


def kill_reason(exit_code: int | None, before: int | None, after: int | None) -> str:
    """Why a process was killed, as a sentence; empty if that is not known.

    Args:
        exit_code: its exit code, negative for a signal.
        before: `oom_kills()` when it started.
        after: `oom_kills()` now.
    """
    if exit_code != -9 or os.name != "posix":
        return ""
    if before is not None and after is not None and after > before:
        return "the system was out of memory and killed processes meanwhile"
    return ""
