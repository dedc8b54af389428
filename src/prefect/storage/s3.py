from __future__ import annotations

from typing import Any

from prefect.storage._uploaded import UploadedStorage
from prefect.utilities._extras import require
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
        kwargs.setdefault(
            "result", S3Result(bucket=bucket, boto3_kwargs=client_options, upload_options=upload_options)
        )
        super().__init__(stored_as_script=stored_as_script, **kwargs)

    def _key(self) -> str | None:
        return self.key

    def _where(self, location: str) -> str:
        return f"s3://{self.bucket}/{location}"

    def _upload(self, location: str, data: bytes) -> None:
        import io

        self._client().upload_fileobj(
            io.BytesIO(data), Bucket=self.bucket, Key=location, ExtraArgs=self.upload_options or None
        )

    def _download(self, location: str) -> bytes:
        return self._client().get_object(Bucket=self.bucket, Key=location)["Body"].read()

    def _client(self) -> Any:
        from prefect.utilities.aws import get_boto_client

        return get_boto_client("s3", **(self.client_options or {}))

    def _library_errors(self) -> tuple[type[Exception], ...]:
        errors = require("botocore.exceptions", "aws")
        return errors.ClientError, errors.BotoCoreError, require("boto3.exceptions", "aws").Boto3Error
