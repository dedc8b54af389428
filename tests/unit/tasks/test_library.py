"""The task library as a whole."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from prefect import Task

PUBLIC = {
    "prefect.tasks.control_flow": ["FilterTask", "case", "ifelse", "merge", "switch"],
    "prefect.tasks.database": ["SQLiteQuery", "SQLiteScript"],
    "prefect.tasks.files": ["Copy", "Glob", "Move", "Remove", "Unzip", "Zip"],
    "prefect.tasks.notifications": ["EmailTask", "PushbulletTask", "SlackTask"],
    "prefect.tasks.secrets": ["EnvVarSecret", "PrefectSecret", "SecretBase"],
    "prefect.tasks.templates": ["JinjaTemplate", "StringFormatter"],
}


@pytest.mark.parametrize("package", sorted(PUBLIC))
def test_a_group_exports_its_tasks(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module.__all__) == PUBLIC[package]
    for name in PUBLIC[package]:
        assert getattr(module, name).__name__ == name
        assert name in dir(module)


@pytest.mark.parametrize(
    "name",
    [
        "prefect.tasks.secrets.PrefectSecret",
        "prefect.tasks.control_flow.conditional.merge",
        "prefect.tasks.shell.ShellTask",
        "prefect.tasks.core.operators.Add",
    ],
)
def test_a_task_is_reached_by_its_full_name_after_importing_prefect_alone(name: str) -> None:
    code = f"import prefect; print({name}.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == name.rpartition(".")[2]


def test_case_is_the_class_however_its_module_was_imported() -> None:
    code = (
        "import prefect.tasks.control_flow.case as module\n"
        "from prefect.tasks.control_flow import case\n"
        "from prefect import case as top\n"
        "print(module.__name__ if isinstance(module, type) else 'module', case is top, isinstance(case, type))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[1:] == ["True", "True"]


def test_every_task_of_the_library_calls_the_initialiser_of_task() -> None:
    made = [
        getattr(importlib.import_module(package), name)
        for package, names in PUBLIC.items()
        for name in names
        if name not in ("case", "ifelse", "merge", "switch")
    ]
    for cls in made:
        task = cls(name="named") if cls.__name__ not in ("PrefectSecret", "EnvVarSecret") else cls("named")
        assert isinstance(task, Task)
        assert task.name == "named"
