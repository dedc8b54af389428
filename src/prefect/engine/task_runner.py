"""`TaskRunner`: takes one task run from its first state to its last.

A run is a pipeline of steps, methods from a state to the next one. Subclasses may override any
of them, and `ENDRUN` raised in one ends the run with its state:

    initialize_run                 the context of the run
    check_task_is_ready            is there anything left to do?
    check_task_reached_start_time
    check_upstream_finished
    check_upstream_skipped
    load_results                   read inputs back from where they were written
    get_task_inputs
    check_task_ready_to_map        only for a task that is mapped: its fan-out
    set_task_run_name
    check_target                   is the result there already?
    check_task_is_cached
    check_task_trigger
    set_task_to_running
    get_task_run_state             the task's own code
    cache_result
    check_for_retry
    check_task_is_looping

Steps that a task has no use for are left out (`TaskPlan` says which); what a step does is
defined here once, also for the shortest path (`prefect.engine.task_plan`).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from prefect.engine.coroutines import is_coroutine, run_coroutine
from prefect.engine.decide import mapping, retrying, upstream
from prefect.engine.result.base import Result, ResultNotImplementedError
from prefect.engine.run_context import TASK_RUN_VALUES, task_values
from prefect.engine.runner import ENDRUN, Runner, StateHandler, call_state_handlers
from prefect.engine.signals import LOOP, SUCCESS, TRIGGERFAIL, PrefectStateSignal
from prefect.engine.state import (
    Cached,
    Failed,
    Looped,
    Mapped,
    Paused,
    Pending,
    Resume,
    Retrying,
    Running,
    Scheduled,
    Skipped,
    State,
    Success,
    TimedOut,
    TriggerFailed,
)
from prefect.exceptions import PrefectSignal, TaskTimeoutSignal
from prefect.utilities import clock
from prefect.utilities.context import Layer
from prefect.utilities.context import context as prefect_context

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.core.task import Task
    from prefect.engine.map_group import ChildBatches

__all__ = ["TaskRunner", "TaskRunnerInitializeResult"]

SUCCEEDED = "Task run succeeded."
UPSTREAM_SKIPPED = (
    "Upstream task was skipped; if this was not the intended behavior, consider changing "
    "`skip_on_upstream_skip=False` for this task."
)


class TaskRunnerInitializeResult(NamedTuple):
    """What `TaskRunner.initialize_run` returns.

    Attributes:
        state: the state the run begins with.
        context: `{key: value}` of the run's context.
    """

    state: State
    context: dict[str, Any]


#: In the context: which run of a backend it is, and the version that it is at.
_RUN_OF_BACKEND = ("task_run_id", "task_run_version")


class TaskRunner(Runner):
    """Runs one task.

    Example:
        ```python
        from prefect.core import Edge
        from prefect.engine.state import Success


        @task
        def double(x):
            return 2 * x


        edge = Edge(Task(name="upstream"), double, key="x")
        state = TaskRunner(task=double).run(upstream_states={edge: Success(result=4)})
        state.result  # 8
        ```

    Args:
        task: the task.
        state_handlers: functions `(task_runner, old_state, new_state)`, called on every change of
            state after the task's own.
        flow_result: the flow's result, used when the task has none.
    """

    def __init__(
        self,
        task: Task,
        state_handlers: Iterable[StateHandler] | None = None,
        flow_result: Result | None = None,
    ) -> None:
        self.task = task
        self.context: dict[str, Any] = {}
        self.flow_result = flow_result
        self.result = _template(task, flow_result)
        super().__init__(state_handlers=state_handlers)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.task.name}>"

    @classmethod
    def child_batches(cls) -> ChildBatches | None:
        """How children of mapped tasks are told to a backend by the chunk; None where none is told."""
        return None

    def call_runner_target_handlers(self, old_state: State, new_state: State) -> State:
        """Call the task's state handlers."""
        for handler in self.task.state_handlers:
            new_state = handler(self.task, old_state, new_state) or new_state
        return new_state

    # -- the run ----------------------------------------------------------------------

    def run(
        self,
        state: State | None = None,
        upstream_states: dict[Edge, State] | None = None,
        context: dict[str, Any] | None = None,
        is_mapped_parent: bool = False,
    ) -> State:
        """Take the task from a state to the last one it can reach now.

        Args:
            state: the state to begin with; `Pending` by default.
            upstream_states: `{Edge: State}` of the upstream tasks.
            context: `{key: value}` to add to `prefect.context`.
            is_mapped_parent: whether this is the fan-out of a mapped task, and no child of it.

        Returns:
            a finished state, or one in which the task waits (`Retrying`, `Paused`, `Pending`).
        """
        upstream_states = upstream_states or {}
        given = dict(context or {})
        logger = self.logger
        label = _label(self.task, given.get("map_index"))
        is_logged = logger.isEnabledFor(logging.INFO)
        self.context = given
        state = self._run_once(state, upstream_states, given, is_mapped_parent)
        state = self._while_looping(state, upstream_states, given)
        if is_logged:
            logger.info(
                f"Task '{label}': Finished task run for task with final state: '{type(state).__name__}'"
            )
        return state

    def conclude_raised(
        self,
        exc: BaseException,
        arguments: dict[str, Any],
        upstream_states: dict[Edge, State],
        values: dict[str, Any],
    ) -> State:
        """The rest of a run whose code was called elsewhere and raised `exc`; for the engine.

        Args:
            exc: an exception, or a signal of prefect's.
            arguments: what the code was called with.
            upstream_states: `{Edge: State}` of the upstream tasks.
            values: the top layer of the context, which is the run's.
        """
        self.context = values
        inputs = {key: Result(value) for key, value in arguments.items()}
        try:
            state = self._raised(Running(message="Starting task run."), exc, arguments)
            state = self._conclude(state, inputs, upstream_states, values)
        except ENDRUN as ended:
            state = ended.state
        except Exception as error:  # `raise_on_exception` is set, or a step broke
            self._log_unexpected(error, values)
            raise
        given = {"map_index": values.get("map_index"), "task_slug": prefect_context.get("task_slug")}
        return self._while_looping(state, upstream_states, given)

    def conclude_refused(self, state: State, values: dict[str, Any]) -> State:
        """The state of a run that could not be sent to where it should run; for the engine.

        Args:
            state: a finished state.
            values: the top layer of the context, which is the run's.
        """
        self.context = values
        try:
            return self.handle_state_change(Pending(message="Task run created."), state)
        except ENDRUN as ended:
            return ended.state

    def find_run(self, values: dict[str, Any]) -> None:
        """Add to the context of a run what a backend knows of it, as it began in another process.

        Args:
            values: the context.
        """

    def _while_looping(
        self, state: State, upstream_states: dict[Edge, State], given: dict[str, Any]
    ) -> State:
        """Run again, as long as the last run ended `Looped`."""
        while state._looped and "task_loop_count" in self.context:  # pyright: ignore[reportPrivateUsage]
            given = {
                **given,
                # Without them a backend would take each round for the first, and refuse it.
                **{key: self.context[key] for key in _RUN_OF_BACKEND if key in self.context},
                "task_loop_count": cast("Looped", state).loop_count + 1,
                "task_loop_result": state.result,
            }
            state = self._run_once(Pending(message="Looping task."), upstream_states, given, False)
        return state

    def _run_once(
        self,
        state: State | None,
        upstream_states: dict[Edge, State],
        given: dict[str, Any],
        is_mapped_parent: bool,
    ) -> State:
        try:
            state, values = self.initialize_run(state, given)
        except ENDRUN as exc:
            return exc.state
        self.context = values
        outer = prefect_context.push(Layer(values, TASK_RUN_VALUES))
        try:
            if "task_loop_count" not in values and self.logger.isEnabledFor(logging.INFO):
                label = _label(self.task, values.get("map_index"))
                self.logger.info(f"Task '{label}': Starting task run...")
            return self._pipeline(state, upstream_states, values, is_mapped_parent)
        except ENDRUN as exc:
            return exc.state
        except Exception as exc:  # overridden steps that are no state handlers' business
            message = self._log_unexpected(exc, values)
            if prefect_context.get("raise_on_exception"):
                raise
            error = exc
        finally:
            prefect_context.restore(outer)
        return Failed(message=message, result=error)

    def _log_unexpected(self, error: Exception, values: dict[str, Any]) -> str:
        label = _label(self.task, values.get("map_index"))
        message = f"Task '{label}': Unexpected error while running task: {error!r}"
        self.logger.exception(message)
        return message

    def _pipeline(
        self, state: State, upstream_states: dict[Edge, State], values: dict[str, Any], is_mapped_parent: bool
    ) -> State:
        task = self.task
        state = self.check_task_is_ready(state)
        state = self.check_task_reached_start_time(state)
        state = self.check_upstream_finished(state, upstream_states=upstream_states)
        state = self.check_upstream_skipped(state, upstream_states=upstream_states)
        state, upstream_states = self.load_results(state=state, upstream_states=upstream_states)
        inputs = self.get_task_inputs(state=state, upstream_states=upstream_states)
        if is_mapped_parent:
            state = self.check_task_ready_to_map(state, upstream_states=upstream_states)
        if task.task_run_name is not None or _is_overridden(self, "set_task_run_name"):
            self.set_task_run_name(task_inputs=inputs)
        if task.target is not None:
            state = self.check_target(state, inputs=inputs)
        else:
            state = self.check_task_is_cached(state, inputs=inputs)
        state = self.check_task_trigger(state, upstream_states=upstream_states)
        state = self.set_task_to_running(state, inputs=inputs)
        state = self.get_task_run_state(state, inputs=inputs)
        return self._conclude(state, inputs, upstream_states, values)

    def _conclude(
        self,
        state: State,
        inputs: dict[str, Result],
        upstream_states: dict[Edge, State],
        values: dict[str, Any],
    ) -> State:
        """The steps after the task's own code."""
        state = self.cache_result(state, inputs=inputs)
        state = self.check_for_retry(state, inputs=inputs)
        return self.check_task_is_looping(
            state, inputs=inputs, upstream_states=upstream_states, context=values
        )

    # -- steps before the task's code -------------------------------------------------

    def initialize_run(self, state: State | None, context: dict[str, Any]) -> TaskRunnerInitializeResult:
        """The state and the context that the run begins with.

        The context gets the number of the attempt, the position in a loop, whether a pause was
        approved, and the task's name, slug and tags.

        Args:
            state: the state to begin with.
            context: what the caller of the run gave.
        """
        state, context = super().initialize_run(state=state, context=context)
        state = cast("State", state)
        if isinstance(state, Retrying):
            run_count = state.run_count + 1
        else:
            run_count = cast("int", state.context.get("task_run_count", 1))
        checkpointing = prefect_context.get("checkpointing", prefect_context.config.flows.checkpointing)
        map_index: int | None = context.get("map_index")
        known = task_values(self.task, context.get("task_slug", self.task.slug))
        values: dict[str, Any] = {
            "checkpointing": bool(checkpointing),
            **context,
            **known,
            "task_id": context.get("task_id", known["task_id"]),  # a backend has an id of its own
            "task_full_name": _label(self.task, map_index),
            "task_run_count": run_count,
            "map_index": map_index,
        }
        if isinstance(state, Resume) or _is_paused_no_longer(state):
            values["resume"] = True
        if "_loop_count" in state.context:
            values["task_loop_count"] = state.context["_loop_count"]
            values["task_loop_result"] = state.result
        return TaskRunnerInitializeResult(state, values)

    @call_state_handlers
    def check_task_is_ready(self, state: State) -> State:
        """End the run if the task is neither waiting nor mapped: it is finished, or runs elsewhere."""
        if state.is_pending() or state.is_cached() or state.is_mapped():
            return state
        message = "is already running" if state.is_running() else "is not ready to run"
        self.logger.debug(f"Task '{self.task.name}': task {message}; ending run.")
        raise ENDRUN(state)

    @call_state_handlers
    def check_task_reached_start_time(self, state: State) -> State:
        """End the run if the task waits for a later time, or for a person."""
        if isinstance(state, Scheduled):
            start_time = state._start_time  # pyright: ignore[reportPrivateUsage]
            if start_time is None or start_time > clock.now():
                self.logger.debug(f"Task '{self.task.name}': start_time has not been reached; ending run.")
                raise ENDRUN(state)
        return state

    @call_state_handlers
    def check_upstream_finished(self, state: State, upstream_states: dict[Edge, State]) -> State:
        """End the run if something upstream is not finished."""
        if not upstream.all_finished(upstream_states):
            self.logger.debug(f"Task '{self.task.name}': not all upstream states are finished; ending run.")
            raise ENDRUN(state)
        return state

    @call_state_handlers
    def check_upstream_skipped(self, state: State, upstream_states: dict[Edge, State]) -> State:
        """End the run `Skipped` if something upstream was skipped and the task goes with it."""
        if self.task.skip_on_upstream_skip and upstream.any_skipped(upstream_states):
            raise ENDRUN(state=Skipped(message=UPSTREAM_SKIPPED))
        return state

    def read_back(self, edge: Edge, state: State) -> None:
        """Read the values of an upstream state, and of its mapped children, that were left at their location.

        Here values are in memory already; runners of a backend override this.

        Args:
            edge: the edge to the upstream task.
            state: its state, which gets the values.
        """

    def load_results(
        self, state: State, upstream_states: dict[Edge, State]
    ) -> tuple[State, dict[Edge, State]]:
        """The same states with values that were left at their location read back.

        Here values are in memory already; runners of a backend override this.
        """
        return state, upstream_states

    @call_state_handlers
    def check_task_ready_to_map(self, state: State, upstream_states: dict[Edge, State]) -> State:
        """End the fan-out: `Mapped` if there is something to map over, else `Failed` (or `Skipped`)."""
        if state.is_mapped():
            raise ENDRUN(state)
        if mapping.nothing_but_skipped(upstream_states):
            raise ENDRUN(Skipped(mapping.ALL_SKIPPED))
        problem = mapping.obstacle(upstream_states)
        if problem is not None:
            raise ENDRUN(Failed(problem))
        raise ENDRUN(Mapped("Ready to proceed with mapping.", n_map_states=mapping.width(upstream_states)))

    def get_task_inputs(self, state: State, upstream_states: dict[Edge, State]) -> dict[str, Result]:
        """`{argument: Result}` from the states upstream."""
        inputs: dict[str, Result] = {}
        for edge, upstream_state in upstream_states.items():
            if edge.key is None:
                continue
            result = upstream_state._result  # pyright: ignore[reportPrivateUsage]
            if edge.flattened and not edge.mapped:
                value = mapping.flattened_values(result.value)
                if value is result.value:
                    self.logger.warning(mapping.NOT_FLATTENED)
                result = result.from_value(value)
            inputs[edge.key] = result
        return inputs

    def set_task_run_name(self, task_inputs: dict[str, Result]) -> None:
        """Put the name of the run into the context, if the task has a template for it."""
        task_run_name = self.task.task_run_name
        if task_run_name is None:
            return
        values = _template_values(task_inputs)
        prefect_context["task_run_name"] = (
            task_run_name.format(**values) if isinstance(task_run_name, str) else task_run_name(**values)
        )

    @call_state_handlers
    def check_target(self, state: State, inputs: dict[str, Result]) -> State:
        """`Cached`, with the value read back, if the task's target exists."""
        target = self.task.target
        if target is None:
            return state
        values = _template_values(inputs)
        result = self.result
        if not isinstance(target, str):
            target = target(**values)
            result = result.copy()
            result.location = target
        if result.exists(target, **values):
            location = target.format(**values)
            return Cached(
                result=result.read(location),
                hashed_inputs=_hashed(inputs),
                cached_result_expiration=None,
                cached_parameters=prefect_context.get("parameters"),
                message=f"Result found at task target {location}",
            )
        return state

    @call_state_handlers
    def check_task_is_cached(self, state: State, inputs: dict[str, Result]) -> State:
        """A cached state that may still be used, from the state itself or from `context.caches`."""
        task = self.task
        if state.is_cached():
            if _is_valid(task, state, inputs):
                return state
            if task.cache_for is not None:
                self._warn_of_cache()
            return Pending("Cache was invalid; ready to run.")
        if task.cache_for is None:
            return state
        caches: Mapping[str, list[State]] = prefect_context.get("caches") or {}
        candidates = caches.get(task.cache_key or task.name, ())
        for candidate in candidates:
            candidate.load_cached_results(inputs)
            if _is_valid(task, candidate, inputs):
                return candidate.load_result(self.result)
        if candidates:
            self._warn_of_cache()
        return state

    def _warn_of_cache(self) -> None:
        label = _label(self.task, prefect_context.get("map_index"))
        self.logger.warning(f"Task '{label}': Can't use cache because it is now invalid")

    @call_state_handlers
    def check_task_trigger(self, state: State, upstream_states: dict[Edge, State]) -> State:
        """End the run if the task's trigger does not let it run."""
        try:
            if not self.task.trigger(upstream_states):
                raise TRIGGERFAIL("Trigger failed")
        except PrefectStateSignal as exc:
            if prefect_context.get("raise_on_exception"):
                raise
            self.logger.debug(f"Task '{self.task.name}': {type(exc).__name__} signal raised.")
            raise ENDRUN(exc.state) from exc
        except Exception as exc:  # triggers are code of the user's
            self.logger.exception(
                f"Task '{self.task.name}': Unexpected error while evaluating task trigger: {exc!r}"
            )
            if prefect_context.get("raise_on_exception"):
                raise
            raise ENDRUN(
                TriggerFailed(f"Unexpected error while checking task trigger: {exc!r}", result=exc)
            ) from exc
        return state

    @call_state_handlers
    def set_task_to_running(self, state: State, inputs: dict[str, Result]) -> State:
        """`Running`; the run ends here if the task is not waiting any more (its result was found)."""
        if not state.is_pending():
            raise ENDRUN(state)
        return Running(message="Starting task run.")

    # -- the task's code, and after ---------------------------------------------------

    @call_state_handlers
    def get_task_run_state(self, state: State, inputs: dict[str, Result]) -> State:
        """Run the task's code; `Success` with what it returned, or the state its error stands for."""
        if not state.is_running():
            raise ENDRUN(state)
        return self._attempt({key: result.value for key, result in inputs.items()})

    def _attempt(self, arguments: dict[str, Any]) -> State:
        try:
            value = _call(self.task, arguments, self.logger)
        except (Exception, PrefectSignal) as exc:  # noqa: BLE001 # whatever the user's code raises is the outcome
            return self._state_of(exc, arguments)
        return Success(message=SUCCEEDED, result=self._stored(value, arguments))

    @call_state_handlers
    def _raised(self, state: State, exc: BaseException, arguments: dict[str, Any]) -> State:
        return self._state_of(exc, arguments)

    def _state_of(self, exc: BaseException, arguments: dict[str, Any]) -> State:
        """The state that an error of the task's code stands for.

        Raises:
            PrefectSignal: signals whose state the steps' wrapper takes.
        """
        if isinstance(exc, LOOP):
            looped = cast("Looped", exc.state)
            if not looped.message:
                looped.message = f"Task is looping ({looped.loop_count})"
            prefect_context["task_loop_count"] = looped.loop_count
            looped.result = self._stored(looped.result, arguments)
            return looped
        if isinstance(exc, SUCCESS):
            exc.state.result = self._stored(exc.state.result, arguments)
            return exc.state
        if isinstance(exc, TaskTimeoutSignal):
            if prefect_context.get("raise_on_exception"):
                raise exc
            return TimedOut("Task timed out during execution.", result=exc)
        if isinstance(exc, PrefectSignal):
            raise exc
        if prefect_context.get("raise_on_exception"):
            raise exc
        label = _label(self.task, prefect_context.get("map_index"))
        self.logger.error(f"Task '{label}': Exception encountered during task execution!", exc_info=exc)
        return Failed(f"Error during execution of task: {exc!r}", result=exc)

    def _stored(self, value: Any, arguments: dict[str, Any]) -> Result:
        """The value as a result, written to its location when checkpointing is on."""
        template = self.result
        if value is not None and self.task.checkpoint is not False and prefect_context.get("checkpointing"):
            values: dict[str, Any] = {
                **(prefect_context.get("parameters") or {}),
                **prefect_context.to_dict(),
                **arguments,
            }
            with contextlib.suppress(ResultNotImplementedError):
                return template.write(value, **values)
        return template.from_value(value)

    @call_state_handlers
    def cache_result(self, state: State, inputs: dict[str, Result]) -> State:
        """`Cached` in the place of `Success`, if the task's results may be used again."""
        cache_for = self.task.cache_for
        if cache_for is None or not state.is_successful() or state.is_skipped():
            return state
        return Cached(
            result=state._result,  # pyright: ignore[reportPrivateUsage]
            hashed_inputs=_hashed(inputs),
            cached_result_expiration=clock.now() + cache_for,
            cached_parameters=prefect_context.get("parameters"),
            message=state.message,
        )

    @call_state_handlers
    def check_for_retry(self, state: State, inputs: dict[str, Result]) -> State:
        """`Retrying` in the place of `Failed`, if attempts are left."""
        if state.is_retrying():
            return _keep_loop_position(state)
        if not state.is_failed():
            return state
        task = self.task
        run_count = cast("int", prefect_context.get("task_run_count", 1))
        if run_count > task.max_retries:
            return state
        if not retrying.is_cause(task.retry_on, state.result):
            self.logger.info(
                f"Task '{_label(task, prefect_context.get('map_index'))}': Skipping retry. Exception of type "
                f"'{type(state.result).__name__}' is not an instance of the retry on exception types."
            )
            return state
        delay = retrying.delay_after(run_count, task.retry_delay)
        return _keep_loop_position(
            Retrying(
                start_time=clock.now() + delay,
                run_count=run_count,
                message=retrying.retry_message(run_count, task.max_retries),
            )
        )

    def check_task_is_looping(
        self,
        state: State,
        inputs: dict[str, Result] | None = None,
        upstream_states: dict[Edge, State] | None = None,
        context: dict[str, Any] | None = None,
    ) -> State:
        """The state; when it is `Looped`, the run begins again after this step.

        Args:
            state: the state of this iteration.
            inputs: inputs of the run.
            upstream_states: `{Edge: State}` of the upstream tasks.
            context: context of the run.
        """
        if state.is_looped() and context is not None:
            context["task_loop_count"] = cast("Looped", state).loop_count
        return state


def _keep_loop_position(state: State) -> State:
    """A retry inside a loop goes on where the loop was."""
    loop_count = prefect_context.get("task_loop_count")
    if loop_count is not None and "_loop_count" not in state.context:
        state.context["_loop_count"] = loop_count
        state.result = prefect_context.get("task_loop_result")
    return state


def _is_paused_no_longer(state: State) -> bool:
    """Whether a pause had an end, and that has come: it then counts as approved."""
    if not isinstance(state, Paused):
        return False
    end = state._start_time  # pyright: ignore[reportPrivateUsage]
    return end is not None and end <= clock.now()


def _label(task: Task, map_index: int | None) -> str:
    return task.name if map_index is None else f"{task.name}[{map_index}]"


def _template(task: Task, flow_result: Result | None) -> Result:
    """The result that says where a task's values go: the task's, else the flow's, else nowhere."""
    if task.result is not None:
        return task.result
    if flow_result is None:
        return Result()
    template = flow_result.copy()
    if isinstance(task.target, str):
        template.location = task.target
    return template


def _template_values(inputs: Mapping[str, Result]) -> dict[str, Any]:
    """What names and locations may be made from: parameters, context, inputs (later ones win)."""
    return {
        **(prefect_context.get("parameters") or {}),
        **prefect_context.to_dict(),
        **{key: result.value for key, result in inputs.items()},
    }


def _hashed(inputs: Mapping[str, Result]) -> dict[str, str]:
    from prefect.engine.cache_validators import hash_inputs

    return hash_inputs({key: result.value for key, result in inputs.items()})


def _is_valid(task: Task, state: State, inputs: Mapping[str, Result]) -> bool:
    values = {key: result.value for key, result in inputs.items()}
    return task.cache_validator(state, values, prefect_context.get("parameters"))


def _is_overridden(runner: TaskRunner, step: str) -> bool:
    return getattr(type(runner), step) is not getattr(TaskRunner, step)


def _call(task: Task, arguments: dict[str, Any], logger: Any) -> Any:
    """What the task's code returns, under its timeout and with its prints logged if it says so."""
    if not task.log_stdout:
        return _call_in_time(task, arguments, logger)
    from prefect.utilities.logging import RedirectToLog

    log = RedirectToLog(logger, whole_lines=True)
    try:
        with contextlib.redirect_stdout(cast("Any", log)):
            return _call_in_time(task, arguments, logger)
    finally:
        log.flush()  # a last line without a line break


def _call_in_time(task: Task, arguments: dict[str, Any], logger: Any) -> Any:
    run: Callable[..., Any] = task.run
    if task.timeout:
        from prefect.utilities.executors import run_task_with_timeout

        value: Any = run_task_with_timeout(task=task, args=(), kwargs=arguments, logger=logger)
    else:
        value = run(**arguments)
    if is_coroutine(value):
        return run_coroutine(cast("Coroutine[Any, Any, Any]", value))
    return value
