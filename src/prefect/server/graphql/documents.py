"""Documents: parsed and validated once for all requests that differ in literals only."""

# graphql-core's types are generic without parameters.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from graphql.language import Visitor, ast, visit

from prefect.server.graphql.cache import Cache
from prefect.server.graphql.lifting import Lifted, TooManyLiteralsError, lift
from prefect.server.graphql.limits import Limits, check_document
from prefect.server.graphql.schema import build_schema

__all__ = ["DocumentCache", "DocumentError", "Parsed"]

_numbers = itertools.count()


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


@dataclass(frozen=True, eq=False, slots=True)
class Parsed:
    """A validated document.

    Attributes:
        number: of this document, never used for another.
        operation: its operation.
        fragments: `{name: definition}`.
        numbers: `{position in the parsed text: number of the literal}`.
        literals: the literals, where they belong to the document and not to the request.
        structural: variables whose texts are names.
        shaping: variables that the plan depends on, in any other way than as a whole argument
            of an operation.
    """

    number: int
    operation: ast.OperationDefinitionNode
    fragments: Mapping[str, ast.FragmentDefinitionNode]
    numbers: Mapping[int, int]
    literals: Sequence[Any] | None
    structural: frozenset[str]
    shaping: tuple[str, ...]


class _AsWritten:
    """In the cache: documents of this lifted text have to be parsed as they were written."""


_AS_WRITTEN = _AsWritten()


class DocumentCache:
    """Parsed documents by their lifted text; the least recently used are forgotten.

    Args:
        limits: what a document may cost.
        characters: length of all texts that are kept.
    """

    def __init__(self, limits: Limits, characters: int = 1_000_000) -> None:
        self._limits = limits
        self._parsed: Cache[tuple[str, str | None], Parsed | _AsWritten] = Cache(characters, characters // 10)

    def get(self, text: str, operation_name: str | None) -> tuple[Parsed, Sequence[Any]]:
        """The parsed document, and the literals of this request.

        Raises:
            DocumentError: it cannot be parsed, is not valid, or asks for too much.
        """
        # As it stands: of a document without literals, or one that cannot be without.
        found = self._parsed.get((text, operation_name))
        if isinstance(found, Parsed) and found.literals is not None:
            return found, found.literals
        if len(text) > self._limits.characters:
            raise _unparsed(f"The document is longer than {self._limits.characters} characters.")
        try:
            lifted = lift(text, self._limits.literals)
        except TooManyLiteralsError as exc:
            raise _unparsed(f"The document has more than {self._limits.literals} literals.") from exc
        if lifted is None or not lifted.literals:
            return self._as_written(text, operation_name)
        key = (lifted.text, operation_name)
        found = self._parsed.get(key)
        if found is None:
            found = self._lifted(lifted, operation_name)
            if found is None:
                # Something is wrong with it: say what, in the words it was written in.
                return self._as_written(text, operation_name)
            self._parsed.put(key, found, len(lifted.text))
        if isinstance(found, _AsWritten):
            return self._as_written(text, operation_name)
        return found, lifted.literals

    def _lifted(self, lifted: Lifted, operation_name: str | None) -> Parsed | _AsWritten | None:
        try:
            parsed, is_plain = self._parse(lifted.text, operation_name, lifted.numbers, None)
        except DocumentError:
            return None
        # Where fields are merged their arguments have to be equal, literals included.
        return parsed if is_plain else _AS_WRITTEN

    def _as_written(self, text: str, operation_name: str | None) -> tuple[Parsed, Sequence[Any]]:
        found, _ = self._parse(text, operation_name, None, [])
        assert found.literals is not None
        self._parsed.put((text, operation_name), found, len(text))
        return found, found.literals

    def _parse(
        self,
        text: str,
        operation_name: str | None,
        numbers: Mapping[int, int] | None,
        literals: list[Any] | None,
    ) -> tuple[Parsed, bool]:
        limits = self._limits
        if len(text) > limits.structure:
            raise _unparsed(
                f"The document is longer than {limits.structure} characters without its literals."
            )
        try:
            document = parse(text, max_tokens=limits.tokens)
        except GraphQLSyntaxError as exc:
            raise DocumentError("GRAPHQL_PARSE_FAILED", [exc]) from exc
        except (RecursionError, ValueError) as exc:
            # ValueError: an integer of thousands of digits
            raise _unparsed("The document is nested too deep, or a number in it is too long.") from exc
        fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, ast.FragmentDefinitionNode)
        }
        operation = _choose(document, operation_name)
        try:
            # All operations, not only the one that is executed: validation looks at all of them.
            operations = [
                node for node in document.definitions if isinstance(node, ast.OperationDefinitionNode)
            ]
            is_plain = check_document(operations, fragments, limits)
            errors = validate(build_schema(), document, max_errors=20)
        except GraphQLError as exc:
            raise DocumentError("GRAPHQL_VALIDATION_FAILED", [exc]) from exc
        except RecursionError as exc:
            raise _unparsed("The document is nested too deep.") from exc
        if errors:
            raise DocumentError("GRAPHQL_VALIDATION_FAILED", errors)
        if numbers is None:
            numbers, literals = _literals_of(document)
        parsed = Parsed(
            next(_numbers),
            operation,
            fragments,
            numbers,
            literals,
            _structural(operation),
            _shaping(operation, fragments),
        )
        return parsed, is_plain


def _unparsed(message: str) -> DocumentError:
    return DocumentError("GRAPHQL_PARSE_FAILED", [GraphQLError(message)])


def _choose(document: ast.DocumentNode, name: str | None) -> ast.OperationDefinitionNode:
    operations = [node for node in document.definitions if isinstance(node, ast.OperationDefinitionNode)]
    if name is not None:
        operations = [node for node in operations if node.name is not None and node.name.value == name]
    if len(operations) != 1:
        what = "none" if not operations else f"{len(operations)}"
        raise DocumentError(
            "GRAPHQL_VALIDATION_FAILED",
            [
                GraphQLError(
                    f"One operation is executed, and the document has {what}; name it in operationName."
                )
            ],
        )
    if operations[0].operation == ast.OperationType.SUBSCRIPTION:
        raise DocumentError(
            "GRAPHQL_VALIDATION_FAILED", [GraphQLError("There are no subscriptions; use GET /events.")]
        )
    return operations[0]


class _LiteralFinder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.numbers: dict[int, int] = {}
        self.literals: list[Any] = []

    def _add(self, node: ast.ValueNode, value: Any) -> None:
        assert node.loc is not None
        self.numbers[node.loc.start] = len(self.literals)
        self.literals.append(value)

    def enter_string_value(self, node: ast.StringValueNode, *_: Any) -> None:
        self._add(node, node.value)

    def enter_int_value(self, node: ast.IntValueNode, *_: Any) -> None:
        self._add(node, int(node.value))

    def enter_float_value(self, node: ast.FloatValueNode, *_: Any) -> None:
        self._add(node, float(node.value))


def _literals_of(document: ast.DocumentNode) -> tuple[dict[int, int], list[Any]]:
    finder = _LiteralFinder()
    try:
        visit(document, finder)
    except ValueError as exc:
        raise _unparsed("A number in the document is too long.") from exc
    return finder.numbers, finder.literals


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


class _VariableFinder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: ast.VariableNode, *_: Any) -> None:
        self.names.add(node.name.value)


def _shaping(
    operation: ast.OperationDefinitionNode, fragments: Mapping[str, ast.FragmentDefinitionNode]
) -> tuple[str, ...]:
    """Variables that are used in another way than as the whole argument of a mutation's root field."""
    finder = _VariableFinder()
    whole: list[ast.VariableNode] = []
    is_mutation = operation.operation == ast.OperationType.MUTATION
    for node in operation.selection_set.selections:
        if is_mutation and isinstance(node, ast.FieldNode):
            for directive in node.directives or ():
                visit(directive, finder)
            for argument in node.arguments or ():
                if isinstance(argument.value, ast.VariableNode):
                    whole.append(argument.value)
                else:
                    visit(argument, finder)
            if node.selection_set is not None:
                visit(node.selection_set, finder)
        else:
            visit(node, finder)
    for fragment in fragments.values():
        visit(fragment.selection_set, finder)
    return tuple(sorted(finder.names))
