"""Results on the wire: where a value is kept. The value itself never travels."""

from __future__ import annotations

from typing import TypeAlias

from prefect._wire.base import Wire

__all__ = [
    "AnyResult",
    "AzureResult",
    "ConstantResult",
    "CustomResult",
    "GCSResult",
    "LocalResult",
    "NoResultType",
    "PrefectResult",
    "Result",
    "S3Result",
    "SecretResult",
]


class NoResultType(Wire, tag="NoResultType"):
    """There is no value."""


class Result(Wire, tag="Result"):
    """A value that was not written anywhere."""

    location: str | None = None


class AzureResult(Wire, tag="AzureResult", kw_only=True):
    """A blob in Azure."""

    container: str
    location: str | None = None


class ConstantResult(Wire, tag="ConstantResult"):
    """A constant of the flow; the location is its repr."""

    location: str | None = None


class CustomResult(Wire, tag="CustomResult"):
    """A result of a user's own class, which is not named."""

    location: str | None = None


class GCSResult(Wire, tag="GCSResult", kw_only=True):
    """A blob in Google Cloud Storage."""

    bucket: str
    location: str | None = None


class LocalResult(Wire, tag="LocalResult"):
    """A file on the machine of the run."""

    dir: str | None = None
    location: str | None = None


class PrefectResult(Wire, tag="PrefectResult"):
    """A small value kept by the API itself: the location *is* its JSON."""

    location: str | None = None


class S3Result(Wire, tag="S3Result", kw_only=True):
    """An object in S3."""

    bucket: str
    location: str | None = None


class SecretResult(Wire, tag="SecretResult"):
    """A secret, read again whenever it is needed; the location is its name."""

    location: str | None = None
    #: Class of the secret task, without its module.
    secret_type: str | None = None


AnyResult: TypeAlias = (
    Result
    | AzureResult
    | ConstantResult
    | CustomResult
    | GCSResult
    | LocalResult
    | NoResultType
    | PrefectResult
    | S3Result
    | SecretResult
)
