"""Storages that keep one file for each flow in a bucket or container."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from prefect.exceptions import FlowStorageError
from prefect.storage.base import Storage, timed_key
from prefect.utilities._slug import slugify

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from typing_extensions import Self

    from prefect.core.flow import Flow

__all__ = ["UploadedStorage"]


class UploadedStorage(Storage):
    """Base of storages that keep one file for each flow in a bucket or container."""

    local_script_path: str | None = None

    def add_flow(self, flow: Flow) -> str:
        """Take a flow in.

        Args:
            flow: the flow.

        Returns:
            its key: the one chosen, else the name of the flow with the hash of the script to upload, or, for
            a pickle, with the time.

        Raises:
            ValueError: another flow of this name is in the storage.
        """
        return self._take(flow, self._key() or self._script_key(flow.name) or timed_key(flow.name))

    def _script_key(self, flow_name: str) -> str | None:
        """A key that changes when the script does: what did not change needs no new version of the flow."""
        script = Path(self.local_script_path) if self.stored_as_script and self.local_script_path else None
        if script is None or not script.is_file():
            return None
        import hashlib

        return f"{slugify(flow_name)}/{hashlib.sha256(script.read_bytes()).hexdigest()[:20]}.py"

    def build(self) -> Self:
        """Upload the flows: pickled, or with `stored_as_script` the file that defines them.

        Returns:
            this storage.

        Raises:
            ValueError: with `stored_as_script`, neither a script to upload nor its key was given.
            OSError: the script cannot be read.
            prefect.exceptions.FlowStorageError: a flow cannot be uploaded; the message says where to.
            TypeError, pickle.PicklingError: something in a flow does not pickle; the message names it.
        """
        for location, data in self._files():
            self.logger.info(f"Uploading to {self._where(location)}")
            with self._errors_of("upload", location):
                self._upload(location, data)
        return self

    def get_flow(self, flow_name: str) -> Flow:
        """The flow of a name, downloaded.

        Args:
            flow_name: the name.

        Raises:
            ValueError: there is no such flow.
            prefect.exceptions.FlowStorageError: it cannot be downloaded, or the pickle cannot be loaded here.
        """
        from prefect.utilities import storage

        location: str = self._location(flow_name)
        self.logger.info(f"Downloading flow {flow_name!r} from {self._where(location)}")
        with self._errors_of("download", location):
            data = self._download(location)
        if self.stored_as_script:
            return storage.extract_flow_from_file(file_contents=data.decode("utf-8-sig"), flow_name=flow_name)
        return storage.flow_from_bytes_pickle(data)

    def _files(self) -> Iterator[tuple[str, bytes]]:
        """What is to be uploaded, and where to."""
        from prefect.utilities.storage import flow_to_bytes_pickle

        if not self.stored_as_script:
            for name, flow in self._flows.items():
                yield self.flows[name], flow_to_bytes_pickle(flow)
        elif self.local_script_path:
            data = Path(self.local_script_path).read_bytes()
            for location in dict.fromkeys(self.flows.values()):
                yield location, data
        elif not self._key():
            key, other = self._parameters
            instead = f", or a `{other}` with the script to upload" if other else ""
            raise ValueError(
                f"A `{key}` must be provided to show where flow `.py` file is stored in {type(self).__name__}{instead}."
            )

    # -- for subclasses ---------------------------------------------------------------

    #: What the key, and the path of a script to upload, are called in the constructor.
    _parameters: tuple[str, str | None] = ("key", "local_script_path")

    def _key(self) -> str | None:
        """The key the user chose."""
        raise NotImplementedError

    def _where(self, location: str) -> str:
        """The full address of a key, for messages."""
        raise NotImplementedError

    def _upload(self, location: str, data: bytes) -> None:
        raise NotImplementedError

    def _download(self, location: str) -> bytes:
        raise NotImplementedError

    def _library_errors(self) -> tuple[type[Exception], ...]:
        """What the library of the service raises."""
        raise NotImplementedError

    @contextmanager
    def _errors_of(self, verb: str, location: str) -> Generator[None]:
        """Errors of the library say which file they are about."""
        expected = self._library_errors()
        try:
            yield
        except expected as exc:
            raise FlowStorageError(f"Cannot {verb} {self._where(location)}: {exc}") from exc
