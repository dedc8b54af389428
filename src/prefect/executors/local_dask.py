"""`LocalDaskExecutor`: the 1.x executor for threads and processes of this machine.

Dask's local schedulers are not involved any more: the executor runs on the pools of
`ThreadPoolExecutor` and `ProcessPoolExecutor`, which start faster, keep running when a worker
dies, and do not need Dask to be imported.  It keeps the arguments and the configuration of 1.x.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Generator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prefect.executors._cpus import cpu_count
from prefect.executors._pool_executor import Pool, PoolExecutor, checked_workers
from prefect.executors._thread_pool import settle
from prefect.executors.base import Placement

if TYPE_CHECKING:
    from prefect.executors._dask_callback import PrefectCallback

_ALIASES = {"multiprocessing": "processes", "sync": "synchronous", "single-threaded": "synchronous"}
_PLACEMENTS: dict[str, Placement] = {"threads": "threads", "processes": "remote", "synchronous": "inline"}


class LocalDaskExecutor(PoolExecutor):
    """Runs tasks in threads or processes of this machine.

    Args:
        scheduler: `threads`, `processes` (or `multiprocessing`), or `synchronous` (or `sync`,
            `single-threaded`), which runs everything in the calling thread.
        **kwargs: Dask settings that hold while the executor runs.  `num_workers` is the number of
            threads or processes, by default one per CPU this process may use; `pool` is a
            `concurrent.futures` executor or `multiprocessing` pool of yours to run on.  Where they
            are not given, they are taken from Dask's configuration (`dask.config`, its files, and
            the variables `DASK_NUM_WORKERS`, …).

    Raises:
        ValueError: there is no scheduler with that name.

    Example:
        ```python
        from prefect import Flow
        from prefect.executors import LocalDaskExecutor

        flow = Flow("example", executor=LocalDaskExecutor(scheduler="threads", num_workers=8))
        ```
    """

    def __init__(self, scheduler: str = "threads", **kwargs: Any) -> None:
        super().__init__()
        self.scheduler = self._normalize_scheduler(scheduler)
        self.dask_config = kwargs
        self.placement = _PLACEMENTS[self.scheduler]
        self._callback: PrefectCallback | None = None

    @staticmethod
    def _normalize_scheduler(scheduler: str) -> str:
        name = scheduler.lower()
        name = _ALIASES.get(name, name)
        if name not in _PLACEMENTS:
            raise ValueError(
                f"Unknown scheduler {scheduler!r}. LocalDaskExecutor runs `threads`, `processes` or "
                f"`synchronous`; for a cluster use DaskExecutor."
            )
        return name

    def __getstate__(self) -> dict[str, Any]:
        # compat: settings stay here, as in 1.4.1: a pool does not pickle, and another machine has
        # its own number of workers.
        return {**super().__getstate__(), "dask_config": {}, "_callback": None}

    @property
    def callback(self) -> PrefectCallback:
        """A Dask callback that remembers results of Dask's own local schedulers."""
        from prefect.executors._dask_callback import PrefectCallback

        if self._callback is None:
            self._callback = PrefectCallback()
        return self._callback

    @property
    def workers(self) -> int:
        """Number of threads or processes."""
        if self.scheduler == "synchronous":
            return 1
        running = getattr(self._current_pool(), "size", None)
        if isinstance(running, int):
            return running
        pool = self._setting("pool")
        if pool is not None:
            size = getattr(pool, "_max_workers", None) or getattr(pool, "_processes", None)
            return size if isinstance(size, int) else cpu_count()
        return checked_workers(self._setting("num_workers"), "num_workers")

    def _setting(self, name: str) -> Any:
        """A setting given here, else in Dask's configuration; Dask is only imported if there is any."""
        if name in self.dask_config:
            return self.dask_config[name]
        if _dask_may_be_configured():
            import dask.config

            return cast("Any", dask.config).get(name, None)
        return None

    def _make_pool(self) -> Pool:
        pool = self._setting("pool")
        if pool is not None:
            from prefect.executors._user_pool import UserPool

            return UserPool(pool, pickled=self.scheduler == "processes" or _has_processes(pool))
        if self.scheduler == "processes":
            from prefect.executors._process_pool import ProcessPool

            return ProcessPool(self.workers)
        from prefect.executors._thread_pool import ThreadPool

        return ThreadPool(self.workers)

    @contextlib.contextmanager
    def start(self) -> Generator[None]:
        """Keep a pool, and the Dask settings given, for the length of the `with` block.

        At the end of the block what was submitted is finished first.  When the block is left by
        an exception, `KeyboardInterrupt` included, what has not started is cancelled and what is
        running gets a `KeyboardInterrupt`.
        """
        with contextlib.ExitStack() as stack:
            if self.dask_config and (
                "dask" in sys.modules or self.dask_config.keys() - {"num_workers", "pool"}
            ):
                import dask.config

                stack.enter_context(dask.config.set(self.dask_config))
            if self.scheduler != "synchronous":
                stack.enter_context(super().start())
            yield

    def submit(
        self,
        fn: Callable[..., Any],
        *args: Any,
        extra_context: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Future[Any]:
        """Schedule `fn(*args, **kwargs)`; outside `start()`, and for `synchronous`, run it now.

        Args:
            fn: what to run.
            *args: positional arguments; futures among them, also nested in containers, are
                replaced by their results before `fn` runs.
            extra_context: `task_name` and `task_index` name the work in errors.
            **kwargs: keyword arguments, treated like `args`.

        Returns:
            A future; every error of the call comes out of `wait`.
        """
        if self.scheduler != "synchronous" and self._current_pool() is not None:
            return super().submit(fn, *args, extra_context=extra_context, **kwargs)
        return self._run_here(fn, args, kwargs)

    def _run_here(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            result = fn(*self.wait(args), **self.wait(kwargs))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as exc:  # noqa: BLE001 - it belongs to whoever waits for the future
            settle(future, error=exc)
        else:
            settle(future, result)
        return future


def _has_processes(pool: Any) -> bool:
    from concurrent.futures import ProcessPoolExecutor

    if isinstance(pool, ProcessPoolExecutor):
        return True
    mp_pool = sys.modules.get("multiprocessing.pool")  # loaded, if `pool` is one
    return mp_pool is not None and isinstance(pool, mp_pool.Pool) and not isinstance(pool, mp_pool.ThreadPool)


def _dask_may_be_configured() -> bool:
    """Whether Dask's configuration could say something: it is loaded, or has variables or files."""
    if "dask.config" in sys.modules or any(name.startswith("DASK_") for name in os.environ):
        return True
    places = (Path.home() / ".config" / "dask", Path(sys.prefix) / "etc" / "dask", Path("/etc/dask"))
    return any(place.is_dir() for place in places)
