from __future__ import annotations

import logging
from typing import Any

import pytest

from prefect import Flow, task, triggers
from prefect.engine import signals
from prefect.tasks.control_flow import FilterTask


@task
def picky(x: int) -> int | None:
    if x == 1:
        raise ValueError("one")
    if x == 2:
        raise signals.SKIP("two")
    return None if x == 3 else x


@task
def inc(x: int) -> int:
    return x + 1


@task
def same(x: Any) -> Any:
    return x


def test_results_of_failed_and_skipped_runs_are_dropped() -> None:
    with Flow("filter") as flow:
        kept = FilterTask()(picky.map([0, 1, 2, 3, 4]))
        after = inc.map(kept)
        chained = FilterTask()(same.map(picky.map([0, 1, 2, 3, 4])))

    state = flow.run()
    assert state.result[kept].result == [0, 4]
    assert state.result[after].result == [1, 5]
    assert state.result[chained].result == [0, 4]
    assert state.is_successful()


def test_values_that_are_false_or_exception_classes_are_results() -> None:
    given = [0, "", [], ValueError, None, ValueError(), signals.FAIL("x")]
    assert FilterTask().run(given) == [0, "", [], ValueError]


def test_a_function_decides_what_to_keep() -> None:
    assert FilterTask(filter_func=lambda x: x > 1).run([1, 2, 3]) == [2, 3]


def test_what_was_kept_can_be_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="prefect"):
        FilterTask(log_func=lambda results: f"kept {results}").run([1, None, 2])
    assert caplog.messages == ["kept [1, 2]"]


def test_it_runs_whatever_became_of_the_upstream_runs_unless_told_otherwise() -> None:
    assert (FilterTask().trigger, FilterTask().skip_on_upstream_skip) == (triggers.all_finished, False)
    strict = FilterTask(trigger=triggers.all_successful, skip_on_upstream_skip=True)
    assert (strict.trigger, strict.skip_on_upstream_skip) == (triggers.all_successful, True)


def test_something_else_than_a_list_is_explained() -> None:
    with pytest.raises(
        TypeError, match=r"FilterTask filters a list of results.*NoneType None.*failed or was skipped"
    ):
        FilterTask().run(None)  # type: ignore[arg-type]
