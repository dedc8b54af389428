from __future__ import annotations

from typing import Any

from prefect.storage._uploaded import UploadedStorage
from prefect.utilities._extras import require
from prefect.utilities.context import context

__all__ = ["GCS"]


class GCS(UploadedStorage):
    """Keeps flows as blobs in Google Cloud Storage.

    Args:
        bucket: the bucket.
        key: the blob's name; the name of the flow and the time by default.
        project: the project of the bucket; that of the credentials by default.
        stored_as_script: whether the flow is kept as Python file, instead of as pickle.
        local_script_path: the Python file to upload as script; that of the flow file being read, if
            any. Without it, the script is taken to be at `key` already.
        **kwargs: as for `Storage`.
    """

    bucket: str
    key: str | None
    project: str | None
    local_script_path: str | None

    def __init__(
        self,
        bucket: str,
        key: str | None = None,
        project: str | None = None,
        stored_as_script: bool = False,
        local_script_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        from prefect.engine.results import GCSResult

        self.bucket = bucket
        self.key = key
        self.project = project
        self.local_script_path = local_script_path or context.get("local_script_path")
        kwargs.setdefault("result", GCSResult(bucket=bucket))
        super().__init__(stored_as_script=stored_as_script, **kwargs)

    def _key(self) -> str | None:
        return self.key

    def _where(self, location: str) -> str:
        return f"gs://{self.bucket}/{location}"

    def _upload(self, location: str, data: bytes) -> None:
        self._blob(location).upload_from_string(data)

    def _download(self, location: str) -> bytes:
        return self._blob(location).download_as_bytes()

    def _blob(self, location: str) -> Any:
        from prefect.utilities.gcp import get_storage_client

        # No request is made for the bucket: reading an object does not need the right to see its bucket.
        return get_storage_client(project=self.project).bucket(self.bucket).blob(location)

    def _library_errors(self) -> tuple[type[Exception], ...]:
        auth = require("google.auth.exceptions", "gcp")
        return (require("google.api_core.exceptions", "gcp").GoogleAPIError, auth.GoogleAuthError, OSError)
