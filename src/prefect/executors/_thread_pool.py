"""The pool of threads behind `ThreadPoolExecutor`: a queue, some daemon threads, futures.

Why not `concurrent.futures.ThreadPoolExecutor`: its threads are joined at interpreter exit, so a
task stuck in a blocking call would keep an interrupted run alive for ever; it cannot interrupt
what is running; and it does not know futures as arguments.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import wait as wait_for_futures
from queue import SimpleQueue
from typing import Any

from prefect.executors._interrupt import raise_in_thread
from prefect.executors._nesting import iter_futures, replace_futures
from prefect.utilities.context import Layer, context

INTERRUPT_GRACE_S = 5.0
"""How long an interrupted pool waits for its running functions to notice."""

AnyFuture = Future[Any]


class Work:
    """One call and the future of its result."""

    __slots__ = ("args", "fn", "future", "kwargs")

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        self.future: AnyFuture = Future()

    def run(self) -> None:
        """Call the function here and now, unless the future was cancelled."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.fn(*self.args, **self.kwargs)
        except BaseException as exc:  # noqa: BLE001 - it belongs to whoever waits for the future
            settle(self.future, error=exc)
        else:
            settle(self.future, result)


def settle(future: AnyFuture, result: Any = None, error: BaseException | None = None) -> None:
    """Give `future` its outcome, unless an interrupted pool gave it one before."""
    try:
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
    except InvalidStateError:
        pass


class Dependencies:
    """Calls `ready(work)` once all futures among the arguments of `work` have results.

    A failed one makes `work` fail with the same exception, without running it.
    """

    __slots__ = ("_lock", "_missing", "_ready", "_work")

    def __init__(self, work: Work, futures: set[AnyFuture], ready: Callable[[Work], None]) -> None:
        self._work = work
        self._ready = ready
        self._missing = len(futures)
        self._lock = threading.Lock()
        for future in futures:
            future.add_done_callback(self._one_done)

    def _one_done(self, future: AnyFuture) -> None:
        with self._lock:
            self._missing -= 1
            last = self._missing == 0
        if last:
            work = self._work
            try:
                work.args = replace_futures(work.args, Future, _result)
                work.kwargs = replace_futures(work.kwargs, Future, _result)
            except BaseException as exc:  # noqa: BLE001 - the failure of what `work` depends on
                if work.future.set_running_or_notify_cancel():
                    work.future.set_exception(exc)
            else:
                self._ready(work)


def _result(future: AnyFuture) -> Any:
    return future.result()


def when_ready(work: Work, ready: Callable[[Work], None]) -> None:
    """Call `ready(work)`: now, or when the futures among its arguments are done."""
    futures = set(iter_futures((work.args, work.kwargs), Future))
    if futures:
        Dependencies(work, futures, ready)
    else:
        ready(work)


class ThreadPool:
    """At most `size` threads that run work in the order it becomes ready.

    Threads start when they are needed, within the run context of the thread that made the pool.

    Args:
        size: number of threads.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._base = context.top
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._queued_or_running = 0
        self._unfinished: set[AnyFuture] = set()
        self._closed = False

    def submit(
        self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str = ""
    ) -> AnyFuture:
        """Run the call as soon as its arguments are there and a thread is free."""
        work = Work(fn, args, kwargs)
        if self._closed:
            raise RuntimeError("The pool of this executor is closed; submit inside its start() block.")
        with self._lock:
            self._unfinished.add(work.future)
        work.future.add_done_callback(self._forget)
        when_ready(work, self._enqueue)
        return work.future

    def _forget(self, future: AnyFuture) -> None:
        with self._lock:
            self._unfinished.discard(future)

    def _enqueue(self, work: Work) -> None:
        with self._lock:
            self._queued_or_running += 1
            if self._queued_or_running > len(self._threads) < self.size:
                name = f"prefect-worker-{len(self._threads)}"
                thread = threading.Thread(target=self._run_thread, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._queue.put(work)

    def _run_thread(self) -> None:
        try:
            context.restore(self._base)
            context.push(Layer({}))
            while (work := self._queue.get()) is not None:
                work.run()
                del work  # or the thread would hold arguments and result until its next work
                with self._lock:
                    self._queued_or_running -= 1
        except KeyboardInterrupt:
            pass  # from `interrupt`, landed between two functions

    def close(self) -> None:
        """Finish what was submitted, then end the threads."""
        with self._lock:
            unfinished = set(self._unfinished)
        wait_for_futures(unfinished)
        self._closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def interrupt(self) -> None:
        """Cancel what has not started, raise KeyboardInterrupt in what runs, end the threads.

        Waits at most `INTERRUPT_GRACE_S`: a thread inside a blocking call notices only when that
        returns.
        """
        self._closed = True
        with self._lock:
            unfinished = list(self._unfinished)
        for future in unfinished:
            future.cancel()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            if thread.ident is not None and thread.is_alive():
                raise_in_thread(thread.ident, KeyboardInterrupt)
        deadline = time.monotonic() + INTERRUPT_GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for future in unfinished:
            if not future.done():  # stuck: whoever waits for it learns that nobody will answer
                settle(future, error=KeyboardInterrupt())
