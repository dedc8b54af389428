"""Scalars: those of columns (`uuid`, `timestamptz`, `jsonb`) and those of inputs (`UUID`, `DateTime`, `JSON`).

Both families exist because clients declare variables with either.
"""

from __future__ import annotations

import json
import re
import uuid as uuid_module
from collections.abc import Callable
from typing import Any

from graphql import GraphQLError, GraphQLScalarType, ValueNode, value_from_ast_untyped
from graphql.language import ast

from prefect.server.database.times import from_text, to_text

__all__ = ["BY_NAME", "parse_json_literal", "parse_timestamp", "parse_uuid"]


_is_uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch


def parse_uuid(value: Any) -> str:
    """A UUID in its one form: lower case, with dashes."""
    if isinstance(value, str):
        if _is_uuid(value):
            return value
        if value.isascii():  # Python takes digits of other scripts, and signs
            try:
                found = str(uuid_module.UUID(value))
            except ValueError:
                pass
            else:
                if _is_uuid(found):
                    return found
    raise GraphQLError(f"{_shown(value)} is not a UUID.")


def parse_timestamp(value: Any) -> str:
    """A moment in the one format of the database; naive ones are UTC."""
    if isinstance(value, str):
        try:
            return to_text(from_text(value.strip()))
        except ValueError:
            pass
    raise GraphQLError(f"{_shown(value)} is not an ISO 8601 time such as 2030-01-02T03:04:05+00:00.")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def parse_json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    """A JSON value written in a document: text that holds JSON, or an object, list or number.

    wire: old clients write JSON as text of JSON. Text that is no JSON is a string.
    """
    if isinstance(node, ast.StringValueNode):
        try:
            return json.loads(node.value)
        except (ValueError, RecursionError):
            return node.value
    return value_from_ast_untyped(node, variables)


def _string_literal() -> Callable[..., Any]:
    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        del variables
        # Whether the text is good is asked when the request is executed: what is validated here
        # serves all requests that differ in their literals.
        if not isinstance(node, ast.StringValueNode):
            raise GraphQLError("A string is needed here.")
        return node.value

    return parse_literal


def _scalar(
    name: str, description: str, parse: Callable[[Any], Any], literal: Callable[..., Any] | None = None
) -> GraphQLScalarType:
    return GraphQLScalarType(
        name, description=description, parse_value=parse, parse_literal=literal or _string_literal()
    )


def _anything(value: Any) -> Any:
    return value


def _word_or_text(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    del variables
    if not isinstance(node, (ast.StringValueNode, ast.EnumValueNode)):
        raise GraphQLError("A string or a bare word is needed here.")
    return node.value


_MOMENT = "A moment as ISO 8601 text; UTC with microseconds in answers."
_JSON = "Any JSON value. Written in a document it may also be a string that holds JSON."

BY_NAME: dict[str, GraphQLScalarType] = {
    scalar.name: scalar
    for scalar in (
        _scalar("uuid", "The id of a row.", parse_uuid),
        _scalar("UUID", "The id of a row, in inputs.", parse_uuid),
        _scalar("timestamptz", _MOMENT, parse_timestamp),
        _scalar("DateTime", _MOMENT, parse_timestamp),
        _scalar("jsonb", _JSON, _anything, parse_json_literal),
        _scalar("JSON", _JSON, _anything, parse_json_literal),
        _scalar("_uuid", "Ids as text: `{id1,id2}`, or as a list.", _anything, parse_json_literal),
        _scalar(
            "log_level",
            "Level of a log line: DEBUG, INFO, WARNING, ERROR, CRITICAL or another text.",
            str,
            _word_or_text,
        ),
    )
}
