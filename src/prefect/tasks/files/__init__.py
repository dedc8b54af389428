"""Tasks for files and directories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.tasks.files.compression import Unzip, Zip
    from prefect.tasks.files.operations import Copy, Glob, Move, Remove

__all__ = ["Copy", "Glob", "Move", "Remove", "Unzip", "Zip"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Copy": "prefect.tasks.files.operations",
        "Glob": "prefect.tasks.files.operations",
        "Move": "prefect.tasks.files.operations",
        "Remove": "prefect.tasks.files.operations",
        "Unzip": "prefect.tasks.files.compression",
        "Zip": "prefect.tasks.files.compression",
    },
)
