from __future__ import annotations

import os
from pathlib import Path

from prefect.cli._watching import watch_for_changes


def test_everything_is_new_at_first_and_then_what_changes_or_appears(tmp_path: Path) -> None:
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text("")
    changes = watch_for_changes([str(tmp_path)], ["json"], period=0.01)
    assert next(changes) == ([str(first)], ["json"])
    second.write_text("")
    assert next(changes) == ([str(second)], [])
    os.utime(first, (1, 1))
    assert next(changes) == ([str(first)], [])


def test_a_file_that_is_gone_for_a_moment_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "flow.py"
    path.write_text("")
    changes = watch_for_changes([str(path), str(tmp_path / "other.py")], period=0.01)
    assert next(changes) == ([str(path)], [])
    path.unlink()
    (tmp_path / "other.py").write_text("")
    assert next(changes) == ([str(tmp_path / "other.py")], [])
