"""Operations that are functions: their arguments from a request, and their output to JSON."""

# graphql-core's types are generic without parameters.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import msgspec
from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLScalarType,
    Undefined,
    coerce_input_value,
    is_list_type,
    is_non_null_type,
    validate_input_value,
)
from graphql.language import ast

from prefect.server.database.times import to_text
from prefect.server.graphql.convert import from_json_literal
from prefect.server.graphql.selections import Document, Selected, selected_fields
from prefect.server.graphql.values import (
    Bindings,
    Flag,
    Items,
    Members,
    Null,
    Slot,
    Tree,
    Word,
    raw_value,
    tree,
)

__all__ = ["Projection", "Reader", "argument_reader", "project", "projection"]

Reader: TypeAlias = "Callable[[Bindings], Any]"

#: Stands for an argument that is not there.
ABSENT = msgspec.UNSET


def argument_reader(document: Document, node: ast.ValueNode, kind: GraphQLInputType) -> Reader:
    """From bindings to the Python value of an argument, by the rules of its type.

    What is returned gives `ABSENT` for a variable without a value, and raises `GraphQLError` for a
    value that is not of the type.
    """
    if isinstance(node, ast.VariableNode):
        name = node.name.value
        # A variable was coerced by its own type, which validation has compared with this one.
        return lambda bindings: bindings.variables.get(name, ABSENT)
    read = _plain(tree(node, document.variables, document.numbers, document.structural), kind)
    return lambda bindings: _coerced(read(bindings), kind)


def _coerced(value: Any, kind: GraphQLInputType) -> Any:
    found = coerce_input_value(value, kind)
    if found is not Undefined:
        return found
    errors: list[GraphQLError] = []
    validate_input_value(value, kind, lambda error, path: errors.append(error))
    raise errors[0] if errors else GraphQLError("An argument cannot be used.")


def _plain(value: Tree, kind: Any) -> Reader:
    """From bindings to the plain value of a tree; JSON written in the document as text is parsed."""
    while is_non_null_type(kind):
        kind = kind.of_type
    if isinstance(kind, GraphQLScalarType) and kind.name in ("JSON", "jsonb"):
        read = raw_value(value)
        if isinstance(value, Slot) and value.literal >= 0:
            return lambda bindings: from_json_literal(read(bindings))
        return read
    if isinstance(value, (Slot, Flag, Word, Null)):
        return raw_value(value)
    if isinstance(value, Items):
        inner = kind.of_type if is_list_type(kind) else kind
        parts = [_plain(item, inner) for item in value.items]
        return lambda bindings: [part(bindings) for part in parts]
    return _members(value, kind)


def _members(value: Members, kind: Any) -> Reader:
    while is_list_type(kind) or is_non_null_type(kind):  # one element in the place of a list
        kind = kind.of_type
    fields = kind.fields if isinstance(kind, GraphQLInputObjectType) else {}
    members = [
        (key, _plain(item, fields[key].type if key in fields else kind))
        for key, item in value.items
        # A variable without a value is no member at all.
        if not (isinstance(item, Null) and item.is_absent)
    ]
    return lambda bindings: {key: read(bindings) for key, read in members}


# -- output ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Projection:
    """What was selected of a struct: `(key, name of the attribute, what was selected of it)`."""

    fields: tuple[tuple[str, str, Projection | None], ...]


def projection(document: Document, selected: Selected) -> Projection | None:
    """The projection of a field; None for scalars."""
    if not selected.selections:
        return None
    return Projection(
        tuple(
            (entry.key, entry.name, projection(document, entry))
            for entry in selected_fields(document, *selected.selections)
        )
    )


def project(value: Any, selected: Projection | None) -> Any:
    """What was selected of what an operation returned, as JSON-compatible values."""
    if value is None:
        return None
    if selected is None:
        return _scalar(value)
    if isinstance(value, (list, tuple)):
        return [project(item, selected) for item in cast("list[Any]", value)]
    return {
        key: _type_name(value) if name == "__typename" else project(getattr(value, name), inner)
        for key, name, inner in selected.fields
    }


def _scalar(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, datetime.datetime):
        return to_text(value)
    if isinstance(value, msgspec.Raw):
        return json.loads(bytes(value))
    return msgspec.to_builtins(value)


def _type_name(value: Any) -> str:
    return snake(type(value).__name__)


def snake(name: str) -> str:
    """`CreateProjectInput` → `create_project_input`, the name that 1.x documents use."""
    found = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return found.lstrip("_")
