"""`FunctionTask`: a function as a task, as made by `@task`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import WRAPPER_ASSIGNMENTS
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload
from weakref import WeakSet

from prefect.core._signatures import check_run_signature
from prefect.core.task import Task

if TYPE_CHECKING:
    from prefect.core.flow import Flow

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

_checked: WeakSet[Callable[..., Any]] = WeakSet()


class FunctionTask(Task, Generic[P, R_co]):
    """A task whose `run` is a function; most are made by `prefect.task`.

    Args:
        fn: the function; its arguments are the inputs of the task. It may be a coroutine function.
        name: the task's name; the function's by default.
        **kwargs: settings of every `Task`.

    Raises:
        TypeError: `fn` is not callable, or has positional-only arguments.
        ValueError: `fn` has `*args`, an argument that is reserved, or no signature that can be read.

    Example:
        ```python
        from prefect import Flow
        from prefect.tasks.core.function import FunctionTask

        increment = FunctionTask(lambda x: x + 1, name="increment")

        with Flow("function") as flow:
            two = increment(1)

        print(flow.run().result[two].result)
        ```
        ```output
        2
        ```
    """

    def __init__(self, fn: Callable[P, R_co], name: str | None = None, **kwargs: Any) -> None:
        if not callable(fn):
            raise TypeError(f"`fn` must be callable, and {fn!r} is not.")
        _check_once(fn)
        attributes = cast("dict[str, Any]", self.__dict__)
        attributes["run"] = fn  # `Task.__init__` reads its return annotation
        super().__init__(name=name or getattr(fn, "__name__", None) or type(self).__name__, **kwargs)
        # As functools.wraps does, except that attributes of the function never hide settings of the task.
        for attribute in WRAPPER_ASSIGNMENTS:
            try:
                attributes[attribute] = getattr(fn, attribute)
            except AttributeError:
                continue
        for attribute, value in cast("dict[str, Any]", getattr(fn, "__dict__", {})).items():
            attributes.setdefault(attribute, value)
        attributes["__wrapped__"] = fn

    if TYPE_CHECKING:
        # What editors show. The first form of a call is the signature of the function; the second
        # allows what makes a flow: results of other tasks as inputs, and the keywords of `Task`.

        def run(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
            """The function itself: calls it now, without a flow."""
            ...

        @overload
        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> FunctionTask[P, R_co]: ...
        @overload
        def __call__(
            self,
            *args: Any,
            mapped: bool = False,
            task_args: dict[str, Any] | None = None,
            upstream_tasks: Iterable[Any] | None = None,
            flow: Flow | None = None,
            **kwargs: Any,
        ) -> FunctionTask[P, R_co]: ...
        def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - as for `Task`
            ...

        def bind(  # noqa: D102 - as for `Task`
            self,
            *args: Any,
            mapped: bool = False,
            upstream_tasks: Iterable[Any] | None = None,
            flow: Flow | None = None,
            **kwargs: Any,
        ) -> FunctionTask[P, R_co]: ...

        def map(  # noqa: D102 - as for `Task`
            self,
            *args: Any,
            upstream_tasks: Iterable[Any] | None = None,
            flow: Flow | None = None,
            task_args: dict[str, Any] | None = None,
            **kwargs: Any,
        ) -> FunctionTask[P, R_co]: ...

        def copy(self, **task_args: Any) -> FunctionTask[P, R_co]:  # noqa: D102 - as for `Task`
            ...


def _check_once(fn: Callable[..., Any]) -> None:
    """Refuse what cannot be a task's `run`; remembers functions that were found right."""
    try:
        if fn in _checked:
            return
    except TypeError:  # neither hashable nor weakly referable: rare, and checked every time
        check_run_signature(fn)
        return
    check_run_signature(fn)
    try:
        _checked.add(fn)
    except TypeError:
        return
