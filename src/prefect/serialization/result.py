"""JSON of results: where values are kept. The values stay behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect._wire import results as structs
from prefect.engine import results
from prefect.engine.result.base import NoResult, Result
from prefect.utilities._lazy import removed_names
from prefect.utilities.serialization import ObjectSchema, OneOfSchema, fields

__all__ = [
    "AzureResultSchema",
    "ConstantResultSchema",
    "CustomResultSchema",
    "GCSResultSchema",
    "LocalResultSchema",
    "NoResultSchema",
    "PrefectResultSchema",
    "ResultSchema",
    "S3ResultSchema",
    "SecretResultSchema",
    "StateResultSchema",
]

__getattr__ = removed_names(__name__)


class ResultSchema(ObjectSchema, object_class=Result, wire=structs.Result):
    """A plain `Result`."""


class NoResultSchema(ObjectSchema, wire=structs.NoResultType):
    """No result at all."""

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> Any:
        """The one `NoResult`."""
        return NoResult


def _custom(result: Any) -> str:
    return "CustomResult"


def _secret_type(result: results.SecretResult) -> str:
    return type(result.secret_task).__name__


class CustomResultSchema(ObjectSchema, wire=structs.CustomResult):
    """A result of a user's own class."""

    # compat: the name of the class is lost, as `type` is the key that chooses the schema.
    type = fields.Function(_custom)

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> Any:
        """A plain `Result` with the location: it cannot be read, but named."""
        return Result(location=data.get("location"))


class AzureResultSchema(ObjectSchema, object_class=results.AzureResult, wire=structs.AzureResult):
    """An `AzureResult`."""


class ConstantResultSchema(ObjectSchema, object_class=results.ConstantResult, wire=structs.ConstantResult):
    """A `ConstantResult`."""


class GCSResultSchema(ObjectSchema, object_class=results.GCSResult, wire=structs.GCSResult):
    """A `GCSResult`."""


class LocalResultSchema(ObjectSchema, object_class=results.LocalResult, wire=structs.LocalResult):
    """A `LocalResult`."""

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> Any:
        """The result. Its directory need not exist on this machine."""
        return super().create_object(data, validate_dir=False, **kwargs)


class PrefectResultSchema(ObjectSchema, object_class=results.PrefectResult, wire=structs.PrefectResult):
    """A `PrefectResult`."""


class S3ResultSchema(ObjectSchema, object_class=results.S3Result, wire=structs.S3Result):
    """An `S3Result`."""


class SecretResultSchema(ObjectSchema, wire=structs.SecretResult):
    """A `SecretResult`."""

    secret_type = fields.Function(_secret_type)

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> Any:
        """A result that reads the secret of the given name, by a task of the given class."""
        from prefect.tasks import secrets

        # compat: the class in 1.x is always `SecretBase`, whose `run` finds nothing.
        secret_class = getattr(secrets, str(data.get("secret_type")), secrets.SecretBase)
        name = data.get("location")
        result = results.SecretResult(secret_class(name=name) if name else secret_class())
        result.location = name
        return result


class StateResultSchema(OneOfSchema):
    """A result of any kind."""

    type_schemas = {
        "Result": ResultSchema,
        "AzureResult": AzureResultSchema,
        "ConstantResult": ConstantResultSchema,
        "CustomResult": CustomResultSchema,
        "GCSResult": GCSResultSchema,
        "LocalResult": LocalResultSchema,
        "NoResultType": NoResultSchema,
        "PrefectResult": PrefectResultSchema,
        "S3Result": S3ResultSchema,
        "SecretResult": SecretResultSchema,
    }

    def get_obj_type(self, obj: Any) -> str:
        """The class of a result; `CustomResult` for every class of a user."""
        name = type(obj).__name__
        return name if name in self.type_schemas else "CustomResult"

    def get_data_type(self, data: Mapping[str, Any]) -> Any:
        """The type that JSON says it is; types of later versions are read as `CustomResult`."""
        name = super().get_data_type(data)
        return name if name in self.type_schemas else "CustomResult"
