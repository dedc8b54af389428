"""What recorded behaviour does not cover of flows: arguments that went, editing, loading, registering."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import prefect
from prefect import Flow, Parameter, Task, flatten, mapped, task, unmapped
from prefect.core.edge import Edge
from prefect.engine.results import LocalResult
from prefect.executors import LocalExecutor
from prefect.storage import Local


@task
def add(x: int, y: int = 10) -> int:
    return x + y


@task
def three() -> list[int]:
    return [1, 2, 3]


# -- arguments ----------------------------------------------------------------------------


def test_an_environment_is_refused_with_what_replaced_it() -> None:
    with pytest.raises(TypeError, match=r"environment.*run_config") as error:
        Flow("old", environment="LocalEnvironment")  # type: ignore[call-arg]
    assert "executor" in str(error.value)


def test_an_unknown_argument_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="colour"):
        Flow("odd", colour="red")  # type: ignore[call-arg]


def test_a_flow_without_an_executor_takes_the_one_configured_where_it_runs() -> None:
    from prefect.utilities.configuration import set_temporary_config

    taken: list[str] = []

    class Noting(LocalExecutor):
        def start(self) -> Any:
            taken.append("configured")
            return super().start()

    with Flow("default") as flow:
        add(1)
    assert flow.executor is None

    with set_temporary_config({"engine.executor.default_class": Noting}):
        assert flow.run().is_successful()
    assert taken == ["configured"]


def test_the_executor_of_the_flow_is_used_unless_another_is_given() -> None:
    taken: list[str] = []

    class Noting(LocalExecutor):
        def __init__(self, label: str) -> None:
            self.label = label
            super().__init__()

        def start(self) -> Any:
            taken.append(self.label)
            return super().start()

    with Flow("own", executor=Noting("own")) as flow:
        add(1)
    flow.run()
    flow.run(executor=Noting("given"))
    assert taken == ["own", "given"]


# -- targets ------------------------------------------------------------------------------


def test_a_target_needs_a_result_of_the_task_or_of_the_flow() -> None:
    with Flow("target") as flow:
        add(1, task_args={"target": "x.bin"})

    for refuse in (flow.run, flow.validate, flow.serialize):
        with pytest.raises(ValueError, match=r"Task 'add' has a target \('x.bin'\).*LocalResult"):
            refuse()

    flow.result = LocalResult()
    flow.validate()


# -- validation while building ------------------------------------------------------------


def test_wrong_edges_are_found_at_once_where_that_is_configured() -> None:
    from prefect.utilities.configuration import set_temporary_config

    first, second = add.copy(name="first"), add.copy(name="second")
    flow = Flow("eager")
    with set_temporary_config({"flows.eager_edge_validation": True}):
        flow.set_dependencies(second, keyword_tasks={"x": first})
        with pytest.raises(ValueError, match="second -> first -> second"):
            flow.set_dependencies(first, upstream_tasks=[second])


# -- editing ------------------------------------------------------------------------------


def test_update_brings_constants_and_keeps_slugs_apart() -> None:
    with Flow("first") as first:
        add(1)
    with Flow("second") as second:
        other = add(2)
    first.update(second)

    assert sorted(first.slugs.values()) == ["add-1", "add-2"]
    assert first.run().result[other].result == 12


def test_update_with_merged_parameters_rewires_and_keeps_reference_tasks() -> None:
    with Flow("first") as first:
        mine = Parameter("x", default=1)
        kept = add(mine)
    first.set_reference_tasks([mine])
    with Flow("second") as second:
        theirs = Parameter("x", default=2)
        other = add(theirs)
    first.update(second, merge_parameters=True)

    assert first.parameters() == {theirs}
    assert first.reference_tasks() == {theirs}
    state = first.run()
    assert state.result[kept].result == state.result[other].result == 12


def test_update_with_the_very_same_parameter_shares_it() -> None:
    x = Parameter("x", default=1)
    with Flow("first") as first:
        add(x)
    with Flow("second") as second:
        add(x)
    first.update(second, merge_parameters=True)

    assert first.parameters() == {x}
    assert len(first.edges) == 2


def test_replace_takes_over_edges_constants_and_the_name_of_the_slot() -> None:
    @task
    def double(x: int, y: int) -> int:
        return 2 * (x + y)

    @task
    def anything(**kwargs: Any) -> int:
        return sum(kwargs.values())

    with Flow("replaced") as flow:
        old = add(add(1), 5)
        last = add(old)
    for new in (double.copy(), anything.copy(), add.copy()):
        flow.replace(old, new)
        old = new
    assert flow.run().result[last].result == 26


def test_constants_that_the_new_task_has_no_argument_for_are_left_out() -> None:
    @task
    def single(x: int) -> int:
        return x

    with Flow("narrower") as flow:
        old = add(1, 5)
    new = single.copy()
    flow.replace(old, new)

    assert flow.constants[new] == {"x": 1}
    assert flow.run().result[new].result == 1


def test_the_slug_of_a_replaced_task_is_free_again() -> None:
    with Flow("slug") as flow:
        old = add(1)
    flow.replace(old, add.copy())

    assert list(flow.slugs.values()) == ["add-1"]


def test_edges_of_tasks_that_are_not_in_the_flow_are_found_by_validation() -> None:
    flow = Flow("lost edge", tasks=[Task(name="a")])
    flow.edges.add(Edge(Task(name="stranger"), next(iter(flow.tasks))))

    with pytest.raises(ValueError, match=r"stranger.*not in.*flow\.add_task"):
        flow.validate()


def test_downstream_tasks_take_no_annotations() -> None:
    flow = Flow("annotated")
    with pytest.raises(TypeError, match="map on the call of the downstream task"):
        flow.set_dependencies(Task(name="a"), downstream_tasks=[mapped(Task(name="b"))])


def test_values_can_be_bound_where_tasks_are_expected() -> None:
    flow = Flow("values")
    flow.set_dependencies([1, 2], downstream_tasks=[three.copy()])
    with flow:
        mapped_over = add.map(flatten([[1], [2]]), unmapped(3))
        last = add(1, upstream_tasks=["before"])

    state = flow.run()
    assert state.result[mapped_over].result == [4, 5]
    assert state.result[last].result == 11
    assert len(flow.edges) == 3


# -- a flow file that is being loaded ------------------------------------------------------


def test_running_and_registering_only_warn_while_a_file_is_loaded() -> None:
    flow = Flow("loaded")
    with prefect.context(loading_flow=True), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert flow.run() is None
        assert flow.register("project") is None

    assert [str(each.message).split("`")[1] for each in warned] == ["flow.run", "flow.register"]


# -- registering and agents ---------------------------------------------------------------


class FakeClient:
    registered: dict[str, Any]

    def register(self, **kwargs: Any) -> str:
        type(self).registered = kwargs
        return "an-id"


def test_registering_fills_in_what_a_backend_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.client.client.Client", FakeClient)
    flow = Flow("registered")

    assert flow.register("project", labels=["a"], idempotency_key="key", add_default_labels=False) == "an-id"
    assert isinstance(flow.storage, Local)
    assert flow.run_config is not None
    assert flow.run_config.labels == {"a"}
    sent = FakeClient.registered
    assert (sent["flow"], sent["project_name"], sent["idempotency_key"]) == (flow, "project", "key")
    assert sent["build"] is True
    assert sent["set_schedule_active"] is True


def test_tokens_of_old_agents_are_refused_with_their_replacement() -> None:
    with pytest.raises(TypeError, match="api_key"):
        Flow("agent").run_agent(token="t")


# -- HTML ---------------------------------------------------------------------------------


def test_iterating_and_printing_a_flow() -> None:
    with Flow("shown") as flow:
        total = add(three()[0])

    assert list(flow)[-1] is total
    assert repr(flow) == '<Flow: name="shown">'
    with pytest.raises(TypeError, match="unhashable"):
        hash(flow)
    assert flow != "shown"
