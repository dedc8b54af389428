"""The part of `DaskExecutor` that runs on Dask workers: unpack a call, run it, be interruptible.

A call arrives as one bytes object.  Dask would otherwise pickle function and arguments as parts
of a graph that the scheduler unpickles and pickles again: slower, and user code would have to be
importable by the scheduler.
"""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import Any

import cloudpickle

from prefect.executors._interrupt import raise_in_thread
from prefect.executors._nesting import replace_futures

_lock = threading.Lock()
_running: dict[int, str] = {}  # thread id -> the run it works for
_stopped: set[str] = set()


class Input:
    """Stands in a packed call for result number `position` of the calls it depends on."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position

    def __reduce__(self) -> tuple[Any, ...]:
        return Input, (self.position,)


class Raised:
    """The result of a call that raised what is no `Exception`.

    Dask is not made for those: SystemExit ends the worker, others leave the client waiting.
    """

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def again(self) -> BaseException:
        """The exception, to be raised."""
        if isinstance(self.error, SystemExit):
            return SystemExit(*self.error.args)  # what tblib makes of a pickled one lacks the code
        return self.error


def run_packed(run: str, call: bytes, *inputs: Any) -> Any:
    """Run a call packed by `DaskExecutor.submit`.

    Args:
        run: id of the executor's `start` block, by which `stop_run` finds its calls.
        call: pickle of function, arguments and keyword arguments.
        *inputs: results of the calls it depends on, brought here by Dask.

    Raises:
        CancelledError: the run was stopped before or while the function ran.
    """
    thread = threading.get_ident()
    with _lock:
        if run in _stopped:
            raise CancelledError("The run was stopped before this started.")
        _running[thread] = run
    try:
        try:
            return _run(call, inputs)
        finally:
            with _lock:
                _running.pop(thread, None)
            _checkpoint()
    except Exception:
        raise
    except BaseException as exc:  # noqa: BLE001 - SystemExit, signals: raised again by `wait`
        if run in _stopped:
            raise CancelledError("The run was stopped while this was running.") from None
        return Raised(exc)


def _run(call: bytes, inputs: tuple[Any, ...]) -> Any:
    fn, args, kwargs = cloudpickle.loads(call)
    if inputs:
        for value in inputs:
            if isinstance(value, Raised):
                raise value.again()
        args = replace_futures(args, Input, lambda slot: inputs[slot.position])
        kwargs = replace_futures(kwargs, Input, lambda slot: inputs[slot.position])
    return fn(*args, **kwargs)


def _checkpoint() -> None:
    """Let an interrupt that `stop_run` sent to this thread arrive here and not in Dask's code."""
    for _ in range(2):
        _nothing()


def _nothing() -> None:
    pass


def stop_run(run: str) -> None:
    """Keep calls of `run` from starting in this process, and raise KeyboardInterrupt in those that run."""
    with _lock:
        if run in _stopped:
            return  # several workers may share a process; a second interrupt would hit the cleaning up
        _stopped.add(run)
        threads = [thread for thread, owner in _running.items() if owner == run]
        for thread in threads:
            raise_in_thread(thread, KeyboardInterrupt)
