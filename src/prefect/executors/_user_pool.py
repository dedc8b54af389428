"""A pool that the user made (`LocalDaskExecutor(pool=...)`), behind the interface of our own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Executor as StdlibExecutor
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from typing import Any

from prefect.executors._thread_pool import AnyFuture, Work, settle, when_ready
from prefect.utilities._child import pack_call, run_call


class UserPool:
    """Runs calls on a `concurrent.futures` executor or a `multiprocessing` pool; never ends it.

    Args:
        pool: the user's pool.
        pickled: whether its workers are processes, so that calls are sent as cloudpickles.
    """

    def __init__(self, pool: Any, pickled: bool) -> None:
        self._pool = pool
        self._pickled = pickled
        self._futures: set[AnyFuture] = set()

    def submit(
        self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str
    ) -> AnyFuture:
        """Run the call as soon as its arguments are there and the pool gets to it."""
        work = Work(fn, args, kwargs)
        self._futures.add(work.future)
        work.future.add_done_callback(self._futures.discard)
        when_ready(work, lambda ready: self._start(ready, name))
        return work.future

    def _start(self, work: Work, name: str) -> None:
        if not self._pickled:
            self._call(work.run)
            return
        try:
            call = pack_call(work.fn, work.args, work.kwargs, name)
        except Exception as exc:  # noqa: BLE001 - the user's objects decide what pickling raises
            settle(work.future, error=exc)
            return
        if not work.future.set_running_or_notify_cancel():
            return
        if isinstance(self._pool, StdlibExecutor):
            self._pool.submit(run_call, call).add_done_callback(lambda done: _copy(done, work.future))
        else:
            self._pool.apply_async(
                run_call,
                (call,),
                callback=functools.partial(settle, work.future),
                error_callback=functools.partial(settle, work.future, None),
            )

    def _call(self, function: Callable[[], None]) -> None:
        if isinstance(self._pool, StdlibExecutor):
            self._pool.submit(function)
        else:
            self._pool.apply_async(function)

    def close(self) -> None:
        """Wait for what was submitted."""
        wait_for_futures(set(self._futures))

    def interrupt(self) -> None:
        """Cancel what has not started; what runs is left to the pool's owner."""
        for future in list(self._futures):
            future.cancel()


def _copy(source: Future[Any], target: AnyFuture) -> None:
    error = source.exception()
    settle(target, None if error else source.result(), error)
