"""Wrappers that say how an input reaches a task: `mapped`, `unmapped` and `flatten`.

They are given in place of an input and may be nested:

```python
from prefect import Flow, flatten, mapped, task, unmapped


@task
def add(x, y):
    return x + y


with Flow("annotations") as flow:
    sums = [
        add.map([1, 2, 3], unmapped(10)),  # each number, and always 10
        add(mapped([1, 2, 3]), 10),  # the same
        add.map(flatten([[1, 2], [3]]), unmapped(10)),  # once more
    ]

state = flow.run()
print([state.result[each].result for each in sums])
```
```output
[[11, 12, 13], [11, 12, 13], [11, 12, 13]]
```
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
    """

    annotations = {"mapped": True}


class unmapped(EdgeAnnotation):
    """An input of `.map` that is given to every run whole.

    Args:
        value: a task or any value.
    """

    annotations = {"mapped": False}


class flatten(EdgeAnnotation):
    """An input from which one level of nesting is removed first.

    Args:
        value: a task that returns a sequence of sequences, or a task that is mapped and returns
            sequences.
    """

    annotations = {"flattened": True}
