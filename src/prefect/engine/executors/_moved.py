from __future__ import annotations

import warnings


def warn_moved(name: str) -> None:
    """Say at the caller of a constructor that the class has a new place."""
    warnings.warn(
        f"prefect.engine.executors.{name} has been moved to `prefect.executors.{name}`, "
        f"please update your imports",
        DeprecationWarning,
        stacklevel=3,
    )
