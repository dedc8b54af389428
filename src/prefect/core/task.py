"""`Task`: one unit of work in a flow."""

from __future__ import annotations

import enum
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast

from prefect.core import _settings
from prefect.core._nout import infer_nout
from prefect.core._signatures import check_run_signature, task_signature
from prefect.utilities._lazy import removed_names
from prefect.utilities.context import context
from prefect.utilities.edges import EdgeAnnotation

if TYPE_CHECKING:
    import logging

    from prefect.core.flow import Flow
    from prefect.engine.result import Result

__all__ = ["NoDefault", "Task", "TaskMetaclass", "instance_property"]


class NoDefault(enum.Enum):
    """The mark of "no default given", where None is a possible default."""

    value = "no_default"  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType] # compat: the member is named like a property of Enum

    def __repr__(self) -> str:
        return "<no default>"


class instance_property:  # compat: lower-case name of 1.4.1
    """A read-only property of instances that does not hide an attribute of the class.

    Args:
        func: from the instance to the value.
    """

    def __init__(self, func: Callable[[Any], Any]) -> None:
        self.func = func
        self.__doc__ = func.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            raise AttributeError(self.func.__name__)
        return self.func(instance)


def _extra_call_parameters() -> list[Any]:
    """The keywords of `Task.__call__` itself, as parameters; made on demand, as it needs `inspect`."""
    import inspect

    parameters = inspect.signature(Task.__call__).parameters.values()
    return [parameter for parameter in parameters if parameter.kind == parameter.KEYWORD_ONLY]


class TaskMetaclass(type):
    """Watches tasks being made: warns of common mistakes, and tells the active flow of the new task."""

    if not TYPE_CHECKING:  # editors look at `__init__` of the class instead, and know what is made

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            """Make a task."""
            task = super().__call__(*args, **kwargs)
            if "slug" not in task.__dict__ and cls.__init__ is not Task.__init__:
                raise TypeError(
                    f"{cls.__name__}.__init__ did not call super().__init__(), which sets up the task. "
                    "Call it there, and hand it the **kwargs of the constructor."
                )
            for value in (*args, *kwargs.values()):
                if isinstance(value, Task):
                    _warn_task_as_constructor_argument(cls)
                    break
            unused = context.top.get("_unused_task_tracker")
            if unused is not None:
                unused.add(task)
            return task


def _warn_task_as_constructor_argument(cls: type) -> None:
    name = cls.__name__
    warnings.warn(
        f"A Task was passed as an argument to {name}, you likely want to first initialize {name} with any "
        "static (non-Task) arguments, then call the initialized task with any dynamic (Task) arguments "
        f"instead. For example:\n\n  my_task = {name}(...)  # static arguments\n"
        "  res = my_task(...)  # dynamic arguments",
        stacklevel=3,
    )


class Task(metaclass=TaskMetaclass):
    """One unit of work: settings, and a `run` method that does it.

    Most tasks are made from functions with `prefect.task`; subclass `Task` for tasks with settings
    of their own. Calling a task inside `with Flow(...)` adds a copy of it to the flow.

    Example:
        ```python
        class Greet(Task):
            def __init__(self, greeting="Hello", **kwargs):
                self.greeting = greeting
                super().__init__(**kwargs)

            def run(self, name):
                return f"{self.greeting}, {name}!"


        greet = Greet(max_retries=2, retry_delay=timedelta(seconds=10))
        with Flow("greetings") as flow:
            greet("Marvin")
        ```

    Args:
        name: shown in logs and the UI; the name of the class or function by default.
        slug: unique id within a flow; given by the flow when not set.
        tags: labels for grouping, and for concurrency limits of a server.
        max_retries: how often the task is run again after a failure.
        retry_delay: time between attempts: a timedelta, seconds, a list of these (one for each
            retry, the last is used again) or a function from the number of the failed attempt
            (from 1) to one. `prefect.utilities.datetimes.retry_delay` makes exponential ones.
        retry_on: exception class or classes to retry on; every failure when not given.
        timeout: longest run, in seconds or as timedelta; the task then ends `TimedOut`.
        trigger: from `{Edge: State}` of the upstream tasks to whether to run; see `prefect.triggers`.
        skip_on_upstream_skip: whether the task is skipped when an upstream task was.
        cache_for: how long a result is reused instead of running again.
        cache_validator: whether a cached result may be reused; see `prefect.engine.cache_validators`.
        cache_key: name under which results are cached, shared by tasks; the task's name by default.
        checkpoint: False to never write this task's result, when checkpointing is on.
        state_handlers: functions `(task, old_state, new_state)` called on every change of state;
            a returned state replaces the new one.
        on_failure: function `(task, state)` called whenever the task becomes failed.
        log_stdout: whether what the task prints is logged.
        result: where and how the task's result is written.
        target: location (template) whose existence means the task need not run.
        task_run_name: name of each run in a backend: a template or a function of the inputs.
        nout: number of values returned, to unpack a call: `a, b = task()`.

    Raises:
        TypeError, ValueError: a setting is wrong, or two do not go together.
    """

    name: str
    slug: str | None
    tags: set[str]
    max_retries: int
    retry_delay: _settings.RetryDelay | None
    retry_on: set[type[BaseException]] | None
    timeout: float | int | None
    trigger: Callable[[dict[Any, Any]], bool]
    skip_on_upstream_skip: bool
    cache_for: timedelta | None
    cache_validator: Callable[..., bool]
    cache_key: str | None
    checkpoint: bool | None
    state_handlers: list[Callable[..., Any]]
    log_stdout: bool
    result: Result | None
    target: str | Callable[..., str] | None
    task_run_name: str | Callable[..., str] | None
    nout: int | None
    auto_generated: bool

    #: Part a task plays around a resource ("init", "setup", "cleanup"); see `Flow.reference_tasks`.
    _resource_role: ClassVar[str | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        run = cls.__dict__.get("run")
        if run is not None and callable(run) and not getattr(cls, "_skip_signature_check", False):
            check_run_signature(run, name=cls.__name__)

    def __init__(
        self,
        name: str | None = None,
        slug: str | None = None,
        tags: Iterable[str] | None = None,
        max_retries: int | None = None,
        retry_delay: Any = None,
        retry_on: type[BaseException] | Iterable[type[BaseException]] | None = None,
        timeout: float | timedelta | None = None,
        trigger: Callable[[dict[Any, Any]], bool] | None = None,
        skip_on_upstream_skip: bool = True,
        cache_for: timedelta | None = None,
        cache_validator: Callable[..., bool] | None = None,
        cache_key: str | None = None,
        checkpoint: bool | None = None,
        state_handlers: Iterable[Callable[..., Any]] | None = None,
        on_failure: Callable[..., Any] | None = None,
        log_stdout: bool = False,
        result: Result | None = None,
        target: str | Callable[..., str] | None = None,
        task_run_name: str | Callable[..., str] | None = None,
        nout: int | None = None,
    ) -> None:
        for attribute in _SETTINGS.intersection(self.__dict__):
            warnings.warn(
                f"`{type(self).__name__}` sets a `{attribute}` attribute, which will be overwritten by "
                "`prefect.Task`. Please rename this attribute to avoid this issue.",
                stacklevel=2,
            )
        from prefect import triggers
        from prefect.engine import cache_validators

        defaults = context.top.get("config").tasks.defaults
        self.name = name or type(self).__name__
        self.slug = slug
        self.tags = _settings.normal_tags(tags)
        active_tags = context.top.get("tags")
        if active_tags:
            self.tags.update(active_tags)

        self.max_retries = max_retries = (
            max_retries if max_retries is not None else int(defaults.max_retries or 0)
        )
        if retry_delay is None and max_retries and defaults.retry_delay:
            retry_delay = defaults.retry_delay
        self.retry_delay = _settings.normal_retry_delay(retry_delay, max_retries)
        self.retry_on = _settings.normal_retry_on(retry_on, max_retries)
        self.timeout = _settings.normal_timeout(defaults.timeout or None if timeout is None else timeout)

        self.trigger = trigger or triggers.all_successful
        self.skip_on_upstream_skip = skip_on_upstream_skip
        self.cache_for, validator = _settings.normal_cache(cache_for, cache_validator)
        self.cache_validator = validator or (
            cache_validators.never_use if self.cache_for is None else cache_validators.duration_only
        )
        self.cache_key = cache_key
        self.checkpoint = checkpoint
        self.result = _result_at_target(result, target)
        self.target = target
        self.task_run_name = task_run_name
        self.state_handlers = _settings.normal_handlers(state_handlers, on_failure)
        self.auto_generated = False
        self.log_stdout = log_stdout
        self.nout = infer_nout(getattr(self.run, "__annotations__", None)) if nout is None else nout

    @property
    def logger(self) -> logging.Logger:
        """The logger named after the task."""
        from prefect.utilities.logging import get_logger

        return get_logger(self.name)

    @instance_property
    def __signature__(self) -> Any:
        """The signature of calling the task in a flow: that of `run`, and the keywords of the call itself."""
        signature = task_signature(self.run).signature
        parameters = list(signature.parameters.values())
        keywords = [parameter for parameter in parameters if parameter.kind == parameter.VAR_KEYWORD]
        named = [parameter for parameter in parameters if parameter.kind != parameter.VAR_KEYWORD]
        return signature.replace(
            parameters=[*named, *_extra_call_parameters(), *keywords], return_annotation="Task"
        )

    def __repr__(self) -> str:
        return f"<Task: {self.name}>"

    def __hash__(self) -> int:
        return id(self)

    # -- running ----------------------------------------------------------------------

    if TYPE_CHECKING:
        # For editors, `run` of a subclass may have any arguments.
        def run(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - below
            ...
    else:

        def run(self) -> Any:
            """What the task does; override it. Arguments are the inputs of the task, by name.

            Raises:
                Exception: any exception makes the run fail; `prefect.engine.signals` choose other states.
            """

    # -- adding to a flow -------------------------------------------------------------

    def copy(self, **task_args: Any) -> Task:
        """A copy of this task, with the given attributes changed. It has no dependencies.

        Args:
            **task_args: `attribute=value`.

        Raises:
            AttributeError: the task has no such attribute.
        """
        top = context.top
        flow = top.get("flow")
        if flow is not None and self in flow.tasks and (flow.edges_to(self) or flow.edges_from(self)):
            warnings.warn(
                "You are making a copy of a task that has dependencies on or to other tasks in the active "
                "flow context. The copy will not retain those dependencies.",
                stacklevel=2,
            )
        new = object.__new__(type(self))
        attributes = cast("dict[str, Any]", new.__dict__)
        attributes.update(self.__dict__)
        for attribute, value in task_args.items():
            if not hasattr(new, attribute):
                raise AttributeError(f"{new} does not have {attribute} as an attribute")
            normalize = _NORMALIZED.get(attribute)
            setattr(new, attribute, value if normalize is None else normalize(value))
        if new.slug is not None and "slug" not in task_args:
            new.slug = f"{new.slug}-copy"  # compat: registered flows and their runs know tasks by it
        if "target" in task_args or "result" in task_args:
            new.result = _result_at_target(new.result, new.target, warn="result" in task_args)
        tags = new.tags = set(new.tags)
        active_tags = top.get("tags")
        if active_tags:
            tags.update(active_tags)
        attributes["state_handlers"] = list(attributes["state_handlers"])
        unused = top.get("_unused_task_tracker")
        if unused is not None:
            unused.discard(self)
            unused.add(new)
        return new

    def __call__(
        self,
        *args: Any,
        mapped: bool = False,
        task_args: dict[str, Any] | None = None,
        upstream_tasks: Iterable[Any] | None = None,
        flow: Flow | None = None,
        **kwargs: Any,
    ) -> Any:
        """Add a copy of this task to the active flow, with the given inputs.

        Args:
            *args: inputs: results of other tasks, or values.
            mapped: whether to run once for each element of every input.
            task_args: attributes to change on the copy.
            upstream_tasks: tasks to wait for, without using their results.
            flow: the flow to add to; the active one by default.
            **kwargs: inputs by name.

        Returns:
            the copy.

        Raises:
            ValueError: no flow is active.
            TypeError: the inputs do not fit the signature of `run`.
        """
        new = self.copy(**task_args) if task_args else self.copy()
        new.bind(*args, mapped=mapped, upstream_tasks=upstream_tasks, flow=flow, **kwargs)
        return new

    def bind(
        self,
        *args: Any,
        mapped: bool = False,
        upstream_tasks: Iterable[Any] | None = None,
        flow: Flow | None = None,
        **kwargs: Any,
    ) -> Task:
        """Add this very task (no copy) to the active flow, with the given inputs.

        Arguments, errors: as for calling the task.

        Returns:
            this task.
        """
        flow = flow if flow is not None else self._active_flow()
        inputs = task_signature(self.run).bind(args, kwargs)
        flow.set_dependencies(
            task=self, upstream_tasks=upstream_tasks, keyword_tasks=inputs, mapped=mapped, validate=False
        )
        active_tags = context.top.get("tags")
        if active_tags:
            self.tags.update(active_tags)
        return self

    def _active_flow(self) -> Flow:
        flow = context.top.get("flow")
        if flow is None:
            call = (
                f"{self.name}.run(...)" if "run" in self.__dict__ else f"{type(self).__name__}(...).run(...)"
            )
            raise ValueError(
                f"Could not infer an active Flow context while creating edge to {self}. This often means you "
                "called a task outside a `with Flow(...)` block. If you're trying to run this task outside of "
                f"a Flow context, you need to call `{call}`"
            )
        return flow

    def map(
        self,
        *args: Any,
        upstream_tasks: Iterable[Any] | None = None,
        flow: Flow | None = None,
        task_args: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Add a copy of this task that runs once for each element of its inputs.

        Every input and every upstream task is mapped over, in step, unless wrapped in
        `prefect.unmapped`. The number of runs is the length of the shortest.

        Args:
            *args: inputs to map over.
            upstream_tasks: tasks to wait for, child by child, without using their results.
            flow: the flow to add to; the active one by default.
            task_args: attributes to change on the copy.
            **kwargs: inputs by name.

        Returns:
            the copy.

        Raises:
            TypeError: a positional input cannot be mapped over.
        """
        for value in args:
            if not isinstance(value, (Task, EdgeAnnotation)) and not hasattr(value, "__getitem__"):
                preview = repr(value)
                preview = preview if len(preview) <= 20 else preview[:20]
                raise TypeError(f"Cannot map over unsubscriptable object of type {type(value)}: {preview}...")
        new = self.copy(**(task_args or {}))
        new.nout = None
        return new.bind(*args, mapped=True, upstream_tasks=upstream_tasks, flow=flow, **kwargs)

    def pipe(_prefect_self, _prefect_task: Any, **kwargs: Any) -> Any:  # noqa: N805 - kwargs may be `self`
        """Hand this task's result to another task as its first argument.

        `a.pipe(b, x=1).pipe(c)` is `c(b(a, x=1))`.

        Args:
            _prefect_task: the task, which is called with this one (and the keywords).
            **kwargs: further arguments of that task.
        """
        return _prefect_task(_prefect_self, **kwargs)

    def set_dependencies(
        self,
        flow: Flow | None = None,
        upstream_tasks: Iterable[Any] | None = None,
        downstream_tasks: Iterable[Any] | None = None,
        keyword_tasks: Mapping[str, Any] | None = None,
        mapped: bool = False,
        validate: bool | None = None,
    ) -> Task:
        """Set what this task waits for, what waits for it, and its inputs.

        Args:
            flow: the flow; the active one by default.
            upstream_tasks: tasks to run before this one.
            downstream_tasks: tasks to run after this one.
            keyword_tasks: `{argument: task or value}`.
            mapped: whether upstream results are mapped over.
            validate: whether to check the flow at once for cycles and wrong arguments.

        Returns:
            this task.
        """
        flow = flow if flow is not None else context.top.get("flow")
        if flow is None:
            raise ValueError("No Flow was passed, and could not infer an active Flow context.")
        flow.set_dependencies(
            task=self,
            upstream_tasks=upstream_tasks,
            downstream_tasks=downstream_tasks,
            keyword_tasks=keyword_tasks,
            mapped=mapped,
            validate=validate,
        )
        return self

    def set_upstream(
        self, task: Any, flow: Flow | None = None, key: str | None = None, mapped: bool = False
    ) -> Task:
        """Run `task` before this one, and give this one its result as `key` if that is set."""
        if key is not None:
            return self.set_dependencies(flow=flow, keyword_tasks={key: task}, mapped=mapped)
        return self.set_dependencies(flow=flow, upstream_tasks=[task], mapped=mapped)

    def set_downstream(
        self, task: Any, flow: Flow | None = None, key: str | None = None, mapped: bool = False
    ) -> Task:
        """Run `task` after this one, and give it this one's result as `key` if that is set."""
        flow = flow if flow is not None else self._active_flow()
        from prefect.utilities.tasks import as_task

        downstream = as_task(task, flow=flow)
        if key is not None:
            downstream.set_dependencies(flow=flow, keyword_tasks={key: self}, mapped=mapped)
        else:
            downstream.set_dependencies(flow=flow, upstream_tasks=[self], mapped=mapped)
        return self

    # -- about ------------------------------------------------------------------------

    def inputs(self) -> dict[str, dict[str, Any]]:
        """`{argument: {"type": annotation, "default": value, "required": bool}}` of `run`."""
        found: dict[str, dict[str, Any]] = {}
        for name, parameter in _annotated_signature(self.run).parameters.items():
            is_given = parameter.default is not parameter.empty
            found[name] = {
                "type": Any if parameter.annotation is parameter.empty else parameter.annotation,
                "default": parameter.default if is_given else None,
                "required": not is_given,
            }
        return found

    def outputs(self) -> Any:
        """The annotation of what `run` returns; `typing.Any` without one."""
        signature = _annotated_signature(self.run)
        return Any if signature.return_annotation is signature.empty else signature.return_annotation

    def serialize(self) -> dict[str, Any]:
        """The JSON form of this task, as registered with the API."""
        from prefect.serialization.task import TaskSchema

        return cast("dict[str, Any]", TaskSchema().dump(self))

    # -- unpacking and operators ------------------------------------------------------

    def __iter__(self) -> Iterator[Task]:
        if self.nout is None:
            raise TypeError(
                "Task is not iterable. If your task returns multiple results, pass `nout` to the task "
                "decorator/constructor, or provide a `Tuple` return-type annotation to your task."
            )
        return (self[index] for index in range(self.nout))

    def __getitem__(self, key: Any) -> Task:
        from prefect.tasks.core.operators import GetItem

        name = f"{self.name}[{key.name if isinstance(key, Task) else repr(key)}]"
        return GetItem(checkpoint=self.checkpoint, name=name, result=self.result).bind(self, key)

    def or_(self, other: object) -> Task:
        """A task for `self or other` of the results."""
        return _operate("Or", self, other)

    def is_equal(self, other: object) -> Task:
        """A task for `self == other` of the results. (`==` itself compares the tasks.)"""
        return _operate("Equal", self, other)

    def is_not_equal(self, other: object) -> Task:
        """A task for `self != other` of the results."""
        return _operate("NotEqual", self, other)

    def not_(self) -> Task:
        """A task for `not self` of the result."""
        from prefect.tasks.core.operators import Not

        return Not().bind(self)

    def __or__(self, other: Any) -> Any:
        """`self | other`: run `other` after this task. Only orders; returns `other`."""
        from prefect.utilities.tasks import as_task

        other = as_task(other)
        other.set_dependencies(upstream_tasks=[self])
        return other

    def __ror__(self, other: Any) -> Task:
        """`other | self`: run this task after `other`. Only orders; returns this task."""
        from prefect.utilities.tasks import as_task

        self.set_dependencies(upstream_tasks=[as_task(other)])
        return self

    def __add__(self, other: object) -> Task:
        return _operate("Add", self, other)

    def __sub__(self, other: object) -> Task:
        return _operate("Sub", self, other)

    def __mul__(self, other: object) -> Task:
        return _operate("Mul", self, other)

    def __truediv__(self, other: object) -> Task:
        return _operate("Div", self, other)

    def __floordiv__(self, other: object) -> Task:
        return _operate("FloorDiv", self, other)

    def __mod__(self, other: object) -> Task:
        return _operate("Mod", self, other)

    def __pow__(self, other: object) -> Task:
        return _operate("Pow", self, other)

    def __and__(self, other: object) -> Task:
        return _operate("And", self, other)

    def __radd__(self, other: object) -> Task:
        return _operate("Add", other, self)

    def __rsub__(self, other: object) -> Task:
        return _operate("Sub", other, self)

    def __rmul__(self, other: object) -> Task:
        return _operate("Mul", other, self)

    def __rtruediv__(self, other: object) -> Task:
        return _operate("Div", other, self)

    def __rfloordiv__(self, other: object) -> Task:
        return _operate("FloorDiv", other, self)

    def __rmod__(self, other: object) -> Task:
        return _operate("Mod", other, self)

    def __rpow__(self, other: object) -> Task:
        return _operate("Pow", other, self)

    def __rand__(self, other: object) -> Task:
        return _operate("And", other, self)

    def __gt__(self, other: object) -> Task:
        return _operate("GreaterThan", self, other)

    def __ge__(self, other: object) -> Task:
        return _operate("GreaterThanOrEqual", self, other)

    def __lt__(self, other: object) -> Task:
        return _operate("LessThan", self, other)

    def __le__(self, other: object) -> Task:
        return _operate("LessThanOrEqual", self, other)


#: Attributes that `Task.__init__` sets.
_SETTINGS = frozenset(Task.__annotations__) - {"_resource_role"}

_NORMALIZED: dict[str, Callable[[Any], Any]] = {
    "tags": _settings.normal_tags,
    "timeout": _settings.normal_timeout,
}


def _annotated_signature(run: Callable[..., Any]) -> Any:
    """The signature of a task's code, with annotations that are texts evaluated where that is possible."""
    import inspect

    try:
        return inspect.signature(run, eval_str=True)
    except Exception:  # noqa: BLE001 # names that exist for type checkers only: any error may come of it
        return task_signature(run).signature


def _operate(operator: str, x: object, y: object) -> Task:
    from prefect.tasks.core import operators

    return getattr(operators, operator)().bind(x, y)


def _result_at_target(result: Result | None, target: Any, warn: bool = True) -> Result | None:
    """The result, with the target as its location when there is one."""
    if result is None or target is None:
        return result
    if warn and result.location and result.location != target:
        warnings.warn(
            "Both `result.location` and `target` were provided. The `target` value will be used.",
            stacklevel=4,
        )
    result = result.copy()
    result.location = target
    return result


def __getattr__(name: str) -> Any:
    if name == "EXTRA_CALL_PARAMETERS":
        return _extra_call_parameters()
    return _find_removed(name)


_find_removed = removed_names(__name__)
