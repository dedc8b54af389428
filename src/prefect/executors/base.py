"""What the engine asks of an executor: start, submit, wait.

An executor decides *where* and *when* functions run; it knows nothing of flows and tasks.  The
1.x interface (`start`, `submit`, `wait`) is all a third-party executor must offer.  `placement`,
`workers` and `wait_any` are hints that let the engine keep a bounded amount of work in flight;
their defaults are right for any 1.x executor.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    import logging

F = TypeVar("F")

Placement = Literal["inline", "threads", "remote"]
"""Where submitted functions run: inside `submit` itself, in threads of this process (arguments
and results by reference), or somewhere that arguments and results reach only as pickles."""


class Executor:
    """Base class of all executors.

    Subclasses implement `submit` and `wait`, and `start` when they hold resources.

    Example:
        ```python
        from prefect.executors import Executor


        class Eager(Executor):
            placement = "inline"

            def submit(self, fn, *args, extra_context=None, **kwargs):
                return fn(*args, **kwargs)

            def wait(self, futures):
                return futures
        ```
    """

    placement: Placement = "remote"
    """Where functions run; the engine picks what it sends by this."""

    def __init__(self) -> None:
        pass

    def __repr__(self) -> str:
        return f"<Executor: {type(self).__name__}>"

    @cached_property
    def logger(self) -> logging.Logger:
        """The logger `prefect.<class name>`, made on first use."""
        from prefect.utilities.logging import get_logger

        return get_logger(type(self).__name__)

    @property
    def workers(self) -> int:
        """Number of functions that can run at the same time (at least 1)."""
        return 1

    @contextlib.contextmanager
    def start(self) -> Generator[None]:
        """Hold what the executor needs to run things (a pool, a cluster) for the length of a
        `with` block.

        Leaving the block normally releases it.  Leaving it by an exception, `KeyboardInterrupt`
        included, also cancels what has not started.
        """
        yield

    def submit(
        self,
        fn: Callable[..., Any],
        *args: Any,
        extra_context: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Schedule `fn(*args, **kwargs)` and return a future for its result.

        Args:
            fn: what to run.
            *args: positional arguments; futures of this executor among them (also inside lists,
                tuples, sets and dicts) are replaced by their results before `fn` runs.
            extra_context: facts about the work for display and placement: `task_name`,
                `task_index`, `task_tags`.
            **kwargs: keyword arguments, treated like `args`.

        Returns:
            A future that `wait` of the same executor understands.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement submit().")

    def wait(self, futures: Any) -> Any:
        """Block until `futures` are done and return their results in the same shape.

        Args:
            futures: a future, or any nesting of lists, tuples, sets and dicts of futures and
                plain values (which are returned as they are).

        Returns:
            The same structure with results in the place of futures.

        Raises:
            Exception: what the function raised, or what happened to the worker that ran it.  A
                lost result is never returned as `None`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement wait().")

    def wait_any(self, futures: Sequence[F]) -> list[F]:
        """Block until at least one of `futures` is done and return all that are.

        A future that failed or was lost counts as done; its error comes out of `wait`.

        Args:
            futures: flat sequence of futures of this executor.

        Returns:
            The done ones, in the given order; empty only if `futures` is.
        """
        if not futures:
            return []
        # Exception and not BaseException: an interrupt of the waiting thread has to pass.
        with contextlib.suppress(Exception):
            self.wait(futures[0])
        return [futures[0]]
