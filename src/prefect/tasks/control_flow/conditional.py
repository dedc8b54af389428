"""Branches by the value of a result: `switch` and `ifelse`, and `merge` to join them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect.core.task import Task
from prefect.engine.signals import SKIP
from prefect.triggers import not_all_skipped

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["CompareValue", "Merge", "ifelse", "merge", "switch"]


class CompareValue(Task):
    """A task that is skipped, and so skips what is downstream, unless its input has a certain value.

    Args:
        value: the value that lets a branch run.
        **kwargs: settings of every `Task`.
    """

    value: Any

    def __init__(self, value: Any, **kwargs: Any) -> None:
        self.value = value
        kwargs.setdefault("name", f'CompareValue: "{value}"')
        super().__init__(**kwargs)

    def run(self, value: Any) -> None:
        """Compare.

        Args:
            value: the result to look at.

        Raises:
            prefect.engine.signals.SKIP: it is another value.
        """
        if value != self.value:
            raise SKIP(f'Provided value "{value}" did not match "{self.value}"')


class Merge(Task):
    """A task that returns the result of the branch that ran.

    Args:
        **kwargs: settings of every `Task`. The trigger is `not_all_skipped` by default.

    Raises:
        ValueError: `skip_on_upstream_skip=True`, as skipped branches are what it is for.
    """

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.setdefault("skip_on_upstream_skip", False):
            raise ValueError("Merge tasks must have `skip_on_upstream_skip=False`.")
        kwargs.setdefault("trigger", not_all_skipped)
        super().__init__(**kwargs)

    def run(self, **task_results: Any) -> Any:
        """The first result that is there, in the order of the arguments of `merge`.

        Args:
            **task_results: `task_1`, `task_2`, …: results of the branches; None from those that did
                not run, or the signal when a branch skipped itself.
        """
        for name in sorted(task_results, key=_position):
            result = task_results[name]
            if result is not None and not isinstance(result, SKIP):
                return result
        return None


def _position(name: str) -> tuple[int, str]:
    """By number, so that `task_10` comes after `task_2`; names without one by themselves."""
    number = name.rpartition("_")[2]
    return (int(number), "") if number.isdecimal() else (0, name)


def switch(condition: Any, cases: dict[Any, Any], mapped: bool = False) -> None:
    """Run the task whose key equals the result of `condition`; the others are skipped.

    Tasks upstream of the branches run in any case. When no key is equal, all are skipped.

    Args:
        condition: a task, or a value.
        cases: `{value: task}`.
        mapped: whether to decide for each element of the result of `condition`; the tasks are then
            mapped as well.

    Example:
        ```python
        from prefect import Flow, Parameter, task
        from prefect.tasks.control_flow import ifelse, merge, switch


        @task
        def say(text):
            return text


        with Flow("animals") as flow:
            cat, dog = say("purr"), say("bark")
            switch(Parameter("animal"), {"cat": cat, "dog": dog})
            sound = merge(cat, dog)

        print(flow.run(animal="dog").result[sound].result)
        ```
        ```output
        bark
        ```
    """
    from prefect.utilities.tasks import as_task, tags

    with tags("switch"):
        for value, branch in cases.items():
            is_case = CompareValue(value).bind(value=condition, mapped=mapped)
            as_task(branch).set_dependencies(upstream_tasks=[is_case], mapped=mapped)


def ifelse(condition: Any, true_task: Any, false_task: Any, mapped: bool = False) -> None:
    """Run one of two tasks, by whether the result of `condition` is true; the other is skipped.

    Args:
        condition: a task, or a value. An empty list, 0 and None are false, as everywhere in Python.
        true_task: the task for true; None for nothing.
        false_task: the task for false; None for nothing.
        mapped: whether to decide for each element of the result of `condition`; the tasks are then
            mapped as well.

    Example:
        ```python
        with Flow("files") as flow:
            new, old = say("download it"), say("take the old one")
            ifelse(Parameter("has_changed"), new, old)
            decision = merge(new, old)

        print(flow.run(has_changed=False).result[decision].result)
        ```
        ```output
        take the old one
        ```
    """
    from prefect.tasks.core.function import FunctionTask

    branches = {True: true_task, False: false_task}
    truth = FunctionTask(_as_bool, name="as_bool").bind(condition, mapped=mapped)
    switch(truth, {value: branch for value, branch in branches.items() if branch is not None}, mapped=mapped)


def _as_bool(x: object) -> bool:
    return bool(x)


def merge(*tasks: Any, flow: Flow | None = None, mapped: bool = False, **kwargs: Any) -> Task:
    """Go on with the result of whichever branch ran.

    Args:
        *tasks: the branches: tasks, or values.
        flow: the flow to add to; the active one by default.
        mapped: whether the branches are mapped, and joined element by element.
        **kwargs: settings of the task. Its trigger is `not_all_skipped`: at least one branch ran
            and none failed.

    Returns:
        a task; its result is the first result that is not None, in the order of the arguments.

    Raises:
        ValueError: no flow is active, or `skip_on_upstream_skip=True`.
    """
    branches = {f"task_{number}": branch for number, branch in enumerate(tasks, start=1)}
    return Merge(**kwargs).bind(flow=flow, mapped=mapped, **branches)
