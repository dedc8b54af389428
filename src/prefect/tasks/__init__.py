"""The task library: ready-made tasks, grouped by what they talk to.

Each group is imported when it is used, and imports libraries of its own only when a task runs.
"""

from __future__ import annotations

from prefect.utilities._lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    submodules=(
        "control_flow",
        "core",
        "database",
        "docker",
        "files",
        "github",
        "notifications",
        "prefect",
        "secrets",
        "shell",
        "templates",
    ),
)
