"""Tasks that gather results of other tasks into a list, tuple, set or dictionary.

Flows make them by themselves where a container that holds tasks is given as an input:
`report([a, b])` makes a `List` of the tasks `a` and `b`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from prefect.core.task import Task

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["Dict", "List", "Set", "Tuple", "VarArgsTask"]


class VarArgsTask(Task):
    """A task that takes any number of positional inputs, which reach `run` as `arg_1`, `arg_2`, ….

    Subclasses define `run(self, **task_results)`.
    """

    if not TYPE_CHECKING:

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    def bind(  # pyright: ignore[reportIncompatibleMethodOverride] - has no inputs by name
        self,
        *args: Any,
        upstream_tasks: Iterable[Any] | None = None,
        mapped: bool = False,
        flow: Flow | None = None,
    ) -> VarArgsTask:
        """Add this very task to the active flow, with the given inputs.

        Args:
            *args: inputs: results of other tasks, or values.
            upstream_tasks: tasks to wait for, without using their results.
            mapped: whether to run once for each element of every input.
            flow: the flow to add to; the active one by default.

        Returns:
            this task.

        Raises:
            ValueError: no flow is active.
        """
        inputs = {f"arg_{number}": value for number, value in enumerate(args, start=1)}
        super().bind(flow=flow, mapped=mapped, upstream_tasks=upstream_tasks, **inputs)
        return self


def _in_order(task_results: dict[str, Any]) -> list[Any]:
    """The values of `arg_1`, `arg_2`, …, `arg_10` by number: inputs may arrive in any order."""
    if len(task_results) < 2:
        return list(task_results.values())
    return [task_results[name] for name in sorted(task_results, key=_number)]


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])


class List(VarArgsTask):
    """A task that returns its inputs as a list. It takes the settings of every `Task`."""

    def run(self, **task_results: Any) -> list[Any]:
        """The inputs, in order.

        Args:
            **task_results: `arg_1`, `arg_2`, …
        """
        return _in_order(task_results)


class Tuple(VarArgsTask):
    """A task that returns its inputs as a tuple. It takes the settings of every `Task`."""

    def run(self, **task_results: Any) -> tuple[Any, ...]:
        """The inputs, in order.

        Args:
            **task_results: `arg_1`, `arg_2`, …
        """
        return tuple(_in_order(task_results))


class Set(VarArgsTask):
    """A task that returns its inputs as a set. It takes the settings of every `Task`."""

    def run(self, **task_results: Any) -> set[Any]:
        """The inputs, without duplicates.

        Args:
            **task_results: `arg_1`, `arg_2`, …
        """
        return set(task_results.values())


class Dict(Task):
    """A task that returns a dictionary made of a list of keys and a list of values. It takes the settings of every `Task`."""

    if not TYPE_CHECKING:

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    def run(self, keys: Iterable[Any], values: Iterable[Any]) -> dict[Any, Any]:
        """The values under their keys.

        Args:
            keys: the keys.
            values: one value for each key.

        Raises:
            ValueError: there are more keys than values, or fewer.
        """
        keys, values = list(keys), list(values)
        if len(keys) != len(values):
            raise ValueError(
                f"A different number of keys and values were provided! ({len(keys)} keys, {len(values)} values)"
            )
        return dict(zip(keys, values, strict=True))
