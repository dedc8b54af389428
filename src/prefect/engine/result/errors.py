"""What can go wrong with stored results.

PrefectException
└── ResultError                      has the `location`
    ├── ResultReadError              it is there and cannot be read: damaged, or unreachable
    │   └── MissingResultError       there is nothing (also a FileNotFoundError)
    ├── ResultWriteError             it cannot be written there (also an OSError)
    └── UnsafeLocationError          a value in a template leads out of its directory (also a ValueError)
"""

from __future__ import annotations

from prefect.exceptions import PrefectException

__all__ = [
    "MissingResultError",
    "ResultError",
    "ResultReadError",
    "ResultWriteError",
    "UnsafeLocationError",
]


class ResultError(PrefectException):
    """A stored result could not be used.

    Args:
        message: what happened, where, and what to do.
        location: the full location: a path, or an address like `s3://bucket/key`.
    """

    def __init__(self, message: str = "", location: str | None = None) -> None:
        super().__init__(message)
        self.location = location


class ResultReadError(ResultError):
    """A stored result cannot be turned into a value.

    Args:
        message: what happened, where, and what to do.
        location: the full location.
    """


class MissingResultError(ResultReadError, FileNotFoundError):
    """There is no result at a location.

    Args:
        message: what happened, where, and what to do.
        location: the full location.
    """


class ResultWriteError(ResultError, OSError):
    """A result cannot be written to a location.

    Args:
        message: what happened, where, and what to do.
        location: the full location.
    """


class UnsafeLocationError(ResultError, ValueError):
    """A value that was put into the template of a location leads out of its directory.

    Args:
        message: what happened, where, and what to do.
        location: the location that was refused.
    """
