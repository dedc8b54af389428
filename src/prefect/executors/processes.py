"""`ProcessPoolExecutor`: tasks in processes of this machine."""

from __future__ import annotations

from prefect.executors._pool_executor import Pool, PoolExecutor, checked_workers
from prefect.executors._process_pool import ProcessPool
from prefect.executors.base import Placement


class ProcessPoolExecutor(PoolExecutor):
    """Runs tasks in a pool of processes of this machine, without Dask.

    Right for tasks that compute in Python.  Tasks, their inputs and their results travel as
    cloudpickles.  A worker is a fresh interpreter with the import path, configuration, log levels
    and run context of this process; it does not run the main script again, so a flow file needs no
    `if __name__ == "__main__"` guard.  Log records of the workers go through the loggers of this
    process.

    When a worker dies (killed, out of memory, crashed in native code), the task run it worked on
    fails with `WorkerLost`, which says how the process ended; a new worker takes its place.

    Args:
        max_workers: number of processes; by default one per CPU this process may use.

    Raises:
        ValueError: `max_workers` is smaller than 1.

    Example:
        ```python
        from prefect import Flow, task
        from prefect.executors import ProcessPoolExecutor


        @task
        def count_primes(limit):
            return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, limit))


        with Flow("processes", executor=ProcessPoolExecutor(max_workers=2)) as flow:
            count_primes.map([1_000, 2_000, 3_000])

        flow.run()
        ```
    """

    placement: Placement = "remote"

    def __init__(self, max_workers: int | None = None) -> None:
        super().__init__()
        self.max_workers = checked_workers(max_workers)

    @property
    def workers(self) -> int:
        """Number of processes."""
        return self.max_workers

    def _make_pool(self) -> Pool:
        return ProcessPool(self.max_workers)
