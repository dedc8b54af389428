"""Making tasks: `@task`, `tags`, `apply_map`, `as_task`, `defaults_from_attrs`, `pause_task`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, overload

from prefect.utilities._lazy import removed_names
from prefect.utilities.context import context
from prefect.utilities.edges import EdgeAnnotation

if TYPE_CHECKING:
    from typing_extensions import TypedDict, Unpack

    from prefect.core.flow import Flow
    from prefect.core.task import Task
    from prefect.engine.result import Result
    from prefect.tasks.core.function import FunctionTask

    class TaskSettings(TypedDict, total=False):
        """Settings of a task, as `prefect.Task` describes them."""

        name: str | None
        slug: str | None
        tags: Iterable[str] | None
        max_retries: int | None
        retry_delay: (
            timedelta | float | Iterable[timedelta | float] | Callable[[int], timedelta | float] | None
        )
        retry_on: type[BaseException] | Iterable[type[BaseException]] | None
        timeout: float | timedelta | None
        trigger: Callable[[dict[Any, Any]], bool] | None
        skip_on_upstream_skip: bool
        cache_for: timedelta | None
        cache_validator: Callable[..., bool] | None
        cache_key: str | None
        checkpoint: bool | None
        state_handlers: Iterable[Callable[..., Any]] | None
        on_failure: Callable[..., Any] | None
        log_stdout: bool
        result: Result | None
        target: str | Callable[..., str] | None
        task_run_name: str | Callable[..., str] | None
        nout: int | None


__all__ = ["apply_map", "as_task", "defaults_from_attrs", "pause_task", "tags", "task"]

__getattr__ = removed_names(__name__)

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


@overload
def task(fn: Callable[P, R], **task_init_kwargs: Unpack[TaskSettings]) -> FunctionTask[P, R]: ...
@overload
def task(
    fn: None = None, **task_init_kwargs: Unpack[TaskSettings]
) -> Callable[[Callable[P, R]], FunctionTask[P, R]]: ...
def task(fn: Any = None, **task_init_kwargs: Any) -> Any:
    """A task made of a function, by decorating it, with settings or without.

    The task has the function's name and documentation, and its signature in editors. Calling it
    inside `with Flow(...)` adds a copy to the flow; `.run(...)` calls the function itself, as in tests.
    Coroutine functions are awaited when they run.

    Args:
        fn: the function; its arguments are the inputs of the task.
        **task_init_kwargs: settings of the task, as `prefect.Task` describes them.

    Returns:
        the task; with settings alone, the decorator that makes it.

    Raises:
        TypeError: `fn` is not callable, has positional-only arguments, or a setting is unknown.
        ValueError: `fn` has `*args`, an argument that is reserved (`mapped`, `task_args`,
            `upstream_tasks`, `flow`), or no signature that can be read.

    Example:
        ```python
        from datetime import timedelta

        from prefect import Flow, task


        @task
        def hello(name):
            print(f"hello, {name}")


        @task(max_retries=3, retry_delay=timedelta(seconds=1))
        def goodbye(name):
            print(f"goodbye, {name}")


        with Flow("greetings") as flow:
            goodbye("Marvin", upstream_tasks=[hello("Marvin")])

        state = flow.run()
        ```
        ```output
        hello, Marvin
        goodbye, Marvin
        ```
    """
    if fn is None:
        return functools.partial(task, **task_init_kwargs)
    from prefect.tasks.core.function import FunctionTask

    return FunctionTask(fn, **task_init_kwargs)


@contextmanager
def tags(*tags: str) -> Generator[None]:
    """A block in which every task gets the given tags, besides its own.

    Args:
        *tags: the tags. Blocks inside each other add up.

    Example:
        ```python
        from prefect import tags

        with Flow("tagged") as flow:
            with tags("polite"):
                greeted = hello("Marvin")

        print(greeted.tags)
        ```
        ```output
        {'polite'}
        ```
    """
    with context(tags=set(tags).union(context.get("tags") or ())):
        yield


def apply_map(func: Callable[..., R], *args: Any, flow: Flow | None = None, **kwargs: Any) -> R:
    """Map a function that adds several tasks: all of them run once for each element, in step.

    Like `task.map`, for more than one task at a time, so that the tasks may branch (`case`, `switch`),
    share inputs, and return several results.

    Args:
        func: adds tasks to the active flow; called once, with tasks in place of the elements.
        *args: what to map over: tasks or sequences. `unmapped(x)` is given to every run whole,
            `flatten(x)` is mapped over with one level of nesting removed.
        flow: the flow to add to; the active one by default.
        **kwargs: the same by name.

    Returns:
        what `func` returned.

    Raises:
        ValueError: no flow is active, or `func` maps by itself.
        TypeError: an argument cannot be mapped over.

    Example:
        ```python
        from prefect import apply_map, case
        from prefect.tasks.control_flow import merge


        @task
        def is_even(x):
            return x % 2 == 0


        def halve_or_grow(x):
            even = is_even(x)
            with case(even, True):
                halved = x // 2
            with case(even, False):
                grown = 3 * x + 1
            return merge(halved, grown)


        with Flow("collatz") as flow:
            next_numbers = apply_map(halve_or_grow, [1, 2, 3, 4])

        print(flow.run().result[next_numbers].result)
        ```
        ```output
        [4, 1, 10, 2]
        ```
    """
    flow = flow if flow is not None else context.get("flow")
    if flow is None:
        raise ValueError(
            "Couldn't infer a flow in the current context. Call `apply_map` inside `with Flow(...)`, "
            "or give it the flow as `flow=`."
        )
    from prefect.core import _apply_map

    return _apply_map.apply_map(func, args, kwargs, flow)


def as_task(x: Any, flow: Flow | None = None) -> Task:
    """Any value as a task that returns it.

    Args:
        x: a task is returned as it is, an annotated one (`unmapped(...)`) without its annotation.
            Lists, tuples, sets and dictionaries (their values) that hold tasks become tasks that
            gather the results. Anything else becomes a `Constant`.
        flow: where gathering tasks are added; the active flow by default. A `Constant` is not
            added to a flow here.

    Returns:
        the task; `auto_generated` is True on those made here.

    Raises:
        ValueError: a container holds tasks, and no flow is active.
    """
    from prefect.core.task import Task

    if isinstance(x, EdgeAnnotation):
        x = x.value
    if isinstance(x, Task):
        return x
    made: Task
    if not holds_task(x):
        from prefect.tasks.core.constants import Constant

        made = Constant(value=x)
    else:
        from prefect.tasks.core import collections

        if isinstance(x, dict):
            items = cast("dict[Any, Any]", x)
            made = collections.Dict().bind(keys=list(items), values=list(items.values()), flow=flow)
        else:
            gather = collections.Set if isinstance(x, set) else collections.Tuple
            gather = collections.List if isinstance(x, list) else gather
            made = gather().bind(*x, flow=flow)
    made.auto_generated = True
    return made


#: Types of values that surely hold no task, so that large containers of them need no further look.
_PLAIN_TYPES = frozenset({str, int, float, bool, bytes, type(None)})


def holds_task(x: object) -> bool:
    """Whether `x` is a task or an annotated input, or a container with one at any depth.

    Containers are lists, tuples, sets, and dictionaries, whose keys are not looked at.
    """
    if type(x) in _PLAIN_TYPES:
        return False
    from prefect.core.task import Task

    return _holds(x, (Task, EdgeAnnotation))


def _holds(x: object, wanted: tuple[type, ...]) -> bool:
    if isinstance(x, wanted):
        return True
    if isinstance(x, dict):
        items = cast("Collection[object]", cast("dict[object, object]", x).values())
    elif isinstance(x, (list, tuple, set)):
        items = cast("Collection[object]", x)
    else:
        return False
    if _PLAIN_TYPES.issuperset(map(type, items)):
        return False
    return any(_holds(item, wanted) for item in items)


def defaults_from_attrs(*attr_args: str) -> Callable[[F], F]:
    """A decorator for `run` methods: arguments that are not given are read from the task.

    Args:
        *attr_args: names of arguments that are also attributes of the task. An argument given as
            None stays None.

    Example:
        ```python
        from prefect import Task
        from prefect.utilities.tasks import defaults_from_attrs


        class Greet(Task):
            def __init__(self, greeting="Hello", **kwargs):
                self.greeting = greeting
                super().__init__(**kwargs)

            @defaults_from_attrs("greeting")
            def run(self, name, greeting=None):
                return f"{greeting}, {name}!"


        print(Greet(greeting="Hi").run("Marvin"))
        print(Greet(greeting="Hi").run("Marvin", greeting="Hey"))
        ```
        ```output
        Hi, Marvin!
        Hey, Marvin!
        ```
    """

    def wrapper(run_method: F) -> F:
        code = getattr(run_method, "__code__", None)
        # Names of arguments by position, without `self`.
        positional: tuple[str, ...] = code.co_varnames[1 : code.co_argcount] if code is not None else ()

        @functools.wraps(run_method)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            given = positional[: len(args)] if args else ()
            for attribute in attr_args:
                if attribute not in kwargs and attribute not in given:
                    kwargs[attribute] = getattr(self, attribute)
            return run_method(self, *args, **kwargs)

        return cast("F", method)

    return wrapper


def pause_task(message: str | None = None, duration: timedelta | None = None) -> None:
    """Pause the task run that calls this, until somebody resumes it.

    The run starts again from the beginning once it is resumed; then this does nothing. Raise
    `prefect.engine.signals.PAUSE` instead for a pause at every run of that line.

    Args:
        message: why; shown with the state.
        duration: time after which the run resumes by itself; it waits without end by default.

    Raises:
        PAUSE: the signal that pauses the run.
    """
    if context.get("resume", False):
        return
    from prefect.engine.signals import PAUSE

    arguments: dict[str, Any] = {}
    if duration is not None:
        arguments["start_time"] = datetime.now(timezone.utc) + duration
    raise PAUSE(message or "Pause signal raised during task execution.", **arguments)
