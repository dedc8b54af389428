from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path

import pytest

from prefect import Flow, task
from prefect.engine import signals
from prefect.engine.state import Failed, TimedOut
from prefect.tasks.shell import ShellTask

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash on this machine")


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="prefect")
    return caplog


@pytest.mark.parametrize(
    ("command", "last", "lines"),
    [
        ("echo hi", "hi", ["hi"]),
        ("echo hi; echo there", "there", ["hi", "there"]),
        ("true", None, []),
        ("echo; echo '  a  '; printf b", "b", ["", "  a", "b"]),
        ("echo out; sleep 0; echo error >&2", "error", ["out", "error"]),
        ("printf 'a\\r\\nb\\n'", "b", ["a", "b"]),
        ("echo é", "é", ["é"]),
    ],
)
def test_the_result_is_the_last_line_or_all_lines(command: str, last: str | None, lines: list[str]) -> None:
    assert ShellTask(command).run() == last
    assert ShellTask(return_all=True).run(command) == lines


def test_output_that_is_no_text_does_not_stop_the_task() -> None:
    assert ShellTask(return_all=True).run(r"printf '\xff\n'; echo next") == ["\ufffd", "next"]


def test_arguments_of_the_run_replace_those_of_the_task() -> None:
    shell = ShellTask(command="echo $A$B $X", env={"A": "a"}, helper_script="X=x")
    assert shell.run() == "a x"
    assert shell.run(env={"B": "b"}) == "b x"
    assert shell.run(helper_script="X=y") == "a y"
    assert shell.run("echo other") == shell.run(command="echo other") == "other"


def test_the_environment_of_the_process_is_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_PROCESS", "yes")
    assert ShellTask(env={"A": "1"}).run("echo $OF_THE_PROCESS") == "yes"


def test_a_helper_script_prepares_the_shell(tmp_path: Path) -> None:
    helper = f"cd '{tmp_path}'\ngreet() {{ echo \"hello, $1\"; }}"
    shell = ShellTask(helper_script=helper, return_all=True)
    assert shell.run("pwd; greet Marvin") == [str(tmp_path), "hello, Marvin"]


def test_a_command_is_needed() -> None:
    with pytest.raises(TypeError, match="missing required argument: 'command'"):
        ShellTask().run()


def test_other_programs_can_run_the_script(tmp_path: Path) -> None:
    assert ShellTask(shell=sys.executable).run("print(6 * 7)") == "42"
    with_space = tmp_path / "a python"
    with_space.symlink_to(sys.executable)
    assert ShellTask(shell=str(with_space)).run("print(1)") == "1"


def test_a_shell_may_have_options() -> None:
    with pytest.raises(signals.FAIL):
        ShellTask(shell="bash -e").run("false; echo not reached")


def test_a_shell_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-shell"):
        ShellTask(shell="no-such-shell").run("echo")


def test_a_command_that_fails_fails_the_task_with_its_output(logged: pytest.LogCaptureFixture) -> None:
    with pytest.raises(signals.FAIL) as failed:
        ShellTask(return_all=True).run("echo out; echo error >&2; exit 3")

    assert failed.value.state.message == "Command failed with exit code 3"
    assert failed.value.state.result == ["out", "error"]
    assert logged.messages == ["Command failed with exit code 3"]


def test_a_command_that_fails_without_output_has_no_result() -> None:
    with pytest.raises(signals.FAIL) as failed:
        ShellTask().run("kill -9 $$")
    assert failed.value.state.message == "Command failed with exit code -9"
    assert failed.value.state.result is None


def test_the_output_of_a_command_that_fails_can_be_logged(logged: pytest.LogCaptureFixture) -> None:
    with pytest.raises(signals.FAIL):
        ShellTask(log_stderr=True, return_all=True).run("echo out; echo error >&2; exit 1")
    with pytest.raises(signals.FAIL):
        ShellTask(log_stderr=True).run("echo out; echo error >&2; exit 1")
    assert logged.messages == [
        "Command failed with exit code 1",
        "out\nerror",
        "Command failed with exit code 1",
        "error",
    ]


@pytest.mark.parametrize(
    ("stream_output", "level"),
    [(True, logging.INFO), (logging.DEBUG, logging.DEBUG), ("WARNING", logging.WARNING)],
)
def test_lines_can_be_logged_as_they_come(
    stream_output: bool | int | str, level: int, logged: pytest.LogCaptureFixture
) -> None:
    ShellTask(stream_output=stream_output).run("echo a; echo b")
    assert [(record.levelno, record.message) for record in logged.records] == [(level, "a"), (level, "b")]


@pytest.mark.parametrize("level", ["LOUD", "info", "Logger"])
def test_a_level_that_does_not_exist_is_refused(level: str) -> None:
    with pytest.raises(TypeError, match=f"'stream_output': Level {level} is not a valid log level"):
        ShellTask(stream_output=level)


def test_a_timeout_ends_the_command(tmp_path: Path) -> None:
    with Flow("timeout") as flow:
        slow = ShellTask("sleep 5; touch finished", helper_script=f"cd '{tmp_path}'", timeout=0.5)()

    assert isinstance(flow.run().result[slow], TimedOut)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_in_the_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ShellTask().run("dirname $0") == str(tmp_path)
    with pytest.raises(signals.FAIL):
        ShellTask().run("exit 1")
    assert list(tmp_path.iterdir()) == []


def test_commands_are_tasks_of_a_flow() -> None:
    @task
    def command_for(name: str) -> str:
        return f"echo hello, {name}"

    shell = ShellTask()
    with Flow("shell") as flow:
        greetings = shell.map(command=command_for.map(["a", "b"]))
        failed = shell(command="exit 1")

    state = flow.run()
    assert state.result[greetings].result == ["hello, a", "hello, b"]
    assert type(state.result[failed]) is Failed
