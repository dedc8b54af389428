"""What the exit status of `prefect` says."""

from __future__ import annotations

__all__ = [
    "CANCELLED",
    "CONFLICT",
    "EXIT_CODES",
    "FAILED",
    "INTERRUPTED",
    "NOT_FOUND",
    "OK",
    "TIMEOUT",
    "UNAUTHORIZED",
    "UNREACHABLE",
    "USAGE",
]

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
UNAUTHORIZED = 4
CONFLICT = 5
UNREACHABLE = 6
TIMEOUT = 7
CANCELLED = 11
INTERRUPTED = 130

EXIT_CODES: dict[int, str] = {
    OK: "success",
    FAILED: "the command failed, or the flow run ended Failed",
    USAGE: "usage: an option, a parameter or a setting is wrong",
    NOT_FOUND: "not found: no such file, module or flow",
    UNAUTHORIZED: "not allowed: no key, or one without the right",
    CONFLICT: "conflict: what you named has changed or exists already",
    UNREACHABLE: "no server: it is needed and cannot be reached",
    TIMEOUT: "timeout",
    CANCELLED: "the flow run was cancelled",
    INTERRUPTED: "interrupted by Ctrl-C",
}
