"""What a module imports while it is imported lies in its own layer or below.

import-linter (`make check`) also sees imports inside functions, and lists the exceptions among them; this
test allows none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"

# The longest name that fits decides. ARCHITECTURE.md shows the picture.
LAYERS = {
    "prefect._wire": 0,
    "prefect.configuration": 0,
    "prefect.exceptions": 0,
    "prefect.utilities": 0,
    "prefect.core": 1,
    "prefect.schedules": 1,
    "prefect.tasks.core": 1,  # what a flow is made of: constants, collections, operators, functions
    "prefect.utilities.tasks": 1,  # compat: the helpers that make flows live among the utilities
    "prefect.utilities.edges": 1,
    "prefect.engine": 2,
    "prefect.executors": 2,
    "prefect.run_configs": 2,
    "prefect.serialization": 2,
    "prefect.storage": 2,
    "prefect.triggers": 2,
    "prefect.utilities.debug": 2,  # compat: as above, for runs
    "prefect.utilities.executors": 2,
    "prefect.utilities.notifications": 2,
    "prefect.utilities.storage": 2,
    "prefect.artifacts": 3,
    "prefect.backend": 3,
    "prefect.client": 3,
    "prefect.server": 3,
    "prefect.cli": 4,
    "prefect.__main__": 5,
    "prefect.hello_world": 5,
    "prefect.tasks": 5,
    "prefect.testing": 5,
}


def layer_of(module: str) -> int | None:
    """Layer of a module; None for the private modules of `prefect` itself, which are below all."""
    while module:
        if module in LAYERS:
            return LAYERS[module]
        module = module.rpartition(".")[0]
    return None


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_at_import(body: list[ast.stmt]) -> Iterator[tuple[str, int]]:
    """Names and lines of what runs when the module is imported."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.If):
            if "TYPE_CHECKING" not in ast.unparse(node.test):
                yield from imports_at_import(node.body)
            yield from imports_at_import(node.orelse)
        elif isinstance(node, (ast.Try, ast.With, ast.For, ast.While, ast.ClassDef)):
            yield from imports_at_import(node.body)


PATHS = [path for path in sorted((SOURCE / "prefect").rglob("*.py")) if module_name(path) != "prefect"]


@pytest.mark.parametrize("path", PATHS, ids=module_name)
def test_module_imports_nothing_from_above(path: Path) -> None:
    own = layer_of(module_name(path))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for imported, line in imports_at_import(tree.body):
        layer = layer_of(imported) if imported.startswith("prefect.") else None
        if layer is not None:
            assert layer <= (own or 0), f"{path.relative_to(SOURCE)}:{line} imports {imported}"
