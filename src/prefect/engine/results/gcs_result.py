"""Results in a bucket of Google Cloud Storage."""

from __future__ import annotations

from typing import Any, cast

from prefect.engine.result.base import Result
from prefect.engine.result.errors import ResultReadError, ResultWriteError
from prefect.engine.results._stored import missing, value_of
from prefect.utilities._extras import require

__all__ = ["GCSResult"]


class GCSResult(Result):
    """Results in a Google Cloud Storage bucket.

    Credentials come from the secret `GCP_CREDENTIALS`, else from where Google's libraries look
    for them. Needs the extra `gcp`.

    Args:
        bucket: name of the bucket.
        **kwargs: `value`, `location` and `serializer`, as for every `Result`.
    """

    #: Built when it is first needed, and left behind when the result is pickled.
    _gcs_bucket: Any = None

    def __init__(self, bucket: str | None = None, **kwargs: Any) -> None:
        self.bucket = bucket
        super().__init__(**kwargs)

    @property
    def gcs_bucket(self) -> Any:
        """The bucket, as Google's library represents it.

        Raises:
            ImportError: if google-cloud-storage is not installed.
        """
        if self._gcs_bucket is None:
            from prefect.utilities.gcp import get_storage_client

            self._gcs_bucket = get_storage_client().bucket(self.bucket)
        return self._gcs_bucket

    @gcs_bucket.setter
    def gcs_bucket(self, value: Any) -> None:
        self._gcs_bucket = value

    def read(self, location: str) -> Result:
        """A new result with the value of an object.

        Args:
            location: name of the object.

        Raises:
            MissingResultError: if there is no such object.
            ResultReadError: if it is damaged, or Google refuses or cannot be reached.
        """
        where = f"gs://{self.bucket}/{location}"
        bucket = self.gcs_bucket
        not_found, any_error = _errors()
        try:
            data = cast("bytes", bucket.blob(location).download_as_bytes())
        except not_found as exc:
            raise missing(where) from exc
        except any_error as exc:
            raise ResultReadError(f"The result at {where} cannot be read: {exc}.", location=where) from exc
        new = self.copy()
        new.location = location
        new.value = value_of(data, self.serializer, where)
        return new

    def write(self, value_: Any, **kwargs: Any) -> Result:
        """Upload `value_` to the object that the location names.

        Args:
            value_: the value to keep.
            **kwargs: values for the placeholders of the location.

        Returns:
            a new result with the value, and the name of the object as location.

        Raises:
            ResultWriteError: if Google refuses or cannot be reached.
        """
        new = self.format(**kwargs)
        new.value = value_
        data = self.serializer.serialize(value_)
        bucket = self.gcs_bucket
        _, any_error = _errors()
        try:
            bucket.blob(new.location).upload_from_string(data)
        except any_error as exc:
            where = f"gs://{self.bucket}/{new.location}"
            raise ResultWriteError(
                f"The result cannot be written to {where}: {exc}.", location=where
            ) from exc
        return new

    def exists(self, location: str, **kwargs: Any) -> bool:
        """Whether there is an object with a name.

        Args:
            location: the name; may be a template.
            **kwargs: values for the placeholders.

        Raises:
            ResultReadError: if Google refuses to say or cannot be reached.
        """
        name = location.format(**kwargs)
        bucket = self.gcs_bucket
        _, any_error = _errors()
        try:
            return bool(bucket.blob(name).exists())
        except any_error as exc:
            where = f"gs://{self.bucket}/{name}"
            raise ResultReadError(
                f"Cannot tell whether there is a result at {where}: {exc}.", location=where
            ) from exc

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_gcs_bucket", None)
        return state


def _errors() -> tuple[type[Exception], tuple[type[Exception], ...]]:
    """The error for a missing object, and those for everything else that can happen on the way."""
    api, auth = require("google.api_core.exceptions", "gcp"), require("google.auth.exceptions", "gcp")
    from requests.exceptions import RequestException

    return api.NotFound, (api.GoogleAPIError, auth.GoogleAuthError, RequestException)
