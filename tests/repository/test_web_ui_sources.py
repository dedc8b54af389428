"""The sources of the web UI fit the server they are built for, and can be built anywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from prefect.server.graphql.schema import sdl

UI = Path(__file__).resolve().parents[2] / "ui"
DOCUMENT = re.compile(r"graphql\(\s*`(.*?)`", re.DOTALL)


def _documents() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in sorted((UI / "src").rglob("*.ts*")):
        if "gql" in path.relative_to(UI / "src").parts:
            continue  # made from the others
        for match in DOCUMENT.finditer(path.read_text(encoding="utf-8")):
            name = re.search(r"\b(?:query|mutation)\s+(\w+)", match.group(1))
            found.append((name.group(1) if name else path.name, match.group(1)))
    return found


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """The schema of this version's API."""
    return build_schema(sdl())


def test_every_document_of_the_ui_is_one_that_the_api_takes(schema: GraphQLSchema) -> None:
    documents = _documents()
    problems = {
        name: [error.message for error in errors]
        for name, text in documents
        if (errors := validate(schema, parse(text)))
    }
    assert len(documents) > 60
    assert problems == {}


def test_the_schema_that_types_are_made_from_says_nothing_that_the_api_does_not(
    schema: GraphQLSchema,
) -> None:
    kept = build_schema((UI / "schema.graphql").read_text(encoding="utf-8"))
    unknown = [
        f"{name}.{field}"
        for name, kind in kept.type_map.items()
        if not name.startswith("__") and hasattr(kind, "fields")
        for field in kind.fields  # type: ignore[attr-defined]
        if field not in getattr(schema.type_map.get(name), "fields", {})
    ]
    assert unknown == [], "renew it: prefect server schema > ui/schema.graphql"


def test_the_lock_of_the_ui_names_no_address_and_pins_every_package() -> None:
    lock = json.loads((UI / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [
        name for name, entry in packages.items() if not ("integrity" in entry or entry.get("inBundle"))
    ]
    assert "omit-lockfile-registry-resolved=true" in (UI / ".npmrc").read_text(encoding="utf-8")
