from __future__ import annotations

import pickle

import pytest

from prefect import exceptions

NAMES = exceptions.__all__


@pytest.mark.parametrize("name", NAMES)
def test_each_takes_an_optional_message_and_survives_pickling(name: str) -> None:
    cls = getattr(exceptions, name)

    assert str(cls()) == ""
    again = pickle.loads(pickle.dumps(cls("what happened")))

    assert type(again) is cls
    assert again.args == ("what happened",)


def test_signals_pass_through_except_exception() -> None:
    def task_that_catches_everything() -> None:
        try:
            raise exceptions.TaskTimeoutSignal("too slow")
        except Exception:
            pytest.fail("a task that catches Exception must not catch a signal")

    with pytest.raises(exceptions.TaskTimeoutSignal):
        task_that_catches_everything()


@pytest.mark.parametrize(
    ("cls", "base"),
    [
        ("AuthorizationError", "ClientError"),
        ("ObjectNotFoundError", "ClientError"),
        ("ClientError", "PrefectException"),
        ("FlowStorageError", "PrefectException"),
        ("ConfigurationError", "PrefectException"),
        ("TaskTimeoutSignal", "PrefectSignal"),
        ("VersionLockMismatchSignal", "PrefectSignal"),
    ],
)
def test_the_tree_is_as_drawn(cls: str, base: str) -> None:
    assert issubclass(getattr(exceptions, cls), getattr(exceptions, base))
    assert f"── {cls} " in exceptions.__doc__


def test_errors_of_configuration_are_value_errors_too() -> None:
    assert issubclass(exceptions.ConfigurationError, ValueError)
