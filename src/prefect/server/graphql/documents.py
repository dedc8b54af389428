"""Documents: parsed and validated once for all requests that differ in literals only."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLSyntaxError,
    get_named_type,
    parse,
    type_from_ast,
    validate,
)
from graphql.language import ast
from graphql.language.block_string import dedent_block_string_lines

from prefect.server.graphql.limits import Limits, check_document
from prefect.server.graphql.schema import build_schema

__all__ = ["DocumentCache", "DocumentError", "Parsed"]

# Everything that could hold what looks like a literal, so that only literals are lifted.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\"""|\\|"(?!""))*"""'
    r'|"(?:[^"\\\n\r]|\\.)*"'
    r"|\#[^\n\r]*"
    r"|[_A-Za-z]\w*"
    r"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
)


class DocumentError(Exception):
    """A document that cannot be executed.

    Attributes:
        code: GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED or BAD_USER_INPUT.
        errors: what is wrong.
    """

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        self.code = code
        self.errors = errors
        super().__init__("; ".join(error.message for error in errors))


@dataclass
class Parsed:
    """A validated document.

    Attributes:
        operation: its operation.
        fragments: `{name: definition}`.
        numbers: `{position in the text: number of the literal}`.
        structural: variables whose texts are names.
        plans: compiled root fields, by shape of variables.
    """

    operation: ast.OperationDefinitionNode
    fragments: Mapping[str, ast.FragmentDefinitionNode]
    numbers: Mapping[int, int]
    structural: frozenset[str]
    plans: dict[Any, Any] = field(default_factory=dict[Any, Any])


def lift(text: str) -> tuple[str, list[Any], dict[int, int]]:
    """The text with its literals replaced by marks of their kind, the literals, and where they stood."""
    parts: list[str] = []
    literals: list[Any] = []
    numbers: dict[int, int] = {}
    position = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        first = token[0]
        if first == '"':
            mark, value = '"', _text_value(token)
        elif first.isdigit() or first == "-":
            is_float = any(character in token for character in ".eE")
            mark, value = ("0.0", float(token)) if is_float else ("0", int(token) if len(token) < 400 else 2**63)
        else:
            continue
        numbers[match.start()] = len(literals)
        literals.append(value)
        parts.append(text[position : match.start()])
        parts.append(mark)
        position = match.end()
    parts.append(text[position:])
    return "".join(parts), literals, numbers


def _text_value(token: str) -> str:
    if token.startswith('"""'):
        raw = token[3:-3].replace('\\"""', '"""')
        return "\n".join(dedent_block_string_lines(raw.splitlines()))
    try:
        return json.loads(token)
    except ValueError:
        return token[1:-1]  # not a string of GraphQL either: validation or parsing says so


class DocumentCache:
    """Parsed documents by their lifted text; the least recently used are forgotten.

    Args:
        limits: what a document may cost.
        size: documents to keep.
    """

    def __init__(self, limits: Limits, size: int = 2000) -> None:
        self._limits = limits
        self._size = size
        self._lock = threading.Lock()
        self._parsed: OrderedDict[tuple[str, str | None], Parsed] = OrderedDict()

    def get(self, text: str, operation_name: str | None) -> tuple[Parsed, list[Any]]:
        """The parsed document, and the literals of this request.

        Raises:
            DocumentError: it cannot be parsed, is not valid, or asks for too much.
        """
        if len(text) > self._limits.characters:
            raise DocumentError(
                "GRAPHQL_PARSE_FAILED",
                [GraphQLError(f"The document is longer than {self._limits.characters} characters.")],
            )
        key_text, literals, numbers = lift(text)
        key = (key_text, operation_name)
        with self._lock:
            found = self._parsed.get(key)
            if found is not None:
                self._parsed.move_to_end(key)
                return found, literals
        found = self._parse(text, operation_name, numbers)
        with self._lock:
            self._parsed[key] = found
            if len(self._parsed) > self._size:
                self._parsed.popitem(last=False)
        return found, literals

    def _parse(self, text: str, operation_name: str | None, numbers: dict[int, int]) -> Parsed:
        try:
            document = parse(text, max_tokens=100_000)
        except GraphQLSyntaxError as exc:
            raise DocumentError("GRAPHQL_PARSE_FAILED", [exc]) from exc
        except RecursionError as exc:
            raise DocumentError(
                "GRAPHQL_PARSE_FAILED", [GraphQLError("The document is nested too deep.")]
            ) from exc
        fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, ast.FragmentDefinitionNode)
        }
        operation = _choose(document, operation_name)
        try:
            if _depth(document) > 200:
                raise GraphQLError("The document is nested too deep.")
            errors = validate(build_schema(), document, max_errors=20)
            if not errors:
                check_document(operation, fragments, self._limits)
        except GraphQLError as exc:
            raise DocumentError("GRAPHQL_VALIDATION_FAILED", [exc]) from exc
        if errors:
            raise DocumentError("GRAPHQL_VALIDATION_FAILED", errors)
        return Parsed(operation, fragments, numbers, _structural(operation))


def _choose(document: ast.DocumentNode, name: str | None) -> ast.OperationDefinitionNode:
    operations = [node for node in document.definitions if isinstance(node, ast.OperationDefinitionNode)]
    if name is not None:
        operations = [node for node in operations if node.name is not None and node.name.value == name]
    if len(operations) != 1:
        what = "none" if not operations else f"{len(operations)}"
        raise DocumentError(
            "GRAPHQL_VALIDATION_FAILED",
            [GraphQLError(f"One operation is executed, and the document has {what}; name it in operationName.")],
        )
    if operations[0].operation == ast.OperationType.SUBSCRIPTION:
        raise DocumentError(
            "GRAPHQL_VALIDATION_FAILED", [GraphQLError("There are no subscriptions; use GET /events.")]
        )
    return operations[0]


def _depth(document: ast.DocumentNode) -> int:
    """Levels of nesting of the text, without following fragments; validation recurses as deep."""
    deepest = 0
    pending: list[tuple[Any, int]] = [
        (node.selection_set, 1) for node in document.definitions if hasattr(node, "selection_set")
    ]
    while pending:
        selection_set, depth = pending.pop()
        deepest = max(deepest, depth)
        for node in selection_set.selections:
            inner = getattr(node, "selection_set", None)
            if inner is not None:
                pending.append((inner, depth + 1))
    return deepest


def _structural(operation: ast.OperationDefinitionNode) -> frozenset[str]:
    """Variables of enumerations and of orders: a plan depends on their texts."""
    schema = build_schema()
    found: set[str] = set()
    for definition in operation.variable_definitions or ():
        kind = type_from_ast(schema, definition.type)
        named = get_named_type(kind) if kind is not None else None
        if isinstance(named, GraphQLEnumType) or (
            isinstance(named, GraphQLInputObjectType) and named.name.endswith("_order_by")
        ):
            found.add(definition.variable.name.value)
    return frozenset(found)
