"""What the pool executors share: starting and ending a pool, waiting for `concurrent.futures` futures."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for_futures
from typing import Any, Protocol, TypeVar, cast

from prefect.executors._cpus import cpu_count
from prefect.executors._nesting import replace_futures
from prefect.executors.base import Executor

F = TypeVar("F")

NOT_STARTED = "This executor has not been started. Submit inside `with executor.start():`."


class Pool(Protocol):
    """Something that runs calls until it is closed."""

    def submit(
        self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str
    ) -> Future[Any]:
        """Run the call when a worker is free; its outcome comes out of the future."""
        ...

    def close(self) -> None:
        """Finish what was submitted and release the workers."""
        ...

    def interrupt(self) -> None:
        """Cancel what has not started, interrupt what runs, release the workers."""
        ...


class PoolExecutor(Executor):
    """An executor that makes a pool in `start` and hands it everything it is given."""

    def __init__(self) -> None:
        super().__init__()
        # By the thread that started it: a task of this run may use the same executor for a flow
        # run of its own, whose pool must not get in the way of the outer one.
        self._pools: dict[int, Pool] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pools": {}}

    def _make_pool(self) -> Pool:
        raise NotImplementedError

    def _current_pool(self) -> Pool | None:
        pools = self._pools
        return pools.get(threading.get_ident()) or next(iter(pools.values()), None)

    @contextlib.contextmanager
    def start(self) -> Generator[None]:
        """Keep a pool for the length of the `with` block.

        At the end of the block what was submitted is finished first.  When the block is left by
        an exception, `KeyboardInterrupt` included, what has not started is cancelled and what is
        running gets a `KeyboardInterrupt`.
        """
        owner = threading.get_ident()
        outer = self._pools.get(owner)
        pool = self._pools[owner] = self._make_pool()
        try:
            yield
            pool.close()
        except BaseException:
            self.logger.info("Interrupting the running tasks and cancelling the rest.")
            pool.interrupt()
            raise
        finally:
            if outer is None:
                del self._pools[owner]
            else:
                self._pools[owner] = outer

    def submit(
        self,
        fn: Callable[..., Any],
        *args: Any,
        extra_context: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Future[Any]:
        """Schedule `fn(*args, **kwargs)` on the pool.

        Args:
            fn: what to run.
            *args: positional arguments; futures among them, also nested in containers, are
                replaced by their results before `fn` runs.
            extra_context: `task_name` and `task_index` name the work in errors.
            **kwargs: keyword arguments, treated like `args`.

        Returns:
            A future; every error of the call, also one in packing its arguments, comes out of
            `wait`.

        Raises:
            ValueError: outside `with executor.start():`.
        """
        pool = self._current_pool()
        if pool is None:
            raise ValueError(NOT_STARTED)
        return pool.submit(fn, args, kwargs, describe(fn, extra_context))

    def wait(self, futures: Any) -> Any:
        """Block until `futures` are done and return their results in the same shape.

        Args:
            futures: a future, or any nesting of lists, tuples, sets and dicts of futures and
                plain values.

        Raises:
            Exception: what the function raised.
        """
        return replace_futures(futures, Future, _result)

    def wait_any(self, futures: Sequence[F]) -> list[F]:
        """Block until at least one of `futures` is done and return all that are, in order."""
        done = [future for future in futures if _is_done(future)]
        if not done and futures:
            wait_for_futures(cast("Sequence[Future[Any]]", futures), return_when=FIRST_COMPLETED)
            done = [future for future in futures if _is_done(future)]
        return done


def _result(future: Future[Any]) -> Any:
    return future.result()


def _is_done(future: object) -> bool:
    return not isinstance(future, Future) or cast("Future[Any]", future).done()


def describe(fn: Callable[..., Any], extra_context: dict[str, Any] | None) -> str:
    """How errors call a piece of work: its task's name with the map index, else the function's."""
    name = extra_context.get("task_name") if extra_context else None
    if not name:
        return getattr(fn, "__qualname__", None) or repr(fn)
    index = extra_context.get("task_index") if extra_context else None
    return f"{name}[{index}]" if index is not None else str(name)


def checked_workers(number: Any, name: str = "max_workers") -> int:
    """`number`, by default one per usable CPU.

    Args:
        number: what the user gave.
        name: what the user calls it.

    Raises:
        ValueError: it is smaller than 1.
        TypeError: it is not a whole number.
    """
    if number is None:
        return cpu_count()
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"{name} must be a whole number, not {number!r}.")
    if number < 1:
        raise ValueError(f"{name} must be at least 1, not {number}.")
    return number
