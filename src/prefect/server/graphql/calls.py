"""Operations that are functions: their arguments from a request, and their output to JSON."""

# graphql-core's types are generic without parameters.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
from __future__ import annotations

import datetime
import json
import types
import typing
from collections.abc import Callable, Mapping
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

from prefect.server.database.store import Query
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
from prefect.server.security.caller import Caller

__all__ = [
    "Projection",
    "Reader",
    "Rows",
    "argument_reader",
    "has_rows",
    "project",
    "projection",
    "row_ids",
    "row_table",
    "snake",
]

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

    fields: tuple[tuple[str, str, Projection | Rows | None], ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table in an answer whose structs hold their ids.

    Attributes:
        query: from a caller, bindings and the ids to the query of `{id: row}`.
    """

    query: Callable[[Caller, Bindings, list[str]], Query]


#: From a table and what was selected of its rows to the way to read them.
MakeRows: TypeAlias = "Callable[[str, Selected], Rows]"
#: The rows of an answer, by their ids.
Found: TypeAlias = "Mapping[Rows, Mapping[str, Any]]"


def projection(document: Document, selected: Selected, kind: Any, rows: MakeRows) -> Projection | None:
    """The projection of a field; None for scalars.

    Args:
        document: the document.
        selected: the field.
        kind: the type of its value.
        rows: what makes the way to rows.
    """
    if not selected.selections:
        return None
    hints = _hints(kind)
    return Projection(
        tuple(
            (entry.key, entry.name, _inner(document, entry, hints.get(entry.name), rows))
            for entry in selected_fields(document, *selected.selections)
        )
    )


def _inner(document: Document, entry: Selected, kind: Any, rows: MakeRows) -> Projection | Rows | None:
    table = row_table(kind)
    return projection(document, entry, kind, rows) if table is None else rows(table, entry)


def row_table(kind: Any) -> str | None:
    """The table whose rows a value of this type stands for; None if it stands for itself."""
    for meta in getattr(kind, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.extra and "table" in meta.extra:
            return cast("str", meta.extra["table"])
    return next(filter(None, map(row_table, _members_of_union(kind))), None)


def _members_of_union(kind: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    return typing.get_args(kind) if is_union else ()


def _hints(kind: Any) -> dict[str, Any]:
    """The types of the attributes of a struct, or of the structs in a list."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return typing.get_type_hints(kind, include_extras=True)
    return next(filter(None, map(_hints, typing.get_args(kind))), {})


def row_ids(value: Any, selected: Projection | None, found: dict[Rows, list[str]]) -> None:
    """Collect the ids of the rows that an answer needs."""
    if value is None or selected is None:
        return
    if isinstance(value, (list, tuple)):
        for item in cast("list[Any]", value):
            row_ids(item, selected, found)
        return
    for _, name, inner in selected.fields:
        if isinstance(inner, Rows):
            id = getattr(value, name)
            if id is not None:
                found.setdefault(inner, []).append(id)
        elif inner is not None:
            row_ids(getattr(value, name), inner, found)


def has_rows(selected: Projection | None) -> bool:
    """Whether an answer has rows of tables in it."""
    return selected is not None and any(
        isinstance(inner, Rows) or has_rows(inner) for _, _, inner in selected.fields
    )


_NOTHING: Found = {}


def project(value: Any, selected: Projection | Rows | None, found: Found = _NOTHING) -> Any:
    """What was selected of what an operation returned, as JSON-compatible values.

    Args:
        value: what it returned.
        selected: what was selected.
        found: the rows whose ids it returned.
    """
    if value is None:
        return None
    if selected is None:
        return _scalar(value)
    if isinstance(selected, Rows):
        return found[selected].get(value)
    if isinstance(value, (list, tuple)):
        return [project(item, selected, found) for item in cast("list[Any]", value)]
    return {
        key: _type_name(value) if name == "__typename" else project(getattr(value, name), inner, found)
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
