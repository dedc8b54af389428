from __future__ import annotations

from typing import Any

import pytest

import prefect
from prefect import Flow, task
from prefect.cli import _execution
from prefect.cli._errors import CommandError
from prefect.cli._execution import run_here
from prefect.engine.state import Cancelled, State
from prefect.utilities.configuration import set_temporary_config


@task
def work() -> int:
    return 1


@pytest.fixture(params=[True, False], ids=["live", "plain"])
def _live(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_execution, "can_be_live", lambda: request.param)


def run(flow: Flow, **settings: Any) -> int:
    defaults: dict[str, Any] = {
        "parameters": {},
        "context": {},
        "on_schedule": False,
        "log_level": None,
        "quiet": False,
        "no_logs": False,
    }
    return run_here(flow, **{**defaults, **settings})


@pytest.mark.usefixtures("_live")
class TestExitStatus:
    def test_success_is_0(self) -> None:
        assert run(Flow("good", tasks=[work])) == 0

    def test_failure_is_1(self) -> None:
        @task
        def fail() -> None:
            raise ValueError("no")

        assert run(Flow("bad", tasks=[fail])) == 1

    def test_cancelled_is_11(self) -> None:
        def cancel(flow: Flow, old: State, new: State) -> State | None:
            return Cancelled("stopped") if new.is_finished() else None

        assert run(Flow("stopped", tasks=[work], state_handlers=[cancel])) == 11

    def test_ctrl_c_is_130(self, capsys: pytest.CaptureFixture[str]) -> None:
        @task
        def interrupted() -> None:
            raise KeyboardInterrupt

        assert run(Flow("interrupted", tasks=[interrupted])) == 130
        assert capsys.readouterr().err.endswith("Error: Interrupted: the flow run was stopped by Ctrl-C.\n")


@pytest.mark.usefixtures("_live")
def test_the_outcome_is_the_last_line_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    run(Flow("good", tasks=[work]))
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert "Success" in last or "succeeded!" in last


def test_a_state_that_is_neither_success_nor_failure_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    def cancel(flow: Flow, old: State, new: State) -> State | None:
        return Cancelled("by a handler") if new.is_finished() else None

    run(Flow("stopped", tasks=[work], state_handlers=[cancel]))
    assert "Flow run ended Cancelled. by a handler (" in capsys.readouterr().out


def test_a_run_whose_runner_failed_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(flow: Flow, old: State, new: State) -> State | None:
        raise RuntimeError("the handler broke")

    assert run(Flow("broken", tasks=[work], state_handlers=[broken]), no_logs=True) == 1
    assert "the handler broke" in capsys.readouterr().out


def test_what_keeps_a_flow_from_running_is_one_sentence_or_all_with_debug() -> None:
    @task(target="file.txt")
    def stored() -> int:
        return 1

    flow = Flow("target", tasks=[stored])
    with pytest.raises(CommandError, match="Flow 'target' cannot run: Task 'stored' has a target"):
        run(flow)
    with set_temporary_config({"debug": True}), pytest.raises(ValueError, match="has a target"):
        run(flow)


def test_a_value_for_config_is_merged_into_the_configuration() -> None:
    seen: list[Any] = []

    @task
    def look() -> None:
        seen.append(
            (prefect.context.config.mine, prefect.context.config.logging.level, prefect.context.color)
        )

    assert run(Flow("look", tasks=[look]), context={"config": {"mine": 1}, "color": "red"}) == 0
    assert seen == [(1, prefect.config.logging.level, "red")]


def test_only_the_first_failures_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    @task
    def fail(number: int) -> None:
        raise ValueError(f"number {number}")

    with Flow("many") as flow:
        fail.map(list(range(30)))
    run(flow, no_logs=True)
    lines = capsys.readouterr().out.splitlines()
    assert "  fail[9]: ValueError: number 9" in lines
    assert "  fail[10]: ValueError: number 10" not in lines
    assert "  …" in lines
