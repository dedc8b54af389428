"""The old place of the Dask executors."""

from __future__ import annotations

import functools
from typing import Any

from prefect.engine.executors._moved import warn_moved
from prefect.executors import dask as new


class DaskExecutor(new.DaskExecutor):
    """`prefect.executors.DaskExecutor`, with a warning."""

    @functools.wraps(new.DaskExecutor.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn_moved("DaskExecutor")
        super().__init__(*args, **kwargs)


class LocalDaskExecutor(new.LocalDaskExecutor):
    """`prefect.executors.LocalDaskExecutor`, with a warning."""

    @functools.wraps(new.LocalDaskExecutor.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn_moved("LocalDaskExecutor")
        super().__init__(*args, **kwargs)
