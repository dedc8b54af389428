"""Tasks behind the operators of tasks: `a + b`, `a["key"]`, `a > 1`, `a.is_equal(b)`, ….

An operator between a task and anything makes one of these tasks in the active flow, which
applies the operator to the results.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from prefect.core.task import NoDefault, Task

__all__ = [
    "Add",
    "And",
    "Div",
    "Equal",
    "FloorDiv",
    "GetAttr",
    "GetItem",
    "GreaterThan",
    "GreaterThanOrEqual",
    "LessThan",
    "LessThanOrEqual",
    "Mod",
    "Mul",
    "Not",
    "NotEqual",
    "Or",
    "Pow",
    "Sub",
]


class GetItem(Task):
    """A task that returns one item of a result: `task_result[key]`.

    Args:
        default: returned when there is no such item; without it a missing item is an error.
        *args: settings of every `Task`, by position.
        **kwargs: settings of every `Task`.
    """

    default: Any

    def __init__(self, default: Any = NoDefault.value, *args: Any, **kwargs: Any) -> None:
        self.default = default
        super().__init__(*args, **kwargs)

    def run(self, task_result: Any, key: Any, default: Any = NoDefault.value) -> Any:
        """`task_result[key]`.

        Args:
            task_result: anything that has items.
            key: the index or key.
            default: returned when there is no such item; the one of the constructor when not given.

        Raises:
            LookupError: there is no such item, and no default.
        """
        try:
            return task_result[key]
        except LookupError:
            if default is NoDefault.value:
                default = self.default
            if default is NoDefault.value:
                raise
            return default


class GetAttr(Task):
    """A task that returns one attribute of a result.

    Args:
        default: returned when there is no such attribute; without it a missing one is an error.
        *args: settings of every `Task`, by position.
        **kwargs: settings of every `Task`.
    """

    default: Any

    def __init__(self, default: Any = NoDefault.value, *args: Any, **kwargs: Any) -> None:
        self.default = default
        super().__init__(*args, **kwargs)

    def run(self, task_result: Any, attr: str, default: Any = NoDefault.value) -> Any:
        """`task_result.attr`.

        Args:
            task_result: any value.
            attr: name of the attribute, or names with dots between: `"address.city"`.
            default: returned when there is no such attribute; the one of the constructor when not given.

        Raises:
            AttributeError: there is no such attribute, and no default.
        """
        try:
            return operator.attrgetter(attr)(task_result)
        except AttributeError:
            if default is NoDefault.value:
                default = self.default
            if default is NoDefault.value:
                raise
            return default


class _Operator(Task):
    """Base of the tasks with an operator, which take the settings of a task as 1.4.1 did: `*args, **kwargs`."""

    if not TYPE_CHECKING:

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)


class Add(_Operator):
    """A task that returns `x + y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x + y`."""
        return x + y


class Sub(_Operator):
    """A task that returns `x - y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x - y`."""
        return x - y


class Mul(_Operator):
    """A task that returns `x * y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x * y`."""
        return x * y


class Div(_Operator):
    """A task that returns `x / y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x / y`."""
        return x / y


class FloorDiv(_Operator):
    """A task that returns `x // y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x // y`."""
        return x // y


class Pow(_Operator):
    """A task that returns `x ** y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x ** y`."""
        return x**y


class Mod(_Operator):
    """A task that returns `x % y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x % y`."""
        return x % y


class And(_Operator):
    """A task that returns `x and y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x and y`."""
        return x and y


class Or(_Operator):
    """A task that returns `x or y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x or y`."""
        return x or y


class Not(_Operator):
    """A task that returns `not x`. It takes the settings of every `Task`."""

    def run(self, x: Any) -> Any:
        """`not x`."""
        return not x


class Equal(_Operator):
    """A task that returns `x == y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x == y`."""
        return x == y


class NotEqual(_Operator):
    """A task that returns `x != y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x != y`."""
        return x != y


class GreaterThanOrEqual(_Operator):
    """A task that returns `x >= y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x >= y`."""
        return x >= y


class GreaterThan(_Operator):
    """A task that returns `x > y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x > y`."""
        return x > y


class LessThanOrEqual(_Operator):
    """A task that returns `x <= y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x <= y`."""
        return x <= y


class LessThan(_Operator):
    """A task that returns `x < y`. It takes the settings of every `Task`."""

    def run(self, x: Any, y: Any) -> Any:
        """`x < y`."""
        return x < y
