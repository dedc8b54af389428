from __future__ import annotations

import os.path
from pathlib import Path

import pytest

from prefect.utilities.importtools import import_object


def test_modules_and_what_is_in_them_are_found() -> None:
    assert import_object("os.path") is os.path
    assert import_object("os.path.join") is os.path.join
    assert import_object("prefect.configuration.Config").__name__ == "Config"
    assert import_object("prefect.config") is import_object("prefect.configuration.config")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nothing_like_this", ModuleNotFoundError),
        ("os.nothing", AttributeError),
        ("prefect.nothing", AttributeError),
        ("prefect.nothing.x", ModuleNotFoundError),
        ("os:nothing", ModuleNotFoundError),
    ],
)
def test_what_does_not_exist_is_an_error_of_the_usual_kind(name: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="nothing"):
        import_object(name)


def test_a_module_that_lacks_a_module_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lacking_module.py").write_text("import something_that_is_missing")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleNotFoundError, match="something_that_is_missing"):
        import_object("lacking_module")
