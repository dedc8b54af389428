"""`FlowRunner`: takes one flow run from its first state to its last.

Like `TaskRunner`, a pipeline of steps that subclasses may override:

    initialize_run
    check_flow_is_pending_or_running
    check_flow_reached_start_time
    set_flow_to_running
    get_flow_run_state             all task runs
    determine_final_state
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from prefect.engine.decide.final_state import outcome
from prefect.engine.flow_execution import FlowExecution
from prefect.engine.run_context import flow_run_layer
from prefect.engine.runner import ENDRUN, Runner, StateHandler, call_state_handlers
from prefect.engine.state import Failed, Mapped, Pending, Running, Scheduled, State, Success
from prefect.engine.task_plan import RunSettings, TaskPlan
from prefect.utilities import clock
from prefect.utilities.context import context as prefect_context

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.core.flow import Flow
    from prefect.core.task import Task
    from prefect.engine.result.base import Result
    from prefect.engine.task_runner import TaskRunner
    from prefect.executors.base import Executor

__all__ = ["FlowRunner", "FlowRunnerInitializeResult", "run_task"]


class FlowRunnerInitializeResult(NamedTuple):
    """What `FlowRunner.initialize_run` returns.

    Attributes:
        state: the state the run begins with.
        task_states: `{task: state}` the tasks begin with.
        context: `{key: value}` of the run's context.
        task_contexts: `{task: {key: value}}` added to the context of a task's runs.
    """

    state: State
    task_states: dict[Task, State]
    context: dict[str, Any]
    task_contexts: dict[Task, dict[str, Any]]


class FlowRunner(Runner):
    """Runs one flow.

    Example:
        ```python
        @task
        def add(x, y):
            return x + y


        with Flow("sums") as flow:
            total = add(1, 2)

        runner = FlowRunner(flow=flow)
        state = runner.run(return_tasks=[total])
        state.result[total].result  # 3
        ```

    Args:
        flow: the flow.
        task_runner_cls: class of the runner of each task; the configured one by default.
        state_handlers: functions `(flow_runner, old_state, new_state)`, called on every change of
            state after the flow's own.
    """

    def __init__(
        self,
        flow: Flow,
        task_runner_cls: type[TaskRunner] | None = None,
        state_handlers: Iterable[StateHandler] | None = None,
    ) -> None:
        if task_runner_cls is None:
            from prefect.engine import get_default_task_runner_class

            task_runner_cls = get_default_task_runner_class()
        self.context: dict[str, Any] = {}
        self.flow = flow
        self.task_runner_cls = task_runner_cls
        super().__init__(state_handlers=state_handlers)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.flow.name}>"

    def call_runner_target_handlers(self, old_state: State, new_state: State) -> State:
        """Call the flow's state handlers."""
        for handler in self.flow.state_handlers:
            new_state = handler(self.flow, old_state, new_state) or new_state
        return new_state

    # -- the run ----------------------------------------------------------------------

    def run(
        self,
        state: State | None = None,
        task_states: dict[Task, State] | None = None,
        return_tasks: Iterable[Task] | None = None,
        parameters: dict[str, Any] | None = None,
        task_runner_state_handlers: Iterable[StateHandler] | None = None,
        executor: Executor | None = None,
        context: dict[str, Any] | None = None,
        task_contexts: dict[Task, dict[str, Any]] | None = None,
    ) -> State:
        """Take the flow from a state to the last one it can reach now.

        Args:
            state: the state to begin with; `Pending` by default.
            task_states: `{task: state}` the tasks begin with; finished ones are kept.
            return_tasks: tasks whose states are in the result.
            parameters: `{name: value}`.
            task_runner_state_handlers: state handlers for every task runner.
            executor: where tasks run; the configured executor by default.
            context: `{key: value}` to add to `prefect.context`.
            task_contexts: `{task: {key: value}}` to add to the context of a task's runs.

        Returns:
            the state, whose `result` is `{task: state}` of `return_tasks`.
        """
        self.logger.info(f"Beginning Flow run for '{self.flow.name}'")
        outer = prefect_context.top
        try:
            try:
                begun = self.initialize_run(
                    state=state,
                    task_states=dict(task_states or {}),
                    context=dict(context or {}),
                    task_contexts=dict(task_contexts or {}),
                    parameters=dict(parameters or {}),
                )
                state, states, values, contexts = begun
                self.context = values
                prefect_context.push(flow_run_layer(values))
                state = self.check_flow_is_pending_or_running(state)
                state = self.check_flow_reached_start_time(state)
                state = self.set_flow_to_running(state)
                return self.get_flow_run_state(
                    state,
                    task_states=states,
                    task_contexts=contexts,
                    return_tasks=set(return_tasks or ()),
                    task_runner_state_handlers=list(task_runner_state_handlers or ()),
                    executor=executor or _default_executor(),
                )
            except ENDRUN as exc:
                return exc.state
            except Exception as exc:  # overridden steps, executors
                message = f"Unexpected error while running flow: {exc!r}"
                self.logger.exception(message)
                if prefect_context.get("raise_on_exception"):
                    raise
                return self.handle_state_change(state or Pending(), Failed(message=message, result=exc))
        finally:
            prefect_context.restore(outer)

    def initialize_run(  # type: ignore[override]
        self,
        state: State | None,
        task_states: dict[Task, State],
        context: dict[str, Any],
        task_contexts: dict[Task, dict[str, Any]],
        parameters: dict[str, Any],
    ) -> FlowRunnerInitializeResult:
        """The states and the contexts that the run begins with.

        `context["parameters"]` gets the defaults of parameters that are not given: templates of
        locations and of names read it.

        Args:
            state: the state to begin with.
            task_states: `{task: state}` the tasks begin with.
            context: what the caller of the run gave.
            task_contexts: `{task: {key: value}}` added to the context of a task's runs.
            parameters: `{name: value}`.
        """
        if "parameters" not in context:
            context["parameters"] = dict(prefect_context.get("parameters") or {})
        given: dict[str, Any] = context["parameters"]
        for parameter in self.flow.parameters():
            if not parameter.required:
                given.setdefault(parameter.name, parameter.default)
        given.update(parameters)
        context.update(flow_name=self.flow.name)
        context.setdefault("flow_id", self.flow.name)
        begun, context = super().initialize_run(state=state, context=context)
        return FlowRunnerInitializeResult(cast("State", begun), task_states, context, task_contexts)

    # -- steps ------------------------------------------------------------------------

    @call_state_handlers
    def check_flow_is_pending_or_running(self, state: State) -> State:
        """End the run if the flow is finished."""
        if state.is_pending() or state.is_running():
            return state
        self.logger.info(
            "Flow run has already finished." if state.is_finished() else "Flow is not ready to run."
        )
        raise ENDRUN(state)

    @call_state_handlers
    def check_flow_reached_start_time(self, state: State) -> State:
        """End the run if the flow waits for a later time."""
        if isinstance(state, Scheduled):
            start_time = state._start_time  # pyright: ignore[reportPrivateUsage]
            if start_time is not None and start_time > clock.now():
                self.logger.debug("Flow run's start time has not been reached; ending run.")
                raise ENDRUN(state)
        return state

    @call_state_handlers
    def set_flow_to_running(self, state: State) -> State:
        """`Running`."""
        if state.is_pending():
            return Running(message="Running flow.")
        if state.is_running():
            return state
        raise ENDRUN(state)

    @contextlib.contextmanager
    def check_for_cancellation(self) -> Generator[None]:
        """Holds while the tasks run; runners of a backend watch here for a request to cancel."""
        yield

    @call_state_handlers
    def get_flow_run_state(
        self,
        state: State,
        task_states: dict[Task, State],
        task_contexts: dict[Task, dict[str, Any]],
        return_tasks: set[Task],
        task_runner_state_handlers: list[StateHandler],
        executor: Executor,
    ) -> State:
        """Run the tasks; the state that follows from theirs.

        Args:
            state: the flow's state; the run ends if it is not `Running`.
            task_states: `{task: state}` the tasks begin with.
            task_contexts: `{task: {key: value}}` added to the context of a task's runs.
            return_tasks: tasks whose states are in the result.
            task_runner_state_handlers: state handlers for every task runner.
            executor: where tasks run.
        """
        if not state.is_running():
            self.logger.info("Flow is not in a Running state.")
            raise ENDRUN(state)
        flow = self.flow
        unknown = [task for task in return_tasks if task not in flow.tasks]
        if unknown:
            raise ValueError(
                f"Some tasks in return_tasks were not found in the flow. They are: {unknown} (of {flow})"
            )
        key_tasks = flow.reference_tasks()
        terminal_tasks = flow.terminal_tasks()
        settings = RunSettings(
            self.task_runner_cls, task_runner_state_handlers, flow.result, prefect_context.top
        )
        with self.check_for_cancellation(), executor.start():
            states = FlowExecution(
                flow, settings, executor, task_states, task_contexts, kept=return_tasks | key_tasks
            ).run()
        return self.determine_final_state(
            state=state,
            key_states=_with_children(states[task] for task in key_tasks),
            return_states={task: states[task] for task in flow.tasks if task in return_tasks},
            terminal_states=_with_children(states[task] for task in terminal_tasks),
        )

    def determine_final_state(
        self,
        state: State,
        key_states: set[State],
        return_states: dict[Task, State],
        terminal_states: set[State],
    ) -> State:
        """The state that follows from the tasks' states.

        Args:
            state: the flow's state so far.
            key_states: states of the reference tasks, with their mapped children.
            return_states: `{task: state}` for the result.
            terminal_states: states of the tasks that nothing waits for, with their children.

        Returns:
            `Running` (the same) if tasks are unfinished, `Failed` if a reference task failed, else
            `Success`; or what the flow's terminal state handler returned in its place.
        """
        found = outcome(terminal_states, key_states)
        if found == "unfinished":
            self.logger.info("Flow run RUNNING: terminal tasks are incomplete.")
            state.result = return_states
            return state
        if found == "failed":
            self.logger.info("Flow run FAILED: some reference tasks failed.")
            state = Failed(message="Some reference tasks failed.", result=return_states)
        elif found == "all successful":
            self.logger.info("Flow run SUCCESS: all reference tasks succeeded")
            state = Success(message="All reference tasks succeeded.", result=return_states)
        else:
            self.logger.info("Flow run SUCCESS: no reference tasks failed")
            state = Success(message="No reference tasks failed.", result=return_states)
        handler = self.flow.terminal_state_handler
        if handler is not None:
            chosen = handler(self.flow, state, key_states)
            if chosen is not None and chosen is not state:
                if not isinstance(chosen.result, dict):
                    chosen.result = return_states
                state = chosen
        return state


def _with_children(states: Iterable[State]) -> set[State]:
    """The states, and those of mapped children."""
    found: set[State] = set()
    for state in states:
        found.add(state)
        if state._mapped:  # pyright: ignore[reportPrivateUsage]
            found.update(cast("Mapped", state).map_states)
    return found


def _default_executor() -> Executor:
    from prefect.engine import get_default_executor_class

    return get_default_executor_class()()


def run_task(
    task: Task,
    state: State | None,
    upstream_states: dict[Edge, State],
    context: dict[str, Any],
    flow_result: Result | None,
    task_runner_cls: type[TaskRunner],
    task_runner_state_handlers: Iterable[StateHandler] | None,
    upstream_mapped_states: dict[Edge, list[State]],
    is_mapped_parent: bool = False,
) -> State:
    """Run one task as part of a flow run.

    Args:
        task: the task.
        state: the state to begin with.
        upstream_states: `{Edge: State}` of the upstream tasks.
        context: `{key: value}` of the flow run's context.
        flow_result: the flow's result.
        task_runner_cls: class of the task's runner.
        task_runner_state_handlers: state handlers of the runner.
        upstream_mapped_states: `{Edge: [State]}`, children to put into mapped upstream states.
        is_mapped_parent: whether this is the fan-out of a mapped task.
    """
    for edge, children in upstream_mapped_states.items():
        mapped = cast("Mapped", upstream_states[edge])
        mapped.map_states = children
        mapped.result = [child.result for child in children]
    with prefect_context(context):
        settings = RunSettings(
            task_runner_cls, list(task_runner_state_handlers or ()), flow_result, prefect_context.top
        )
        plan = TaskPlan(task, context.get("task_slug", task.slug), settings)
        return plan.run_steps(
            state,
            upstream_states,
            map_index=context.get("map_index"),
            is_mapped_parent=is_mapped_parent,
        )
