"""How the tasks of a flow are handed to executors: bounded, by name, and never lost without a word."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prefect
from prefect import Flow, Parameter, Task, task, triggers, unmapped
from prefect.engine import FlowRunner, TaskRunner, signals
from prefect.engine.cache_validators import all_inputs
from prefect.engine.remote import ChunkSizes
from prefect.engine.state import Cached, Failed, Mapped, Pending, State, Success, TriggerFailed
from prefect.executors import Executor, LocalExecutor, ThreadPoolExecutor

NOW = datetime.timedelta(0)


class Loopback(Executor):
    """Runs what is submitted in a thread of this process that knows nothing of the run.

    `fails` says which submissions are lost, by their number from 0.
    """

    placement = "remote"

    def __init__(self, workers: int = 2, fails: Callable[[int], bool] = lambda number: False) -> None:
        super().__init__()
        self.count = workers
        self.fails = fails
        self.submitted = 0
        self.most_in_flight = 0
        self.labels: list[Any] = []
        self._open: list[int] = []

    @property
    def workers(self) -> int:
        return self.count

    def submit(self, fn: Any, *args: Any, extra_context: Any = None, **kwargs: Any) -> Any:
        number = self.submitted
        self.submitted += 1
        self.labels.append(extra_context["task_name"])
        future: dict[str, Any] = {"number": number}

        def run() -> None:
            try:
                if self.fails(number):
                    raise ConnectionError(f"worker of {number} is gone")
                future["value"] = fn(*args, **kwargs)
            except Exception as exc:
                future["error"] = exc

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        self._open.append(number)
        self.most_in_flight = max(self.most_in_flight, len(self._open))
        return future

    def wait(self, futures: Any) -> Any:
        if "error" in futures:
            raise futures["error"]
        return futures["value"]

    def wait_any(self, futures: Sequence[Any]) -> list[Any]:
        self._open.remove(futures[0]["number"])
        return [futures[0]]


@task
def numbers(n: int = 3) -> list[int]:
    return list(range(n))


@task
def double(x: int) -> int:
    return 2 * x


@task
def add(x: int, y: int = 10) -> int:
    return x + y


@task
def odd_fails(x: int) -> int:
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x


# -- elsewhere ----------------------------------------------------------------------------


def test_results_context_and_handlers_come_back_from_elsewhere() -> None:
    seen: list[str] = []

    def note(whom: Any, old: State, new: State) -> None:
        seen.append(f"{whom.name} {type(new).__name__} {prefect.context.flow_name}")

    @task(state_handlers=[note], tags=["t"])
    def look(p: int) -> list[Any]:
        context = prefect.context
        return [p, context.task_slug, context.parameters, context.mine, context.get("task_run_count")]

    with Flow("elsewhere") as flow:
        looked = look(Parameter("p", default=4))
    state = flow.run(executor=Loopback(), context={"mine": "yes"})

    assert state.result[looked].result == [4, "look-t-1", {"p": 4}, "yes", 1]
    assert state.result[looked].context == {"tags": ["t"]}


def test_a_pipeline_of_maps_travels_in_chunks() -> None:
    with Flow("chunks") as flow:
        made = numbers(50)
        last = add.map(double.map(made), y=unmapped(1))
    executor = Loopback()
    state = flow.run(executor=executor)

    assert state.result[last].result == [2 * number + 1 for number in range(50)]
    assert executor.labels.count("double") < 50  # chunks of several children
    assert "add" not in executor.labels


def test_no_more_is_under_way_than_keeps_the_workers_busy() -> None:
    with Flow("window") as flow:
        for number in range(40):
            double(number)
        add.map(list(range(100)))
    executor = Loopback(workers=2)
    flow.run(executor=executor)

    assert 2 <= executor.most_in_flight <= 6


def test_executors_that_do_not_say_their_size_get_plenty() -> None:
    class Unknown(Loopback):
        workers = Executor.workers  # type: ignore[assignment]

    with Flow("unknown") as flow:
        for number in range(40):
            double(number)
    executor = Unknown()
    flow.run(executor=executor)

    assert executor.most_in_flight == 40


def test_tasks_are_sent_in_the_order_of_declaration() -> None:
    with Flow("order") as flow:
        for name in "cab":
            double.copy(name=name).bind(1, flow=flow)
    executor = Loopback()
    flow.run(executor=executor)

    assert executor.labels == ["c", "a", "b"]


def test_a_shorter_input_further_down_stays_what_it_was() -> None:
    with Flow("uneven") as flow:
        short = numbers(2)
        added = add.map(double.map(numbers(40)), short)
    state = flow.run(executor=Loopback())

    assert state.result[added].result == [0, 3]
    assert state.result[short].result == [0, 1]


# -- losses -------------------------------------------------------------------------------


def test_a_lost_task_fails_and_says_why() -> None:
    with Flow("lost") as flow:
        lost = double(1)
        after = double(lost)
        other = double(2)
    state = flow.run(executor=Loopback(fails=lambda number: number == 0))

    assert isinstance(state.result[lost], Failed)
    assert isinstance(state.result[lost].result, ConnectionError)
    assert isinstance(state.result[after], TriggerFailed)
    assert state.result[other].result == 4


def test_a_lost_task_is_retried_as_often_as_it_may_be() -> None:
    @task(max_retries=2, retry_delay=NOW)
    def flaky() -> int:
        return prefect.context.task_run_count

    with Flow("lost twice") as flow:
        found = flaky()
    assert flow.run(executor=Loopback(fails=lambda number: number < 2)).result[found].result == 3

    always = flow.run(executor=Loopback(fails=lambda number: True)).result[found]
    assert isinstance(always, Failed)
    assert "worker of 2 is gone" in repr(always.result)


def test_an_executor_that_refuses_work_fails_the_task_and_not_the_flow() -> None:
    class Refusing(Loopback):
        def submit(self, fn: Any, *args: Any, extra_context: Any = None, **kwargs: Any) -> Any:
            if extra_context["task_name"] == "refused":
                raise ConnectionRefusedError("closed")
            return super().submit(fn, *args, extra_context=extra_context, **kwargs)

    with Flow("refused") as flow:
        refused = double(1, task_args={"name": "refused"})
        mapped = double.map([1, 2], task_args={"name": "refused"})
        other = double(2)
    state = flow.run(executor=Refusing())

    assert isinstance(state.result[refused].result, ConnectionRefusedError)
    assert all(isinstance(child.result, ConnectionRefusedError) for child in state.result[mapped].map_states)
    assert state.result[other].result == 4


def test_only_the_children_of_a_lost_chunk_fail_and_their_followers_see_it() -> None:
    @task(trigger=triggers.all_finished)
    def kind(x: Any) -> str:
        return type(x).__name__

    with Flow("lost chunk") as flow:
        doubled = double.map(numbers(30))
        strict = add.map(doubled)
        kinds = kind.map(doubled)
    # Number 0 is `numbers`; number 1 is the first chunk, of one child.
    state = flow.run(executor=Loopback(fails=lambda number: number == 1))

    lost, *others = state.result[doubled].map_states
    assert isinstance(lost.result, ConnectionError)
    assert all(child.is_successful() for child in others)
    assert isinstance(state.result[strict].map_states[0], TriggerFailed)
    assert state.result[strict].result[1:] == [2 * number + 10 for number in range(1, 30)]
    assert state.result[kinds].result == ["ConnectionError"] + ["int"] * 29


def test_lost_children_are_retried_alone() -> None:
    @task(max_retries=1, retry_delay=NOW)
    def count(x: int) -> int:
        return prefect.context.task_run_count

    with Flow("lost child") as flow:
        counted = count.map(numbers(10))
    state = flow.run(executor=Loopback(fails=lambda number: number == 1))

    assert state.result[counted].result == [2] + [1] * 9


def test_a_thread_that_breaks_fails_the_children_that_nobody_ran() -> None:
    class Breaking(ThreadPoolExecutor):
        def submit(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
            def broken() -> None:
                raise MemoryError("no thread left")

            return super().submit(broken, **kwargs)

    with Flow("broken thread") as flow:
        doubled = double.map([1, 2, 3])
        single = add(doubled)
    state = flow.run(executor=Breaking(max_workers=1))

    children = state.result[doubled].map_states
    assert [type(child.result) for child in children] == [MemoryError] * 3
    assert all("Task 'double' was lost by its executor" in child.message for child in children)
    assert state.result[single].is_failed()


# -- what does not pickle -----------------------------------------------------------------


class Locked:
    def __init__(self) -> None:
        self.lock = threading.Lock()


def test_a_task_that_does_not_pickle_is_named_with_the_part() -> None:
    class Holding(Task):
        def __init__(self, **kwargs: Any) -> None:
            self.locked = Locked()
            super().__init__(**kwargs)

        def run(self, x: int = 0) -> int:
            return x

    with Flow("holding") as flow:
        single = Holding(name="single")()
        mapped = Holding(name="mapped").map([1, 2])
    state = flow.run(executor=Loopback())

    for name, found in (("single", state.result[single]), ("mapped", state.result[mapped].map_states[0])):
        assert isinstance(found, Failed)
        assert f"'{name}'" in str(found.message)
        assert "locked" in str(found.message)
    assert len(state.result[mapped].map_states) == 2


def test_an_element_that_does_not_pickle_fails_its_chunk_and_is_named() -> None:
    @task(name="inputs")
    def same(x: Any) -> bool:
        return True

    with Flow("elements") as flow:
        mapped = same.map([1, 2, 3])
    [constant] = flow.get_tasks(name="[1, 2, 3]") or flow.get_tasks(name="Constant[list]")
    constant.value = [1, Locked(), 3]  # type: ignore[attr-defined]
    state = flow.run(executor=Loopback(workers=3))

    children = state.result[mapped].map_states
    assert [child.is_successful() for child in children] == [True, False, True]
    assert "x[1]" in str(children[1].message)


def test_a_result_that_does_not_pickle_fails_its_task_and_no_other() -> None:
    @task
    def lock(x: int = 0) -> Any:
        return Locked() if x == 1 else x

    with Flow("results") as flow:
        single = lock(1)
        mapped = lock.map([0, 1, 2])
    state = flow.run(executor=Loopback())

    assert "The result of task 'lock'" in str(state.result[single].message)
    children = state.result[mapped].map_states
    assert [child.is_successful() for child in children] == [True, False, True]
    assert "'lock[1]'" in str(children[1].message)
    assert "back from the process that ran it" in str(children[1].message)


# -- here, through an executor ------------------------------------------------------------


class Inline(Executor):
    """Calls at once, and counts."""

    placement = "inline"

    def __init__(self) -> None:
        super().__init__()
        self.submitted = 0

    def submit(self, fn: Any, *args: Any, extra_context: Any = None, **kwargs: Any) -> Any:
        self.submitted += 1
        return fn(*args, **kwargs)

    def wait(self, futures: Any) -> Any:
        return futures


def test_an_executor_of_ones_own_gets_every_run() -> None:
    with Flow("inline") as flow:
        made = numbers(4)
        doubled = double.map(made)
        added = add.map(doubled)
    executor = Inline()
    state = flow.run(executor=executor)

    assert state.result[added].result == [10, 12, 14, 16]
    assert executor.submitted == 1 + 4


# -- groups of maps -----------------------------------------------------------------------


def order_of(build: Callable[[Callable[..., Any]], Any]) -> list[str]:
    """The children in the order in which they ran."""
    ran: list[str] = []

    class Note(Task):
        def run(self, x: Any, y: Any = None) -> Any:
            ran.append(f"{self.name}{prefect.context.map_index}")
            return x

    with Flow("order"):
        build(lambda name, **kwargs: Note(name=name, **kwargs))
        flow = prefect.context.flow
    assert flow.run(executor=LocalExecutor()).is_successful()
    return ran


def test_chains_of_maps_go_child_by_child() -> None:
    assert order_of(lambda note: note("b").map(note("a").map([1, 2]))) == ["a0", "b0", "a1", "b1"]


def test_branches_of_a_map_go_with_it() -> None:
    def build(note: Any) -> None:
        first = note("a").map([1, 2])
        left, right = note("b").map(first), note("c").map(first)
        note("d").map(left, right)

    assert order_of(build) == ["a0", "b0", "c0", "d0", "a1", "b1", "c1", "d1"]


def test_a_map_that_waits_for_something_else_comes_later() -> None:
    def build(note: Any) -> None:
        first = note("a").map([1, 2])
        note("c").map(note("b").map(first), y=unmapped(note("s")(0, upstream_tasks=[unmapped(first)])))

    assert order_of(build) == ["a0", "b0", "a1", "b1", "sNone", "c0", "c1"]


def test_a_flattened_consumer_waits_for_all_children() -> None:
    from prefect import flatten

    def build(note: Any) -> None:
        note("b").map(flatten(note("a").map([[1], [2]])))

    assert order_of(build) == ["a0", "a1", "b0", "b1"]


def test_tasks_of_other_dask_resources_do_not_run_on_the_same_worker() -> None:
    def build(note: Any) -> None:
        note("b", tags=["dask-resource:GPU=1"]).map(note("a").map([1, 2]))

    assert order_of(build) == ["a0", "a1", "b0", "b1"]


# -- earlier states -----------------------------------------------------------------------


@pytest.mark.parametrize("executor", [LocalExecutor(), ThreadPoolExecutor(max_workers=2), Loopback()])
def test_children_that_are_done_are_not_run_again(executor: Executor) -> None:
    @task
    def late(x: int) -> str:
        return f"ran {x}"

    with Flow("earlier") as flow:
        made = late.map([0, 1, 2, 3])
    later = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    earlier = Mapped(
        map_states=[
            Success(result="done"),
            Failed("failed"),
            Pending(),
            Cached(result="invalid", cached_result_expiration=later),
        ]
    )
    state = FlowRunner(flow).run(return_tasks=[made], task_states={made: earlier}, executor=executor)

    found = state.result[made]
    assert found.result == ["done", None, "ran 2", "ran 3"]
    assert [type(child) for child in found.map_states] == [Success, Failed, Success, Success]


@given(st.integers(1, 5000), st.integers(1, 16), st.lists(st.floats(0.0001, 10), max_size=20))
def test_chunks_are_never_empty_and_never_starve_a_worker(
    width: int, workers: int, times: list[float]
) -> None:
    sizes = ChunkSizes(width, workers)
    remaining = width
    while remaining:
        size = sizes.next_size(remaining)
        assert 1 <= size <= remaining
        assert size <= -(-remaining // workers)
        remaining -= size
        if times:
            sizes.learn(size, times.pop())


def test_chunks_grow_while_children_are_quick_and_shrink_when_they_are_slow() -> None:
    sizes = ChunkSizes(100_000, 1)
    for _ in range(8):
        size = sizes.next_size(100_000)
        sizes.learn(size, size * 1e-5)
    assert sizes.size == 1000
    sizes.learn(1000, 100.0)
    assert sizes.size == 1


@pytest.mark.parametrize("executor", [LocalExecutor(), ThreadPoolExecutor(max_workers=2), Loopback()])
def test_cached_results_are_used_wherever_a_task_runs(executor: Executor) -> None:
    hour = datetime.timedelta(hours=1)

    @task(cache_for=hour)
    def single() -> str:
        return prefect.context.task_run_id

    @task(cache_for=hour, cache_validator=all_inputs)
    def each(x: int) -> list[Any]:
        return [x, prefect.context.task_run_id]

    with Flow("cached") as flow:
        one, many = single(), each.map([1, 2, 3])
    first, second = flow.run(executor=executor), flow.run(executor=executor)

    assert first.result[one].result == second.result[one].result
    assert first.result[many].result == second.result[many].result
    assert [x for x, _ in second.result[many].result] == [1, 2, 3]


def test_a_cached_value_that_does_not_pickle_is_made_anew_elsewhere() -> None:
    @task(cache_for=datetime.timedelta(hours=1))
    def lock() -> Any:
        return Locked() if prefect.context.mine == "here" else "from elsewhere"

    with Flow("cached lock") as flow:
        locked = lock()
    here = flow.run(context={"mine": "here"})
    elsewhere = flow.run(context={"mine": "there"}, executor=Loopback())

    assert isinstance(here.result[locked].result, Locked)
    assert elsewhere.result[locked].result == "from elsewhere"


# -- runners ------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", [LocalExecutor(), ThreadPoolExecutor(max_workers=2), Loopback()])
def test_a_task_runner_of_ones_own_runs_everywhere(executor: Executor) -> None:
    class Louder(TaskRunner):
        def get_task_run_state(self, state: State, inputs: Any) -> State:
            found = super().get_task_run_state(state, inputs)
            found.message = f"{found.message} Loudly."
            return found

    with Flow("louder") as flow:
        single = double(1)
        mapped = double.map([1, 2])
    state = FlowRunner(flow, task_runner_cls=Louder).run(return_tasks=[single, mapped], executor=executor)

    assert state.result[single].message == "Task run succeeded. Loudly."
    assert [child.message for child in state.result[mapped].map_states] == ["Task run succeeded. Loudly."] * 2


def test_contexts_of_single_tasks_reach_their_children_elsewhere() -> None:
    @task
    def look(x: int = 0) -> Any:
        return prefect.context.get("extra")

    with Flow("contexts") as flow:
        single, mapped = look(), look.map([1, 2])
    state = flow.run(executor=Loopback(), task_contexts={single: {"extra": 1}, mapped: {"extra": 2}})

    assert state.result[single].result == 1
    assert state.result[mapped].result == [2, 2]


def test_signals_and_skips_come_back_from_elsewhere() -> None:
    @task
    def skip_odd(x: int) -> int:
        if x % 2:
            raise signals.SKIP("odd")
        return x

    with Flow("signals") as flow:
        skipped = skip_odd.map([0, 1])
        after = double.map(skipped)
        failed = odd_fails.map([0, 1])
    state = flow.run(executor=Loopback())

    assert [child.is_skipped() for child in state.result[after].map_states] == [False, True]
    assert isinstance(state.result[skipped].map_states[1].result, signals.SKIP)
    assert repr(state.result[failed].map_states[1].result) == "ValueError('1 is odd')"
