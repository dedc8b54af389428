"""Helpers that the rest of Prefect is built on, public where users need them."""

from __future__ import annotations

from prefect.utilities._lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__)
