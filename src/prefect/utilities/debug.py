"""Helpers for finding out what is wrong with a flow."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AbstractContextManager
from typing import Any

from prefect.utilities.context import context

_LOAD = "import sys, cloudpickle; cloudpickle.load(sys.stdin.buffer)"


def is_serializable(obj: Any, raise_on_error: bool = False) -> bool:
    """Whether an object can be pickled here and unpickled in a fresh Python process.

    Args:
        obj: anything, e.g. a flow that is to run elsewhere.
        raise_on_error: raise what went wrong, instead of returning False.

    Raises:
        TypeError: (with `raise_on_error`) it cannot be pickled; the text says which part.
        PicklingError: (with `raise_on_error`) the same, where pickle itself raises that.
        subprocess.CalledProcessError: (with `raise_on_error`) it cannot be unpickled; `output` holds
            the traceback.
    """
    from prefect.utilities._child import dumps
    from prefect.utilities._pickling import unpicklable_error

    try:
        pickled = dumps(obj)
    except Exception as exc:
        if raise_on_error:
            raise unpicklable_error(obj, exc) from exc
        return False
    loading = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _LOAD],
        input=pickled,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if raise_on_error:
        loading.check_returncode()
    return loading.returncode == 0


def raise_on_exception() -> AbstractContextManager[Any]:
    """A context in which exceptions of tasks are raised, instead of becoming Failed states.

    Example:
        ```python
        from prefect import Flow, task
        from prefect.utilities.debug import raise_on_exception


        @task
        def divide(x):
            return 1 / x


        with Flow("debugging") as flow:
            divide(0)

        try:
            with raise_on_exception():
                flow.run()
        except ZeroDivisionError:
            pass  # the debugger would be here
        ```
    """
    return context(raise_on_exception=True)
