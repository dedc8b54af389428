"""What may be asked without a key, and nothing else: not even which names there are."""

# graphql-core's types are generic without parameters.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
from __future__ import annotations

import functools

from graphql import GraphQLSyntaxError, parse
from graphql.language import ast

from prefect.server.domain import operations

__all__ = ["is_public"]

#: Such documents are short; others cost no more than looking at their length.
_MOST_CHARACTERS, _MOST_TOKENS = 2_000, 200


@functools.cache
def _names() -> frozenset[str]:
    """Root fields that need no role."""
    return frozenset(
        {"__typename"} | {name for name, one in operations.queries().items() if one.role is None}
    )


def is_public(text: str) -> bool:
    """Whether a document asks for public root fields only.

    It is neither validated nor compiled here. Variables, fragments and directives are no part of
    such a document: the errors of validation about them would say which types there are.
    """
    if len(text) > _MOST_CHARACTERS:
        return False
    try:
        document = parse(text, max_tokens=_MOST_TOKENS, no_location=True)
    except (GraphQLSyntaxError, RecursionError, ValueError):
        return False
    return all(
        isinstance(node, ast.OperationDefinitionNode)
        and node.operation == ast.OperationType.QUERY
        and not node.variable_definitions
        and not node.directives
        and _has_fields_only(node.selection_set, _names())
        for node in document.definitions
    )


def _has_fields_only(selections: ast.SelectionSetNode, names: frozenset[str] | None) -> bool:
    return all(
        isinstance(node, ast.FieldNode)
        and not node.directives
        and (names is None or node.name.value in names)
        and (node.selection_set is None or _has_fields_only(node.selection_set, None))
        for node in selections.selections
    )
