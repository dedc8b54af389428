"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["OptionList"]

F = TypeVar("F", bound=Callable[..., Any])


class OptionList:
    """One decorator that adds several options to a command, in this order in its help.

    Args:
        options: what `click.option` returned, or other lists.
    """

    def __init__(self, *options: Callable[[Callable[..., Any]], Any]) -> None:
        self._options = options

    def __call__(self, command: F) -> F:
        """Add them."""
        for option in reversed(self._options):
            command = option(command)
        return command
