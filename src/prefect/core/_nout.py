"""How many values a task returns, read from its return annotation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TUPLE_TEXT = re.compile(r"^(?:typing\.)?[Tt]uple\[(?P<inner>.*)\]$", re.DOTALL)


def infer_nout(annotations: Mapping[str, Any] | None) -> int | None:
    """Length of the tuple that is annotated to be returned; None for anything else.

    `tuple[int, ...]` has no length. Annotations may be texts, as under
    `from __future__ import annotations`.
    """
    annotation = annotations.get("return") if annotations else None
    if annotation is None:
        return None
    if isinstance(annotation, str):
        found = _TUPLE_TEXT.match(annotation.strip())
        return _count(found["inner"]) if found else None
    if getattr(annotation, "__origin__", None) is not tuple:
        return None
    arguments = annotation.__args__
    if arguments == ((),):  # Tuple[()] of Python 3.10
        return 0
    return None if Ellipsis in arguments else len(arguments)


def _count(inner: str) -> int | None:
    inner = inner.strip()
    if inner in ("", "()"):
        return 0
    depth = commas = 0
    for character in inner.rstrip(","):
        if character in "[(":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and not depth:
            commas += 1
    return None if inner.endswith("...") else commas + 1
