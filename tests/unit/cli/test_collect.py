from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from prefect.cli._collect import load_json, load_module, load_script, python_files
from prefect.cli._errors import CommandError
from prefect.storage import Local, Module

FLOWS = "from prefect import Flow\nfirst = Flow('first')\nsecond = Flow('second')\nalias = first\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_folders_and_patterns_stand_for_their_python_files(tmp_path: Path) -> None:
    files = [write(tmp_path / name, "") for name in ("a.py", "b/c.py", "b/d/e.py")]
    write(tmp_path / "b" / "notes.txt", "")
    write(tmp_path / ".venv" / "lib.py", "")
    write(tmp_path / "b" / "__pycache__" / "x.py", "")
    assert python_files([str(tmp_path)]) == files
    assert python_files([str(tmp_path / "b" / "*.py")]) == [files[1]]
    assert python_files([str(tmp_path / "**" / "e.py")]) == [files[2]]
    assert python_files([str(files[0]), str(tmp_path)]) == files


@pytest.mark.parametrize("name", ["missing.py", "missing/*.py"])
def test_a_path_that_stands_for_nothing_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match=r"does not exist|matches no file"):
        python_files([str(tmp_path / name)])


def test_flows_of_a_script_are_kept_as_that_script(tmp_path: Path) -> None:
    path = write(tmp_path / "flows.py", FLOWS)
    source = load_script(path)
    assert source.error is None
    assert [flow.name for flow in source.flows] == ["first", "second"]
    storage = source.flows[0].storage
    assert isinstance(storage, Local)
    assert (storage.path, storage.stored_as_script) == (str(path), True)
    assert source.flows[1].storage is storage


def test_a_script_may_import_its_neighbours_and_leaves_no_trace_on_the_path(tmp_path: Path) -> None:
    write(tmp_path / "a_neighbour_of_collected_flows.py", "NAME = 'found'\n")
    path = write(
        tmp_path / "flows.py",
        "from a_neighbour_of_collected_flows import NAME\nfrom prefect import Flow\nflow = Flow(NAME)\n",
    )
    before = list(sys.path)
    assert [flow.name for flow in load_script(path).flows] == ["found"]
    assert sys.path == before


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('no luck')", "Error loading"),
        ("this is no Python", "Error loading"),
        ("raise SystemExit(3)", "ended with sys.exit"),
    ],
)
def test_a_script_that_fails_has_an_error_and_no_flows(tmp_path: Path, code: str, message: str) -> None:
    source = load_script(write(tmp_path / "flows.py", code))
    assert source.flows == []
    assert source.error is not None
    assert message in source.error.message


def test_flows_of_a_module_are_kept_as_that_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "collected_flows_module.py", FLOWS)
    monkeypatch.syspath_prepend(str(tmp_path))
    source = load_module("collected_flows_module")
    assert [flow.name for flow in source.flows] == ["first", "second"]
    assert isinstance(source.flows[0].storage, Module)
    one = load_module("collected_flows_module.second")
    assert [flow.name for flow in one.flows] == ["second"]


def test_a_module_that_is_missing_is_named() -> None:
    source = load_module("there_is_no_such_module_here")
    assert source.error is not None
    assert "There is no module 'there_is_no_such_module_here'" in source.error.message


def test_flows_of_a_built_file_are_read_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "f.json", json.dumps({"version": 1, "flows": [{"name": "x", "tasks": []}]}))
    (built,) = load_json(str(path)).built
    assert (built.name, built.serialized) == ("x", {"name": "x", "tasks": []})


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 2, "flows": []}', '{"version": 1}', '{"flows": [1]}']
)
def test_other_files_are_no_built_files(tmp_path: Path, text: str) -> None:
    source = load_json(str(write(tmp_path / "f.json", text)))
    assert source.error is not None
    assert "no file of `prefect build` that can be read" in source.error.message
