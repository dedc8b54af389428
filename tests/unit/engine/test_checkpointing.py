"""What is written where when tasks are checkpointed. The expectations were compared with 1.4.1."""

from __future__ import annotations

import datetime
import pickle
from pathlib import Path
from typing import Any

import pytest

import prefect
from prefect import Flow, Parameter, Task, task
from prefect.engine import signals
from prefect.engine.result import Result
from prefect.engine.results import LocalResult, PrefectResult
from prefect.engine.serializers import JSONSerializer
from prefect.engine.state import State
from prefect.executors import LocalDaskExecutor, LocalExecutor
from prefect.utilities.configuration import set_temporary_config

LOCAL: Any = LocalExecutor()
THREADS: Any = LocalDaskExecutor(scheduler="threads", num_workers=4)


def run(flow: Flow, checkpointing: bool = True, **kwargs: Any) -> State:
    with prefect.context(checkpointing=checkpointing):
        state = flow.run(**kwargs)
    assert state is not None
    return state


def written(directory: Path) -> dict[str, Any]:
    """The values in all files below a directory, by their relative paths."""
    return {
        path.relative_to(directory).as_posix(): pickle.loads(path.read_bytes())
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def at(tmp_path: Path) -> Any:
    """Makes a LocalResult in the directory of the test."""

    def make(location: Any = None, **kwargs: Any) -> LocalResult:
        return LocalResult(dir=str(tmp_path), location=location, **kwargs)

    return make


def returning(value: Any, **task_args: Any) -> Task:
    return task(lambda: value, name="give", **task_args)


def flow_of(one: Task, **flow_args: Any) -> Flow:
    with Flow("a flow", **flow_args) as flow:
        one()
    return flow


def only_state(flow: Flow, state: State) -> State:
    (one,) = flow.tasks
    return state.result[one]


class TestWhetherItIsWritten:
    def test_not_in_local_runs_by_default(self, tmp_path: Path, at: Any) -> None:
        flow = flow_of(returning(3, result=at("a")))
        state = flow.run()
        assert only_state(flow, state).result == 3
        assert only_state(flow, state)._result.location is None
        assert written(tmp_path) == {}

    def test_once_the_context_says_so(self, tmp_path: Path, at: Any) -> None:
        flow = flow_of(returning(3, result=at("a")))
        state = run(flow)
        assert written(tmp_path) == {"a": 3}
        result = only_state(flow, state)._result
        assert (type(result), result.value, result.location) == (LocalResult, 3, str(tmp_path / "a"))

    def test_once_the_configuration_says_so(self, tmp_path: Path, at: Any) -> None:
        with set_temporary_config({"flows.checkpointing": True}):
            flow_of(returning(3, result=at("a"))).run()
        assert written(tmp_path) == {"a": 3}

    @pytest.mark.parametrize(("checkpoint", "expected"), [(True, {"a": 3}), (None, {"a": 3}), (False, {})])
    def test_unless_the_task_says_no(self, tmp_path: Path, at: Any, checkpoint: Any, expected: Any) -> None:
        state = run(flow_of(returning(3, result=at("a"), checkpoint=checkpoint)))
        assert state.is_successful()
        assert written(tmp_path) == expected

    @pytest.mark.parametrize("result", [None, Result()])
    def test_not_without_a_result_that_can_write(self, tmp_path: Path, result: Any) -> None:
        flow = flow_of(returning(3, result=result))
        state = run(flow)
        assert only_state(flow, state).result == 3
        assert only_state(flow, state)._result.location is None

    def test_not_for_none(self, tmp_path: Path, at: Any) -> None:
        assert run(flow_of(returning(None, result=at("a")))).is_successful()
        assert written(tmp_path) == {}

    @pytest.mark.parametrize("value", [0, "", [], False])
    def test_for_other_empty_values(self, tmp_path: Path, at: Any, value: Any) -> None:
        run(flow_of(returning(value, result=at("a"))))
        assert written(tmp_path) == {"a": value}

    def test_not_when_the_task_fails(self, tmp_path: Path, at: Any) -> None:
        @task(result=at("a"))
        def fail() -> None:
            raise ValueError("no")

        assert run(flow_of(fail)).is_failed()
        assert written(tmp_path) == {}

    @pytest.mark.parametrize(
        ("signal", "expected"),
        [
            (signals.SUCCESS("yes", result=7), {"a": 7}),
            (signals.SKIP("no", result=7), {}),
            (signals.FAIL("no", result=7), {}),
        ],
    )
    def test_for_signals_of_success_only(self, tmp_path: Path, at: Any, signal: Any, expected: Any) -> None:
        @task(result=at("a"))
        def send() -> None:
            raise signal

        run(flow_of(send))
        assert written(tmp_path) == expected

    def test_after_the_attempt_that_succeeds(self, tmp_path: Path, at: Any) -> None:
        attempts: list[int] = []

        @task(result=at("a{task_run_count}"), max_retries=2, retry_delay=datetime.timedelta(0))
        def flaky() -> str:
            attempts.append(1)
            if len(attempts) < 3:
                raise ValueError("no")
            return "done"

        assert run(flow_of(flaky)).is_successful()
        assert written(tmp_path) == {"a3": "done"}


class TestWhichResultWrites:
    def test_that_of_the_flow_where_the_task_has_none(self, tmp_path: Path, at: Any) -> None:
        flow = flow_of(returning(3), result=at("flow/{task_name}"))
        state = run(flow)
        assert written(tmp_path) == {"flow/give": 3}
        assert only_state(flow, state)._result.location == str(tmp_path / "flow" / "give")

    def test_that_of_the_task_before_that_of_the_flow(self, tmp_path: Path, at: Any) -> None:
        run(flow_of(returning(3, result=at("task")), result=at("flow")))
        assert written(tmp_path) == {"task": 3}

    def test_neither_result_is_changed(self, at: Any) -> None:
        task_result, flow_result = at("{task_name}"), at("{flow_name}")
        run(flow_of(returning(3, result=task_result), result=flow_result))
        run(flow_of(returning(3), result=flow_result))
        for result, location in ((task_result, "{task_name}"), (flow_result, "{flow_name}")):
            assert (result.value, result.location) == (None, location)

    def test_a_parameter_keeps_its_value_as_json_in_the_state(self) -> None:
        with Flow("a flow") as flow:
            x = Parameter("x", default=[1])
            flow.add_task(x)
        result = run(flow).result[x]._result
        assert type(result) is PrefectResult
        assert (result.value, result.location) == ([1], "[1]")

    def test_a_prefect_result_keeps_json_in_the_state(self) -> None:
        flow = flow_of(returning({"a": 1}, result=PrefectResult()))
        assert only_state(flow, run(flow))._result.location == '{"a": 1}'
        assert only_state(flow, run(flow, checkpointing=False))._result.location is None

    def test_the_serializer_of_the_result_makes_the_bytes(self, tmp_path: Path, at: Any) -> None:
        run(flow_of(returning([1], result=at("a", serializer=JSONSerializer()))))
        assert (tmp_path / "a").read_bytes() == b"[1]"


class TestWhereItIsWritten:
    def location(self, tmp_path: Path, template: Any, run_args: Any = (), **task_args: Any) -> str:
        @task(name="work", tags=["t"], result=LocalResult(dir=str(tmp_path), location=template), **task_args)
        def work(x: Any, factor: int) -> int:
            return factor

        with Flow("a flow") as flow:
            work(Parameter("p", default=5), 2)
        state = run(flow, **dict(run_args))
        assert state.is_successful(), [found.message for found in state.result.values()]
        (name,) = written(tmp_path)
        return name

    @pytest.mark.parametrize(
        ("template", "name"),
        [
            ("{x}-{factor}", "5-2"),
            ("{p}", "5"),
            ("{parameters[p]}", "5"),
            ("{flow_name}", "a flow"),
            ("{task_name}-{task_full_name}-{task_slug}", "work-work-work-t-1"),
            ("{map_index}", "None"),
            ("{task_run_count}", "1"),
            ("{checkpointing}", "True"),
            ("deep/er/{x:03d}", "deep/er/005"),
        ],
    )
    def test_a_template_knows_inputs_parameters_and_context(
        self, tmp_path: Path, template: str, name: str
    ) -> None:
        assert self.location(tmp_path, template) == name

    def test_a_template_knows_the_day(self, tmp_path: Path) -> None:
        name = self.location(tmp_path, "{date:%Y-%m-%d}/{today}/{scheduled_start_time:%Y}")
        day, today, year = name.split("/")
        assert day == today
        assert day.startswith(year)

    def test_given_parameters_come_before_defaults(self, tmp_path: Path) -> None:
        assert self.location(tmp_path, "{p}", {"parameters": {"p": 6}}) == "6"

    def test_values_given_as_context_are_known(self, tmp_path: Path) -> None:
        assert self.location(tmp_path, "{color}", {"context": {"color": "red"}}) == "red"

    def test_inputs_come_before_context_and_context_before_parameters(self, tmp_path: Path, at: Any) -> None:
        @task(name="work", result=at("{task_name}-{p}-{flow_name}"))
        def work(task_name: str, p: int) -> int:
            return 1

        with Flow("a flow") as flow:
            flow_name = Parameter("flow_name", default="parameter")
            work("input", 7)
            flow.add_task(flow_name)
            flow.add_task(Parameter("p", default=5))
        assert run(flow).is_successful()
        assert written(tmp_path) == {"input-7-a flow": 1}

    def test_a_function_gets_the_same_as_keywords(self, tmp_path: Path) -> None:
        def place(x: int, task_name: str, parameters: dict[str, Any], **others: Any) -> str:
            return f"{task_name}-{x}-{parameters['p']}-{'flow_name' in others}"

        assert self.location(tmp_path, place) == "work-5-5-True"

    def test_an_unknown_placeholder_fails_the_task(self, tmp_path: Path, at: Any) -> None:
        flow = flow_of(returning(3, result=at("{nonesuch}")))
        state = only_state(flow, run(flow))
        assert state.is_failed()
        assert "nonesuch" in str(state.message)
        assert isinstance(state.result, KeyError)

    def test_without_a_location_each_run_has_a_file_of_its_own(self, tmp_path: Path, at: Any) -> None:
        flow = flow_of(returning(3, result=at()))
        locations = {only_state(flow, run(flow))._result.location for _ in range(3)}
        assert len(locations) == 3
        assert sorted(written(tmp_path).values()) == [3, 3, 3]

    def test_a_value_cannot_lead_out_of_the_directory(self, tmp_path: Path) -> None:
        @task(result=LocalResult(dir=str(tmp_path / "base"), location="{x}"))
        def work(x: str) -> int:
            return 1

        with Flow("a flow") as flow:
            done = work(Parameter("x"))
        state = run(flow, parameters={"x": "../outside"})
        assert state.is_failed()
        assert "A value in the result location '{x}' leads to" in str(state.result[done].message)
        assert written(tmp_path) == {}


class TestMappedTasks:
    @pytest.mark.parametrize("executor", [LOCAL, THREADS])
    @pytest.mark.parametrize(
        ("template", "names"),
        [
            ("{map_index}", ["0", "1", "2"]),
            ("{x}", ["10", "20", "30"]),
            ("{task_full_name}", ["work[0]", "work[1]", "work[2]"]),
        ],
    )
    def test_each_child_is_written(
        self, tmp_path: Path, at: Any, template: str, names: list[str], executor: Any
    ) -> None:
        work = task(lambda x: x + 1, name="work", result=at(template))
        with Flow("a flow") as flow:
            done = work.map([10, 20, 30])
        state = run(flow, executor=executor)
        assert written(tmp_path) == dict(zip(names, [11, 21, 31], strict=True))
        assert state.result[done].result == [11, 21, 31]
        locations = [child._result.location for child in state.result[done].map_states]
        assert locations == [str(tmp_path / name) for name in names]

    def test_children_with_one_location_overwrite_each_other(self, tmp_path: Path, at: Any) -> None:
        work = task(lambda x: x, name="work", result=at("same"))
        with Flow("a flow") as flow:
            work.map([1, 2])
        run(flow)
        assert written(tmp_path) == {"same": 2}


class TestLoopsAndOutputs:
    def test_each_iteration_of_a_loop_is_written(self, tmp_path: Path, at: Any) -> None:
        @task(result=at("a{task_loop_count}"))
        def loop() -> int:
            count: int = prefect.context.get("task_loop_count", 1)
            if count < 3:
                raise signals.LOOP(result=count)
            return 10

        assert run(flow_of(loop)).is_successful()
        assert written(tmp_path) == {"a1": 1, "a2": 2, "a3": 10}

    def test_each_of_several_outputs_is_written_with_the_result_of_the_task(
        self, tmp_path: Path, at: Any
    ) -> None:
        @task(nout=2, name="pair", result=at("{task_name}"))
        def pair() -> tuple[int, int]:
            return 1, 2

        with Flow("a flow") as flow:
            _, _ = pair()
        assert run(flow).is_successful()
        assert written(tmp_path) == {"pair": (1, 2), "pair[0]": 1, "pair[1]": 2}


class TestWritesThatFail:
    def test_the_part_that_does_not_pickle_is_in_the_message(self, tmp_path: Path, at: Any) -> None:
        flow = flow_of(returning({"rows": (i for i in "abc")}, result=at("a")))
        state = only_state(flow, run(flow))
        assert state.is_failed()
        assert "value['rows']: cannot pickle 'generator' object" in str(state.message)
        assert isinstance(state.result, TypeError)
        assert written(tmp_path) == {}

    def test_a_place_that_cannot_be_written_is_in_the_message(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(pickle.dumps(1))
        result = LocalResult(dir=str(tmp_path / "file"), validate_dir=False, location="a")
        flow = flow_of(returning(3, result=result))
        state = only_state(flow, run(flow))
        assert state.is_failed()
        assert f"The result directory {tmp_path / 'file'} cannot be created: " in str(state.message)

    def test_other_tasks_go_on(self, tmp_path: Path, at: Any) -> None:
        with Flow("a flow") as flow:
            bad = returning((i for i in "abc"), result=at("bad"))()
            good = returning(3, result=at("good"))()
        state = run(flow)
        assert state.result[bad].is_failed()
        assert state.result[good].is_successful()
        assert written(tmp_path) == {"good": 3}


def test_state_handlers_see_where_the_value_is(at: Any) -> None:
    seen: list[tuple[str, bool]] = []

    def handler(task: Task, old: State, new: State) -> State:
        seen.append((type(new).__name__, new._result.location is not None))
        return new

    run(flow_of(returning(3, result=at("a"), state_handlers=[handler])))
    assert seen == [("Running", False), ("Success", True)]


def test_a_written_result_can_be_read_in_another_run(at: Any) -> None:
    flow = flow_of(returning([1, 2], result=at("a")))
    location = only_state(flow, run(flow))._result.location
    assert location is not None
    assert at().read(location).value == [1, 2]
