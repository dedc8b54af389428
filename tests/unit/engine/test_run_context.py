"""What tasks read in `prefect.context`: made when it is read, and each thread's own."""

from __future__ import annotations

import datetime
import pickle
import re
import threading
import uuid
from typing import Any

import pendulum
import pytest

import prefect
from prefect import Flow, task
from prefect.engine.run_context import flow_run_layer, flow_run_snapshot, new_id
from prefect.executors import ThreadPoolExecutor
from prefect.testing import run_task
from prefect.utilities.context import Context, Layer, context


def in_a_run(read: Any, **given: Any) -> Any:
    """What `read` returns inside a task of a flow run."""

    @task
    def look() -> Any:
        return read()

    with Flow("looking") as flow:
        looked = look()
    state = flow.run(context=given)
    if state.result[looked].is_failed():
        raise state.result[looked].result
    return state.result[looked].result


# -- lazy values --------------------------------------------------------------------------


def test_values_that_nobody_reads_are_not_made() -> None:
    layer = flow_run_layer({"flow_name": "lazy"})

    assert set(layer.values) == {"flow_name"}
    assert layer.lookup("flow_run_id") == layer.lookup("flow_run_id")
    assert set(layer.values) == {"flow_name", "flow_run_id"}


def test_a_value_is_made_once_for_all_tasks_of_a_run() -> None:
    ids: list[str] = []

    @task
    def look() -> None:
        ids.append(prefect.context.flow_run_id)

    with Flow("one run") as flow:
        look(), look()
    flow.run()
    flow.run()

    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_each_task_run_has_an_id_of_its_own() -> None:
    @task
    def look(x: int) -> list[str]:
        return [prefect.context.task_run_id, prefect.context.task_run_id]

    with Flow("ids") as flow:
        looked = look.map([1, 2])
    first, second = flow.run().result[looked].result

    assert first[0] == first[1] != second[0]


def test_ids_are_random_uuids_of_version_4() -> None:
    ids = {new_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(uuid.UUID(text).version == 4 and str(uuid.UUID(text)) == text for text in ids)


def test_seeding_the_random_module_does_not_repeat_ids() -> None:
    import random

    random.seed(1)
    first = new_id()
    random.seed(1)
    assert new_id() != first


# -- dates --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "date",
    [
        "2020-02-29",
        datetime.datetime(2020, 2, 29, 23, tzinfo=datetime.timezone.utc),
        pendulum.datetime(2020, 2, 29),
    ],
)
def test_the_days_follow_the_date_that_is_given(date: Any) -> None:
    def read() -> list[Any]:
        return [prefect.context[key] for key in ("yesterday", "today", "tomorrow", "tomorrow_nodash")] + [
            type(prefect.context.date)
        ]

    assert in_a_run(read, date=date) == [
        "2020-02-28",
        "2020-02-29",
        "2020-03-01",
        "20200301",
        pendulum.DateTime,
    ]


def test_without_a_date_the_run_begins_now() -> None:
    before = pendulum.now("utc").subtract(seconds=1)
    date, today = in_a_run(lambda: [prefect.context.date, prefect.context.today])

    assert before <= date <= pendulum.now("utc")
    assert today == date.strftime("%Y-%m-%d")


def test_a_day_that_is_given_stays() -> None:
    assert in_a_run(lambda: prefect.context.today, today="my day", date="2020-01-01") == "my day"


# -- what a run sees ----------------------------------------------------------------------


def test_the_full_name_of_a_child_has_its_index() -> None:
    @task
    def look(x: int) -> list[Any]:
        return [prefect.context.task_full_name, prefect.context.map_index]

    with Flow("names") as flow:
        plain = look(1)
        mapped = look.map([1])
    state = flow.run()

    assert state.result[plain].result == ["look", None]
    assert state.result[mapped].result == [["look[0]", 0]]


def test_what_a_task_writes_ends_with_its_run() -> None:
    @task
    def write() -> None:
        prefect.context["mark"] = 1

    @task
    def read() -> Any:
        return prefect.context.get("mark")

    with Flow("marks") as flow:
        found = read(upstream_tasks=[write()])
    assert flow.run().result[found].result is None
    assert prefect.context.get("mark") is None


def test_the_snapshot_for_other_processes_pickles_and_keeps_the_parameters() -> None:
    seen: list[Any] = []

    class Noting(ThreadPoolExecutor):
        def submit(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(flow_run_snapshot(prefect.context.top))
            return super().submit(fn, *args, **kwargs)

    with Flow("snapshot", executor=Noting(max_workers=1)) as flow:
        prefect.Parameter("p", default=5)()
    flow.run(context={"mine": 1})

    [found] = seen
    assert (found["parameters"], found["mine"], found["flow_name"]) == ({"p": 5}, 1, "snapshot")
    assert {"logger", "caches", "flow"}.isdisjoint(found)
    found.pop("config")
    assert pickle.loads(pickle.dumps(found))["today"] == found["today"]


def test_errors_of_a_missing_value_say_where_it_would_be() -> None:
    with pytest.raises(AttributeError, match=re.escape("prefect.context has no 'map_index' here")):
        prefect.context.map_index  # noqa: B018
    with pytest.raises(KeyError):
        prefect.context["map_index"]


# -- threads ------------------------------------------------------------------------------


def test_a_new_thread_starts_from_the_initial_context() -> None:
    found: list[Any] = []
    with prefect.context(mine=1):
        thread = threading.Thread(
            target=lambda: found.append((prefect.context.get("mine"), "config" in prefect.context))
        )
        thread.start()
        thread.join()

    assert found == [(None, True)]


def test_runs_in_threads_do_not_see_each_others_tasks() -> None:
    barrier = threading.Barrier(4, timeout=30)

    @task
    def look(x: int) -> list[Any]:
        first = prefect.context.map_index
        barrier.wait()  # all four are inside of their runs now
        return [first, prefect.context.map_index, prefect.context.task_full_name]

    with Flow("threads", executor=ThreadPoolExecutor(max_workers=4)) as flow:
        looked = look.map([0, 1, 2, 3])

    assert flow.run().result[looked].result == [[n, n, f"look[{n}]"] for n in range(4)]


def test_threads_of_one_run_share_its_id_and_date() -> None:
    @task
    def look(x: int) -> Any:
        return prefect.context.flow_run_id, prefect.context.date

    with Flow("shared", executor=ThreadPoolExecutor(max_workers=4)) as flow:
        looked = look.map(list(range(20)))

    assert len(set(flow.run().result[looked].result)) == 1


def test_flow_runs_in_several_threads_do_not_mix() -> None:
    barrier = threading.Barrier(3, timeout=30)

    @task
    def look() -> list[Any]:
        barrier.wait()  # all three runs are in their task now
        return [prefect.context.flow_name, prefect.context.mine, prefect.context.parameters]

    found: dict[str, Any] = {}

    def run(name: str) -> None:
        with Flow(name) as flow:
            prefect.Parameter("p", default=name)()
            looked = look()
        found[name] = flow.run(context={"mine": name}).result[looked].result

    threads = [threading.Thread(target=run, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {name: [name, name, {"p": name}] for name in "abc"}


def test_a_flow_that_is_run_by_a_task_has_a_context_of_its_own() -> None:
    @task
    def inner_task(x: int) -> list[Any]:
        return [prefect.context.flow_name, prefect.context.task_full_name, x]

    @task
    def outer_task(x: int) -> list[Any]:
        with Flow(f"inner {x}") as inner:
            looked = inner_task.map([x, x])
        # The outer flow is no flow that is being built here.
        state = inner.run()
        return [state.result[looked].result, prefect.context.flow_name, prefect.context.task_full_name]

    with Flow("outer", executor=ThreadPoolExecutor(max_workers=2)) as outer:
        looked = outer_task.map([1, 2])

    assert outer.run().result[looked].result == [
        [[[f"inner {x}", f"inner_task[{n}]", x] for n in (0, 1)], "outer", f"outer_task[{x - 1}]"]
        for x in (1, 2)
    ]


# -- the dictionary -----------------------------------------------------------------------


def test_a_context_is_a_dictionary_in_layers() -> None:
    own = Context({"a": 1}, b=2)
    with own(a=5, c=3) as inside:
        assert inside is own
        assert (own.a, own["b"], own.get("c"), own.get("d", 4)) == (5, 2, 3, 4)
        del own["b"]
        assert "b" not in own
        own.e = 6
        assert dict(own.items()) == {"a": 5, "c": 3, "e": 6}
        assert len(own) == 3
        with pytest.raises(KeyError):
            del own["nothing"]
        with pytest.raises(AttributeError):
            del own.nothing
        del own.e
        assert repr(own) == "<Context: ['a', 'c']>"
        own.clear()
        assert own.to_dict() == {}
    assert own.copy() == {"a": 1, "b": 2}


def test_a_layer_is_left_also_by_an_error() -> None:
    with pytest.raises(ValueError, match="inside"), prefect.context(mine=1):
        raise ValueError("inside")
    assert "mine" not in prefect.context


def test_configuration_in_a_layer_is_merged() -> None:
    with prefect.context(config={"flows": {"checkpointing": "mine"}}):
        assert prefect.context.config.flows.checkpointing == "mine"
        assert prefect.context.config.flows.eager_edge_validation is False
    assert prefect.context.config.flows.checkpointing != "mine"


def test_the_context_itself_does_not_pickle_and_says_what_to_do() -> None:
    with pytest.raises(TypeError, match="instead of keeping a reference"):
        pickle.dumps(prefect.context)


def test_pushing_and_restoring_layers_nest() -> None:
    outer = context.push(Layer({"x": 1}))
    inner = context.push(Layer({"x": 2}, {"made": lambda layer: layer.lookup("x") * 10}))
    assert (context.x, context.made) == (2, 20)
    assert context.to_dict()["made"] == 20
    context.restore(inner)
    assert context.x == 1
    context.restore(outer)
    assert "x" not in context


def test_a_task_on_its_own_has_a_context_too() -> None:
    @task(tags=["t"])
    def look() -> Any:
        return [prefect.context.task_name, prefect.context.task_tags, prefect.context.map_index]

    assert run_task(look, context={"map_index": 4}).result == ["look", {"t"}, 4]
