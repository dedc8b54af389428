"""`case`: a block of tasks that run only when a result has a certain value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect.core.task import Task
from prefect.utilities.context import Layer, context

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["case"]


class case:  # compat: lower-case name of 1.4.1
    """A block whose tasks run only when a result equals a value; otherwise they are skipped.

    The block adds one task, named `case(value)`, before those of its tasks that do not wait for another
    task of the block. Blocks may be nested. Use `merge` to go on after the branches.

    Args:
        task: a task, or a value.
        value: what its result is compared with, by `==`. It is known when the flow is built, so it
            cannot be a task.

    Raises:
        TypeError: `value` is a task.

    Example:
        ```python
        from prefect import Flow, Parameter, case, task
        from prefect.tasks.control_flow import merge


        @task
        def note(text):
            return text


        with Flow("orders") as flow:
            kind = Parameter("kind")
            with case(kind, "return"):
                refunded = note("money sent back")
            with case(kind, "sale"):
                shipped = note("parcel on its way")
            done = merge(refunded, shipped)

        print(flow.run(kind="sale").result[done].result)
        ```
        ```output
        parcel on its way
        ```
    """

    def __init__(self, task: Any, value: Any) -> None:
        if isinstance(value, Task):
            raise TypeError("`value` cannot be a task")
        self.task = task
        self.value = value
        self._tasks: dict[Task, None] = {}  # in the order they came
        self._flow: Flow | None = None
        self._outer: Layer | None = None

    def add_task(self, task: Task, flow: Flow) -> None:
        """Make a task part of the block; flows call this for every task added inside it.

        Args:
            task: the task. Parameters and constants are never skipped, so they stay outside.
            flow: the flow it was added to.

        Raises:
            ValueError: tasks of two flows are in one block.
        """
        from prefect.core.parameter import Parameter
        from prefect.tasks.core.constants import Constant

        if self._flow is None:
            self._flow = flow
        elif self._flow is not flow:
            raise ValueError("Multiple flows cannot be used with the same case statement")
        if not isinstance(task, (Parameter, Constant)):
            self._tasks[task] = None

    def __enter__(self) -> None:
        self._outer = context.push(Layer({"case": self}))

    def __exit__(self, *args: object) -> None:
        assert self._outer is not None
        context.restore(self._outer)
        self._outer = None
        flow = self._flow
        if flow is None or not self._tasks:
            return
        from prefect.tasks.control_flow.conditional import CompareValue

        # Added after the block has ended: inside another `case` it belongs to that one.
        condition = CompareValue(self.value, name=f"case({self.value})")
        condition.bind(value=self.task, flow=flow)
        for task in self._tasks:
            if self._tasks.keys().isdisjoint(flow.upstream_tasks(task)):
                task.set_upstream(condition, flow=flow)
