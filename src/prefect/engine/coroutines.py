"""Running coroutine tasks from the engine, which is not asynchronous itself."""

from __future__ import annotations

from collections.abc import Coroutine
from types import CoroutineType
from typing import Any

from prefect.utilities.context import Layer, context


def is_coroutine(value: object) -> bool:
    """Whether calling a task gave a coroutine that has to be awaited."""
    return type(value) is CoroutineType or isinstance(value, Coroutine)


def run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What the coroutine returns, or raises.

    In a thread where an event loop runs already (a notebook), it runs in a loop of a thread of
    its own, with the context of this one.
    """
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)

    import threading

    outcome: list[Any] = []
    values = context.top.flat()

    def run() -> None:
        context.push(Layer(values))
        try:
            outcome.append((True, asyncio.run(coroutine)))
        except BaseException as exc:  # noqa: BLE001 # handed to the waiting thread, whatever it is
            outcome.append((False, exc))

    thread = threading.Thread(target=run, name="prefect-coroutine-task")
    thread.start()
    thread.join()
    succeeded, value = outcome[0]
    if succeeded:
        return value
    raise value
