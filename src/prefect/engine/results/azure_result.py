"""Results in a container of Azure Blob Storage."""

from __future__ import annotations

import os
from typing import Any, cast

from prefect.engine.result.base import Result
from prefect.engine.result.errors import ResultReadError, ResultWriteError
from prefect.engine.results._stored import missing, value_of
from prefect.utilities._extras import require

__all__ = ["AzureResult"]


class AzureResult(Result):
    """Results in an Azure Blob Storage container. Needs the extra `azure`.

    Args:
        container: name of the container.
        connection_string: how to reach the storage account; default: the environment variable
            `AZURE_STORAGE_CONNECTION_STRING`. It is pickled with the flow: a secret is safer.
        connection_string_secret: name of a Prefect secret that holds the connection string;
            looked up when it is first needed, and preferred to `connection_string`.
        **kwargs: `value`, `location` and `serializer`, as for every `Result`.
    """

    #: Built when it is first needed, and left behind when the result is pickled.
    _service: Any = None

    def __init__(
        self,
        container: str,
        connection_string: str | None = None,
        connection_string_secret: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.container = container
        self.connection_string = connection_string
        self.connection_string_secret = connection_string_secret
        super().__init__(**kwargs)

    def initialize_service(self) -> None:
        """Connect to the storage account.

        Raises:
            ImportError: if azure-storage-blob is not installed.
            ValueError: if there is no connection string, or it is malformed.
        """
        client_class = require("azure.storage.blob", "azure").BlobServiceClient
        self._service = client_class.from_connection_string(conn_str=self._connection_string())

    def _connection_string(self) -> str:
        if self.connection_string_secret:
            from prefect.client.secrets import Secret

            return cast("str", Secret(self.connection_string_secret).get())
        found = self.connection_string or os.environ.get("AZURE_STORAGE_CONNECTION_STRING")
        if not found:
            raise ValueError(
                f"AzureResult has no connection string for the container {self.container!r}. Set the environment "
                "variable AZURE_STORAGE_CONNECTION_STRING, or give `connection_string_secret`."
            )
        return found

    @property
    def service(self) -> Any:
        """The client of the storage account."""
        if self._service is None:
            self.initialize_service()
        return self._service

    @service.setter
    def service(self, value: Any) -> None:
        self._service = value

    def read(self, location: str) -> Result:
        """A new result with the value of a blob.

        Args:
            location: name of the blob.

        Raises:
            MissingResultError: if there is no such blob.
            ResultReadError: if it is damaged, or Azure refuses or cannot be reached.
        """
        where = self._address(location)
        blob = self._blob(location)
        not_found, any_error = _errors()
        try:
            data = cast("bytes", blob.download_blob().readall())
        except not_found as exc:
            raise missing(where) from exc
        except any_error as exc:
            raise ResultReadError(f"The result at {where} cannot be read: {exc}.", location=where) from exc
        new = self.copy()
        new.location = location
        new.value = value_of(data, self.serializer, where)
        return new

    def write(self, value_: Any, **kwargs: Any) -> Result:
        """Upload `value_` to the blob that the location names.

        Args:
            value_: the value to keep.
            **kwargs: values for the placeholders of the location.

        Returns:
            a new result with the value, and the name of the blob as location.

        Raises:
            ResultWriteError: if Azure refuses or cannot be reached.
        """
        new = self.format(**kwargs)
        new.value = value_
        data = self.serializer.serialize(value_)
        blob = self._blob(cast("str", new.location))
        _, any_error = _errors()
        try:
            blob.upload_blob(data, overwrite=True)
        except any_error as exc:
            where = self._address(cast("str", new.location))
            raise ResultWriteError(
                f"The result cannot be written to {where}: {exc}.", location=where
            ) from exc
        return new

    def exists(self, location: str, **kwargs: Any) -> bool:
        """Whether there is a blob with a name.

        Args:
            location: the name; may be a template.
            **kwargs: values for the placeholders.

        Raises:
            ResultReadError: if Azure refuses to say or cannot be reached.
        """
        name = location.format(**kwargs)
        blob = self._blob(name)
        _, any_error = _errors()
        try:
            return bool(blob.exists())
        except any_error as exc:
            where = self._address(name)
            raise ResultReadError(
                f"Cannot tell whether there is a result at {where}: {exc}.", location=where
            ) from exc

    def _blob(self, name: str) -> Any:
        return self.service.get_blob_client(container=self.container, blob=name)

    def _address(self, name: str) -> str:
        return f"azure://{self.container}/{name}"

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_service", None)
        return state


def _errors() -> tuple[type[Exception], type[Exception]]:
    """The error for a missing blob, and the one for everything else that can happen on the way."""
    errors = require("azure.core.exceptions", "azure")
    return errors.ResourceNotFoundError, errors.AzureError
