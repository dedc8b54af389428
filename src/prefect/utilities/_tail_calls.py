"""Recursion without a growing stack: functions that ask to be called again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class RecursiveCall(Exception):
    """Raised by a function under `tail_recursive` in the place of a call to itself or to another.

    Args:
        func: what to call; it must be under `tail_recursive`, too.
        *args: positional arguments; with `self`, when `func` is a method.
        **kwargs: keyword arguments.
    """

    def __init__(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args)
        self.func = func
        self.args = args
        self.kwargs = kwargs


def tail_recursive(func: Callable[..., T]) -> Callable[..., T]:
    """`func`, with recursion of any depth when it raises `RecursiveCall` to call itself.

    Args:
        func: the function to decorate.

    Raises:
        RecursionError: (by the decorated function) the called function is not decorated.

    Example:
        ```python
        from prefect.utilities.executors import RecursiveCall, tail_recursive


        @tail_recursive
        def add_up(n, total=0):
            if n == 0:
                return total
            raise RecursiveCall(add_up, n - 1, total + n)


        assert add_up(100_000) == 5_000_050_000
        ```
    """

    @functools.wraps(func)
    def loop(*args: Any, **kwargs: Any) -> T:
        call: Callable[..., T] = func
        while True:
            try:
                return call(*args, **kwargs)
            except RecursiveCall as again:
                if not hasattr(again.func, "__wrapped_func__"):
                    raise RecursionError(
                        f"function has not been wrapped to provide tail recursion (func={again.func!r})"
                    ) from again
                call = cast("Any", again.func).__wrapped_func__
                args, kwargs = again.args, again.kwargs

    cast("Any", loop).__wrapped_func__ = func
    return loop
