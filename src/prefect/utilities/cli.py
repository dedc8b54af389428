"""A helper for commands that share options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

__all__ = ["add_options"]

F = TypeVar("F", bound=Callable[..., Any])


def add_options(options: Sequence[Callable[[Any], Any]]) -> Callable[[F], F]:
    """A decorator that gives a click command a list of options.

    Args:
        options: decorators made by `click.option`, in the order of the help text
    """

    def decorate(command: F) -> F:
        decorated: Any = command
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate
