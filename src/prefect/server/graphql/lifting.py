"""Documents without their literals: what requests of one kind have in common.

Old clients write ids and times into the document. Lifted out of it, the rest is the same for all
of them, and is parsed, validated and compiled once. The lifted text is a document itself, with the
smallest literal of the same kind in each place: `""`, `0`, `0.0`, and `[""]` or `[0]` for a list.
"""

# graphql-core's types are generic without parameters.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

__all__ = ["Lifted", "TooManyLiteralsError", "lift"]

# Names are matched so that digits in them are not taken for numbers; ASCII only, as in GraphQL.
_TOKEN = re.compile(
    r'"(?:[^"\\\n\r]|\\.)*"'
    r"|\#[^\n\r]*"
    r"|[_A-Za-z][_0-9A-Za-z]*"
    r"|-?[0-9][.0-9A-Za-z_+-]*"
    r"|[\[\]=\"]"
)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,8})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_IGNORED = " \t\n\r,"


class TooManyLiteralsError(Exception):
    """The text has more literals than may be lifted."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """A document without its literals.

    Attributes:
        text: the document with stand-ins for literals.
        literals: the literals in order; a list of texts or of integers is one.
        numbers: `{position in text: number of the literal}`.
    """

    text: str
    literals: list[Any]
    numbers: dict[int, int]


def lift(text: str, most: int) -> Lifted | None:
    """The document without its literals; None when it has something that must stay where it is.

    That is: defaults of variables, arguments of introspection, block strings, and literals of
    which only the parser can say whether they are good.

    Args:
        text: the document.
        most: tokens with a literal at most.

    Raises:
        TooManyLiteralsError: it has more.
    """
    if '"""' in text:
        return None
    parts: list[str] = []
    literals: list[Any] = []
    numbers: dict[int, int] = {}
    length = position = budget = 0
    # A list that has held nothing but literals of one kind since it was opened.
    opened: tuple[int, int, int, int] | None = None  # parts, length, literals, position in `text`
    for match in _TOKEN.finditer(text):
        token = match.group()
        first = token[0]
        if first == '"':
            value = _text(token)
            if value is None:
                return None
            mark = '""'
        elif first.isdigit() or first == "-":
            if _INTEGER.fullmatch(token):
                mark, value = "0", int(token)
            elif _FLOAT.fullmatch(token):
                mark, value = "0.0", float(token)
            else:
                return None
        elif first == "[":
            start = match.end()
            before = text[position:start]
            parts.append(before)
            length += len(before)
            position = start
            opened = (len(parts), length, len(literals), position)
            continue
        elif first == "]":
            if opened is not None and len(literals) > opened[2]:
                inside = literals[opened[2] :]
                kind = type(inside[0])
                gap = text[position : match.start()]
                if kind is not float and not gap.strip(_IGNORED) and all(type(one) is kind for one in inside):
                    del parts[opened[0] :], literals[opened[2] :]
                    length = opened[1]
                    while numbers and next(reversed(numbers)) >= length:
                        numbers.popitem()
                    numbers[length - 1] = len(literals)  # where the list begins
                    literals.append(inside)
                    mark = '""' if kind is str else "0"
                    parts.append(mark)
                    length += len(mark)
                    position = match.start()
            opened = None
            continue
        elif first == "=" or token == "__type":  # noqa: S105 # a word of GraphQL
            return None
        else:  # a name or a comment
            opened = None
            continue
        budget += 1
        if budget > most:
            raise TooManyLiteralsError
        before = text[position : match.start()]
        if opened is not None and before.strip(_IGNORED):
            opened = None
        if not before and mark == '""' and parts and parts[-1] == '""':
            return None  # two texts side by side: their stand-ins would be read as one
        parts.append(before)
        parts.append(mark)
        length += len(before)
        numbers[length] = len(literals)
        literals.append(value)
        length += len(mark)
        position = match.end()
    parts.append(text[position:])
    return Lifted("".join(parts), literals, numbers)


def _text(token: str) -> str | None:
    """What a string stands for; None when only the parser can say."""
    if len(token) < 2:
        return None  # a quotation mark that nothing ends
    if "\\" not in token:
        value = token[1:-1]
    else:
        try:
            value = json.loads(token, strict=False)
        except ValueError:
            return None
    return None if not value.isascii() and _SURROGATE.search(value) else value
