from __future__ import annotations

import sys
from typing import Any

import pytest

from prefect.utilities.executors import RecursiveCall, tail_recursive


def test_recursion_goes_deeper_than_the_stack() -> None:
    @tail_recursive
    def add_up(n: int, total: int = 0) -> int:
        """Adds."""
        if n == 0:
            return total
        raise RecursiveCall(add_up, n - 1, total=total + n)

    depth = 3 * sys.getrecursionlimit()
    assert add_up(depth) == depth * (depth + 1) // 2
    assert (add_up.__name__, add_up.__doc__) == ("add_up", "Adds.")


def test_functions_may_call_each_other() -> None:
    @tail_recursive
    def is_even(n: int) -> bool:
        if n == 0:
            return True
        raise RecursiveCall(is_odd, n - 1)

    @tail_recursive
    def is_odd(n: int) -> bool:
        if n == 0:
            return False
        raise RecursiveCall(is_even, n - 1)

    assert is_even(5000)
    assert not is_even(5001)


def test_methods_pass_themselves_along() -> None:
    class Counter:
        @tail_recursive
        def down(self, n: int) -> str:
            if n == 0:
                return "done"
            raise RecursiveCall(self.down, self, n - 1)

    assert Counter().down(5000) == "done"


def test_a_function_that_is_not_decorated_cannot_be_called_this_way() -> None:
    def plain(n: int) -> Any:
        return n

    @tail_recursive
    def calls(n: int) -> Any:
        raise RecursiveCall(plain, n)

    with pytest.raises(RecursionError, match=r"has not been wrapped to provide tail recursion.*plain"):
        calls(1)


def test_other_exceptions_pass() -> None:
    @tail_recursive
    def fails() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        fails()


def test_a_recursive_call_knows_what_to_call() -> None:
    call = RecursiveCall(len, 1, b=2)
    assert (call.func, call.args, call.kwargs) == (len, (1,), {"b": 2})
