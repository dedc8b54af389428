"""What a document may ask for: checked before it is validated, which costs more than reading it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphql import GraphQLError
from graphql.language import ast

from prefect.server.limits import Limits

__all__ = ["Limits", "check_document"]


#: Fields of introspection that lead from one type to many; the standard query passes each once.
_INTROSPECTION_LISTS = frozenset({"types", "fields", "inputFields", "interfaces", "possibleTypes"})


def check_document(
    operations: Sequence[ast.OperationDefinitionNode],
    fragments: Mapping[str, ast.FragmentDefinitionNode],
    limits: Limits,
) -> bool:
    """Refuse a document that asks for too much.

    Returns:
        Whether each response name of a selection stands for one field, so that arguments need
        not be compared.

    Raises:
        GraphQLError: a limit is passed; the message says which.
    """
    if len(fragments) > limits.fragments:
        raise GraphQLError(f"The document has more than {limits.fragments} fragments.")
    counter = _Counter(fragments, limits)
    for operation in operations:
        if len(operation.selection_set.selections) > limits.root_fields:
            raise GraphQLError(f"A document may have {limits.root_fields} root fields at most.")
        counter.directives += len(operation.directives or ())
        counter.visit(operation.selection_set, 1, None)
    # Validation says so too, but only after it has compared all fields of them.
    for name in fragments:
        if name not in counter.spread:
            raise GraphQLError(f"Fragment '{name}' is never used.")
    return not counter.merges


class _Counter:
    """Walks a document as it will be executed: fragments in their places."""

    def __init__(self, fragments: Mapping[str, ast.FragmentDefinitionNode], limits: Limits) -> None:
        self.fragments = fragments
        self.limits = limits
        self.fields = self.aliases = self.directives = self.introspections = self.repeats = self.merges = 0
        self.spread: set[str] = set()
        self._under_way: set[str] = set()

    def visit(self, selection_set: ast.SelectionSetNode, depth: int, lists: frozenset[str] | None) -> None:
        """Count what is selected.

        Args:
            selection_set: the selections.
            depth: how deep they are nested.
            lists: None outside of introspection; inside, the lists on the way.
        """
        if lists is None and depth > self.limits.depth:
            raise GraphQLError(f"The document is nested deeper than {self.limits.depth} levels.")
        if depth > 4 * self.limits.depth:
            raise GraphQLError("The document is nested too deep.")
        self._selections(selection_set, depth, lists, set())

    def _selections(
        self, selection_set: ast.SelectionSetNode, depth: int, lists: frozenset[str] | None, names: set[str]
    ) -> None:
        for node in selection_set.selections:
            self.directives += len(node.directives or ())
            if self.directives > self.limits.directives:
                raise GraphQLError(f"The document has more than {self.limits.directives} directives.")
            if isinstance(node, ast.FieldNode):
                self._field(node, depth, lists, names)
                continue
            self._count()  # fragments in fragments multiply without a single field
            if isinstance(node, ast.InlineFragmentNode):
                self._selections(node.selection_set, depth, lists, names)
            elif isinstance(node, ast.FragmentSpreadNode):
                name = node.name.value
                fragment = self.fragments.get(name)
                if fragment is None:
                    continue  # validation will say so
                if name in self._under_way:
                    raise GraphQLError(f"Cannot spread fragment '{name}' within itself.")
                self.spread.add(name)
                self._under_way.add(name)
                self._selections(fragment.selection_set, depth, lists, names)
                self._under_way.discard(name)

    def _count(self) -> None:
        self.fields += 1
        if self.fields > self.limits.fields:
            raise GraphQLError(f"The document has more than {self.limits.fields} fields.")

    def _field(self, node: ast.FieldNode, depth: int, lists: frozenset[str] | None, names: set[str]) -> None:
        self._count()
        self.aliases += node.alias is not None
        if self.aliases > self.limits.aliases:
            raise GraphQLError(f"The document has more than {self.limits.aliases} aliases.")
        name = node.name.value
        key = node.alias.value if node.alias else name
        if key in names:
            self.repeats += 1
            self.merges += bool(node.arguments or node.selection_set)
            if self.repeats > self.limits.repeats:
                raise GraphQLError(f"The document names fields twice more than {self.limits.repeats} times.")
        names.add(key)
        if name in ("__schema", "__type"):
            self.introspections += 1
            if self.introspections > 2:
                raise GraphQLError("A document may ask for the schema twice at most.")
            lists = frozenset()
        elif lists is not None and name in _INTROSPECTION_LISTS:
            if name in lists:
                raise GraphQLError(f"{name} of the schema cannot be nested in {name}.")
            lists |= {name}
        if node.selection_set is not None:
            self.visit(node.selection_set, depth + 1, lists)
