"""Selections of a document: which fields there are once fragments and directives are resolved."""

# graphql-core's types are generic without parameters.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql.language import ast

from prefect.server.graphql.values import Flag, Tree, tree

__all__ = ["Document", "Selected", "selected_fields"]


@dataclass(frozen=True)
class Document:
    """The document a plan is made for, with one request's variables.

    Attributes:
        fragments: `{name: definition}`.
        variables: variables with their defaults.
        numbers: `{position in the text: number of the literal}`.
        structural: variables whose texts are names.
    """

    fragments: Mapping[str, ast.FragmentDefinitionNode]
    variables: Mapping[str, Any]
    numbers: Mapping[int, int]
    structural: frozenset[str] = frozenset()

    def argument(self, node: ast.FieldNode, name: str) -> Tree | None:
        """The tree of an argument; None when it is not there."""
        for argument in node.arguments or ():
            if argument.name.value == name:
                return tree(argument.value, self.variables, self.numbers, self.structural)
        return None


@dataclass
class Selected:
    """A field, with the selections of all its occurrences in one selection set."""

    key: str
    name: str
    node: ast.FieldNode
    selections: list[ast.SelectionSetNode] = field(default_factory=list[ast.SelectionSetNode])


def selected_fields(document: Document, *sets: ast.SelectionSetNode) -> list[Selected]:
    """The fields of selection sets in order, fragments and directives resolved, equal keys merged."""
    found: dict[str, Selected] = {}
    for node in _flat(document, sets):
        key = node.alias.value if node.alias else node.name.value
        entry = found.get(key)
        if entry is None:
            entry = found[key] = Selected(key, node.name.value, node)
        if node.selection_set is not None:
            entry.selections.append(node.selection_set)
    return list(found.values())


def _flat(document: Document, sets: tuple[ast.SelectionSetNode, ...]) -> Iterator[ast.FieldNode]:
    for selection_set in sets:
        for selection in selection_set.selections:
            if not _is_included(document, selection):
                continue
            if isinstance(selection, ast.FieldNode):
                yield selection
            elif isinstance(selection, ast.InlineFragmentNode):
                yield from _flat(document, (selection.selection_set,))
            else:
                assert isinstance(selection, ast.FragmentSpreadNode)
                yield from _flat(document, (document.fragments[selection.name.value].selection_set,))


def _is_included(document: Document, node: ast.SelectionNode) -> bool:
    for directive in node.directives or ():
        if directive.name.value not in ("include", "skip"):
            continue
        value = tree(next(iter(directive.arguments or ())).value, document.variables, document.numbers)
        wanted = isinstance(value, Flag) and value.value
        if wanted != (directive.name.value == "include"):
            return False
    return True
