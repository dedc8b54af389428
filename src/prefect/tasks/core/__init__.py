"""Tasks that flows are built from: functions, constants, collections, operators, resources."""

from __future__ import annotations

from prefect.utilities._lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__, submodules=("collections", "constants", "function", "operators", "resource_manager")
)
