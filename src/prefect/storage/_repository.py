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
