"""Access to what a Prefect API keeps: `Secret`, a value that must not be in code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.client.secrets import Secret

__all__ = ["Secret"]

__getattr__, __dir__ = lazy_names(__name__, {"Secret": "prefect.client.secrets"})
