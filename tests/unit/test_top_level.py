from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import prefect

# What could be reached after a bare `import prefect` in 1.4.1.
RECORDED = Path(__file__).parents[1] / "compat" / "reachable.txt"
# Packages of the backend, which this version does not contain yet.
NOT_YET = (
    "prefect.agent",
    "prefect.backend",
    "prefect.tasks.docker",
    "prefect.tasks.github",
)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_modules_are_reachable_without_importing_them() -> None:
    names = [name for name in RECORDED.read_text().split() if not name.startswith(NOT_YET)]
    assert len(names) > 100
    code = f"""
import prefect
for dotted in {names!r}:
    found = prefect
    for part in dotted.split(".")[1:]:
        try:
            found = getattr(found, part)
        except Exception as error:
            print(dotted, type(error).__name__, error)
            break
"""
    result = run_python(code)

    assert result.returncode == 0, result.stderr
    assert result.stdout == ""


def test_public_names_are_what_they_were() -> None:
    assert prefect.Flow.__module__ == "prefect.core.flow"
    assert inspect.isfunction(prefect.task)
    assert prefect.context is prefect.utilities.context.context
    assert prefect.config is prefect.configuration.config
    assert inspect.isclass(prefect.case)
    assert prefect.api is prefect.utilities.plugins.API
    for name in prefect.__all__:
        assert getattr(prefect, name) is not None
        assert name in dir(prefect)


def test_a_star_import_gives_the_public_names() -> None:
    result = run_python("from prefect import *; print(Flow, task, Parameter, unmapped, case, config.backend)")

    assert result.returncode == 0, result.stderr


def test_names_that_tools_see_are_the_names_that_are_found() -> None:
    source = Path(prefect.__file__).read_text(encoding="utf-8")
    [block] = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    seen_by_tools = {
        alias.asname or alias.name: f"{node.module}:{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert sorted(seen_by_tools) == sorted(prefect.__all__)
    for name, target in seen_by_tools.items():
        module, _, attribute = target.partition(":")
        assert getattr(importlib.import_module(module), attribute) is getattr(prefect, name)


def test_the_version_is_that_of_the_distribution() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")

    assert f'\nversion = "{prefect.__version__}"\n' in text


@pytest.mark.parametrize("name", ["nothing", "_private", "__wrapped__"])
def test_what_does_not_exist_is_no_attribute(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'prefect' has no attribute '{name}'"):
        getattr(prefect, name)
    with pytest.raises(AttributeError, match=f"module 'prefect.utilities' has no attribute '{name}'"):
        getattr(prefect.utilities, name)
    assert not hasattr(prefect, name)
    with pytest.raises(ImportError, match="cannot import name"):
        exec(f"from prefect import {name}")


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _ = prefect.Flow

    assert vars(prefect)["Flow"] is prefect.Flow


def test_a_module_that_cannot_be_imported_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_by_test.py").write_text("import something_that_is_missing")
    monkeypatch.setattr(prefect.utilities, "__path__", [*prefect.utilities.__path__, str(tmp_path)])

    with pytest.raises(ModuleNotFoundError, match="something_that_is_missing"):
        _ = prefect.utilities.broken_by_test


def test_importing_prefect_alone_loads_neither_flows_nor_the_engine() -> None:
    result = run_python("import prefect, sys; print(*(m for m in sys.modules if m.startswith('prefect.')))")

    loaded = set(result.stdout.split())
    assert "prefect.utilities.logging" in loaded
    assert not {"prefect.core", "prefect.engine", "prefect.executors", "prefect._removed"} & loaded
