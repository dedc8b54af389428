"""Access to a Prefect API: `Client`, and `Secret`, a value that must not be in code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.client.secrets import Secret

__all__ = ["Client", "Secret"]

__getattr__, __dir__ = lazy_names(
    __name__, {"Client": "prefect.client.client", "Secret": "prefect.client.secrets"}
)
