from __future__ import annotations

from typing import Any

from prefect.storage._uploaded import UploadedStorage

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

    def _key(self) -> str | None:
        return self.blob_name
