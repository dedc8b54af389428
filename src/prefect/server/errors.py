"""Errors of the API.

    ApiError
        BadInputError            BAD_USER_INPUT       the input is not acceptable
            UniquenessError      BAD_USER_INPUT       something of that name exists
        NotFoundError            NOT_FOUND            there is no such thing (for this caller)
        UnauthenticatedError     UNAUTHENTICATED      no key, or a wrong one
        ForbiddenError           FORBIDDEN            the role does not allow it
        StateUpdateError         STATE_UPDATE_FAILED  the state is refused
            VersionLockingError  VERSION_LOCKING_ERROR
        RateLimitedError         RATE_LIMITED         too many requests; answered with 429
        UnavailableError         UNAVAILABLE          the database is away; answered with 503

Old clients act on the codes and on some of the texts; texts marked "wire" must not change.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "ApiError",
    "BadInputError",
    "ForbiddenError",
    "NotFoundError",
    "RateLimitedError",
    "StateUpdateError",
    "UnauthenticatedError",
    "UnavailableError",
    "UniquenessError",
    "VersionLockingError",
]


class ApiError(Exception):
    """Base of the errors that a client may see.

    Args:
        message: what happened, to which object, and what to do.
    """

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class BadInputError(ApiError):
    """The input is not acceptable."""

    code: ClassVar[str] = "BAD_USER_INPUT"


class UniquenessError(BadInputError):
    """Something of that name exists. wire: the client matches the exact text."""

    def __init__(self) -> None:
        super().__init__("Uniqueness violation.")


class NotFoundError(ApiError):
    """There is no such thing, or it is another tenant's, which is the same to the caller."""

    code: ClassVar[str] = "NOT_FOUND"


class UnauthenticatedError(ApiError):
    """No key where one is needed, or a wrong, expired or revoked one."""

    code: ClassVar[str] = "UNAUTHENTICATED"


class ForbiddenError(ApiError):
    """The caller's role does not allow it."""

    code: ClassVar[str] = "FORBIDDEN"


class StateUpdateError(ApiError):
    """A state was refused. wire: agents look for the words `State update failed`."""

    code: ClassVar[str] = "STATE_UPDATE_FAILED"


class VersionLockingError(StateUpdateError):
    """A state was sent for a version that is not the current one."""

    code: ClassVar[str] = "VERSION_LOCKING_ERROR"


class RateLimitedError(ApiError):
    """Too many requests.

    Args:
        message: what happened.
        retry_after_s: seconds until the next request is welcome.
    """

    code: ClassVar[str] = "RATE_LIMITED"

    def __init__(self, message: str, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class UnavailableError(ApiError):
    """The database cannot be reached for now.

    Args:
        message: what happened.
        retry_after_s: seconds until it is worth trying again.
    """

    code: ClassVar[str] = "UNAVAILABLE"

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)
