from __future__ import annotations

from typing import Any

from prefect.storage._uploaded import UploadedStorage
from prefect.utilities._extras import require

__all__ = ["Azure"]


class Azure(UploadedStorage):
    """Keeps flows as blobs in Azure.

    Args:
        container: the container.
        connection_string_secret: name of the secret with the connection string; the environment
            variable `AZURE_STORAGE_CONNECTION_STRING` by default.
        blob_name: the blob's name; the name of the flow and the time by default.
        overwrite: whether an existing blob may be replaced.
        stored_as_script: whether the flow is kept as Python file, instead of as pickle.
        **kwargs: as for `Storage`.
    """

    _parameters = ("blob_name", None)

    container: str
    connection_string_secret: str | None
    blob_name: str | None
    overwrite: bool

    def __init__(
        self,
        container: str,
        connection_string_secret: str | None = None,
        blob_name: str | None = None,
        overwrite: bool = False,
        stored_as_script: bool = False,
        **kwargs: Any,
    ) -> None:
        from prefect.engine.results import AzureResult

        self.container = container
        self.connection_string_secret = connection_string_secret
        self.blob_name = blob_name
        self.overwrite = overwrite
        kwargs.setdefault(
            "result", AzureResult(container=container, connection_string_secret=connection_string_secret)
        )
        super().__init__(stored_as_script=stored_as_script, **kwargs)

    @property
    def connection_string(self) -> str:
        """How to reach the storage account, from the secret, else from the environment.

        Raises:
            ValueError: there is neither.
        """
        if self.connection_string_secret is not None:
            from prefect.client.secrets import Secret

            return str(Secret(self.connection_string_secret).get())
        import os

        found = os.environ.get("AZURE_STORAGE_CONNECTION_STRING")
        if not found:
            raise ValueError(
                "Azure connection string not provided: set the environment variable "
                "AZURE_STORAGE_CONNECTION_STRING, or give `connection_string_secret`."
            )
        return found

    def _key(self) -> str | None:
        return self.blob_name

    def _where(self, location: str) -> str:
        return f"azure://{self.container}/{location}"

    def _upload(self, location: str, data: bytes) -> None:
        with self._service() as service:
            blob = service.get_blob_client(container=self.container, blob=location)
            blob.upload_blob(data, overwrite=self.overwrite)

    def _download(self, location: str) -> bytes:
        with self._service() as service:
            return service.get_blob_client(container=self.container, blob=location).download_blob().readall()

    def _service(self) -> Any:
        client = require("azure.storage.blob", "azure").BlobServiceClient
        return client.from_connection_string(conn_str=self.connection_string)

    def _library_errors(self) -> tuple[type[Exception], ...]:
        return (require("azure.core.exceptions", "azure").AzureError,)
