"""Wrappers that say how an input reaches a task: `mapped`, `unmapped` and `flatten`.

They are given in place of an input and may be nested:

    with Flow("annotations"):
        add.map(numbers, unmapped(10))          # each number, and always 10
        add(mapped(numbers), 10)                # the same
        add.map(flatten(lists_of_numbers), unmapped(10))
"""

from __future__ import annotations

from typing import Any

__all__ = ["EdgeAnnotation", "flatten", "mapped", "unmapped"]


class EdgeAnnotation:
    """An input together with what is special about the edge it travels on.

    Args:
        value: a task or a plain value; when it is annotated itself, both annotations hold, and the
            inner one wins where they contradict each other.

    Attributes:
        annotations: `{"mapped": bool, "flattened": bool}`, each only when it is said.
        value: what was wrapped.
    """

    annotations: dict[str, bool] = {}
    value: Any

    def __init__(self, value: Any) -> None:
        if isinstance(value, EdgeAnnotation):
            self.annotations = {**self.annotations, **value.annotations}
            self.value = value.value
        else:
            self.value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"


class mapped(EdgeAnnotation):
    """An input whose elements are given to one run of the task each, in a call that is not `.map`.

    Args:
        value: a task that returns a sequence, or a sequence.

    Example:

        with Flow("mapped") as flow:
            add(x=mapped([1, 2, 3]), y=10)      # [11, 12, 13]
    """

    annotations = {"mapped": True}


class unmapped(EdgeAnnotation):
    """An input of `.map` that is given to every run whole.

    Args:
        value: a task or any value.

    Example:

        with Flow("unmapped") as flow:
            add.map(x=[1, 2, 3], y=unmapped(10))    # [11, 12, 13]
    """

    annotations = {"mapped": False}


class flatten(EdgeAnnotation):
    """An input from which one level of nesting is removed first.

    Args:
        value: a task that returns a sequence of sequences, or a task that is mapped and returns
            sequences.

    Example:

        with Flow("flatten") as flow:
            add.map(x=flatten([[1, 2], [3]]), y=unmapped(10))   # [11, 12, 13]
    """

    annotations = {"flattened": True}
