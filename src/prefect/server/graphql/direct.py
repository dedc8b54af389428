"""The short way for what clients send most: one mutation whose input is one variable.

    mutation($input: write_run_logs_input!) { write_run_logs(input: $input) { success } }

GraphQL's own coercion visits every value of the input twice, in Python: for a batch of a thousand
log lines that is most of the work. Here the input becomes the struct in one step of msgspec. Only
what is right in every detail passes; all else takes the long way, whose rules and errors are
GraphQL's.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from graphql.language import ast

from prefect.server.domain import operations

__all__ = ["direct_input"]


def direct_input(operation: ast.OperationDefinitionNode, given: Mapping[str, Any]) -> msgspec.Struct | None:
    """The input of the mutation; None if the document or the value needs the long way.

    Args:
        operation: the operation, valid.
        given: the variables as they were sent.
    """
    name = _variable(operation)
    if name is None or len(given) != 1 or name not in given:
        return None
    field = cast("ast.FieldNode", operation.selection_set.selections[0])
    kind = operations.mutations()[field.name.value].input_type
    value = given[name]
    if kind is None or not _has_known_keys(kind, value):
        return None
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeEncodeError, OverflowError):
        return None


def _variable(operation: ast.OperationDefinitionNode) -> str | None:
    """The one variable, if the document has the one form."""
    selections, definitions = operation.selection_set.selections, operation.variable_definitions
    if (
        operation.operation != ast.OperationType.MUTATION
        or len(selections) != 1
        or not isinstance(field := selections[0], ast.FieldNode)
        or field.directives
        or field.name.value == "__typename"
        or len(definitions or ()) != 1
        or len(field.arguments or ()) != 1
    ):
        return None
    assert definitions
    assert field.arguments
    value = field.arguments[0].value
    name = definitions[0].variable.name.value
    return name if isinstance(value, ast.VariableNode) and value.name.value == name else None


class _Keys(typing.NamedTuple):
    """Keys of a struct, and the structs inside it that are not JSON values."""

    known: frozenset[str]
    inner: tuple[tuple[str, type[msgspec.Struct]], ...]


@functools.cache
def _keys(kind: type[msgspec.Struct]) -> _Keys:
    hints = typing.get_type_hints(kind)
    fields = msgspec.structs.fields(kind)
    inner = [(field.encode_name, found) for field in fields if (found := _struct_in(hints[field.name]))]
    return _Keys(frozenset(field.encode_name for field in fields), tuple(inner))


def _struct_in(hint: Any) -> type[msgspec.Struct] | None:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    return next(filter(None, map(_struct_in, typing.get_args(hint))), None)


def _has_known_keys(kind: type[msgspec.Struct], value: Any) -> bool:
    """Whether there is nothing that GraphQL would refuse as unknown; msgspec ignores such keys."""
    if not isinstance(value, dict):
        return False
    fields = cast("dict[str, Any]", value)
    keys = _keys(kind)
    if not fields.keys() <= keys.known:
        return False
    for name, inner in keys.inner:
        found = fields.get(name)
        if isinstance(found, list):
            if not all(_has_known_keys(inner, item) for item in cast("list[Any]", found)):
                return False
        elif found is not None and not _has_known_keys(inner, found):
            return False
    return True
