"""`PrefectCallback`, apart from `prefect.executors.dask` because its base class imports Dask."""

from __future__ import annotations

from typing import Any

from dask.callbacks import Callback


class PrefectCallback(Callback):
    """A Dask callback that remembers results, so that no key is computed twice.

    Inside `with callback:` results of Dask's local schedulers are kept in `cache`, and later
    computations that contain a known key use them.
    """

    def __init__(self) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.cache: dict[Any, Any] = {}

    def _start(self, dsk: Any) -> None:
        for key in self.cache.keys() & dsk.keys():
            dsk[key] = self.cache[key]

    def _posttask(self, key: Any, value: Any, dsk: Any, state: Any, worker_id: Any) -> None:
        self.cache[key] = value
