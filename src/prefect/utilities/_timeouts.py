"""Ends functions that run too long: by an alarm, in a process of their own, or not quite.

In the main thread an alarm raises `TaskTimeoutSignal` in the function.  In other threads no signal
arrives, so the function runs in a child process, whose main thread has the alarm; a child that does
not end by it is killed.  On Windows and in daemonic processes (Dask workers) the limit is soft: the
caller goes on, the function does, too.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from prefect.exceptions import TaskTimeoutSignal
from prefect.utilities.context import Layer, context

if TYPE_CHECKING:
    import logging

    from prefect.core.task import Task
    from prefect.utilities._child import Child, Outcome

HARD_GRACE_S = 2.0
"""How long a function in a child may clean up after the alarm, before the child is killed."""
_LOOK_UP_S = 1.0
"""How often a thread that waits for a child lets an interrupt of itself come through."""

Call = tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]


def run_task_with_timeout(
    task: Task, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, logger: Any = None
) -> Any:
    """The result of `task.run(*args, **kwargs)`, if it comes within `task.timeout` seconds.

    Args:
        task: the task; without a timeout, or with 0, it just runs.
        args: positional arguments of `task.run`.
        kwargs: keyword arguments of `task.run`.
        logger: where to write debug lines; the logger `prefect` by default.

    Raises:
        TaskTimeoutSignal: it did not.
        BaseException: what `task.run` raised, signals included, wherever it ran.
    """
    timeout = seconds(task.timeout)
    call: Call = (task.run, args, kwargs or {})
    if not timeout:
        return _run_to_end(*call)
    name = f"Task '{task.name}'"
    logger = logger or _prefect_logger()
    if sys.platform == "win32" or (not _in_main_thread() and _in_daemonic_process()):
        logger.debug(
            "%s: The timeout is soft here: after it the task counts as timed out, and runs on in the background.",
            name,
        )
        return _run_softly(call, timeout, name)
    if _in_main_thread():
        logger.debug("%s: Attaching thread based timeout handler...", name)
        return run_with_thread_timeout(*call, timeout=timeout, logger=logger, name=name)
    logger.debug("%s: Attaching process based timeout handler...", name)
    return run_with_multiprocess_timeout(*call, timeout=timeout, logger=logger, name=name)


def run_with_thread_timeout(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    timeout: float | timedelta | None = None,
    logger: logging.Logger | None = None,
    name: str | None = None,
) -> Any:
    """The result of `fn(*args, **kwargs)`, ended by an alarm after `timeout` seconds.

    Limits may be nested: an outer one that is due earlier ends the inner function.

    Args:
        fn: what to run.
        args: positional arguments.
        kwargs: keyword arguments.
        timeout: seconds, fractions included; None or 0 for no limit.
        logger: where to write debug lines.
        name: what they call the function.

    Raises:
        TaskTimeoutSignal: the time is up.
        ValueError: this is not the main thread, where alarms arrive.
    """
    limit = seconds(timeout)
    if not limit:
        return _run_to_end(fn, args, kwargs or {})
    if not _in_main_thread():
        raise ValueError("run_with_thread_timeout works by an alarm, which only the main thread gets.")
    (logger or _prefect_logger()).debug("%s: Sending alarm with %ss timeout...", name or _name(fn), limit)
    return _Alarm(limit, "Execution timed out.").run(fn, args, kwargs or {})


def run_with_multiprocess_timeout(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    timeout: float | timedelta | None = None,
    logger: logging.Logger | None = None,
    name: str | None = None,
) -> Any:
    """The result of `fn(*args, **kwargs)`, run in a child process for at most `timeout` seconds.

    Function, arguments and result travel as cloudpickles.  The child has the run context and the
    settings of the caller; its log records go through the loggers of this process.  The time counts
    from the moment the function starts, not from that of the process.

    Args:
        fn: what to run.
        args: positional arguments.
        kwargs: keyword arguments.
        timeout: seconds, fractions included; None or 0 for no limit and no child process.
        logger: where to write debug lines.
        name: what they call the function.

    Raises:
        TaskTimeoutSignal: the time is up; the process has ended.
        RuntimeError: the process ended without an answer.
        BaseException: what `fn` raised, signals included.
    """
    limit = seconds(timeout)
    if not limit:
        return _run_to_end(fn, args, kwargs or {})
    from prefect.utilities._child import Child, ChildEnded, cannot_send, child_setup, dumps

    name = name or _name(fn)
    args, kwargs = tuple(args), dict(kwargs or {})
    message = f"Execution timed out for {name}."
    try:
        call = dumps((_run_in_child, ((fn, args, kwargs), limit, message), {}))
    except Exception as exc:
        raise cannot_send(fn, args, kwargs, name, exc) from exc
    (logger or _prefect_logger()).debug("%s: Sending execution to a new process...", name)
    child = Child(child_setup(whole_context=True))
    try:
        child.send(call)
        outcome = _await_answer(child, limit + HARD_GRACE_S)
    except ChildEnded as ended:
        raise RuntimeError(f"{name}: the process that it ran in {ended.how}.") from None
    except BaseException:
        _end(child, kill=True)
        raise
    _end(child, kill=outcome is None)
    if outcome is None:
        raise TaskTimeoutSignal(message)
    return outcome.get()


def multiprocessing_safe_run_and_retrieve(queue: Any, payload: bytes) -> None:
    """Run a pickled call and put the pickled result, or the exception it raised, into `queue`.

    Made to be the target of a process.

    Args:
        queue: anything with `put`, e.g. a `multiprocessing.Queue`.
        payload: cloudpickle of a dictionary with `fn`, `args`, `kwargs`, `context` (run context to
            run in), and optionally `name` and `logger`.
    """
    import cloudpickle

    from prefect.utilities._child import dumps

    request: dict[str, Any] = cloudpickle.loads(payload)
    fn = request["fn"]
    name = request.get("name") or _name(fn)
    logger = request.get("logger") or _prefect_logger()
    try:
        with context(request.get("context") or {}):
            value = fn(*request.get("args", ()), **request.get("kwargs", {}))
    except BaseException as exc:  # noqa: BLE001 - signals too: the parent raises it again
        logger.error("%s: Encountered a %s, returning details as a result...", name, type(exc).__name__)
        value = exc
    try:
        packed = dumps(value)
    except Exception as exc:  # noqa: BLE001 - the user's object decides what it raises
        packed = dumps(
            RuntimeError(
                f"{name}: the result, of type {type(value).__name__!r}, cannot be sent to another process: "
                f"{type(exc).__name__}: {exc}"
            )
        )
    queue.put(packed)


def seconds(timeout: float | timedelta | None) -> float:
    """A timeout in seconds; 0 for none."""
    if isinstance(timeout, timedelta):
        return timeout.total_seconds()
    return timeout or 0


# -- alarm --------------------------------------------------------------------------------


class _Alarm:
    """One limit on a function in the main thread, which knows the limit around it."""

    def __init__(self, limit: float, message: str) -> None:
        self._message = message
        self._deadline = time.monotonic() + limit
        self._armed = False
        self._outer_handler: Any = None
        self._outer_deadline: float | None = None

    def run(self, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call `fn` under the limit."""
        remaining, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        if remaining:
            self._outer_deadline = time.monotonic() + remaining
        self._outer_handler = signal.signal(signal.SIGALRM, self._on_alarm)
        try:
            try:
                self._armed = True
                self._set_timer()
                return _run_to_end(fn, args, kwargs)
            finally:
                self._armed = False
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._outer_handler)
            if self._outer_deadline is not None:
                signal.setitimer(signal.ITIMER_REAL, _from_now(self._outer_deadline))

    def _set_timer(self) -> None:
        due = self._deadline
        if self._outer_deadline is not None:
            due = min(due, self._outer_deadline)
        signal.setitimer(signal.ITIMER_REAL, _from_now(due))

    def _on_alarm(self, number: int, frame: Any) -> None:
        if not self._armed:
            return
        if self._outer_deadline is not None and _from_now(self._outer_deadline) < 0.001:
            self._outer_deadline = None
            if callable(self._outer_handler):
                self._outer_handler(number, frame)
        if _from_now(self._deadline) < 0.001:
            raise TaskTimeoutSignal(self._message)
        self._set_timer()


def _from_now(deadline: float) -> float:
    """Seconds until `deadline`, but never 0, which would switch a timer off."""
    return max(1e-6, deadline - time.monotonic())


# -- child --------------------------------------------------------------------------------


def _run_in_child(call: Call, limit: float, message: str) -> Any:
    """The child's side of `run_with_multiprocess_timeout`."""
    from prefect.utilities._child_main import announce_start

    announce_start()
    return _Alarm(limit, message).run(*call)


def _await_answer(child: Child, limit: float) -> Outcome | None:
    """What comes of the call `child` was sent; None when nothing has, `limit` seconds after it started.

    Raises:
        ChildEnded: the process ended without an answer.
    """
    from prefect.utilities._child import STARTED, decode, handle_message, is_answer

    deadline: float | None = None
    while True:
        wait_s = _LOOK_UP_S if deadline is None else min(_LOOK_UP_S, _from_now(deadline))
        if not child.connection.poll(wait_s):
            if deadline is not None and time.monotonic() >= deadline:
                return None
            continue
        message = child.receive()
        if is_answer(message):
            return decode(message)
        if message == STARTED:
            deadline = time.monotonic() + limit
        else:
            handle_message(message)


def _end(child: Child, kill: bool) -> None:
    """Have the child end, and read what it still says until it has."""
    from prefect.utilities._child import ChildEnded, handle_message

    if kill:
        child.kill()
    else:
        child.finish()
    try:
        while True:
            handle_message(child.receive())
    except ChildEnded:
        return


# -- soft ---------------------------------------------------------------------------------


def _run_softly(call: Call, limit: float, name: str) -> Any:
    """The result of a call in a thread of its own; that goes on when the time is up."""
    base = context.top
    outcome: list[Any] = []
    done = threading.Event()

    def run() -> None:
        context.restore(base)
        context.push(Layer({}))
        try:
            outcome.extend((_run_to_end(*call), None))
        except BaseException as exc:  # noqa: BLE001 - raised again where it is waited for
            outcome.extend((None, exc))
        done.set()

    threading.Thread(target=run, name=f"prefect-timeout-{name}", daemon=True).start()
    if not done.wait(limit):
        raise TaskTimeoutSignal(f"Execution timed out for {name}.")
    value, error = outcome
    if error is not None:
        raise error
    return value


# -- common -------------------------------------------------------------------------------


def _run_to_end(fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The value of a call; a coroutine runs to its end here, where the limit holds."""
    value = fn(*args, **kwargs)
    if hasattr(value, "__await__"):
        from prefect.engine.coroutines import is_coroutine, run_coroutine

        if is_coroutine(value):
            return run_coroutine(value)
    return value


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _in_daemonic_process() -> bool:
    processes = sys.modules.get("multiprocessing.process")
    return processes is not None and processes.current_process().daemon


def _name(fn: Callable[..., Any]) -> str:
    return f"Function '{getattr(fn, '__name__', repr(fn))}'"


def _prefect_logger() -> logging.Logger:
    from prefect.utilities.logging import get_logger

    return get_logger()
