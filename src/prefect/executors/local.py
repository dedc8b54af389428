"""`LocalExecutor`: one thing after the other, in the caller's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from prefect.executors.base import Executor, Placement

F = TypeVar("F")


class LocalExecutor(Executor):
    """Runs each function inside `submit`, in the caller's thread.

    The default of `flow.run()`, and the one to debug with: breakpoints work and tracebacks are
    complete.

    Example:
        ```python
        from prefect import Flow
        from prefect.executors import LocalExecutor

        flow = Flow("example", executor=LocalExecutor())
        ```
    """

    placement: Placement = "inline"

    def submit(
        self,
        fn: Callable[..., Any],
        *args: Any,
        extra_context: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run `fn(*args, **kwargs)` now and return its result.

        Args:
            fn: what to run.
            *args: positional arguments.
            extra_context: not used here.
            **kwargs: keyword arguments.

        Raises:
            Exception: whatever `fn` raises.
        """
        return fn(*args, **kwargs)

    def wait(self, futures: Any) -> Any:
        """Return `futures` as they are: `submit` already gave results."""
        return futures

    def wait_any(self, futures: Sequence[F]) -> list[F]:
        """Return all of `futures`: they are results, hence done."""
        return list(futures)
