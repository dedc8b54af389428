"""The reference has every public module, and the site's navigation has every page."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src"

# How the engine and the server work inside: ARCHITECTURE.md tells about it, and nobody should build on it.
INTERNAL = (
    "prefect.server",
    "prefect.engine.coroutines",
    "prefect.engine.decide",
    "prefect.engine.flow_execution",
    "prefect.engine.inputs",
    "prefect.engine.map_group",
    "prefect.engine.observers",
    "prefect.engine.remote",
    "prefect.engine.run_context",
    "prefect.engine.task_plan",
)


def public_modules() -> list[str]:
    """Modules that define a public class, function or value of their own, the command line apart."""
    names: list[str] = []
    for path in sorted((SOURCE / "prefect").rglob("*.py")):
        parts = list(path.relative_to(SOURCE).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        name = ".".join(parts)
        if any(part.startswith("_") for part in parts) or name in ("prefect", "prefect.hello_world"):
            continue
        if f"{name}.".startswith(tuple(f"{internal}." for internal in ("prefect.cli", *INTERNAL))):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        definitions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if any(isinstance(node, definitions) and not node.name.startswith("_") for node in tree.body):
            names.append(name)
    return names


def documented_modules() -> set[str]:
    """Names after `:::` on the pages of the reference."""
    pages = (DOCS / "reference").glob("*.md")
    return {
        name for page in pages for name in re.findall(r"^::: (\S+)$", page.read_text("utf-8"), re.MULTILINE)
    }


@pytest.mark.parametrize("module", public_modules())
def test_public_module_is_in_the_reference(module: str) -> None:
    assert module in documented_modules(), f"add `::: {module}` to a page of docs/reference"


def test_reference_names_no_module_that_is_gone() -> None:
    for name in documented_modules():
        path = SOURCE / name.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), name


def test_navigation_has_every_page() -> None:
    settings = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))

    def leaves(entry: object) -> set[str]:
        if isinstance(entry, str):
            return {entry}
        if isinstance(entry, dict):
            return {page for value in entry.values() for page in leaves(value)}
        assert isinstance(entry, list)
        return {page for item in entry for page in leaves(item)}

    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert leaves(settings["project"]["nav"]) == pages


def test_every_fragment_of_the_changelog_has_a_known_kind() -> None:
    kinds = {"added", "changed", "fixed", "removed", "security"}
    for fragment in (ROOT / "changes").glob("*.md"):
        if fragment.name != "README.md":
            assert fragment.name.split(".")[-2] in kinds, fragment.name
            assert fragment.read_text(encoding="utf-8").strip()
