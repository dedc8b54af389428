"""`Constant`: a value as a task."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, cast

from prefect.core.task import Task


class Constant(Task):
    """A task whose result is a fixed value.

    Flows make them by themselves where a plain value is mapped over, or is something to wait for.

    Args:
        value: the result.
        name: the task's name; by default the value's text when that is short, else `Constant[type]`.
        **kwargs: settings of every `Task`.
    """

    value: Any

    def __init__(self, value: Any, name: str | None = None, **kwargs: Any) -> None:
        self.value = value
        super().__init__(name=name or _name_of(value), **kwargs)

    def run(self) -> Any:
        """The value."""
        return self.value


#: Longest text of a value that still serves as a name.
_LONGEST_NAME = 8

#: Types whose text is longer than their length, so that large ones need not be written out.
_SIZED = frozenset({str, bytes, list, tuple, set, frozenset, dict})


def _name_of(value: object) -> str:
    if type(value) not in _SIZED or len(cast("Sized", value)) <= _LONGEST_NAME:
        text = repr(value)
        if len(text) <= _LONGEST_NAME:
            return text
    return f"Constant[{type(value).__name__}]"
