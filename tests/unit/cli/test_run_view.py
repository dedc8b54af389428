from __future__ import annotations

import builtins
import io
import logging
import sys
import threading

import pytest
from rich.console import Console

from prefect import Flow, task
from prefect.cli._run_logs import run_logging
from prefect.cli._run_view import RunView
from prefect.engine.observers import observe


@task
def talk(x: int) -> int:
    print(f"printed {x}")
    return x


@pytest.fixture
def flow() -> Flow:
    with Flow("talks") as flow:
        talk.map([1, 2])
    return flow


def new_view(flow: Flow) -> tuple[RunView, io.StringIO]:
    screen = io.StringIO()
    console = Console(
        file=screen, force_terminal=True, width=80, height=24, color_system=None, highlight=False
    )
    return RunView(flow, console), screen


def test_what_is_printed_appears_above_the_final_tree(flow: Flow) -> None:
    view, screen = new_view(flow)
    with view.shown(), observe(view.on_event):
        view.finish(flow.run())
    text = screen.getvalue()
    assert text.index("printed 1") < text.index("printed 2") < text.rindex("talks")
    assert "talk" in text
    assert "✓ Success" in text.splitlines()[-2]  # the last one shows the cursor again


def test_standard_streams_and_input_are_given_back(flow: Flow) -> None:
    before = sys.stdout, sys.stderr, builtins.input
    view, _ = new_view(flow)
    with pytest.raises(KeyboardInterrupt), view.shown():
        raise KeyboardInterrupt
    assert (sys.stdout, sys.stderr, builtins.input) == before


def test_an_interrupted_run_ends_with_the_tree_so_far(flow: Flow) -> None:
    view, screen = new_view(flow)
    with pytest.raises(KeyboardInterrupt), view.shown():
        raise KeyboardInterrupt
    assert "■ Interrupted" in screen.getvalue()


def test_a_line_without_its_end_is_shown_at_the_end_and_overwritten_ones_once(flow: Flow) -> None:
    view, screen = new_view(flow)
    with view.shown():
        sys.stdout.write("10%\r50%\r100%\n")
        sys.stderr.write("no newline")
        assert sys.stdout.writable()
        sys.stdout.flush()
    lines = [line.strip() for line in screen.getvalue().splitlines()]
    assert any(line.endswith("100%") for line in lines)
    assert not any("50%" in line for line in lines)
    assert any("no newline" in line for line in lines)


def test_a_question_is_asked_below_the_tree_and_drawing_goes_on(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, screen = new_view(flow)
    at_question: list[tuple[bool, str]] = []
    out = sys.stdout

    def answer(prompt: object = "") -> str:
        at_question.append((sys.stdout is out, screen.getvalue()))
        return "y"

    monkeypatch.setattr(builtins, "input", answer)
    with view.shown():
        print("before")
        assert input("ready? ") == "y"
        assert sys.stdout is not out
    ((was_given_back, screen_then),) = at_question
    assert was_given_back
    assert "before" in screen_then
    assert "talks" in screen_then


def test_log_lines_say_whose_they_are(flow: Flow) -> None:
    view, screen = new_view(flow)
    with run_logging(view.on_record, "INFO", left_out="story"), view.shown():
        logging.getLogger("prefect.talk").warning("careful")
        logging.getLogger("prefect.TaskRunner").info("%s", "printed by a task", extra={})
        logging.getLogger("prefect.TaskRunner").info("Task 'talk': Starting task run...")
        logging.getLogger("prefect.FlowRunner").info("Beginning Flow run for 'talks'")
        logging.getLogger("prefect.FlowRunner").info("Something else")
        try:
            raise ValueError("deep")
        except ValueError:
            logging.getLogger("prefect.TaskRunner").exception("Task 'talk': it broke")
    text = screen.getvalue()
    assert "WARNING talk  careful" in text
    assert "printed by a task" in text
    assert "Starting task run" not in text
    assert "Beginning Flow run" not in text
    assert "INFO    Something else" in text
    assert "ERROR   Task 'talk': it broke" in text
    assert "ValueError: deep" in text


def test_the_runners_own_lines_can_be_left_out_before_they_are_made(flow: Flow) -> None:
    seen: list[str] = []
    with run_logging(lambda record: seen.append(record.getMessage()), "INFO", left_out="runners"):
        flow.run()
        logging.getLogger("prefect.talk").info("mine")
        assert not logging.getLogger("prefect.TaskRunner").isEnabledFor(logging.INFO)
    assert seen == ["mine"]
    assert logging.getLogger("prefect.TaskRunner").level == logging.NOTSET


def test_without_a_listener_no_line_is_made() -> None:
    with run_logging(None, "DEBUG"):
        assert not logging.getLogger("prefect.anything").isEnabledFor(logging.CRITICAL)


def test_handlers_for_files_keep_getting_their_lines() -> None:
    kept = logging.StreamHandler(io.StringIO())
    logger = logging.getLogger("prefect")
    logger.addHandler(kept)
    try:
        with run_logging(lambda record: None, "INFO"):
            logging.getLogger("prefect.x").info("for the file")
        assert "for the file" in kept.stream.getvalue()
    finally:
        logger.removeHandler(kept)


def test_lines_of_threads_do_not_mix(flow: Flow) -> None:
    view, screen = new_view(flow)
    half_written, finished = threading.Event(), threading.Event()

    def slow() -> None:
        sys.stdout.write("slow begins ")
        half_written.set()
        finished.wait(10)
        sys.stdout.write("and ends\n")

    with view.shown():
        thread = threading.Thread(target=slow)
        thread.start()
        assert half_written.wait(10)
        print("quick")
        finished.set()
        thread.join()
    lines = [line.strip() for line in screen.getvalue().splitlines()]
    assert any(line.endswith("quick") and "slow" not in line for line in lines)
    assert any(line.endswith("slow begins and ends") for line in lines)
