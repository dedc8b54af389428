"""The engine: states, results and the runners that take a flow and its tasks through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from prefect.configuration import config
from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.engine.flow_runner import FlowRunner
    from prefect.engine.task_runner import TaskRunner
    from prefect.executors.base import Executor

__all__ = ["FlowRunner", "TaskRunner"]

__getattr__, __dir__ = lazy_names(
    __name__, {"FlowRunner": "prefect.engine.flow_runner", "TaskRunner": "prefect.engine.task_runner"}
)


def _configured_class(key: str, default: str) -> type[Any]:
    """The class named by a configuration value, which may also be a class; `default` with a warning."""
    value: Any = config
    for part in key.split("."):
        value = value[part]
    if isinstance(value, type):
        return value
    from prefect.utilities.importtools import import_object

    try:
        return cast("type[Any]", import_object(str(value)))
    except Exception as exc:  # noqa: BLE001 # importing runs code of the user's
        import warnings

        warnings.warn(
            f"Could not import {value!r}, the value of the setting `{key}` ({exc}); using {default} instead.",
            stacklevel=3,
        )
        return cast("type[Any]", import_object(default))


def get_default_executor_class() -> type[Executor]:
    """The executor class of the setting `engine.executor.default_class`."""
    if config.engine.executor.default_class == "prefect.executors.LocalExecutor":
        from prefect.executors.local import LocalExecutor

        return LocalExecutor
    return _configured_class("engine.executor.default_class", "prefect.executors.LocalExecutor")


def get_default_flow_runner_class() -> type[FlowRunner]:
    """The flow runner class of the setting `engine.flow_runner.default_class`."""
    if config.engine.flow_runner.default_class == "prefect.engine.flow_runner.FlowRunner":
        from prefect.engine.flow_runner import FlowRunner

        return FlowRunner
    return _configured_class("engine.flow_runner.default_class", "prefect.engine.flow_runner.FlowRunner")


def get_default_task_runner_class() -> type[TaskRunner]:
    """The task runner class of the setting `engine.task_runner.default_class`."""
    if config.engine.task_runner.default_class == "prefect.engine.task_runner.TaskRunner":
        from prefect.engine.task_runner import TaskRunner

        return TaskRunner
    return _configured_class("engine.task_runner.default_class", "prefect.engine.task_runner.TaskRunner")
