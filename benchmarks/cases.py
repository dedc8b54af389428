"""What is measured. Runs under prefect 1.4.1 and under this version: only names of both are used.

    python cases.py CASE N OUTPUT     runs one case and writes {"cpu_s", "n", "rss_kb"} as JSON to OUTPUT

The time is CPU time of this process and its children (user + system), of the measured part only. Cases that
need more than one flow object make it before the clock starts.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any


class Clock:
    """CPU seconds spent inside `with clock.running():`."""

    def __init__(self) -> None:
        self.cpu_s = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        gc.collect()
        start = _cpu()
        yield
        self.cpu_s += _cpu() - start


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


CASES: dict[str, Callable[[int, Clock], None]] = {}


def case(function: Callable[[int, Clock], None]) -> Callable[[int, Clock], None]:
    CASES[function.__name__] = function
    return function


def check(state: Any) -> None:
    if not state.is_successful():
        raise SystemExit(f"the run failed: {state} {state.result}")


# --- flows ---------------------------------------------------------------------------------------
def mapped_flow(n: int, **task_settings: Any) -> Any:
    from prefect import Flow, task

    @task(**task_settings)
    def child(x):
        return x

    with Flow("map") as flow:
        child.map(list(range(n)))
    return flow


def chain_flow(n: int) -> Any:
    from prefect import Flow, task

    @task
    def step(x):
        return x

    with Flow("chain") as flow:
        value = step(0)
        for _ in range(n - 1):
            value = step(value)
    return flow


def wide_flow(n: int) -> Any:
    from prefect import Flow, task

    @task
    def leaf(x):
        return x

    with Flow("wide") as flow:
        first = leaf(0)
        for _ in range(n - 1):
            leaf(first)
    return flow


def run(flow: Any, clock: Clock, **kwargs: Any) -> None:
    with clock.running():
        state = flow.run(**kwargs)
    check(state)


# --- running -------------------------------------------------------------------------------------
@case
def map_local(n: int, clock: Clock) -> None:
    run(mapped_flow(n), clock)


@case
def map_handler(n: int, clock: Clock) -> None:
    """With a state handler, so that every change of state is looked at."""
    run(mapped_flow(n, state_handlers=[lambda task, old, new: new]), clock)


@case
def map_overridden(n: int, clock: Clock) -> None:
    """With a subclass of the task runner that overrides a step."""
    from prefect.engine import FlowRunner, TaskRunner

    class CountingTaskRunner(TaskRunner):
        def set_task_to_running(self, state, inputs=None):
            return super().set_task_to_running(state, inputs)

    class CountingFlowRunner(FlowRunner):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **{**kwargs, "task_runner_cls": CountingTaskRunner})

    run(mapped_flow(n), clock, runner_cls=CountingFlowRunner)


@case
def map_three_levels(n: int, clock: Clock) -> None:
    from prefect import Flow, task

    @task
    def child(x):
        return x

    with Flow("levels") as flow:
        child.map(child.map(child.map(list(range(n)))))
    run(flow, clock)


@case
def map_retry(n: int, clock: Clock) -> None:
    """Every child fails once."""
    import prefect
    from prefect import Flow, task

    @task(max_retries=1, retry_delay=timedelta(0))
    def child(x):
        if prefect.context.task_run_count < 2:
            raise ValueError("once")
        return x

    with Flow("retry") as flow:
        child.map(list(range(n)))
    run(flow, clock)


@case
def map_threads(n: int, clock: Clock) -> None:
    from prefect.executors import LocalDaskExecutor

    run(mapped_flow(n), clock, executor=LocalDaskExecutor(scheduler="threads", num_workers=2))


@case
def map_pool(n: int, clock: Clock) -> None:
    """Threads without Dask; 1.4.1 has none, and runs what it has."""
    import prefect.executors

    pool = getattr(prefect.executors, "ThreadPoolExecutor", None)
    if pool is None:
        map_threads(n, clock)
    else:
        run(mapped_flow(n), clock, executor=pool(max_workers=2))


@case
def map_dask(n: int, clock: Clock) -> None:
    """A cluster of two worker processes that is there already; the time of all processes counts."""
    import psutil
    from distributed import LocalCluster

    from prefect.executors import DaskExecutor

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        flow = mapped_flow(n)
        executor = DaskExecutor(address=cluster.scheduler_address)
        flow.run(executor=executor)  # workers load what they need
        workers = psutil.Process().children(recursive=True)
        before = sum(sum(worker.cpu_times()[:2]) for worker in workers)
        run(flow, clock, executor=executor)
        clock.cpu_s += sum(sum(worker.cpu_times()[:2]) for worker in workers) - before


@case
def chain_local(n: int, clock: Clock) -> None:
    run(chain_flow(n), clock)


@case
def flow_run(n: int, clock: Clock) -> None:
    """n runs of a flow of one task."""
    flow = chain_flow(1)
    with clock.running():
        for _ in range(n):
            state = flow.run()
    check(state)


# --- the graph -----------------------------------------------------------------------------------
@case
def build(n: int, clock: Clock) -> None:
    with clock.running():
        flow = chain_flow(n)
    assert len(flow.tasks) == n


@case
def sorted_tasks(n: int, clock: Clock) -> None:
    flow = chain_flow(n)
    with clock.running():
        assert len(flow.sorted_tasks()) == n


@case
def validate(n: int, clock: Clock) -> None:
    flow = chain_flow(n)
    with clock.running():
        flow.validate()


@case
def serialize(n: int, clock: Clock) -> None:
    flow = chain_flow(n)
    with clock.running():
        flow.serialize()


@case
def serialized_hash(n: int, clock: Clock) -> None:
    flow = chain_flow(n)
    with clock.running():
        flow.serialized_hash()


@case
def terminal_tasks(n: int, clock: Clock) -> None:
    flow = wide_flow(n)
    with clock.running():
        assert len(flow.terminal_tasks()) == max(1, n - 1)


@case
def upstream_tasks(n: int, clock: Clock) -> None:
    flow = wide_flow(n)
    tasks = list(flow.tasks)
    with clock.running():
        for task in tasks:
            flow.upstream_tasks(task)


# --- schedules -----------------------------------------------------------------------------------
def _times(schedule: Any, n: int, clock: Clock, repeat: int = 1) -> None:
    import pendulum

    after = pendulum.datetime(2026, 1, 1)
    with clock.running():
        for _ in range(repeat):
            times = schedule.next(n, after=after)
    assert len(times) == n


@case
def cron_10(n: int, clock: Clock) -> None:
    """n times the next ten of a cron line."""
    from prefect.schedules import CronSchedule

    _times(CronSchedule("*/5 9-17 * * 1-5"), 10, clock, repeat=max(1, n // 10))


@case
def cron(n: int, clock: Clock) -> None:
    from prefect.schedules import CronSchedule

    _times(CronSchedule("*/5 9-17 * * 1-5"), n, clock)


@case
def interval(n: int, clock: Clock) -> None:
    from prefect.schedules import IntervalSchedule

    _times(IntervalSchedule(interval=timedelta(minutes=5)), n, clock)


@case
def rrule(n: int, clock: Clock) -> None:
    import datetime

    from dateutil import rrule as dateutil_rrule

    from prefect.schedules import RRuleSchedule

    rule = dateutil_rrule.rrule(dateutil_rrule.DAILY, dtstart=datetime.datetime(2026, 1, 1))
    _times(RRuleSchedule(rule), n, clock)


def main() -> None:
    name, n, output = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    # Both versions load parts of themselves when they are first used; `import` has a line of its own.
    CASES[name](min(n, 3), Clock())
    clock = Clock()
    CASES[name](n, clock)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    output.write_text(json.dumps({"cpu_s": clock.cpu_s, "n": n, "rss_kb": rss}), encoding="utf-8")


if __name__ == "__main__":
    main()
