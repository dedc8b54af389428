"""What users see of an error in their own file."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefect.utilities.storage import extract_flow_from_file, extract_flow_from_module
from prefect.utilities.tracebacks import format_user_exception, user_frames


def error_of(text: str) -> BaseException:
    try:
        extract_flow_from_file(file_contents=text)
    except Exception as exc:
        return exc
    raise AssertionError("nothing was raised")


def test_the_traceback_begins_in_the_file_and_shows_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "flow.py"
    path.write_text("def helper():\n    raise ValueError('boom')\nhelper()\n")

    with pytest.raises(ValueError, match="boom") as caught:
        extract_flow_from_file(str(path))

    frames = user_frames(caught.value)
    assert [(frame.filename, frame.name, frame.line) for frame in frames] == [
        (str(path), "<module>", "helper()"),
        (str(path), "helper", "raise ValueError('boom')"),
    ]
    text = format_user_exception(caught.value)
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("ValueError: boom\n")


def test_contents_without_a_file_show_their_lines_too() -> None:
    assert "    int('x')" in format_user_exception(error_of("import json\nint('x')\n"))


def test_frames_of_this_library_are_left_out_where_the_mistake_was_noticed() -> None:
    error = error_of("from prefect import Flow\nFlow('')\n")

    assert [frame.line for frame in user_frames(error)] == ["Flow('')"]


def test_frames_of_other_libraries_are_kept() -> None:
    error = error_of("import json\njson.loads('x')\n")

    assert [frame.name for frame in user_frames(error)] == ["<module>", "loads", "decode", "raw_decode"]


def test_a_file_that_is_no_python_has_no_traceback() -> None:
    text = format_user_exception(error_of("def (:\n"))

    assert text.startswith('  File "<flow>", line 1')
    assert "SyntaxError" in text


def test_the_import_machinery_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "module_that_raises.py"
    path.write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ZeroDivisionError) as caught:
        extract_flow_from_module("module_that_raises")

    assert [frame.filename for frame in user_frames(caught.value)] == [str(path)]


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("from exc", ["KeyError", "direct cause", "ValueError"]),
        ("", ["KeyError", "During handling", "ValueError"]),
        ("from None", ["ValueError"]),
    ],
)
def test_what_led_to_an_error_is_told_as_python_tells_it(clause: str, expected: list[str]) -> None:
    text = format_user_exception(
        error_of(f"try:\n    {{}}['k']\nexcept KeyError as exc:\n    raise ValueError('v') {clause}\n")
    )

    positions = [text.index(part) for part in expected]
    assert positions == sorted(positions)
    assert ("KeyError" in text) is ("KeyError" in expected)
    assert "storage.py" not in text
