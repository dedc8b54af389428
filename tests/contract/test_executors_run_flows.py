"""Flows give the same states on every executor."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import prefect
from prefect import Flow, Parameter, case, flatten, resource_manager, task, unmapped
from prefect.engine import signals
from prefect.engine.state import Failed, Mapped, Retrying, Skipped, State, Success, TimedOut, TriggerFailed
from prefect.executors import DaskExecutor, Executor
from prefect.executors.errors import WorkerLost
from prefect.tasks.control_flow import merge
from prefect.triggers import all_finished

# Workers cannot import this file; as in a user's script, its functions travel by value.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module")
def runner(kind: Any) -> Iterator[Callable[[Flow], State]]:
    """Runs a flow on an executor of the kind; runs on Dask share one cluster."""
    with contextlib.ExitStack() as stack:
        make = kind.make
        if kind.dask:
            import dask.config
            import distributed

            # A cluster gives up a worker that is not back in time after it died; tests here kill some.
            wait_for_ever = {"distributed.deploy.lost-worker-timeout": "1000 days"}
            stack.enter_context(
                dask.config.set({"distributed.scheduler.allowed-failures": 0, **wait_for_ever})
            )
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=2,
                    threads_per_worker=1,
                    processes=kind.processes,
                    dashboard_address=":0",
                    silence_logs=logging.CRITICAL,
                )
            )
            client = stack.enter_context(distributed.Client(cluster, set_as_default=False))

            def make() -> Executor:
                client.wait_for_workers(2)  # a test before this one may have ended one of them
                return DaskExecutor(address=cluster.scheduler_address)

        def run(flow: Flow, **kwargs: Any) -> State:
            state = flow.run(executor=make(), **kwargs)
            assert state is not None
            return state

        run.make = make
        yield run


@task
def numbers(n: int = 4) -> list[int]:
    return list(range(n))


@task
def add_one(x: int) -> int:
    return x + 1


@task
def double(x: int) -> int:
    return 2 * x


@task
def add(x: int, y: int) -> int:
    return x + y


@task
def total(xs: list[int]) -> int:
    return sum(xs)


@task
def broken(x: Any = None) -> None:
    raise ValueError(f"no {x}")


@task
def note(path: Path, text: str) -> str:
    """Append a line; appends of one line do not mix, whichever process they come from."""
    with path.open("a") as file:
        file.write(f"{text}\n")
    return text


# -- data flows -------------------------------------------------------------------------------


def test_results_go_from_task_to_task(runner: Any) -> None:
    with Flow("chain") as flow:
        x = Parameter("x")
        y = add(add_one(x), double(x))
    state = runner(flow, parameters={"x": 5})
    assert state.is_successful()
    assert state.result[y].result == 16
    assert set(state.result) == set(flow.tasks)


def test_a_map_has_a_child_for_each_element(runner: Any) -> None:
    with Flow("map") as flow:
        mapped = add.map(numbers(), y=unmapped(10))
    state = runner(flow)
    assert isinstance(state.result[mapped], Mapped)
    assert [child.result for child in state.result[mapped].map_states] == [10, 11, 12, 13]
    assert state.result[mapped].result == [10, 11, 12, 13]


def test_chained_maps_are_reduced_in_order(runner: Any) -> None:
    with Flow("chained") as flow:
        result = total(double.map(add_one.map(numbers(20))))
    state = runner(flow)
    assert state.result[result].result == sum(2 * (x + 1) for x in range(20))


def test_chained_maps_run_depth_first(runner: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Flow("depth first") as flow:
        first = note.map(unmapped(log), [f"a{i}" for i in range(40)])
        second = note.map(unmapped(log), first)
    state = runner(flow)
    assert state.is_successful()
    lines = log.read_text().split()
    assert sorted(lines) == sorted([f"a{i}" for i in range(40)] * 2)
    # No worker begins a child of the first map while it owes one of the second.
    owed: set[str] = set()
    for line in lines:
        owed ^= {line}
        assert len(owed) <= 2
    assert len(state.result[second].map_states) == 40


def test_an_empty_map_succeeds(runner: Any) -> None:
    with Flow("empty") as flow:
        mapped = add_one.map(numbers(0))
        reduced = total(mapped)
    state = runner(flow)
    assert state.is_successful()
    assert state.result[mapped].map_states == []
    assert state.result[reduced].result == 0


def test_flatten_joins_one_level(runner: Any) -> None:
    @task
    def upto(n: int) -> list[int]:
        return list(range(n))

    with Flow("flatten") as flow:
        children = add_one.map(flatten(upto.map([1, 2, 3])))
        whole = total(flatten(upto.map([2, 3])))
    state = runner(flow)
    assert state.result[children].result == [1, 1, 2, 1, 2, 3]
    assert state.result[whole].result == 4


def test_a_large_map_keeps_a_bounded_number_of_units_in_flight(runner: Any) -> None:
    executor = runner.make()
    submit, wait = executor.submit, executor.wait
    in_flight: set[int] = set()
    highest = 0

    def counting_submit(*args: Any, **kwargs: Any) -> Any:
        nonlocal highest
        future = submit(*args, **kwargs)
        in_flight.add(id(future))
        highest = max(highest, len(in_flight))
        return future

    def counting_wait(future: Any) -> Any:
        in_flight.discard(id(future))
        return wait(future)

    executor.submit, executor.wait = counting_submit, counting_wait
    with Flow("large") as flow:
        mapped = double.map(add_one.map(numbers(2000)))
        reduced = total(mapped)
    state = flow.run(executor=executor)
    assert state.result[reduced].result == sum(2 * (x + 1) for x in range(2000))
    assert len(state.result[mapped].map_states) == 2000
    assert highest <= 4 * 2


# -- states -----------------------------------------------------------------------------------


def test_a_failure_keeps_its_exception_and_stops_what_depends_on_it(runner: Any) -> None:
    with Flow("failure") as flow:
        failed = broken(7)
        after = add_one(failed)
        apart = add_one(1)
    state = runner(flow)
    assert state.is_failed()
    assert isinstance(state.result[failed], Failed)
    assert isinstance(state.result[failed].result, ValueError)
    assert str(state.result[failed].result) == "no 7"
    assert isinstance(state.result[after], TriggerFailed)
    assert state.result[apart].result == 2


def test_a_failed_child_fails_its_own_line_only(runner: Any) -> None:
    @task
    def invert(x: int) -> float:
        return 1 / x

    with Flow("one fails") as flow:
        inverted = invert.map([1, 0, 2])
        after = add_one.map(inverted)
        states = task(lambda xs: len(xs), name="count", trigger=all_finished)(after)
    state = runner(flow)
    assert [type(child) for child in state.result[inverted].map_states] == [Success, Failed, Success]
    assert [type(child) for child in state.result[after].map_states] == [Success, TriggerFailed, Success]
    assert isinstance(state.result[inverted].map_states[1].result, ZeroDivisionError)
    assert state.result[states].result == 3


def test_skips_pass_down(runner: Any) -> None:
    @task
    def skip() -> None:
        raise signals.SKIP("not today")

    with Flow("skip") as flow:
        skipped = skip()
        after = add_one(skipped)
    state = runner(flow)
    assert state.is_successful()
    assert isinstance(state.result[skipped], Skipped)
    assert state.result[skipped].message == "not today"
    assert isinstance(state.result[after], Skipped)


def test_a_case_runs_one_branch_and_merge_takes_its_result(runner: Any) -> None:
    with Flow("case") as flow:
        choice = Parameter("choice", default="left")
        with case(choice, "left"):
            left = add_one(1)
        with case(choice, "right"):
            right = double(10)
        result = merge(left, right)
    assert runner(flow).result[result].result == 2
    state = runner(flow, parameters={"choice": "right"})
    assert state.result[result].result == 20
    assert isinstance(state.result[left], Skipped)


def test_retries_run_the_task_again(runner: Any, tmp_path: Path) -> None:
    @task(max_retries=2, retry_delay=datetime.timedelta(0))
    def at_the_third(path: Path) -> int:
        with path.open("a") as file:
            file.write("x")
        if len(path.read_text()) < 3:
            raise ValueError("not yet")
        return prefect.context.task_run_count

    seen: list[type[State]] = []

    def handler(flow: Flow, old: State, new: State) -> None:
        seen.append(type(new))

    with Flow("retries", state_handlers=[handler]) as flow:
        result = at_the_third(tmp_path / "attempts")
        after = add_one(result)
        mapped = at_the_third.map([tmp_path / "one", tmp_path / "two"])
    state = runner(flow)
    assert state.is_successful()
    assert state.result[result].result == 3
    assert state.result[after].result == 4
    assert state.result[mapped].result == [3, 3]
    assert Retrying not in seen


@pytest.mark.parametrize("timeout", [1, datetime.timedelta(seconds=0.4)], ids=["whole", "fraction"])
def test_a_task_that_takes_too_long_is_timed_out(runner: Any, timeout: Any) -> None:
    @task(timeout=timeout)
    def slow() -> None:
        threading.Event().wait(4)

    with Flow("timeout") as flow:
        late = slow()
        after = task(lambda: "ran", name="after", trigger=all_finished)(upstream_tasks=[late])
    state = runner(flow)
    assert isinstance(state.result[late], TimedOut)
    assert state.result[after].result == "ran"


def test_a_task_that_ends_in_time_keeps_its_result_and_its_signals(runner: Any) -> None:
    @task(timeout=60)
    def quick() -> int:
        return 3

    @task(timeout=60)
    def skipping() -> None:
        raise signals.SKIP("inside a time limit")

    with Flow("in time") as flow:
        value, skipped = quick(), skipping()
    state = runner(flow)
    assert state.result[value].result == 3
    assert isinstance(state.result[skipped], Skipped)
    assert state.result[skipped].message == "inside a time limit"


def test_loops_go_on_where_they_were(runner: Any) -> None:
    @task
    def count_to_three() -> int:
        so_far = prefect.context.get("task_loop_result", 0)
        if so_far < 3:
            raise signals.LOOP(result=so_far + 1)
        return so_far

    with Flow("loop") as flow:
        result = count_to_three()
    assert runner(flow).result[result].result == 3


def test_state_handlers_of_tasks_see_every_change(runner: Any, tmp_path: Path) -> None:
    path = tmp_path / "changes"

    def handler(task: Any, old: State, new: State) -> None:
        with path.open("a") as file:
            file.write(f"{type(old).__name__}>{type(new).__name__}\n")

    with Flow("handlers") as flow:
        task(lambda: 1, name="watched", state_handlers=[handler])()
    assert runner(flow).is_successful()
    assert path.read_text().split() == ["Pending>Running", "Running>Success"]


# -- resources --------------------------------------------------------------------------------


@pytest.mark.parametrize("fails", [False, True], ids=["success", "failure"])
def test_a_resource_is_set_up_used_and_cleaned_up_in_this_order(
    runner: Any, tmp_path: Path, fails: bool
) -> None:
    path = tmp_path / "life"

    @resource_manager
    class Resource:
        def __init__(self, path: Path) -> None:
            self.path = path

        def setup(self) -> dict[str, Path]:
            note.run(self.path, "setup")
            return {"path": self.path}

        def cleanup(self, resource: dict[str, Path]) -> None:
            note.run(resource["path"], "cleanup")

    @task
    def use(resource: dict[str, Path]) -> None:
        note.run(resource["path"], "use")
        if fails:
            raise ValueError("broke it")

    with Flow("resource") as flow, Resource(path) as resource:
        used = use(resource)
    state = runner(flow)
    assert path.read_text().split() == ["setup", "use", "cleanup"]
    assert state.is_failed() == fails
    assert isinstance(state.result[used], Failed) == fails


# -- surroundings -----------------------------------------------------------------------------


def test_tasks_know_the_run_they_belong_to(runner: Any) -> None:
    @task
    def context() -> dict[str, Any]:
        known = prefect.context
        return {
            "flow": known.flow_name,
            "task": known.task_name,
            "full": known.task_full_name,
            "index": known.map_index,
            "parameters": dict(known.parameters),
            "count": known.task_run_count,
            "given": known.given,
            "date": known.date.isoformat(),
        }

    with Flow("known") as flow:
        flow.add_task(Parameter("p", default=3))
        single = context()
        mapped = context.map(upstream_tasks=[numbers(2)])
    state = runner(flow, context={"given": "x"})
    found = state.result[single].result
    assert found.pop("date").startswith("20")
    assert found == {
        "flow": "known",
        "task": "context",
        "full": "context",
        "index": None,
        "parameters": {"p": 3},
        "count": 1,
        "given": "x",
    }
    assert [(c["full"], c["index"]) for c in state.result[mapped].result] == [
        ("context[0]", 0),
        ("context[1]", 1),
    ]


def test_log_lines_of_a_task_come_in_order(runner: Any, kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    if kind.dask and kind.processes:
        pytest.skip("Dask workers write their own logs")

    @task
    def talk() -> None:
        for i in range(3):
            prefect.context.logger.info("line %s", i)

    with Flow("log") as flow:
        talk()
    with caplog.at_level(logging.INFO, logger="prefect"):
        assert runner(flow).is_successful()
    text = [
        r.getMessage()
        for r in caplog.records
        if "talk" in r.getMessage() or r.getMessage().startswith("line")
    ]
    assert text == [
        "Task 'talk': Starting task run...",
        "line 0",
        "line 1",
        "line 2",
        "Task 'talk': Finished task run for task with final state: 'Success'",
    ]


# -- losses -----------------------------------------------------------------------------------


def test_a_killed_worker_makes_its_task_run_fail_and_no_other(runner: Any, kind: Any) -> None:
    if not kind.processes:
        pytest.skip("it would be this process that dies")

    @task
    def die() -> None:
        os._exit(9)

    with Flow("killed") as flow:
        before = add_one(1)
        lost = die(upstream_tasks=[before])
        after = add_one(lost)
        cleanup = task(lambda: "cleaned", name="cleanup", trigger=all_finished)(upstream_tasks=[lost])
        apart = add_one(add_one(before))
    state = runner(flow)
    assert state.is_failed()
    assert type(state.result[lost]) is Failed
    assert isinstance(state.result[lost].result, WorkerLost)
    assert "die" in state.result[lost].message
    assert isinstance(state.result[after], TriggerFailed)
    assert state.result[cleanup].result == "cleaned"
    assert state.result[apart].result == 4


def test_a_killed_worker_in_a_map_fails_that_child(runner: Any, kind: Any) -> None:
    if not kind.processes:
        pytest.skip("it would be this process that dies")

    @task
    def die_at_three(x: int) -> int:
        if x == 3:
            os._exit(9)
        return x

    with Flow("killed in a map") as flow:
        mapped = die_at_three.map(numbers(30))
    state = runner(flow)
    assert state.is_failed()
    children = state.result[mapped].map_states
    assert len(children) == 30
    assert type(children[3]) is Failed
    assert isinstance(children[3].result, WorkerLost)
    assert all(child.is_successful() or isinstance(child.result, WorkerLost) for child in children)
    assert sum(child.is_successful() for child in children) >= 20


def test_an_input_that_does_not_pickle_fails_its_task_and_is_named(runner: Any, kind: Any) -> None:
    @task
    def locked() -> Any:
        return {"lock": threading.Lock()}

    with Flow("unpicklable") as flow:
        made = locked()
        used = task(lambda box: sorted(box), name="use")(made)
        apart = add_one(1)
    state = runner(flow)
    assert state.result[apart].result == 2
    if runner.make().placement in ("inline", "threads"):
        assert state.result[used].result == ["lock"]
    else:
        assert state.is_failed()
        assert "lock" in state.result[made].message
