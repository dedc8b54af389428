"""`apply_map`: many tasks mapped together, as one function of their inputs.

The function runs once, in a flow of its own, where its inputs are whole. Then everything it made is
copied to the real flow, and every edge becomes a mapped one, unless it comes from an `unmapped` input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar, cast

from prefect.core.flow import Flow
from prefect.core.parameter import Parameter
from prefect.core.task import Task
from prefect.tasks.core.constants import Constant
from prefect.utilities.context import context
from prefect.utilities.edges import EdgeAnnotation
from prefect.utilities.tasks import as_task

R = TypeVar("R")

_NESTED = (
    "Cannot set `mapped=True` when running from inside a mapped context: what `apply_map` calls is mapped as a "
    "whole, so call tasks in it without `.map` or `apply_map`. To map over the elements of each element, pass "
    "`flatten(...)` to `apply_map`."
)


class _Input(NamedTuple):
    """How an argument of `apply_map` reaches the tasks that use it."""

    task: Task
    is_mapped: bool
    is_flattened: bool
    is_constant: bool


def apply_map(func: Callable[..., R], args: Iterable[Any], kwargs: Mapping[str, Any], flow: Flow) -> R:
    """See `prefect.apply_map`."""
    if isinstance(flow, _InnerFlow):
        raise ValueError(_NESTED)
    inputs: dict[Task, _Input] = {}
    constants: dict[tuple[int, bool, bool], Constant] = {}

    def take(argument: Any) -> Task:
        annotations: dict[str, bool] = {}
        value = argument
        if isinstance(argument, EdgeAnnotation):
            annotations = argument.annotations
            value = argument.value
        is_mapped = annotations.get("mapped", True)
        is_flattened = annotations.get("flattened", False)
        if is_mapped and not isinstance(value, Task) and not hasattr(value, "__getitem__"):
            raise TypeError(
                f"Cannot map over non-sequence object of type `{type(value).__name__}`: {value!r}. "
                "Wrap it in `unmapped(...)` to give it to every run whole."
            )
        key = (id(value), is_mapped, is_flattened)
        task = constants.get(key) or as_task(value, flow=flow)
        is_constant = isinstance(task, Constant) and task is not value
        if is_constant:
            constants[key] = cast("Constant", task)
        taken = _Input(task, is_mapped, is_flattened, is_constant)
        if inputs.setdefault(task, taken) != taken:
            # Given twice, in different ways: the function sees two tasks.
            task = Task(name=task.name)
            inputs[task] = taken
        return task

    # Whatever is made here is added to the real flow later: nothing is unused yet.
    with context(_unused_task_tracker=None):
        arguments = [take(argument) for argument in args]
        named_arguments = {name: take(argument) for name, argument in kwargs.items()}
    inner = _InnerFlow("apply_map", inputs)
    with context(case=None, resource=None), inner:
        result = func(*arguments, **named_arguments)
    _copy(inner, inputs, flow)
    return result


class _InnerFlow(Flow):
    """The flow in which the function runs: edges from its inputs stay edges, also from constants."""

    def __init__(self, name: str, inputs: Mapping[Task, _Input]) -> None:
        super().__init__(name)
        self._inputs = inputs

    def set_dependencies(
        self,
        task: Any,
        upstream_tasks: Iterable[Any] | None = None,
        downstream_tasks: Iterable[Any] | None = None,
        keyword_tasks: Mapping[str, Any] | None = None,
        mapped: bool = False,
        validate: bool | None = None,
    ) -> None:
        if mapped:
            raise ValueError(_NESTED)
        plain: dict[str, Any] = {}
        given: dict[str, Any] = {}
        for key, value in (keyword_tasks or {}).items():
            bare = value.value if isinstance(value, EdgeAnnotation) else value
            (given if isinstance(bare, Constant) and bare in self._inputs else plain)[key] = value
        super().set_dependencies(task, upstream_tasks, downstream_tasks, plain, validate=validate)
        for key, value in given.items():
            self.add_edge(value, task, key=key, validate=validate)


def _copy(inner: Flow, inputs: Mapping[Task, _Input], flow: Flow) -> None:
    """Add the tasks, edges and constants of the inner flow to the real one, mapped."""
    outside = {
        task for task in inner.tasks if task in inputs or task in flow.tasks or isinstance(task, Parameter)
    }
    made = {task: None for task in inner.tasks if task not in outside}  # in order
    for task in made:
        flow.add_task(task)
    for edge in inner.edges:
        upstream, downstream = edge.upstream_task, edge.downstream_task
        source = inputs.get(upstream)
        if source is None:
            flow.add_edge(upstream, downstream, key=edge.key, mapped=True, flattened=edge.flattened)
        elif source.is_constant and not (source.is_mapped or source.is_flattened) and edge.key is not None:
            flow.constants[downstream][edge.key] = cast("Constant", source.task).value
        else:
            flattened = source.is_flattened or edge.flattened
            flow.add_edge(source.task, downstream, key=edge.key, mapped=source.is_mapped, flattened=flattened)
    for task, values in inner.constants.items():
        flow.constants[task].update(values)

    # A task that uses none of what was made here waits for all inputs, so that it runs as often as the others.
    for task in made:
        upstream_tasks = inner.upstream_tasks(task)
        if made.keys().isdisjoint(upstream_tasks):
            used = [inputs.get(upstream) for upstream in upstream_tasks]
            for source in inputs.values():
                if source not in used and (source.is_mapped or not source.is_constant):
                    flow.add_edge(
                        source.task,
                        task,
                        mapped=source.is_mapped,
                        flattened=source.is_flattened,
                        validate=False,
                    )
