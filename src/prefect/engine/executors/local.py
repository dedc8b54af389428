"""The old place of `LocalExecutor`."""

from __future__ import annotations

from prefect.engine.executors._moved import warn_moved
from prefect.executors import local as new


class LocalExecutor(new.LocalExecutor):
    """`prefect.executors.LocalExecutor`, with a warning."""

    def __init__(self) -> None:
        warn_moved("LocalExecutor")
        super().__init__()
