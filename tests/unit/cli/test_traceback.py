from __future__ import annotations

from typing import Any

import pytest

from prefect import Flow, Task, task
from prefect.cli._traceback import trimmed_traceback
from prefect.exceptions import PrefectException


def error_of(function: Any, *args: Any) -> BaseException:
    with pytest.raises(BaseException) as caught:
        function(*args)
    return caught.value


def files_of(text: str) -> list[str]:
    return [line.split('"')[1] for line in text.splitlines() if line.strip().startswith("File ")]


def test_frames_of_the_engine_around_a_task_are_left_out() -> None:
    @task
    def fail() -> None:
        raise ValueError("deep")

    with Flow("fails") as flow:
        failed = fail()
    state = flow.run()
    assert state is not None
    text = trimmed_traceback(state.result[failed].result)
    assert set(files_of(text)) == {__file__}
    assert text.rstrip().endswith("ValueError: deep")


def test_a_value_that_prefect_refuses_needs_no_traceback() -> None:
    import datetime
    from concurrent.futures import ThreadPoolExecutor

    from prefect.schedules import IntervalSchedule

    flow = Flow("short", schedule=IntervalSchedule(interval=datetime.timedelta(seconds=30)))
    with ThreadPoolExecutor(1) as elsewhere:  # where no frame of this test is above it
        error = elsewhere.submit(flow.serialize).exception()
    assert isinstance(error, ValueError)
    assert trimmed_traceback(error) == ""


def test_what_users_call_in_other_libraries_stays() -> None:
    import json

    text = trimmed_traceback(error_of(json.loads, "{"))
    assert files_of(text)[-1].endswith("decoder.py")


def test_what_prefect_does_when_called_is_left_out() -> None:
    def build() -> None:
        with Flow("f"):
            Task("x").map([1], nothing=3)

    text = trimmed_traceback(error_of(build))
    assert set(files_of(text)) == {__file__}


def test_causes_in_users_code_are_shown() -> None:
    def fail() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    text = trimmed_traceback(error_of(fail))
    assert "KeyError: 'inner'" in text
    assert "direct cause" in text


def test_an_error_of_prefect_without_users_code_needs_no_traceback() -> None:
    assert trimmed_traceback(PrefectException("all is said")) == ""


def test_any_other_error_without_users_code_is_shown_whole() -> None:
    assert trimmed_traceback(ValueError("a bug")) == "ValueError: a bug\n"
