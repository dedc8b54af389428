"""Libraries that an extra installs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["require"]


def require(module: str, extra: str) -> Any:
    """A module of a library that is not installed with Prefect itself.

    Args:
        module: dotted name
        extra: the extra that installs the library

    Raises:
        ImportError: it cannot be imported; the message names the extra
    """
    try:
        return import_module(module)
    except ImportError as exc:
        raise ImportError(
            f'{module} cannot be imported ({exc}). Install its library: pip install "prefect-classic[{extra}]".',
            name=exc.name,
        ) from exc
