from __future__ import annotations

import io
import sys

import pytest

from prefect.cli import _output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CI", "PREFECT_NO_INPUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("env", "terminal", "colored"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),  # as no-color.org says: only if it is not empty
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_are_for_terminals_and_no_color_forbids_them(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], terminal: bool, colored: bool
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    stream = Terminal() if terminal else io.StringIO()
    assert ("\x1b" in _output.styled("text", stream, color="red")) is colored
    assert _output.styled("text", stream) == "text"


@pytest.mark.parametrize(
    ("env", "out", "err", "live"),
    [
        ({}, True, True, True),
        ({"NO_COLOR": "1"}, True, True, True),
        ({"CI": "1"}, True, True, False),
        ({"TERM": "dumb"}, True, True, False),
        ({}, False, True, False),
        ({}, True, False, False),
    ],
)
def test_a_view_is_live_where_both_streams_are_a_terminal_somebody_watches(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], out: bool, err: bool, live: bool
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", Terminal() if out else io.StringIO())
    monkeypatch.setattr(sys, "stderr", Terminal() if err else io.StringIO())
    assert _output.can_be_live() is live


def test_what_a_stream_cannot_encode_is_escaped() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="ascii")
    _output.write("café ☃", stream)
    assert buffer.getvalue().decode().rstrip() == r"caf\xe9 \u2603"


def test_an_error_ends_with_its_sentence_and_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    _output.print_error("It broke.", hint="Mend it.", details="Traceback\n  line\n")
    assert capsys.readouterr().err == "Traceback\n  line\n\nError: It broke.\nHint: Mend it.\n"


@pytest.mark.parametrize(("variable", "value"), [("CI", "true"), ("PREFECT_NO_INPUT", "1")])
def test_questions_are_asked_in_terminals_only_and_not_where_nobody_answers(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert not _output.may_ask()
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert _output.may_ask()
    monkeypatch.setenv(variable, value)
    assert not _output.may_ask()


def test_a_long_line_of_a_log_goes_on_below_itself_in_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    path = "/a/path/that/is/longer/than/there/is/room/for/it"
    message = f"written with some words to {path}\n  an indented line of a traceback that is left as it was"
    _output.write_log_line("12:00 | INFO | ", message)
    assert capsys.readouterr().out == f"12:00 | INFO | {message}\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    _output.write_log_line("12:00 | INFO | ", message)
    assert capsys.readouterr().out.splitlines() == [
        "12:00 | INFO | written with some words to",
        f"               {path}",
        "  an indented line of a traceback that is left as it was",
    ]


def test_an_error_that_begins_with_the_word_is_not_called_one_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _output.print_error("Error loading 'flows.py'")
    assert capsys.readouterr().err == "Error loading 'flows.py'\n"
