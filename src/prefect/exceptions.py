"""Every error and signal that Prefect raises, as one tree.

    Exception
    └── PrefectException                 anything that went wrong in Prefect itself
        ├── ConfigurationError           a setting has a wrong value (also a ValueError)
        ├── ClientError                  a call to the API failed
        │   ├── AuthorizationError       the API refused the key or the tenant
        │   └── ObjectNotFoundError      the API has no such flow, run, …
        └── FlowStorageError             a flow could not be saved or loaded

    BaseException
    └── PrefectSignal                    control flow, not an error: ends or redirects a run
        ├── TaskTimeoutSignal            a task ran longer than its timeout
        └── VersionLockMismatchSignal    somebody else owns this run now

The signals that users raise in tasks (`FAIL`, `SKIP`, `RETRY`, …) derive from `PrefectSignal` as
well; they live in `prefect.engine.signals`.

All of them take one optional text, keep it in `args`, and survive pickling.
"""

from __future__ import annotations

__all__ = [
    "AuthorizationError",
    "ClientError",
    "ConfigurationError",
    "FlowStorageError",
    "ObjectNotFoundError",
    "PrefectException",
    "PrefectSignal",
    "TaskTimeoutSignal",
    "VersionLockMismatchSignal",
]


class PrefectException(Exception):
    """Base of all errors of Prefect; catch it to catch any of them.

    Args:
        message: what happened, to which object, and what to do next
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class ConfigurationError(PrefectException, ValueError):
    """A setting cannot be used as it is.

    Args:
        message: which setting, what is wrong with its value, and where that value comes from
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class ClientError(PrefectException):
    """A call to the API failed.

    Args:
        message: what the API answered
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class AuthorizationError(ClientError):
    """The API refused the key, or the key may not use the tenant.

    Args:
        message: what the API answered
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class ObjectNotFoundError(ClientError):
    """The API has no object with the given name or id.

    Args:
        message: which object was looked for
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class FlowStorageError(PrefectException):
    """A flow could not be put into its storage or read back from it.

    Args:
        message: which flow, which storage, and why
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class PrefectSignal(BaseException):
    """Base of everything that is raised to steer a run rather than to report an error.

    It is a `BaseException`, so that `except Exception` in the code of a task does not swallow it.

    Args:
        message: text that ends up in the state or in the log
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class VersionLockMismatchSignal(PrefectSignal):
    """The version of this run is no longer the newest: another process took it over.

    Args:
        message: the versions that did not match
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class TaskTimeoutSignal(PrefectSignal):
    """A task ran longer than its `timeout`.

    Args:
        message: how long the task was allowed to run
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
