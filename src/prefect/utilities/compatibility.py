"""Things that old versions of Python lacked."""

from __future__ import annotations

from contextlib import nullcontext

__all__ = ["nullcontext"]
