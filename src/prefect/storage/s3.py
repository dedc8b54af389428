from __future__ import annotations

from typing import Any

from prefect.storage._uploaded import UploadedStorage
from prefect.utilities.context import context

__all__ = ["S3"]


class S3(UploadedStorage):
    """Keeps flows as objects in S3.

    Args:
        bucket: the bucket.
        key: the object's key; the name of the flow and the time by default.
        stored_as_script: whether the flow is kept as Python file, instead of as pickle.
        local_script_path: the Python file to upload as script; that of the flow file being read, if
            any. Without it, the script is taken to be at `key` already.
        client_options: arguments of the boto3 client.
        upload_options: extra arguments of the upload.
        **kwargs: as for `Storage`.
    """

    bucket: str
    key: str | None
    local_script_path: str | None
    client_options: dict[str, Any] | None
    upload_options: dict[str, Any] | None

    def __init__(
        self,
        bucket: str,
        key: str | None = None,
        stored_as_script: bool = False,
        local_script_path: str | None = None,
        client_options: dict[str, Any] | None = None,
        upload_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        from prefect.engine.results import S3Result

        self.bucket = bucket
        self.key = key
        self.local_script_path = local_script_path or context.get("local_script_path")
        self.client_options = client_options
        self.upload_options = upload_options
        kwargs.setdefault("result", S3Result(bucket=bucket, upload_options=upload_options))
        super().__init__(stored_as_script=stored_as_script, **kwargs)

    def _key(self) -> str | None:
        return self.key
