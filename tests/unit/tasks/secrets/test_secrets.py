from __future__ import annotations

import datetime
from typing import Any

import pytest

import prefect
from prefect import Flow, task
from prefect.engine.results import SecretResult
from prefect.tasks.secrets import EnvVarSecret, PrefectSecret, SecretBase


@task
def same(x: Any) -> Any:
    return x


def test_the_name_of_a_secret_is_the_name_of_its_task() -> None:
    secret = PrefectSecret("TOKEN", max_retries=2, retry_delay=datetime.timedelta(1), tags=["t"])
    assert (secret.name, secret.secret_name, secret.max_retries, secret.tags) == ("TOKEN", "TOKEN", 2, {"t"})
    assert (PrefectSecret().name, PrefectSecret().secret_name) == ("PrefectSecret", None)


@pytest.mark.parametrize("made", [PrefectSecret("X"), EnvVarSecret("X"), SecretBase(name="X")])
def test_a_secret_is_never_checkpointed(made: SecretBase) -> None:
    assert isinstance(made.result, SecretResult)
    assert made.checkpoint is False


def test_the_result_of_a_secret_is_not_for_the_user_to_choose() -> None:
    with pytest.raises(ValueError, match="Result types for Secrets are not configurable"):
        PrefectSecret("X", result=SecretResult(PrefectSecret("X")))


def test_secrets_are_handed_to_tasks() -> None:
    with Flow("secrets") as flow:
        value = same(PrefectSecret("OBJECT"))
        other = same(PrefectSecret("OBJECT")(name=same("TEXT")))
        several = same.map(PrefectSecret("OBJECT").map(["TEXT", "OBJECT"]))
        missing = PrefectSecret("MISSING")()

    with prefect.context(secrets={"OBJECT": '{"a": 1}', "TEXT": "abc"}):
        state = flow.run()
    assert state.result[value].result == {"a": 1}
    assert state.result[other].result == "abc"
    assert state.result[several].result == ["abc", {"a": 1}]
    assert isinstance(state.result[missing].result, ValueError)


def test_a_secret_needs_a_name() -> None:
    with pytest.raises(ValueError, match="A secret name must be provided"):
        PrefectSecret().run()
    with pytest.raises(ValueError, match="A secret name must be provided"):
        EnvVarSecret().run()


def test_environment_variables_are_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_NUMBER", "7")
    monkeypatch.delenv("MISSING", raising=False)

    assert EnvVarSecret("A_NUMBER").run() == "7"
    assert EnvVarSecret("MISSING").run("A_NUMBER") == "7"
    assert EnvVarSecret("A_NUMBER", cast=int).run() == 7
    assert EnvVarSecret("MISSING", cast=int).run() is None
    with pytest.raises(ValueError, match="Environment variable not set: MISSING"):
        EnvVarSecret("MISSING", raise_if_missing=True).run()
    with pytest.raises(ValueError, match="invalid literal"):
        EnvVarSecret("A_NUMBER", cast=lambda text: int(f"{text}x")).run()
