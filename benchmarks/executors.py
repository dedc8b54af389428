"""What executors cost: CPU time of all processes involved, cluster and pool already running.

    python benchmarks/executors.py [--children 1000] [--rounds 5]

Prints microseconds of CPU for each unit of work (submit, wait for any, wait) and for each child of a
mapped task in a whole flow run, quiet; for Dask beside what Dask itself takes for the same calls. Rounds
alternate between the cases, so that a busy moment of the machine meets all of them; the median counts.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from prefect import Flow, task
from prefect.executors import (
    DaskExecutor,
    Executor,
    LocalDaskExecutor,
    LocalExecutor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)

# As many calls as make the clock of the system (0.01 s) fine enough.
TIMES = {"flow: local": 10, "flow: threads": 10, "flow: local-dask threads": 10, "flow: processes": 10}

# CPU per child of the same map on 1.4.1, idle machine, and the bar that follows from it.
BARS = {"flow: threads": 11_500 / 300, "flow: local-dask threads": 11_500 / 300, "flow: dask": 27_500 / 15}


def cpu_s() -> float:
    """CPU seconds that this process and its living children have used."""
    total = time.process_time()  # finer than what psutil has
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            used = child.cpu_times()
            total += used.user + used.system
    return total


def identity(x: int) -> int:
    return x


@task
def child(x: int) -> int:
    return x


def units(executor: Executor, n: int, in_flight: int = 8) -> None:
    """Run n calls, a bounded number at a time, the way the engine does."""
    waiting: list[Any] = []
    sent = 0
    while sent < n or waiting:
        while sent < n and len(waiting) < in_flight:
            waiting.append(
                executor.submit(identity, sent, extra_context={"task_name": "child", "task_index": sent})
            )
            sent += 1
        for future in executor.wait_any(waiting):
            executor.wait(future)
            waiting.remove(future)


class Started(Executor):
    """An executor that is running already, so that a flow run does not start it again."""

    def __init__(self, executor: Executor) -> None:
        super().__init__()
        self._executor = executor
        self.placement = executor.placement
        self.submit = executor.submit  # type: ignore[method-assign]
        self.wait = executor.wait  # type: ignore[method-assign]
        self.wait_any = executor.wait_any  # type: ignore[method-assign]

    @property
    def workers(self) -> int:
        return self._executor.workers


def flow_run(executor: Executor, n: int) -> None:
    with Flow("map") as flow:
        child.map(list(range(n)))
    state = flow.run(executor=Started(executor))
    assert state.is_successful(), state


def bare_map(client: Any, n: int) -> None:
    client.gather(client.map(identity, range(n), pure=False))


def bare_submit(client: Any, n: int) -> None:
    client.gather([client.submit(identity, x, pure=False) for x in range(n)])


def bare_bounded(client: Any, n: int, in_flight: int = 8) -> None:
    """What `units` does, on Dask itself."""
    from distributed import wait

    waiting: set[Any] = set()
    sent = 0
    with client.as_current():
        while sent < n or waiting:
            while sent < n and len(waiting) < in_flight:
                waiting.add(client.submit(identity, sent, pure=False))
                sent += 1
            done, waiting = wait(waiting, return_when="FIRST_COMPLETED")
            client.gather(list(done))


@contextlib.contextmanager
def cases() -> Iterator[dict[str, Callable[[int], None]]]:
    made: dict[str, Executor] = {
        "threads": ThreadPoolExecutor(2),
        "local-dask threads": LocalDaskExecutor(num_workers=2),
        "processes": ProcessPoolExecutor(2),
        "dask": DaskExecutor(
            cluster_kwargs={
                "n_workers": 2,
                "threads_per_worker": 1,
                "processes": True,
                "dashboard_address": ":0",
            }
        ),
    }
    with contextlib.ExitStack() as stack:
        found: dict[str, Callable[[int], None]] = {"flow: local": lambda n: flow_run(LocalExecutor(), n)}
        for name, executor in made.items():
            stack.enter_context(executor.start())
            found[f"unit: {name}"] = lambda n, executor=executor: units(executor, n)
            found[f"flow: {name}"] = lambda n, executor=executor: flow_run(executor, n)
        client = made["dask"].client  # type: ignore[attr-defined]
        found["bare dask: map"] = lambda n: bare_map(client, n)
        found["bare dask: submit"] = lambda n: bare_submit(client, n)
        found["bare dask: 8 in flight"] = lambda n: bare_bounded(client, n)
        yield found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--children", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    logging.getLogger("prefect").setLevel(logging.CRITICAL)
    n = arguments.children
    figures: dict[str, list[float]] = {}
    with cases() as found:
        for case in found.values():
            case(n // 10)  # workers import what they need
        for number in range(arguments.rounds):
            for name, case in found.items():
                gc.collect()
                times = TIMES.get(name, 1)
                before, began = cpu_s(), time.perf_counter()
                for _ in range(times):
                    case(n)
                figures.setdefault(name, []).append((cpu_s() - before) / (n * times) * 1e6)
                wall = (time.perf_counter() - began) / (n * times) * 1e6
                print(
                    f"round {number + 1}  {name:24} {figures[name][-1]:8.0f} us CPU {wall:8.0f} us",
                    file=sys.stderr,
                )
    print(f"| case (n = {n}, median of {arguments.rounds}) | us CPU each | least .. most | bar |")
    print("|---|---|---|---|")
    for name, values in figures.items():
        bar = f"{BARS[name]:.0f}" if name in BARS else ""
        print(
            f"| {name} | {statistics.median(values):.1f} | {min(values):.1f} .. {max(values):.1f} | {bar} |"
        )


if __name__ == "__main__":
    main()
