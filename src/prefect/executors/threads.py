"""`ThreadPoolExecutor`: tasks in threads of this process."""

from __future__ import annotations

from prefect.executors._cpus import cpu_count
from prefect.executors._pool_executor import Pool, PoolExecutor, checked_workers
from prefect.executors._thread_pool import ThreadPool
from prefect.executors.base import Placement


class ThreadPoolExecutor(PoolExecutor):
    """Runs tasks in a pool of threads, without Dask.

    Right for tasks that wait (network, databases, files) or that leave the interpreter (numpy,
    pandas).  Tasks share memory: results are passed by reference and need not be picklable.

    Args:
        max_workers: number of threads; by default four more than this process may use CPUs, and at
            most 32, because threads are for tasks that wait.

    Raises:
        ValueError: `max_workers` is smaller than 1.

    Example:
        ```python
        from prefect import Flow, task
        from prefect.executors import ThreadPoolExecutor


        @task
        def double(x):
            return 2 * x


        with Flow("threads", executor=ThreadPoolExecutor(max_workers=4)) as flow:
            double.map(list(range(10)))

        flow.run()
        ```
    """

    placement: Placement = "threads"

    def __init__(self, max_workers: int | None = None) -> None:
        super().__init__()
        self.max_workers = min(32, cpu_count() + 4) if max_workers is None else checked_workers(max_workers)

    @property
    def workers(self) -> int:
        """Number of threads."""
        return self.max_workers

    def _make_pool(self) -> Pool:
        return ThreadPool(self.max_workers)
