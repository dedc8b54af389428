"""Whether there is another attempt, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from prefect.engine.decide.retrying import delay_after, is_cause, retry_message
from prefect.engine.signals import FAIL

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("retry_on", "reason", "expected"),
    [
        (None, ValueError(), True),
        (None, None, True),
        (None, "text", True),
        ({ValueError}, ValueError(), True),
        ({LookupError}, KeyError(), True),
        ({ValueError}, KeyError(), False),
        ({ValueError, KeyError}, KeyError(), True),
        ({ValueError}, FAIL("x"), False),
        ({BaseException}, FAIL("x"), True),
        ({ValueError}, None, False),
    ],
)
def test_a_failure_is_retried_if_its_reason_is_one_to_retry_on(
    retry_on: Any, reason: Any, expected: bool
) -> None:
    assert is_cause(retry_on, reason) is expected


@pytest.mark.parametrize(
    ("attempt", "delay", "expected"),
    [
        (1, None, timedelta(0)),
        (3, MINUTE, MINUTE),
        (1, [SECOND, MINUTE], SECOND),
        (2, [SECOND, MINUTE], MINUTE),
        (9, [SECOND, MINUTE], MINUTE),
        (4, lambda attempt: attempt * SECOND, 4 * SECOND),
        (4, lambda attempt: attempt / 2, 2 * SECOND),
        (4, lambda attempt: 7, 7 * SECOND),
    ],
)
def test_the_delay_follows_the_number_of_the_attempt(attempt: int, delay: Any, expected: timedelta) -> None:
    assert delay_after(attempt, delay) == expected


def test_a_function_that_answers_with_something_else_is_an_error_that_names_it() -> None:
    with pytest.raises(TypeError, match=r"`retry_delay` returned None for attempt 2; it must return"):
        delay_after(2, lambda attempt: None)


def test_the_message_counts_all_attempts() -> None:
    assert retry_message(1, 3) == "Retrying Task (after attempt 1 of 4)"
