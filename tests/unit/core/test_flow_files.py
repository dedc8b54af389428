"""Flows survive pickling, saving and loading, with everything that belongs to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prefect
from prefect import Flow, Parameter, Task, resource_manager, task
from prefect.core.edge import Edge
from prefect.engine.state import Success


@task
def add(x: int, y: int = 0) -> int:
    return x + y


def through_a_pickle(value: Any) -> Any:
    return cloudpickle.loads(cloudpickle.dumps(value))


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    with Flow("random") as flow:
        made: list[Any] = [Parameter("start", default=draw(st.integers(0, 5)))()]
        for number in range(draw(st.integers(0, 6))):
            source = made[draw(st.integers(0, len(made) - 1))]
            upstream = made[draw(st.integers(0, len(made) - 1))]
            made.append(
                add(source, number, upstream_tasks=[upstream] if draw(st.booleans()) else None)
                if draw(st.booleans())
                else add(source)
            )
    if draw(st.booleans()):
        flow.set_reference_tasks(draw(st.lists(st.sampled_from(made), max_size=2)))
    return flow


def shape(flow: Flow) -> Any:
    return (
        [flow.slugs[each] for each in flow.tasks],
        [
            (flow.slugs[edge.upstream_task], flow.slugs[edge.downstream_task], edge.key, edge.mapped)
            for edge in flow.edges
        ],
        {flow.slugs[each]: values for each, values in flow.constants.items() if values},
        sorted(flow.slugs[each] for each in flow.reference_tasks()),
        [flow.slugs[each] for each in flow.sorted_tasks()],
    )


@given(flows())
def test_a_flow_keeps_its_shape_and_its_results_in_a_pickle(flow: Flow) -> None:
    loaded = through_a_pickle(flow)

    assert shape(loaded) == shape(flow)
    assert {loaded.slugs[each]: state.result for each, state in loaded.run().result.items()} == {
        flow.slugs[each]: state.result for each, state in flow.run().result.items()
    }


@given(flows())
def test_a_copy_is_equal_and_independent(flow: Flow) -> None:
    before = shape(flow)
    copy = flow.copy()
    assert copy == flow
    assert shape(copy) == before

    copy.add_edge(copy.add_task(Task(name="new")), add.copy(name="later"), key="x")
    with copy:
        add(next(iter(copy.parameters())), 99)
    assert shape(flow) == before


def test_a_flow_whose_tasks_know_each_other_keeps_one_of_each() -> None:
    a, b = Task(name="a"), Task(name="b")
    a.friend, b.friend = b, a  # type: ignore[attr-defined]
    flow = Flow("circle", tasks=[a, b], edges=[Edge(a, b)])
    a.home = flow  # type: ignore[attr-defined]

    loaded = through_a_pickle(flow)

    first, second = loaded.tasks
    assert first.friend is second
    assert second.friend is first
    assert first.home is loaded
    [edge] = loaded.edges
    assert edge.upstream_task is first
    assert loaded.edges.downstream[first] == [edge]
    assert loaded.slugs[first] == "a-1"


def test_an_open_flow_can_be_pickled_and_the_copy_opened() -> None:
    with Flow("open") as flow:
        add(1)
        loaded = through_a_pickle(flow)
    with loaded:
        add(2)

    assert len(flow.tasks) == 1
    assert len(loaded.tasks) == 2
    assert prefect.context.get("flow") is None


def test_tasks_added_after_loading_get_slugs_of_their_own() -> None:
    with Flow("slugs") as flow:
        add(1)
    loaded = through_a_pickle(flow)
    with loaded:
        second = add(2)

    assert loaded.slugs[second] == "add-2"


def test_a_saved_flow_runs_after_loading(tmp_path: Path) -> None:
    with Flow("saved") as flow:
        total = add(Parameter("x", default=1), 2)
    path = flow.save(str(tmp_path / "deep" / "file.prefect"))

    loaded = Flow.load(path)

    assert path == str(tmp_path / "deep" / "file.prefect")
    [loaded_total] = loaded.get_tasks(name=total.name)
    assert loaded.run(x=5).result[loaded_total].result == 7


def test_a_flow_saved_without_a_path_is_found_by_its_name() -> None:
    path = Flow("My  Flow, No. 1").save()

    assert path.endswith("flows/my-flow-no-1.prefect")
    assert Flow.load("My  Flow, No. 1").name == "My  Flow, No. 1"


def test_loading_what_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        Flow.load(str(tmp_path / "nothing.prefect"))


def test_resources_survive_a_pickle() -> None:
    @resource_manager
    class Resource:
        def setup(self) -> str:
            return "open"

        def cleanup(self, resource: str) -> None:
            assert resource == "open"

    with Flow("resource") as flow, Resource() as resource:
        add.copy(name="use").bind(1, upstream_tasks=[resource], flow=flow)

    state = through_a_pickle(flow).run()
    assert state.is_successful()
    assert len(state.result) == 4


def test_the_hash_of_a_flow_follows_its_structure() -> None:
    def make(**changes: Any) -> str:
        with Flow("hashed") as flow:
            add(1, task_args=changes)
        return flow.serialized_hash()

    assert make() == make()
    assert make() != make(name="other")
    assert len(make()) == 64


def test_tasks_edges_and_parameters_have_a_form_of_their_own_in_json() -> None:
    with Flow("parts") as flow:
        x = Parameter("x", default=1)
        total = add(x)
    [edge] = flow.edges

    assert total.serialize()["name"] == "add"
    assert x.serialize()["default"] == 1
    assert edge.serialize()["key"] == "x"


def test_building_needs_a_storage_and_leaves_the_flow_as_it_is(tmp_path: Path) -> None:
    from prefect.storage import Local

    flow = Flow("built")
    with pytest.raises(ValueError, match=r"no storage to build.*flow\.storage"):
        flow.serialize(build=True)

    flow.storage = Local(directory=str(tmp_path))
    first = flow.serialize(build=True)
    again = flow.serialize(build=True)

    assert first["storage"]["flows"].keys() == again["storage"]["flows"].keys() == {"built"}
    assert flow.storage.flows["built"] == first["storage"]["flows"]["built"]


def test_diagnostics_tell_what_is_set_and_no_values() -> None:
    with Flow("secret name", state_handlers=[print]) as flow:
        Parameter("password", default="hunter2")()
    told = flow.diagnostics()

    assert "hunter2" not in told
    assert "secret name" not in told
    assert json.loads(told)["flow_information"]["task_count"] == 1


def test_results_of_a_run_can_be_pickled_with_the_flow() -> None:
    with Flow("with state") as flow:
        total = add(1, 2)
    loaded_flow, loaded_state = through_a_pickle((flow, flow.run()))

    [only] = loaded_flow.tasks
    assert loaded_state.result[only].result == 3
    assert isinstance(loaded_state, Success)
    assert total is not only
