"""Storages of flows that are kept as files in a repository, where somebody else puts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.storage.base import Storage

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["RepositoryStorage"]


class RepositoryStorage(Storage):
    """Base of storages of flows that are kept as files in a repository.

    Building them changes nothing: the files get there by the repository's own ways.
    """

    path: str | None

    def add_flow(self, flow: Flow) -> str:
        """Take a flow in.

        Args:
            flow: the flow.

        Returns:
            the path of its file in the repository.

        Raises:
            ValueError: another flow of this name is in the storage.
        """
        return self._take(flow, self.path)

    def get_flow(self, flow_name: str) -> Flow:
        """The flow of a name, from its file as it is in the repository now.

        Args:
            flow_name: the name.

        Raises:
            ValueError: the storage has no such flow, or its file has none; or the storage has no `path`.
            prefect.exceptions.FlowStorageError: the file cannot be had.
            Exception: whatever the file raises.
        """
        from prefect.utilities.storage import extract_flow_from_file

        path: str | None = self._location(flow_name) or self.path
        if not path:
            raise ValueError(
                f"{type(self).__name__} storage does not know the file of flow {flow_name!r}; "
                "give `path`, the file's path in the repository."
            )
        self.logger.info(f"Downloading flow {flow_name!r}: {self._described(path)}")
        contents = self._download(path).decode("utf-8-sig")
        return extract_flow_from_file(file_contents=contents, flow_name=flow_name)

    # -- for subclasses ---------------------------------------------------------------

    def _described(self, path: str) -> str:
        """A file, the repository and the ref, for messages."""
        raise NotImplementedError

    def _download(self, path: str) -> bytes:
        """The bytes of a file.

        Raises:
            FlowStorageError: it cannot be had.
        """
        raise NotImplementedError


def described(path: str, repo: str, ref: str | None, host: str) -> str:
    """A file in a repository, for messages."""
    return f"{path} of {repo} at {ref or 'the default branch'} from {host}"
