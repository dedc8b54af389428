"""Settings of tasks: what is accepted, in which form it is kept, and what is refused."""

from __future__ import annotations

import datetime
import typing
import warnings
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prefect
from prefect import Flow, Task, task
from prefect.core._nout import infer_nout
from prefect.core.task import NoDefault
from prefect.engine.cache_validators import duration_only, never_use
from prefect.testing import FakeClock, run_task
from prefect.utilities.datetimes import retry_delay as exponential


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (timedelta(seconds=5), timedelta(seconds=5)),
        (5, timedelta(seconds=5)),
        (0.5, timedelta(milliseconds=500)),
        ([1, timedelta(minutes=1)], [timedelta(seconds=1), timedelta(minutes=1)]),
        ((2,), [timedelta(seconds=2)]),
    ],
)
def test_retry_delays_are_kept_as_timedeltas(given: Any, kept: Any) -> None:
    assert Task(max_retries=1, retry_delay=given).retry_delay == kept


@pytest.mark.parametrize("given", [[], "soon", object()])
def test_retry_delays_of_another_kind_are_refused(given: Any) -> None:
    with pytest.raises(TypeError):
        Task(max_retries=1, retry_delay=given)


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=4),
    st.integers(1, 6),
)
def test_each_retry_waits_as_long_as_its_place_in_the_list_says(delays: list[int], retries: int) -> None:
    @task(max_retries=retries, retry_delay=[timedelta(seconds=delay) for delay in delays])
    def broken() -> None:
        raise ValueError("again")

    with Flow("delays") as flow:
        broken()
    with FakeClock() as clock:
        began = clock.now()
        flow.run()

    waited = (clock.now() - began).total_seconds()
    assert waited == sum(delays[min(number, len(delays) - 1)] for number in range(retries))


def test_a_function_of_the_attempt_may_say_how_long_to_wait() -> None:
    asked: list[int] = []

    def delay(attempt: int) -> float:
        asked.append(attempt)
        return 10.0 * attempt

    @task(max_retries=3, retry_delay=delay)
    def broken() -> None:
        raise ValueError("again")

    with Flow("function") as flow:
        broken()
    with FakeClock() as clock:
        began = clock.now()
        flow.run()

    assert asked == [1, 2, 3]
    assert (clock.now() - began).total_seconds() == 60


def test_the_exponential_delay_of_the_library_can_be_used_as_it_is() -> None:
    @task(max_retries=3, retry_delay=exponential(timedelta(seconds=4), exponential_backoff=True))
    def broken() -> None:
        raise ValueError("again")

    with Flow("exponential") as flow:
        broken()
    with FakeClock() as clock:
        began = clock.now()
        flow.run()

    assert (clock.now() - began).total_seconds() == 4 + 4 + 8
    assert len(clock.waited_for) == 3


def test_a_function_that_says_no_time_fails_the_run_and_says_so() -> None:
    @task(max_retries=1, retry_delay=lambda attempt: "soon")
    def broken() -> None:
        raise ValueError("again")

    state = run_task(broken)
    assert state.is_failed()
    assert "`retry_delay` returned 'soon' for attempt 1" in str(state.message)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        (3, 3),
        (2.0, 2),
        (0.25, 0.25),
        (timedelta(minutes=1), 60),
        (timedelta(milliseconds=1), 0.001),
    ],
)
def test_timeouts_are_seconds_with_fractions(given: Any, kept: Any) -> None:
    found = Task(timeout=given).timeout
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize("given", ["3", True, [3]])
def test_timeouts_of_another_kind_are_refused(given: Any) -> None:
    with pytest.raises(TypeError, match=r"a number of seconds or a datetime\.timedelta"):
        Task(timeout=given)


def test_a_setting_changed_on_a_call_is_brought_into_its_form() -> None:
    @task
    def work(x: int) -> int:
        return x

    with Flow("args"):
        called = work(1, task_args={"timeout": timedelta(seconds=3), "tags": ["a"]})

    assert called.timeout == 3
    assert called.tags == {"a"}


def test_how_long_to_cache_may_be_seconds() -> None:
    kept = Task(cache_for=timedelta(hours=1))

    assert (kept.cache_for, kept.cache_validator) == (timedelta(hours=1), duration_only)
    assert Task(cache_for=60).cache_for == timedelta(minutes=1)  # type: ignore[arg-type]
    assert Task().cache_validator is never_use


def test_never_using_a_cache_that_is_not_there_is_no_mistake() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Task(cache_validator=never_use)
    with pytest.warns(UserWarning, match="cache_for"):
        Task(cache_validator=duration_only)


def test_retry_on_takes_classes_in_any_collection() -> None:
    delay = timedelta(0)
    assert Task(max_retries=1, retry_delay=delay, retry_on=KeyError).retry_on == {KeyError}
    assert Task(max_retries=1, retry_delay=delay, retry_on=iter([KeyError])).retry_on == {KeyError}
    assert Task(max_retries=1, retry_delay=delay, retry_on=[]).retry_on is None
    with pytest.raises(TypeError, match="no subclass of Exception"):
        Task(max_retries=1, retry_delay=delay, retry_on=int)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("annotation", "count"),
    [
        (tuple[int, str], 2),
        (typing.Tuple[int], 1),  # noqa: UP006 - the spelling of old flows
        (typing.Tuple[int, ...], None),  # noqa: UP006
        (tuple[()], 0),
        (list[int], None),
        (None, None),
        ("tuple[int, str]", 2),
        ("Tuple[int, Dict[str, int], (int)]", 3),
        ("typing.Tuple[int, ...]", None),
        ("tuple[()]", 0),
        ("Tuple[int,]", 1),
        ("list[tuple[int, int]]", None),
        ("int", None),
    ],
)
def test_the_number_of_outputs_is_read_from_the_annotation(annotation: Any, count: int | None) -> None:
    assert infer_nout({"return": annotation}) == count


def test_without_annotations_the_number_of_outputs_is_unknown() -> None:
    assert infer_nout(None) is infer_nout({}) is None


# -- classes ------------------------------------------------------------------------------


def test_a_class_that_does_not_call_its_base_is_refused_when_a_task_is_made() -> None:
    class Forgetful(Task):
        def __init__(self) -> None:
            self.x = 1

    with pytest.raises(TypeError, match=r"Forgetful.__init__ did not call super\(\).__init__\(\)"):
        Forgetful()


def test_a_task_shows_its_signature_with_the_keywords_of_the_call() -> None:
    import inspect

    @task
    def work(x: int, y: int = 1, **others: int) -> int:
        return x

    signature = inspect.signature(work)
    assert list(signature.parameters)[:2] == ["x", "y"]
    assert {"mapped", "upstream_tasks", "flow", "task_args"} <= set(signature.parameters)
    assert signature.return_annotation == "Task"
    with pytest.raises(AttributeError):
        Task.__signature__  # noqa: B018 - the class has none


def test_the_mark_of_no_default_says_what_it_is() -> None:
    assert repr(NoDefault.value) == "<no default>"


def test_the_keywords_of_a_call_are_listed() -> None:
    from prefect.core.task import EXTRA_CALL_PARAMETERS  # type: ignore[attr-defined]

    assert {parameter.name for parameter in EXTRA_CALL_PARAMETERS} == {
        "mapped",
        "task_args",
        "upstream_tasks",
        "flow",
    }
    with pytest.raises(AttributeError, match="nothing"):
        prefect.core.task.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_annotations_and_bound_methods_do_not_confuse_a_task_class() -> None:
    class Work(Task):
        def run(self, when: datetime.date) -> str:
            return when.isoformat()

    assert Work().inputs()["when"]["type"] is datetime.date
    assert Work().outputs() is str
