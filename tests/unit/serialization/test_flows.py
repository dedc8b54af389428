"""Flows, tasks, parameters and edges as JSON."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect import Flow, Parameter, Task, _wire, task
from prefect.core.parameter import DateTimeParameter
from prefect.engine import cache_validators
from prefect.serialization.edge import EdgeSchema
from prefect.serialization.flow import (
    FlowSchema,
    get_edges,
    get_parameters,
    get_reference_tasks,
    get_tasks,
    serialize_flow,
)
from prefect.serialization.task import ParameterSchema, TaskSchema
from prefect.triggers import all_failed, some_failed
from prefect.utilities.serialization import ValidationError


@task
def add(x: int, y: Any = 1) -> int:
    return x + y


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """Flows of a few tasks with any settings and any edges downwards."""
    flow = Flow("any")
    tasks: list[Task] = []
    for _ in range(draw(st.integers(1, 6))):
        retries = draw(st.integers(0, 2))
        tasks.append(
            Task(
                name=draw(st.sampled_from(["a", "b", "a b"])),
                tags=draw(st.sets(st.sampled_from(["t", "u"]))),
                max_retries=retries,
                retry_delay=datetime.timedelta(seconds=draw(st.integers(0, 9))) if retries else None,
                timeout=draw(st.none() | st.integers(1, 9) | st.just(0.5)),
                trigger=draw(st.sampled_from([None, all_failed, some_failed(at_least=2)])),
                skip_on_upstream_skip=draw(st.booleans()),
                cache_for=datetime.timedelta(minutes=1),
                cache_key=draw(st.none() | st.just("k")),
                cache_validator=cache_validators.partial_inputs_only(draw(st.none() | st.just(["x"]))),
            )
        )
        flow.add_task(tasks[-1])
    for index in range(1, len(tasks)):
        for upstream in draw(st.sets(st.integers(0, index - 1), max_size=2)):
            flow.add_edge(tasks[upstream], tasks[index], mapped=draw(st.booleans()))
    flow.set_reference_tasks(draw(st.sets(st.sampled_from(tasks), max_size=2)))
    return flow


@given(flows())
def test_a_flow_survives_its_json(flow: Flow) -> None:
    data = json.loads(json.dumps(flow.serialize()))

    again = FlowSchema().load(data).serialize()

    assert json.loads(json.dumps(again)) == data


@given(flows())
def test_the_json_of_a_flow_is_the_one_of_its_struct(flow: Flow) -> None:
    data = json.loads(json.dumps(flow.serialize()))

    assert json.loads(_wire.encode(_wire.from_builtins(data, _wire.Flow))) == data


def test_lists_are_sorted_by_slug_whatever_the_order_of_declaration() -> None:
    with Flow("f") as flow:
        z = Parameter("z")
        a = Parameter("a")
        last = add(z, y=a)
        add(last, y=a)
    data = flow.serialize()

    assert [item["slug"] for item in data["parameters"]] == ["a", "z"]
    assert [item["slug"] for item in data["tasks"]] == ["a", "add-1", "add-2", "z"]
    pairs = [
        (edge["upstream_task"]["slug"], edge["downstream_task"]["slug"], edge["key"])
        for edge in data["edges"]
    ]
    assert pairs == sorted(pairs)
    assert [flow.slugs[found] for found in get_tasks(flow, {})] == ["a", "add-1", "add-2", "z"]
    assert get_parameters(flow, {}) == [a, z]
    assert [edge.key for edge in get_edges(flow, {})] == ["y", "y", "x", "x"]
    assert get_reference_tasks(flow, {}) == []


def test_a_task_has_the_slug_of_the_flow_that_is_written() -> None:
    shared = Task(name="t")
    Flow("one", tasks=[shared])
    two = Flow("two", tasks=[Task(name="t"), shared])

    assert [item["slug"] for item in serialize_flow(two)["tasks"]] == ["t-1", "t-2"]
    assert TaskSchema(context={"flow": two}).dump(shared)["slug"] == "t-2"
    assert TaskSchema().dump(shared)["slug"] is None


def test_attributes_set_by_hand_are_written_and_read() -> None:
    flow = Flow("f")
    assert not {"project", "version", "description"} & set(flow.serialize())
    flow.project, flow.version, flow.description = "p", 3, "d"  # type: ignore[attr-defined]

    data = flow.serialize()
    again = FlowSchema().load(data)

    assert (data["project"], data["version"], data["description"]) == ("p", "3", "d")
    assert (again.project, again.version, again.description) == ("p", "3", "d")


def test_parameters_stay_parameters_of_their_kind() -> None:
    flow = Flow(
        "f", tasks=[Parameter("n", default=[1]), DateTimeParameter("when", required=False), Parameter("r")]
    )

    again = FlowSchema().load(flow.serialize())

    found = {parameter.name: parameter for parameter in again.parameters()}
    assert found["n"].default == [1]
    assert not found["n"].required
    assert isinstance(found["when"], DateTimeParameter)
    assert not found["when"].required
    assert found["r"].required


def test_each_slug_is_one_task_in_edges_and_references() -> None:
    flow = FlowSchema().load(
        {
            "name": "f",
            "tasks": [{"slug": "a-1", "name": "a"}, {"slug": "b-1"}],
            "edges": [{"upstream_task": {"slug": "a-1"}, "downstream_task": {"slug": "b-1"}, "key": "x"}],
            "reference_tasks": [{"slug": "a-1"}],
        }
    )
    (edge,) = flow.edges

    assert edge.upstream_task.name == "a"
    assert flow.tasks == {edge.upstream_task, edge.downstream_task}
    assert flow.reference_tasks() == {edge.upstream_task}


def test_loading_twice_with_one_schema_gives_two_flows() -> None:
    schema = FlowSchema()
    data = Flow("f", tasks=[Task()]).serialize()

    first, second = schema.load(data), schema.load(data)

    assert not first.tasks & second.tasks


def test_inputs_and_outputs_are_texts_of_the_annotations() -> None:
    class Typed(Task):
        def run(self, a: list[int], b=None, *, c=3):  # type: ignore[no-untyped-def]
            pass

    data = Typed().serialize()

    assert data["inputs"] == {
        "a": {"required": True, "type": "list[int]"},
        "b": {"required": False, "type": "typing.Any"},
        "c": {"required": False, "type": "typing.Any"},
    }
    assert data["outputs"] == "typing.Any"


def test_changing_the_json_of_a_task_changes_no_other() -> None:
    first = TaskSchema().dump(add)
    first["inputs"]["x"]["type"] = first["inputs"]["new"] = first["trigger"]["fn"] = "spoiled"

    second = TaskSchema().dump(add)

    assert "spoiled" not in json.dumps(second)


def test_a_task_with_its_own_inputs_is_asked_for_them() -> None:
    class Own(Task):
        def inputs(self) -> dict[str, Any]:
            return {"q": {"type": str, "required": True, "default": None}}

        def outputs(self) -> Any:
            return bytes

    data = Own().serialize()

    assert data["inputs"] == {"q": {"required": True, "type": "<class 'str'>"}}
    assert data["outputs"] == "<class 'bytes'>"


def first_failed(upstream_states: Any) -> bool:
    return True


def test_triggers_of_the_user_are_named_but_not_read_back() -> None:
    data = Task(trigger=first_failed).serialize()

    assert data["trigger"] == {"fn": f"{__name__}.first_failed", "kwargs": {}}
    assert TaskSchema().load(data).trigger is Task().trigger


@pytest.mark.parametrize(
    ("delay", "written"),
    [
        (datetime.timedelta(seconds=2.9), 2),
        ([3, datetime.timedelta(minutes=1)], 3),
        (lambda attempt: 5, None),
    ],
)
def test_the_delay_before_the_first_retry_is_written(delay: Any, written: int | None) -> None:
    data = Task(max_retries=2, retry_delay=delay).serialize()

    assert data["retry_delay"] == written


def test_generated_tasks_are_marked() -> None:
    generated = Task(name="c")
    generated.auto_generated = True

    assert TaskSchema().load(generated.serialize()).auto_generated


def test_defaults_of_parameters_must_be_json() -> None:
    flow = Flow("f", tasks=[Parameter("p", default=object())])

    with pytest.raises(ValidationError, match=r"values for `Parameter\.default` must be JSON compatible"):
        flow.serialize()


def test_a_parameter_is_written_and_read_alone() -> None:
    parameter = Parameter("p", default={"a": 1}, tags=["z", "y"])

    data = parameter.serialize()
    again = ParameterSchema().load(data)

    assert data["tags"] == ["y", "z"]
    assert (again.name, again.slug, again.default, again.tags) == ("p", "p", {"a": 1}, {"y", "z"})


def test_an_edge_is_written_and_read_alone() -> None:
    with Flow("f") as flow:
        add.map([1, 2])
    (edge,) = flow.edges

    data = EdgeSchema(context={"flow": flow}).dump(edge)
    again = EdgeSchema().load(data)

    assert data["upstream_task"]["slug"] == flow.slugs[edge.upstream_task]
    assert (again.key, again.mapped, again.flattened) == ("x", True, False)


@pytest.mark.parametrize(
    ("schema", "data", "message"),
    [
        (FlowSchema, {}, "name: Missing data for required field."),
        (FlowSchema, {"name": None}, "name: Field may not be null."),
        (FlowSchema, {"name": "f", "tasks": {}}, "tasks: Invalid type."),
        (FlowSchema, {"name": "f", "tasks": [{"timeout": "long"}]}, "tasks.0.timeout: Not a valid number."),
        (EdgeSchema, {"upstream_task": {"slug": "a"}}, "downstream_task: Missing data for required field."),
        (ParameterSchema, {"slug": "a"}, "name: Missing data for required field."),
    ],
)
def test_what_is_no_flow_is_refused(schema: Any, data: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        schema().load(data)
    assert str(caught.value) == message


def test_the_hash_depends_on_structure_not_on_the_order_of_declaration() -> None:
    a, b = Task(name="a"), Task(name="b")
    c, d = Task(name="a"), Task(name="b")

    assert Flow("f", tasks=[a, b]).serialized_hash() == Flow("f", tasks=[d, c]).serialized_hash()
    assert Flow("f", tasks=[a]).serialized_hash() != Flow("f", tasks=[b]).serialized_hash()


@pytest.mark.parametrize("default", [{2: "a", 1: "b"}, "\ud800", float("nan"), (1, 2)])
def test_flows_with_unusual_json_have_a_hash(default: Any) -> None:
    def hash_of() -> str:
        return Flow("f", tasks=[Parameter("p", default=default)]).serialized_hash()

    assert hash_of() == hash_of()
    assert len(hash_of()) == 64
