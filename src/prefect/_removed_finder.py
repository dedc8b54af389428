"""Turns the import of a removed module into an error that says where to go."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["install"]


class RemovedModuleFinder:
    """The last finder that the import system asks, so it costs nothing unless nothing was found."""

    @staticmethod
    def find_spec(
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG004 - the protocol of finders
        target: ModuleType | None = None,  # noqa: ARG004
    ) -> ModuleSpec | None:
        """None, so that the usual error follows, unless the module was removed.

        Args:
            fullname: dotted name of the module that no other finder found
            path: where the others looked
            target: the module being reloaded, if any

        Raises:
            RemovedError: the module was moved or removed
        """
        if fullname.startswith("prefect."):
            from prefect._removed import RemovedError, find_removed

            entry = find_removed(fullname)
            if entry is not None and entry.kind == "module":
                raise RemovedError(entry, fullname)
        return None


def install() -> None:
    """Put the finder behind all others, once."""
    if not any(finder is RemovedModuleFinder for finder in sys.meta_path):
        sys.meta_path.append(RemovedModuleFinder)  # pyright: ignore[reportArgumentType] - static finder
