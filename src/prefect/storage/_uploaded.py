"""Storages that keep one file for each flow in a bucket or container."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from prefect.storage.base import Storage, timed_key

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["UploadedStorage"]


class UploadedStorage(Storage):
    """Base of storages that keep one file for each flow in a bucket or container."""

    _needs_upload: ClassVar[bool] = True

    def _key(self) -> str | None:
        """The key the user chose."""
        raise NotImplementedError

    def add_flow(self, flow: Flow) -> str:
        """Take a flow in.

        Args:
            flow: the flow.

        Returns:
            its key: the one chosen, else the name of the flow and the time.

        Raises:
            ValueError: another flow of this name is in the storage.
        """
        return self._take(flow, self._key() or timed_key(flow.name))
