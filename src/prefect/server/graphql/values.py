"""Argument values as trees whose scalars are slots.

A plan is compiled once and used for every request of the same shape. What differs between such
requests, literals in the text and values of variables, is a `Slot`: a way to get the value from a
request. All else (names of fields, operators, nulls, booleans, lengths of lists of objects) is
part of the shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from graphql.language import ast

__all__ = [
    "Bindings",
    "Flag",
    "Items",
    "Members",
    "Null",
    "Slot",
    "Word",
    "raw_value",
    "tree",
    "variable_shape",
]


@dataclass(frozen=True, slots=True)
class Bindings:
    """What a request fills the slots of its plan with.

    Attributes:
        literals: scalars written in the document, in order.
        variables: variables, defaults included.
    """

    literals: Sequence[Any]
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """A scalar of the request.

    Attributes:
        literal: which literal of the document; -1 for values of variables.
        variable: name of the variable.
        path: where in the variable.

    The value of a slot may be a list of scalars, whatever its length.
    """

    literal: int
    variable: str = ""
    path: tuple[str | int, ...] = ()

    def value(self, bindings: Bindings) -> Any:
        """The value in a request."""
        if self.literal >= 0:
            return bindings.literals[self.literal]
        found: Any = bindings.variables[self.variable]
        for step in self.path:
            found = found[step]
        return found


@dataclass(frozen=True, slots=True)
class Members:
    """An object, in written order."""

    items: tuple[tuple[str, Tree], ...]

    def get(self, name: str) -> Tree | None:
        """The value of a key; None when it is missing."""
        for key, value in self.items:
            if key == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean."""

    value: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A name: a member of an enumeration."""

    value: str


@dataclass(frozen=True, slots=True)
class Null:
    """Null, or a variable that was not given.

    Attributes:
        is_absent: whether it is the latter.
    """

    is_absent: bool = False


Tree: TypeAlias = "Slot | Members | Items | Flag | Word | Null"

_NULL = Null()
_ABSENT = Null(is_absent=True)


def tree(
    node: ast.ValueNode,
    variables: Mapping[str, Any],
    numbers: Mapping[int, int],
    structural: frozenset[str] = frozenset(),
) -> Tree:
    """The tree of an argument.

    Args:
        node: the value in the document.
        variables: of the request that the plan is made for.
        numbers: `{position in the text: number of the literal}`.
        structural: variables whose texts are names (of columns, of directions) and not values.
    """
    if isinstance(node, ast.VariableNode):
        name = node.name.value
        return _of_value(variables[name], name, (), name in structural) if name in variables else _ABSENT
    if isinstance(node, ast.NullValueNode):
        return _NULL
    if isinstance(node, ast.BooleanValueNode):
        return Flag(node.value)
    if isinstance(node, ast.EnumValueNode):
        return Word(node.value)
    if isinstance(node, ast.ListValueNode):
        assert node.loc is not None
        if node.loc.start in numbers:
            return Slot(numbers[node.loc.start])  # a list of scalars that was lifted as one
        return Items(tuple(tree(value, variables, numbers, structural) for value in node.values))
    if isinstance(node, ast.ObjectValueNode):
        return Members(
            tuple((f.name.value, tree(f.value, variables, numbers, structural)) for f in node.fields)
        )
    assert node.loc is not None
    return Slot(numbers[node.loc.start])


def _of_value(value: Any, name: str, path: tuple[str | int, ...], words: bool) -> Tree:
    if value is None:
        return _NULL
    if words and isinstance(value, str):
        return Word(value)
    if isinstance(value, bool):
        return Flag(value)
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return Members(
            tuple((key, _of_value(inner, name, (*path, key), words)) for key, inner in fields.items())
        )
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if not words and _is_flat(items):
            return Slot(-1, name, path)  # a list of scalars is one value, whatever its length
        return Items(tuple(_of_value(item, name, (*path, index), words) for index, item in enumerate(items)))
    return Slot(-1, name, path)


def depth_of(value: Tree | None) -> int:
    """Levels of objects in a tree."""
    if isinstance(value, Members):
        return 1 + max((depth_of(inner) for _, inner in value.items), default=0)
    if isinstance(value, Items):
        return max((depth_of(inner) for inner in value.items), default=0)
    return 0


def raw_value(value: Tree) -> Callable[[Bindings], Any]:
    """From bindings to the plain value of a tree."""
    if isinstance(value, Slot):
        return value.value
    if isinstance(value, (Flag, Word)):
        constant = value.value
        return lambda bindings: constant
    if isinstance(value, Null):
        return lambda bindings: None
    if isinstance(value, Items):
        parts = [raw_value(item) for item in value.items]
        return lambda bindings: [part(bindings) for part in parts]
    members = [(key, raw_value(inner)) for key, inner in value.items]
    return lambda bindings: {key: inner(bindings) for key, inner in members}


def _is_flat(items: list[Any]) -> bool:
    # An empty list may be one of filters too, which is no scalar.
    return bool(items) and not any(isinstance(item, (dict, list, bool)) or item is None for item in items)


ABSENT_SHAPE = "absent"


def variable_shape(value: Any, words: bool = False) -> Any:
    """What of a variable's value a plan depends on, hashable.

    Args:
        value: the value.
        words: whether its texts are names, which a plan depends on.
    """
    if value is None or isinstance(value, bool) or (words and isinstance(value, str)):
        return value
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return tuple((key, variable_shape(inner, words)) for key, inner in fields.items())
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if not words and _is_flat(items):
            return "scalars"
        return ("list", *(variable_shape(item, words) for item in items))
    return type(value).__name__
