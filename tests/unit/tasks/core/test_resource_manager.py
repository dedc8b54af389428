from __future__ import annotations

import datetime
import pickle
from typing import Any

import cloudpickle
import pytest

from prefect import Flow, Parameter, case, resource_manager, task
from prefect.core.edge import Edge
from prefect.engine import signals
from prefect.engine.state import Failed, Mapped, Pending, Running, Skipped, State, Success, TriggerFailed
from prefect.tasks.core.resource_manager import ResourceManager, resource_cleanup_trigger
from prefect.triggers import all_finished

EVENTS: list[Any] = []


@pytest.fixture(autouse=True)
def _no_events() -> None:
    EVENTS.clear()


@resource_manager
class Table:
    def __init__(self, name: str, fails_in: str = "") -> None:
        if fails_in == "init":
            raise RuntimeError("init")
        self.name = name
        self.fails_in = fails_in

    def setup(self) -> str:
        if self.fails_in == "setup":
            raise RuntimeError("setup")
        EVENTS.append(f"create {self.name}")
        return f"table {self.name}"

    def cleanup(self, table: str) -> None:
        EVENTS.append(f"drop {table}")
        if self.fails_in == "cleanup":
            raise RuntimeError("cleanup")


@resource_manager(name="Lock")
class LockWithoutSetup:
    def cleanup(self, nothing: None) -> None:
        EVENTS.append(("unlock", nothing))


@task
def use(x: Any = None) -> Any:
    EVENTS.append(f"use {x}")
    return x


@task
def fail(x: Any = None) -> None:
    raise ValueError("body")


def names(tasks: Any) -> set[str]:
    return {task.name for task in tasks}


def test_a_resource_is_set_up_before_its_block_and_cleaned_up_after_it() -> None:
    with Flow("resource") as flow:
        with Table("a") as table:
            used = use(table)
            use(1)
        use(used)

    state = flow.run()
    assert state.is_successful()
    assert EVENTS[0] == "create a"
    assert EVENTS.index("drop table a") > max(EVENTS.index("use table a"), EVENTS.index("use 1"))


def test_a_block_without_setup_gives_none_and_cleans_up() -> None:
    with Flow("lock") as flow, LockWithoutSetup() as nothing:
        use(1)

    assert nothing is None
    assert flow.run().is_successful()
    assert EVENTS == ["use 1", ("unlock", None)]
    assert names(flow.tasks) == {"Lock", "Lock.cleanup", "use"}


def test_cleanup_happens_when_a_task_of_the_block_failed_and_the_flow_run_fails() -> None:
    with Flow("failing") as flow, Table("a") as table:
        fail(table)
        use(2)

    state = flow.run()
    assert state.is_failed()
    assert EVENTS == ["create a", "use 2", "drop table a"]


@pytest.mark.parametrize("step", ["init", "setup"])
def test_cleanup_is_skipped_when_there_is_nothing_to_clean_up(step: str) -> None:
    with Flow("failing") as flow, Table("a", fails_in=step) as table:
        use(table)

    state = flow.run()
    (cleanup,) = flow.get_tasks(name="Table.cleanup")
    assert state.is_failed()
    assert isinstance(state.result[cleanup], Skipped)
    assert state.result[cleanup].message == f"Resource manager {step} failed"
    assert EVENTS == []


def test_a_failing_cleanup_does_not_fail_the_flow_run() -> None:
    with Flow("failing") as flow, Table("a", fails_in="cleanup") as table:
        use(table)

    state = flow.run()
    (cleanup,) = flow.get_tasks(name="Table.cleanup")
    assert state.is_successful()
    assert state.result[cleanup].is_failed()
    assert names(flow.reference_tasks()) == {"use"}


def test_nested_resources_are_cleaned_up_inside_out() -> None:
    with Flow("nested") as flow, Table("outer") as outer:
        with Table("inner") as inner:
            use((outer, inner))
        use("between")

    assert flow.run().is_successful()
    assert EVENTS[:2] == ["create outer", "create inner"]
    assert EVENTS.index("drop table inner") < EVENTS.index("drop table outer")
    assert EVENTS[-1] == "drop table outer"


def test_a_resource_may_be_made_of_results_and_parameters() -> None:
    with Flow("made") as flow, Table(Parameter("name")) as table:
        use(table[0:5])

    assert flow.run(name="x").is_successful()
    assert EVENTS == ["create x", "use table", "drop table x"]


def test_a_skipped_branch_neither_sets_up_nor_cleans_up() -> None:
    with Flow("skipped") as flow, case(use(1), 2), Table("a") as table:
        used = use(table)

    state = flow.run()
    assert isinstance(state.result[used], Skipped)
    assert EVENTS == ["use 1"]


def test_tasks_of_a_resource_have_settings() -> None:
    @resource_manager(
        name="Slow",
        init_task_kwargs={"max_retries": 1, "retry_delay": datetime.timedelta(0)},
        setup_task_kwargs={"name": "begin", "tags": ["q"], "checkpoint": True},
        cleanup_task_kwargs={"name": "end", "trigger": all_finished},
    )
    class Settings:
        def setup(self) -> int:
            return 1

        def cleanup(self, resource: int) -> None: ...

    with Flow("settings") as flow, Settings() as resource:
        use(resource)

    made = {task.name: task for task in flow.tasks}
    assert set(made) == {"Slow", "begin", "end", "use"}
    assert made["Slow"].max_retries == 1
    assert (made["begin"].tags, made["begin"].checkpoint) == ({"q"}, True)
    assert (made["end"].trigger, made["end"].checkpoint) == (all_finished, False)


def test_a_class_without_cleanup_is_refused() -> None:
    with pytest.raises(TypeError, match=r"class with a `cleanup\(self, resource\)` method, and 3 is none"):
        resource_manager(3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="`setup\\(self\\)` is optional"):
        resource_manager(type("Nothing", (), {}))


def test_wrong_arguments_are_an_error_when_the_flow_is_built() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'size'"), Flow("wrong"):
        Table("a", size=3)
    with pytest.raises(TypeError, match="missing a required argument: 'name'"), Flow("wrong"):
        Table()


def test_a_resource_needs_a_flow_which_can_be_given() -> None:
    with pytest.raises(ValueError, match=r"Use Table\(\.\.\.\) inside `with Flow\(\.\.\.\)`"):
        Table("a")

    flow = Flow("given")
    with Table("a", flow=flow) as table:
        use(table, flow=flow)
    assert names(flow.tasks) == {"Table", "Table.setup", "Table.cleanup", "use"}


def test_a_block_belongs_to_one_flow() -> None:
    with Flow("one"), Table("a"), Flow("other"), pytest.raises(ValueError, match="Multiple flows"):
        use(1)


def test_a_decorated_class_stays_usable_in_tests() -> None:
    assert isinstance(Table, ResourceManager)
    assert Table.resource_class("b").setup() == "table b"


def test_flows_with_resources_survive_pickling() -> None:
    with Flow("pickled") as flow, Table("a") as table:
        use(table)

    again = pickle.loads(cloudpickle.dumps(flow))
    assert again.run().is_successful()


def states(**given: State) -> dict[Edge, State]:
    downstream = use.copy()
    return {
        Edge(use.copy(), downstream, key=None if key.startswith("body") else key): state
        for key, state in given.items()
    }


@pytest.mark.parametrize(
    "given",
    [
        {"mgr": Success(), "resource": Success(), "body": Failed()},
        {"mgr": Success(), "body": Skipped()},
        {"mgr": Mapped(map_states=[Success()]), "resource": Success()},
    ],
)
def test_the_trigger_lets_cleanup_run_whatever_became_of_the_block(given: dict[str, State]) -> None:
    assert resource_cleanup_trigger(states(**given)) is True


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mgr": Failed(), "resource": TriggerFailed()}, "Resource manager init failed"),
        ({"mgr": Success(), "resource": Failed()}, "Resource manager setup failed"),
        ({"mgr": Skipped(), "resource": Skipped()}, "Resource manager init skipped"),
        ({"mgr": Success(), "resource": Skipped()}, "Resource manager setup skipped"),
    ],
)
def test_the_trigger_skips_when_there_is_no_resource(given: dict[str, State], message: str) -> None:
    with pytest.raises(signals.SKIP, match=message):
        resource_cleanup_trigger(states(**given))


@pytest.mark.parametrize("unfinished", [Running(), Pending()])
def test_the_trigger_fails_when_the_block_has_not_finished(unfinished: State) -> None:
    with pytest.raises(signals.TRIGGERFAIL, match="not finished"):
        resource_cleanup_trigger(states(mgr=Success(), body=unfinished))
