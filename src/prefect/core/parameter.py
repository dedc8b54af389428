"""Parameters: inputs of a flow, given when it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from prefect.core.task import NoDefault, Task
from prefect.utilities.context import context

if TYPE_CHECKING:
    from prefect.core.flow import Flow

__all__ = ["DateTimeParameter", "Parameter", "no_default"]

no_default = NoDefault.value


class Parameter(Task):
    """An input of a flow; as a task, its result is the value given to the run.

    Example:
        ```python
        @task
        def greet(name):
            return f"Hello, {name}!"


        with Flow("greetings") as flow:
            name = Parameter("name", default="world")
            greet(name)

        flow.run(name="Marvin")
        ```

    Args:
        name: name of the parameter, unique within the flow.
        default: the value when none is given.
        required: whether a value must be given; True by default when there is no default.
        tags: labels of the task.
        annotation: a type (`int`, `list[str]`, a dataclass, ...) that given values must fit;
            they are converted to it where JSON has no such type (dates, dataclasses, enums).
    """

    def __init__(
        self,
        name: str,
        default: Any = no_default,
        required: bool | None = None,
        tags: Iterable[str] | None = None,
        annotation: Any = None,
    ) -> None:
        self.required = default is no_default if required is None else required
        self.default = None if default is no_default else default
        self.annotation = annotation
        from prefect.engine.results.prefect_result import PrefectResult

        super().__init__(name=name, slug=name, tags=tags, result=PrefectResult(), checkpoint=True)

    def __repr__(self) -> str:
        return f"<Parameter: {self.name}>"

    def __call__(self, flow: Flow | None = None) -> Parameter:  # type: ignore[override]
        """Add this parameter to the active flow (or to `flow`); there are no copies of parameters."""
        flow = flow if flow is not None else self._active_flow()
        flow.add_task(self)
        return self

    def copy(self, name: str, **task_args: Any) -> Parameter:  # type: ignore[override]
        """A copy under another name, with the given attributes changed."""
        new = cast("Parameter", super().copy(name=name, **task_args))
        new.slug = name
        return new

    def run(self) -> Any:
        """The value given to the run, else the default.

        Raises:
            prefect.engine.signals.FAIL: the parameter is required and was not given.
            ValueError: the value does not fit the annotation.
        """
        given: dict[str, Any] = context.get("parameters") or {}
        if self.name not in given:
            if self.required:
                from prefect.engine import signals

                raise signals.FAIL(f'Parameter "{self.name}" was required but not provided.')
            return self.default
        value = given[self.name]
        return value if value is self.default else self.validated(value)

    def validated(self, value: Any) -> Any:
        """`value` as the annotation says; `value` itself without an annotation.

        Raises:
            ValueError: it does not fit.
        """
        if self.annotation is None:
            return value
        import msgspec

        try:
            return msgspec.convert(value, self.annotation, strict=True)
        except msgspec.ValidationError as exc:
            wanted = getattr(self.annotation, "__name__", None) or str(self.annotation)
            raise ValueError(
                f"Parameter {self.name!r} takes {wanted}, but was given {value!r}: {exc}."
            ) from exc

    def serialize(self) -> dict[str, Any]:
        """The JSON form of this parameter, as registered with the API."""
        from prefect.serialization.task import ParameterSchema

        return cast("dict[str, Any]", ParameterSchema().dump(self))


class DateTimeParameter(Parameter):
    """A parameter that is a point in time, handed to tasks as a pendulum `DateTime`.

    Args:
        name: name of the parameter, unique within the flow.
        default: a datetime or its text, used when none is given.
        required: whether a value must be given. compat: True even with a default; pass False then.
        tags: labels of the task.
    """

    def __init__(
        self,
        name: str,
        default: Any = no_default,
        required: bool = True,
        tags: Iterable[str] | None = None,
    ) -> None:
        super().__init__(name=name, default=default, required=required, tags=tags)
        from prefect.engine.serializers import DateTimeSerializer

        assert self.result is not None
        self.result.serializer = DateTimeSerializer()

    def run(self) -> Any:
        """The value as pendulum `DateTime`; None when neither a value nor a default is given."""
        value = super().run()
        if not value:
            return None
        import pendulum

        return cast("Any", pendulum.parse(value) if isinstance(value, str) else pendulum.instance(value))
