from __future__ import annotations

import io
import sys
from typing import Any

import click
import pytest

from prefect.cli._status_line import StatusLine


def text_of(line: StatusLine, **facts: Any) -> str:
    line._facts = {"state": "Running", "all": 1_200, "done": 30, "failed": 0, "running": 0, **facts}
    return click.unstyle(line._text())


def test_it_tells_state_and_counts() -> None:
    line = StatusLine("id", shown=False)
    assert line._text() == ""
    assert text_of(line).startswith("Running · 30/1,200 task runs done · ")
    assert " · 4 running · 2 failed · " in text_of(line, running=4, failed=2)


def test_it_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert text_of(StatusLine("id", shown=False)) == "Running · 30/1,200 "


def test_without_a_terminal_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with StatusLine("id", shown=False) as line, line.above():
        pass
    assert stream.getvalue() == ""
