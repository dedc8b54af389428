from __future__ import annotations

import subprocess
import sys
import threading
import types
from typing import Any

import pytest

from prefect import Flow, task
from prefect.utilities.debug import is_serializable, raise_on_exception


class ExitsOnLoad:
    def __reduce__(self) -> Any:
        return sys.exit, (3,)


@pytest.fixture
def homeless() -> Any:
    """An object of a module that only this process has."""
    module = types.ModuleType("only_in_this_process")
    exec("class Thing: pass", module.__dict__)
    sys.modules[module.__name__] = module
    yield module.__dict__["Thing"]()
    del sys.modules[module.__name__]


def test_flows_and_functions_can_be_sent() -> None:
    with Flow("sendable") as flow:
        task(lambda: 1, name="one")()
    assert is_serializable(flow)
    assert is_serializable(lambda: 1, raise_on_error=True)


def test_what_does_not_pickle_cannot_be_sent_and_is_named() -> None:
    thing = {"rows": [], "lock": threading.Lock()}
    assert is_serializable(thing) is False
    with pytest.raises(TypeError, match=r"value\['lock'\]"):
        is_serializable(thing, raise_on_error=True)


def test_what_a_fresh_process_cannot_load_cannot_be_sent(homeless: Any) -> None:
    assert is_serializable(homeless) is False
    with pytest.raises(subprocess.CalledProcessError) as caught:
        is_serializable(homeless, raise_on_error=True)
    assert b"No module named 'only_in_this_process'" in caught.value.output


def test_what_ends_the_process_that_loads_it_cannot_be_sent() -> None:
    assert is_serializable(ExitsOnLoad()) is False
    with pytest.raises(subprocess.CalledProcessError) as caught:
        is_serializable(ExitsOnLoad(), raise_on_error=True)
    assert caught.value.returncode == 3


def test_exceptions_of_tasks_are_raised_where_that_is_asked_for() -> None:
    @task
    def divide(x: int) -> float:
        return 1 / x

    with Flow("debug") as flow:
        divide(0)
    with raise_on_exception(), pytest.raises(ZeroDivisionError):
        flow.run()
    state = flow.run()
    assert state is not None
    assert state.is_failed()
