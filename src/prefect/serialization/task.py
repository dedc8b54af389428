"""JSON of tasks and parameters."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast

from prefect import __version__, triggers
from prefect._wire import flows as structs
from prefect.core.parameter import DateTimeParameter, Parameter
from prefect.core.task import Task
from prefect.engine import cache_validators
from prefect.utilities.serialization import (
    Nested,
    ObjectSchema,
    StatefulFunctionReference,
    fields,
    to_qualified_name,
)

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["ParameterSchema", "TaskMethodsMixin", "TaskReferenceSchema", "TaskSchema"]

#: `{argument: {"required": bool, "type": text}}` of functions that were asked before.
_known_inputs: weakref.WeakKeyDictionary[Any, dict[str, dict[str, Any]]] = weakref.WeakKeyDictionary()
_known_outputs: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def _type_of(task: Task) -> str:
    return to_qualified_name(type(task))


def slug_of(task: Task, context: dict[str, Any]) -> str | None:
    """The slug of a task in the flow at work; without one, the task's own."""
    flow: Flow | None = context.get("flow")
    return task.slug if flow is None else flow.slugs.get(task, task.slug)


class TaskMethodsMixin:
    """What the schemas of tasks and parameters have in common.

    The context may hold `flow`, whose slugs are written, and `task_cache`: one task is made for
    each slug that is read, however often it is named.
    """

    context: dict[str, Any]
    chosen_attributes: ClassVar[frozenset[str] | None] = frozenset({"slug"})

    def get_attribute(self, obj: Task, key: str, default: Any) -> Any:
        """An attribute of a task; the slug is the one the task has in the flow at work."""
        return slug_of(obj, self.context) if key == "slug" else getattr(obj, key, default)

    def load_inputs(self, task: Task) -> dict[str, dict[str, Any]]:
        """`{argument: {"required": bool, "type": text}}`."""
        key = _function_of(task, "inputs")
        found = None if key is None else _known_inputs.get(key)
        if found is None:
            found = {
                name: {"required": details["required"], "type": _type_text(details["type"], task)}
                for name, details in task.inputs().items()
            }
            if key is not None:
                _known_inputs[key] = found
        return {name: dict(details) for name, details in found.items()}

    def load_outputs(self, task: Task) -> str:
        """The annotation of the result, as text."""
        key = _function_of(task, "outputs")
        found = None if key is None else _known_outputs.get(key)
        if found is None:
            found = _type_text(task.outputs(), task)
            if key is not None:
                _known_outputs[key] = found
        return found

    def create_object(self, data: dict[str, Any], **kwargs: Any) -> Task:
        """The task of a slug: the same one whenever the slug is read again."""
        cache: dict[str, Task] = self.context.setdefault("task_cache", {})
        slug: str | None = data.get("slug")
        task = None if slug is None else cache.get(slug)
        if task is None:
            task = self._new_task(data)
            if slug is not None:
                cache[slug] = task
        return task

    def _new_task(self, data: dict[str, Any]) -> Task:
        raise NotImplementedError


def _type_text(annotation: Any, task: Task) -> str:
    """An annotation as text.

    Annotations of this library are texts already, where those of 1.x were types: they are looked up.
    """
    run = task.run
    if isinstance(annotation, str) and run.__module__.startswith("prefect."):
        namespace: dict[str, Any] = getattr(getattr(run, "__func__", run), "__globals__", {})
        try:
            annotation = eval(annotation, namespace)  # noqa: S307 - of this library
        except NameError:  # imported for the type checker alone
            return annotation
    return str(annotation)


def _function_of(task: Task, method: str) -> Any:
    """The function that says all about a task's signature; None if the class has its own way."""
    if getattr(type(task), method) is not getattr(Task, method):
        return None
    run = task.run
    return getattr(run, "__func__", run)


class _RetryDelay(fields.TimeDelta):
    """Seconds before the first retry. Null if only a function knows, or there are no retries."""

    def _serialize(self, value: Any, attr: str, obj: Any, **kwargs: Any) -> Any:
        delay = cast("Sequence[Any]", value)[0] if isinstance(value, Sequence) else value
        return super()._serialize(delay, attr, obj, **kwargs) if isinstance(delay, timedelta) else None


class TaskReferenceSchema(TaskMethodsMixin, ObjectSchema, wire=structs.TaskReference):
    """A task of the same flow, as its slug."""

    def _new_task(self, data: dict[str, Any]) -> Task:
        return Task(**data)


class TaskReference(Nested):
    """A field with another task of the flow, by its slug."""

    def __init__(self, **options: Any) -> None:
        super().__init__(TaskReferenceSchema, **options)

    def serialize(
        self, attr: str, obj: Any, accessor: Callable[[Any, str, Any], Any] | None = None, **kwargs: Any
    ) -> Any:
        """The reference. The schema would make the same, but there are two of these for each edge."""
        context = fields.context_of(kwargs)
        return {"slug": slug_of(getattr(obj, attr), context), "__version__": __version__}


class TaskSchema(TaskMethodsMixin, ObjectSchema, wire=structs.Task):
    """A task. Only its settings are read back: what it does is not in the JSON."""

    type = fields.Function(_type_of)
    inputs = fields.Method("load_inputs", allow_none=True)
    outputs = fields.Method("load_outputs", allow_none=True)
    retry_delay = _RetryDelay(allow_none=True)
    cache_for = fields.TimeDelta(allow_none=True)
    trigger = StatefulFunctionReference(
        valid_functions=[
            triggers.all_finished,
            triggers.manual_only,
            triggers.always_run,
            triggers.all_successful,
            triggers.all_failed,
            triggers.any_successful,
            triggers.any_failed,
            triggers.some_failed,
            triggers.some_successful,
            triggers.not_all_skipped,
        ],
        # Functions of the user stay on the user's machine; only their name is written.
        reject_invalid=False,
        allow_none=True,
    )
    cache_validator = StatefulFunctionReference(
        valid_functions=[
            cache_validators.never_use,
            cache_validators.duration_only,
            cache_validators.all_inputs,
            cache_validators.all_parameters,
            cache_validators.partial_inputs_only,
            cache_validators.partial_parameters_only,
        ],
        reject_invalid=False,
        allow_none=True,
    )

    def _new_task(self, data: dict[str, Any]) -> Task:
        auto_generated = data.pop("auto_generated", None)
        unread = ("type", "inputs", "outputs")
        task = Task(**{name: value for name, value in data.items() if name not in unread})
        task.auto_generated = bool(auto_generated)
        return task


class ParameterSchema(TaskMethodsMixin, ObjectSchema, wire=structs.Parameter):
    """A parameter, as it stands among the parameters of a flow."""

    type = fields.Function(_type_of)
    outputs = fields.Method("load_outputs", allow_none=True)

    def _new_task(self, data: dict[str, Any]) -> Task:
        arguments = {name: data[name] for name in ("name", "default", "required", "tags") if name in data}
        is_date = cast("str", data.get("type") or "").endswith(f".{DateTimeParameter.__name__}")
        return (DateTimeParameter if is_date else Parameter)(**arguments)
