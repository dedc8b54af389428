"""Results in a bucket of Amazon S3, or of anything that speaks its protocol."""

from __future__ import annotations

from typing import Any, cast

from prefect.engine.result.base import Result
from prefect.engine.result.errors import ResultReadError, ResultWriteError
from prefect.engine.results._stored import missing, value_of
from prefect.utilities._extras import require

__all__ = ["S3Result"]

_NOT_THERE = {"404", "NoSuchKey", "NotFound"}


class S3Result(Result):
    """Results in an S3 bucket.

    Example:
        ```python
        S3Result("my-bucket", location="{flow_name}/{task_name}.pickle")
        S3Result("local", boto3_kwargs={"endpoint_url": "http://minio:9000"})
        ```

    Credentials come from `boto3_kwargs`, else from the secret `AWS_CREDENTIALS`, else from where
    boto3 looks for them. Needs the extra `aws`.

    Args:
        bucket: name of the bucket.
        boto3_kwargs: more keywords for the boto3 client: `region_name`, `endpoint_url`, …
        upload_options: `ExtraArgs` of the upload, like `{"ServerSideEncryption": "AES256"}`.
        **kwargs: `value`, `location` and `serializer`, as for every `Result`.
    """

    #: Built when it is first needed, and left behind when the result is pickled.
    _client: Any = None

    def __init__(
        self,
        bucket: str,
        boto3_kwargs: dict[str, Any] | None = None,
        upload_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.bucket = bucket
        self.boto3_kwargs = boto3_kwargs or {}
        self.upload_options = upload_options or {}
        super().__init__(**kwargs)

    @property
    def client(self) -> Any:
        """The boto3 client.

        Raises:
            ImportError: if boto3 is not installed.
        """
        if self._client is None:
            from prefect.utilities.aws import get_boto_client

            self._client = get_boto_client("s3", **self.boto3_kwargs)
        return self._client

    def read(self, location: str) -> Result:
        """A new result with the value of an object.

        Args:
            location: key of the object.

        Raises:
            MissingResultError: if there is no such object.
            ResultReadError: if it is damaged, or S3 refuses or cannot be reached.
        """
        where = f"s3://{self.bucket}/{location}"
        client = self.client
        try:
            data = cast("bytes", client.get_object(Bucket=self.bucket, Key=location)["Body"].read())
        except _errors() as exc:
            if _code(exc) in _NOT_THERE:
                raise missing(where) from exc
            raise ResultReadError(f"The result at {where} cannot be read: {exc}.", location=where) from exc
        new = self.copy()
        new.location = location
        new.value = value_of(data, self.serializer, where)
        return new

    def write(self, value_: Any, **kwargs: Any) -> Result:
        """Upload `value_` to the key that the location names.

        Args:
            value_: the value to keep.
            **kwargs: values for the placeholders of the location.

        Returns:
            a new result with the value, and the key as location.

        Raises:
            ResultWriteError: if S3 refuses or cannot be reached.
        """
        import io

        new = self.format(**kwargs)
        new.value = value_
        data = self.serializer.serialize(value_)
        client = self.client
        try:
            client.upload_fileobj(
                io.BytesIO(data), Bucket=self.bucket, Key=new.location, ExtraArgs=self.upload_options or None
            )
        except _errors() as exc:
            where = f"s3://{self.bucket}/{new.location}"
            raise ResultWriteError(
                f"The result cannot be written to {where}: {exc}.", location=where
            ) from exc
        return new

    def exists(self, location: str, **kwargs: Any) -> bool:
        """Whether there is an object with a key.

        Args:
            location: the key; may be a template.
            **kwargs: values for the placeholders.

        Raises:
            ResultReadError: if S3 refuses to say or cannot be reached.
        """
        key = location.format(**kwargs)
        client = self.client
        try:
            client.head_object(Bucket=self.bucket, Key=key)
        except _errors() as exc:
            if _code(exc) in _NOT_THERE:
                return False
            where = f"s3://{self.bucket}/{key}"
            raise ResultReadError(
                f"Cannot tell whether there is a result at {where}: {exc}.", location=where
            ) from exc
        return True

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_client", None)
        return state


def _errors() -> tuple[type[Exception], ...]:
    botocore = require("botocore.exceptions", "aws")
    return botocore.ClientError, botocore.BotoCoreError, require("boto3.exceptions", "aws").Boto3Error


def _code(exc: Exception) -> str:
    response: dict[str, Any] = getattr(exc, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
