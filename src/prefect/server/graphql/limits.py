"""What a document may cost: checked before anything of it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import GraphQLError
from graphql.language import ast

__all__ = ["Limits", "check_document"]


@dataclass(frozen=True)
class Limits:
    """Limits of a document.

    Attributes:
        characters: length of its text.
        depth: levels of nested selections; introspection does not count.
        aliases: fields with an alias, in all.
        fields: fields in all, fragments resolved.
        root_fields: fields of the root.
        directives: directives in all.
        response_characters: length of the answer.
    """

    characters: int = 20_000_000
    depth: int = 20
    aliases: int = 100
    fields: int = 5_000
    root_fields: int = 110
    directives: int = 100
    response_characters: int = 200_000_000


def check_document(
    operation: ast.OperationDefinitionNode, fragments: Mapping[str, ast.FragmentDefinitionNode], limits: Limits
) -> None:
    """Refuse a document that asks for too much.

    Raises:
        GraphQLError: a limit is passed; the message says which.
    """
    _Counter(fragments, limits).visit(operation.selection_set, 1)
    if len(operation.selection_set.selections) > limits.root_fields:
        raise GraphQLError(f"A document may have {limits.root_fields} root fields at most.")


class _Counter:
    def __init__(self, fragments: Mapping[str, ast.FragmentDefinitionNode], limits: Limits) -> None:
        self.fragments = fragments
        self.limits = limits
        self.fields = self.aliases = self.directives = 0

    def visit(self, selection_set: ast.SelectionSetNode, depth: int) -> None:
        limits = self.limits
        if depth > limits.depth:
            raise GraphQLError(f"The document is nested deeper than {limits.depth} levels.")
        for node in selection_set.selections:
            self.directives += len(node.directives or ())
            if self.directives > limits.directives:
                raise GraphQLError(f"The document has more than {limits.directives} directives.")
            if isinstance(node, ast.FragmentSpreadNode):
                self.visit(self.fragments[node.name.value].selection_set, depth)
            elif isinstance(node, ast.InlineFragmentNode):
                self.visit(node.selection_set, depth)
            elif isinstance(node, ast.FieldNode):
                self._field(node, depth)

    def _field(self, node: ast.FieldNode, depth: int) -> None:
        limits = self.limits
        if node.name.value in ("__schema", "__type"):
            return
        self.fields += 1
        self.aliases += node.alias is not None
        if self.fields > limits.fields:
            raise GraphQLError(f"The document has more than {limits.fields} fields.")
        if self.aliases > limits.aliases:
            raise GraphQLError(f"The document has more than {limits.aliases} aliases.")
        if node.selection_set is not None:
            self.visit(node.selection_set, depth + 1)
