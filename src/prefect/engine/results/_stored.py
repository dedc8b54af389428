"""Turning stored bytes into values, with errors that say where the bytes are."""

from __future__ import annotations

import pickle
from typing import Any

from prefect.engine.result.errors import MissingResultError, ResultReadError
from prefect.engine.serializers import Serializer

__all__ = ["missing", "value_of"]


def value_of(data: bytes, serializer: Serializer, where: str) -> Any:
    """The value of the bytes found at a location.

    Args:
        data: what is stored.
        serializer: reads them.
        where: the full location, for the error.

    Raises:
        ResultReadError: if the serializer cannot read them.
    """
    try:
        return serializer.deserialize(data)
    except Exception as exc:  # a serializer of the user's, or a pickle, may raise anything
        raise ResultReadError(
            f"The result at {where} cannot be read: {_cause(data, exc)}. "
            "Delete it to have the task compute it again, or read it with the serializer that wrote it "
            f"(this one is {type(serializer).__name__}).",
            location=where,
        ) from exc


def missing(where: str) -> MissingResultError:
    """The error for a location that holds nothing."""
    return MissingResultError(
        f"There is no result at {where}. It was never written there, or it has been deleted; "
        "run the task again to write it.",
        location=where,
    )


def _cause(data: bytes, exc: Exception) -> str:
    if not data:
        return "it is empty"
    if isinstance(exc, ImportError | AttributeError):
        return f"it needs something that is not there in this environment ({exc})"
    if isinstance(exc, EOFError | pickle.UnpicklingError | IndexError):
        return f"it is damaged, cut off, or in another format ({exc})"
    return f"{type(exc).__name__}: {exc}"
