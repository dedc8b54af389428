"""How a task runs within one flow run: decided once, used for each of its runs.

Most tasks have no handlers, no trigger of their own, no cache, target or timeout, and the
runner's steps are not overridden. For such a task, with all upstream tasks successful, every
step before its code leaves the state as it is, and so does every step after its success: what
remains is to call the code. `TaskPlan.is_plain` says so, `run_plain` does it, and everything
that is not the plain case (an error, a signal, an upstream task that failed) goes to the steps
of `TaskRunner`, which has the only definition of them.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from prefect import triggers
from prefect.engine.coroutines import run_coroutine
from prefect.engine.result.base import Result
from prefect.engine.run_context import TASK_RUN_VALUES, flow_run_snapshot, task_values
from prefect.engine.state import Retrying, State, Success, make_state
from prefect.engine.task_runner import SUCCEEDED, TaskRunner
from prefect.exceptions import PrefectSignal
from prefect.utilities import clock
from prefect.utilities.context import Layer, context

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from prefect.core.edge import Edge
    from prefect.core.task import Task
    from prefect.engine.map_group import ChildBatches
    from prefect.engine.runner import StateHandler

_STEPS = (
    "__init__",
    "run",
    "initialize_run",
    "check_task_is_ready",
    "check_task_reached_start_time",
    "check_upstream_finished",
    "check_upstream_skipped",
    "load_results",
    "check_task_ready_to_map",
    "get_task_inputs",
    "set_task_run_name",
    "check_target",
    "check_task_is_cached",
    "check_task_trigger",
    "set_task_to_running",
    "get_task_run_state",
    "cache_result",
    "check_for_retry",
    "check_task_is_looping",
    "call_runner_target_handlers",
    "handle_state_change",
    "logger",
)
_ORIGINAL = {step: getattr(TaskRunner, step) for step in _STEPS}


def has_original_steps(runner_cls: type[TaskRunner]) -> bool:
    """Whether a runner class runs tasks as `TaskRunner` does: no step is overridden or patched."""
    return all(getattr(runner_cls, step) is original for step, original in _ORIGINAL.items())


class RunSettings:
    """What holds for all tasks of a flow run.

    Args:
        runner_cls: class of the task runners.
        handlers: state handlers of the task runners.
        flow_result: the flow's result.
        layer: the flow run's layer of the context.
    """

    __slots__ = (
        "batches",
        "checkpointing",
        "flow_result",
        "handlers",
        "is_logged",
        "layer",
        "logger",
        "plain",
        "runner_cls",
        "shown",
    )

    def __init__(
        self,
        runner_cls: type[TaskRunner],
        handlers: list[StateHandler],
        flow_result: Result | None,
        layer: Layer,
    ) -> None:
        from prefect.utilities.logging import get_logger

        self.runner_cls = runner_cls
        self.handlers = handlers
        self.flow_result = flow_result
        self.layer = layer
        self.checkpointing = bool(layer.get("checkpointing", layer.get("config").flows.checkpointing))
        # compat: who overrides this step finds the context of the flow run in its argument.
        begins_otherwise = runner_cls.initialize_run is not TaskRunner.initialize_run
        self.shown: dict[str, Any] = flow_run_snapshot(layer) if begins_otherwise else {}
        self.batches: ChildBatches | None = runner_cls.child_batches()
        self.plain = not handlers and has_original_steps(runner_cls)
        self.logger: logging.Logger = get_logger(runner_cls.__name__)
        self.is_logged = self.logger.isEnabledFor(logging.INFO)


def plain_run_count(prior: State | None) -> int:
    """Number of the attempt that a plain run from `prior` would be; 0 if it takes all steps.

    A retry whose time has come is as plain as a first attempt, unless it carries its position in a loop.
    """
    if prior is None:
        return 1
    if type(prior) is not Retrying:
        return 0
    known = prior._context  # pyright: ignore[reportPrivateUsage]
    start_time = prior._start_time  # pyright: ignore[reportPrivateUsage]
    if (isinstance(known, dict) and "_loop_count" in known) or start_time is None:
        return 0
    if start_time > clock.now():
        return 0
    return prior.run_count + 1


class TaskPlan:
    """How one task runs within one flow run.

    Attributes:
        is_plain: whether `run_plain` may be used for runs that begin `Pending`, with upstream
            tasks all finished, successful and not skipped.
        layer: the layer of the context that all runs of the task share.
    """

    __slots__ = ("_result_type", "_run", "_tags", "is_plain", "layer", "settings", "slug", "task")

    def __init__(self, task: Task, slug: str | None, settings: RunSettings) -> None:
        self.task = task
        self.slug = slug
        self.settings = settings
        values = task_values(task, slug)
        values["checkpointing"] = settings.checkpointing
        layer = self.layer = Layer(values)
        layer.parent = settings.layer
        self._run: Callable[..., Any] = task.run
        self._tags = tuple(sorted(task.tags)) if task.tags else ()
        template = settings.flow_result if task.result is None else task.result
        self._result_type = None if template is None or type(template) is Result else template
        self.is_plain = (
            settings.plain
            and task.trigger is triggers.all_successful
            and not task.state_handlers
            and task.skip_on_upstream_skip
            and task.cache_for is None
            and task.target is None
            and not task.timeout
            and task.task_run_name is None
            and not task.log_stdout
            and (self._result_type is None or not settings.checkpointing or task.checkpoint is False)
        )

    def new_runner(self) -> TaskRunner:
        """A runner for one run."""
        settings = self.settings
        return settings.runner_cls(
            task=self.task, state_handlers=settings.handlers, flow_result=settings.flow_result
        )

    def run_steps(
        self,
        state: State | None,
        upstream_states: dict[Edge, State],
        map_index: int | None = None,
        extra: dict[str, Any] | None = None,
        is_mapped_parent: bool = False,
    ) -> State:
        """Run the task through all steps of its runner.

        Args:
            state: the state to begin with.
            upstream_states: `{Edge: State}`.
            map_index: which child of a mapped task.
            extra: more values for the context.
            is_mapped_parent: whether this is the fan-out.
        """
        values: dict[str, Any] = {**self.settings.shown, "task_slug": self.slug, "map_index": map_index}
        if extra:
            values.update(extra)
        outer = context.top
        context.restore(self.settings.layer)
        try:
            return self.new_runner().run(
                state=state,
                upstream_states=upstream_states,
                context=values,
                is_mapped_parent=is_mapped_parent,
            )
        finally:
            context.restore(outer)

    def run_lost(
        self,
        exc: Exception,
        upstream_states: dict[Edge, State],
        map_index: int | None = None,
        prior: State | None = None,
        extra: dict[str, Any] | None = None,
    ) -> State:
        """What becomes of a run whose worker was lost: failed like any other, and retried if it may be.

        Args:
            exc: what the executor said.
            upstream_states: `{Edge: State}`.
            map_index: which child of a mapped task.
            prior: the state the run began with.
            extra: more values for the run's context.
        """
        run_count = prior.run_count + 1 if isinstance(prior, Retrying) else 1
        with self._of_another_process(map_index, run_count, extra) as (runner, values):
            return runner.conclude_raised(exc, {}, upstream_states, values)

    def refuse(
        self, state: State, map_index: int | None = None, extra: dict[str, Any] | None = None
    ) -> State:
        """What becomes of a run that could not be sent to another process; its state handlers hear of it.

        Args:
            state: the state it ends in.
            map_index: which child of a mapped task.
            extra: more values for the run's context.
        """
        with self._of_another_process(map_index, 1, extra) as (runner, values):
            return runner.conclude_refused(state, values)

    @contextmanager
    def _of_another_process(
        self, map_index: int | None, run_count: int, extra: dict[str, Any] | None
    ) -> Generator[tuple[TaskRunner, dict[str, Any]]]:
        """A runner in the context of a run that began elsewhere, or should have."""
        values: dict[str, Any] = {**(extra or {}), "map_index": map_index, "task_run_count": run_count}
        layer = Layer(values, TASK_RUN_VALUES)
        layer.parent = self.layer
        outer = context.top
        context.restore(layer)
        try:
            runner = self.new_runner()
            runner.find_run(values)
            yield runner, values
        finally:
            context.restore(outer)

    def run_plain(
        self,
        arguments: dict[str, Any],
        map_index: int | None,
        upstream_states: Callable[[], dict[Edge, State]],
        run_count: int = 1,
    ) -> State:
        """Run a plain task, whose upstream tasks are all successful.

        Args:
            arguments: inputs of the task, by name.
            map_index: which child of a mapped task.
            upstream_states: makes `{Edge: State}`, for the runs that need it after all.
            run_count: number of the attempt, from 1.
        """
        settings = self.settings
        values: dict[str, Any] = {"map_index": map_index, "task_run_count": run_count}
        layer = Layer(values, TASK_RUN_VALUES)
        layer.parent = self.layer
        outer = context.top
        context.restore(layer)
        if settings.is_logged:
            name = self.task.name if map_index is None else f"{self.task.name}[{map_index}]"
            settings.logger.info(f"Task '{name}': Starting task run...")
        try:
            try:
                value = self._run(**arguments)
                if type(value) is CoroutineType:
                    value = run_coroutine(cast("CoroutineType[Any, Any, Any]", value))
            except (Exception, PrefectSignal) as exc:  # noqa: BLE001 # whatever the user's code raises is the outcome
                state = self.new_runner().conclude_raised(exc, arguments, upstream_states(), values)
            else:
                template = self._result_type
                result = Result(value) if template is None else template.from_value(value)
                state = make_state(Success, SUCCEEDED, result, self._tags)
            if settings.is_logged:
                settings.logger.info(
                    f"Task '{name}': Finished task run for task with final state: "  # pyright: ignore[reportPossiblyUnboundVariable]
                    f"'{type(state).__name__}'"
                )
        finally:
            context.restore(outer)
        return state
