from __future__ import annotations

import datetime
import inspect
from typing import Any

import pytest

import prefect
from prefect import Flow, Task, flatten, tags, task, unmapped
from prefect.engine import signals
from prefect.engine.state import Paused
from prefect.tasks.core.collections import Dict, List, Set, Tuple
from prefect.tasks.core.constants import Constant
from prefect.utilities.tasks import as_task, defaults_from_attrs, holds_task, pause_task


@task
def same(x: Any) -> Any:
    return x


# ---------------------------------------------------------------------- task


def test_a_function_becomes_a_task_with_or_without_settings() -> None:
    @task
    def plain(x: int) -> int:
        return x

    @task()
    def empty(x: int) -> int:
        return x

    @task(name="named", tags=["t"], max_retries=1, retry_delay=datetime.timedelta(0))
    def settings(x: int) -> int:
        return x

    assert [made.name for made in (plain, empty, settings)] == ["plain", "empty", "named"]
    assert (settings.tags, settings.max_retries) == ({"t"}, 1)
    assert [made.run(3) for made in (plain, empty, settings)] == [3, 3, 3]
    assert task(lambda x: x).name == "<lambda>"


def test_an_unknown_setting_is_an_error_where_it_is_used() -> None:
    with pytest.raises(TypeError, match="retries"):

        @task(retries=3)  # type: ignore[call-overload]
        def unknown() -> None: ...


def test_a_decorated_method_like_function_keeps_its_documentation() -> None:
    @task
    def documented() -> None:
        """Says what it does."""

    assert inspect.getdoc(documented) == "Says what it does."


# ---------------------------------------------------------------------- tags


def test_tags_of_blocks_add_up_and_end_with_them() -> None:
    with Flow("tags"):
        with tags("a", "b"):
            with tags("c"):
                inner = same.copy(tags={"own"}).bind(1)
            outer = same(inner)
        none = same(1)
        made = Task(tags=["z"])
        made.bind()

    assert (inner.tags, outer.tags, none.tags) == ({"a", "b", "c", "own"}, {"a", "b"}, set())
    assert prefect.context.get("tags") is None


def test_tags_reach_tasks_that_are_made_or_called_in_the_block() -> None:
    with tags("a"):
        assert task(lambda: 1).tags == {"a"}
        with Flow("call"):
            assert same(1).tags == {"a"}
    assert same.tags == set()


# ---------------------------------------------------------------------- as_task


@pytest.mark.parametrize("value", [1, None, "text", [], [1, [2]], {"a": 1}, (1,), {1}, object])
def test_a_value_becomes_a_constant_and_needs_no_flow(value: Any) -> None:
    made = as_task(value)
    assert isinstance(made, Constant)
    assert made.value == value
    assert made.auto_generated


def test_a_task_stays_itself_without_its_annotation() -> None:
    assert as_task(same) is same
    assert as_task(unmapped(same)) is same
    assert as_task(unmapped(3)).run() == 3


@pytest.mark.parametrize(
    ("container", "cls"),
    [
        ([same, 1], List),
        ((same, 1), Tuple),
        ({same, 1}, Set),
        ({"k": same}, Dict),
        ([[[flatten(same)]]], List),
        ([unmapped(1)], List),
    ],
)
def test_containers_with_tasks_become_tasks_of_the_flow(container: Any, cls: type[Task]) -> None:
    with Flow("containers") as flow:
        made = as_task(container)

    assert type(made) is cls
    assert made in flow.tasks
    assert made.auto_generated
    other = Flow("other")
    assert as_task(container, flow=other) in other.tasks


def test_a_container_with_tasks_needs_a_flow() -> None:
    with pytest.raises(ValueError, match="Could not infer an active Flow"):
        as_task([same])


def test_tasks_are_found_at_any_depth_but_not_in_keys() -> None:
    assert holds_task({"a": [(1, {"b": same})]})
    assert holds_task([unmapped(1)])
    assert not holds_task({same: 1})
    assert not holds_task([1, "a", {"b": None}])


# ---------------------------------------------------------------------- defaults_from_attrs


class Greet(Task):
    def __init__(self, greeting: str = "Hello", name: str = "you", **kwargs: Any) -> None:
        self.greeting = greeting
        self.who = name
        super().__init__(**kwargs)

    @defaults_from_attrs("greeting", "who")
    def run(self, greeting: str | None = None, who: str | None = None, mark: str = "!") -> str:
        """Greet somebody."""
        return f"{greeting}, {who}{mark}"


def test_arguments_that_are_left_out_are_read_from_the_task() -> None:
    greet = Greet("Hi", name="Marvin")
    assert greet.run() == "Hi, Marvin!"
    assert greet.run(who="Ford") == greet.run("Hi", "Ford") == "Hi, Ford!"
    assert greet.run("Hey", mark="?") == "Hey, Marvin?"


def test_none_given_explicitly_stays_none() -> None:
    assert Greet().run(greeting=None, who="x") == "None, x!"


def test_the_signature_and_the_documentation_stay() -> None:
    assert list(Greet().inputs()) == ["greeting", "who", "mark"]
    assert Greet.run.__doc__ == "Greet somebody."


def test_defaults_hold_in_flows() -> None:
    greet = Greet("Hi")
    with Flow("defaults") as flow:
        one = greet(who=same("one"))
        many = greet.map(greeting=["a", "b"])

    state = flow.run()
    assert state.result[one].result == "Hi, one!"
    assert state.result[many].result == ["a, you!", "b, you!"]


# ---------------------------------------------------------------------- pause_task


def test_a_task_pauses_until_it_is_resumed() -> None:
    with pytest.raises(signals.PAUSE) as paused:
        pause_task("look at this")
    assert isinstance(paused.value.state, Paused)
    assert (paused.value.state.message, paused.value.state.start_time) == ("look at this", None)
    with prefect.context(resume=True):
        assert pause_task() is None


def test_a_pause_can_end_by_itself() -> None:
    before = datetime.datetime.now(datetime.timezone.utc)
    with pytest.raises(signals.PAUSE) as paused:
        pause_task(duration=datetime.timedelta(hours=1))
    start_time = paused.value.state.start_time
    assert paused.value.state.message == "Pause signal raised during task execution."
    assert datetime.timedelta(0) <= start_time - before - datetime.timedelta(hours=1)
