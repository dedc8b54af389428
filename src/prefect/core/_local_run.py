"""`Flow.run`: one run here and now, or one for each event of the flow's schedule."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from prefect.core._registration import is_loading, refuse_inside_flow
from prefect.core._validation import check_targets
from prefect.utilities import clock
from prefect.utilities.context import context

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.core.task import Task
    from prefect.engine.state import State


def run_flow(
    flow: Flow,
    parameters: dict[str, Any] | None,
    run_on_schedule: bool | None,
    runner_cls: type | None,
    arguments: dict[str, Any],
) -> State | None:
    """See `Flow.run`."""
    refuse_inside_flow("run", RuntimeError)
    if is_loading("run"):
        return None
    if "return_tasks" in arguments:
        raise ValueError(
            "The `return_tasks` keyword cannot be provided to `flow.run()`; all task states are always "
            "returned. If you want to receive a subset of task states, use a FlowRunner directly."
        )
    if runner_cls is None:
        from prefect.engine import get_default_flow_runner_class

        runner_cls = cast("type", get_default_flow_runner_class())
    given = _flow_parameters(flow, dict(parameters or {}), arguments)
    check_targets(flow)

    if run_on_schedule is None:
        run_on_schedule = cast("bool", context.config.flows.run_on_schedule)
    if flow.schedule is None or not run_on_schedule:
        _check_parameters(flow, given)
        return _run_until_finished(flow, runner_cls, given, arguments)
    return _run_on_schedule(flow, runner_cls, given, arguments)


def _flow_parameters(flow: Flow, given: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """The parameters, with keywords of `run` that name a parameter moved from `arguments` to them."""
    for parameter in flow.parameters():
        if parameter.name in arguments:
            given[parameter.name] = arguments.pop(parameter.name)
    return given


def _check_parameters(flow: Flow, given: dict[str, Any]) -> None:
    parameters = {parameter.name: parameter for parameter in flow.parameters()}
    unknown = sorted(set(given) - set(parameters))
    if unknown:
        raise ValueError(f"Flow.run received the following unexpected parameters: {', '.join(unknown)}")
    missing = sorted(name for name, found in parameters.items() if found.required and name not in given)
    if missing:
        raise ValueError(f"Flow.run did not receive the following required parameters: {', '.join(missing)}")
    for name, value in given.items():
        parameters[name].validated(value)


def _run_on_schedule(
    flow: Flow, runner_cls: type, given: dict[str, Any], arguments: dict[str, Any]
) -> State | None:
    """Run at each event of the schedule; returns the state of the last run."""
    from prefect.engine.state import Scheduled

    state: State | None = None
    for event in _events(flow):
        event_parameters = {**given, **event.parameter_defaults}
        _check_parameters(flow, event_parameters)
        scheduled_time: datetime.datetime = event.start_time
        if scheduled_time > clock.now():
            flow.logger.info(f"Waiting for next scheduled run at {scheduled_time}")
            clock.wait_until(scheduled_time)
        run_arguments = dict(arguments, state=Scheduled(start_time=scheduled_time))
        run_arguments["context"] = {
            **(arguments.get("context") or {}),
            "scheduled_start_time": scheduled_time,
        }
        state = _run_until_finished(flow, runner_cls, event_parameters, run_arguments)
    return state


def _events(flow: Flow) -> Iterator[Any]:
    """Events of the schedule from now on.

    Raises:
        ValueError: there is none to begin with.
    """
    is_first = True
    after = clock.now()
    while True:
        assert flow.schedule is not None
        events: list[Any] = flow.schedule.next(1, after=after, return_events=True)
        if not events:
            if is_first:
                raise ValueError("Flow has no more scheduled runs.")
            return
        is_first = False
        yield events[0]
        # After a run that outlasted the next event, that event is in the past and left out.
        after = max(events[0].start_time, clock.now())


def _run_until_finished(
    flow: Flow, runner_cls: type, given: dict[str, Any], arguments: dict[str, Any]
) -> State:
    """Run, wait for retries and approvals, run on, until the flow's state is final."""
    arguments = dict(arguments)
    run_context: dict[str, Any] = dict(arguments.pop("context", None) or {})
    run_context.setdefault("caches", _caches())
    if flow.executor is not None:
        arguments.setdefault("executor", flow.executor)
    task_states: dict[Task, State] = dict(arguments.pop("task_states", None) or {})
    from prefect.engine.state import Scheduled

    state: State = arguments.pop("state", None) or Scheduled(start_time=clock.now())
    runner = runner_cls(flow=flow)
    while True:
        state = cast(
            "State",
            runner.run(
                parameters=given,
                return_tasks=flow.tasks,
                state=state,
                task_states=task_states,
                context=run_context,
                **arguments,
            ),
        )
        if not isinstance(state.result, dict):
            if state.is_finished() or state.result is None:
                if isinstance(state.result, Exception):
                    flow.logger.error(f"Unexpected error occured in {runner_cls.__name__}: {state.result!r}")
                return state
        else:
            task_states = cast("dict[Task, State]", state.result)
            if state.is_finished():
                _update_caches(flow, task_states, run_context["caches"])
                return state
        _wait_until_ready(flow, task_states)


def _unfinished(task_states: dict[Task, State]) -> Iterator[tuple[State, list[State] | None, int, Any]]:
    """Paused, retrying and scheduled states, mapped children too, with the place they are kept in."""
    for task, state in task_states.items():
        if state._scheduled:  # pyright: ignore[reportPrivateUsage]
            yield state, None, -1, task
        elif state._mapped:  # pyright: ignore[reportPrivateUsage]
            children = cast("list[State]", getattr(state, "map_states", []))
            for index, child in enumerate(children):
                if child is not None and child._scheduled:  # pyright: ignore[reportPrivateUsage,reportUnnecessaryComparison]
                    yield child, children, index, task


def _wait_until_ready(flow: Flow, task_states: dict[Task, State]) -> None:
    """Sleep until the earliest start time of what waits; ask a person for what is paused for one."""
    from prefect.engine.state import Paused, Resume

    earliest: datetime.datetime | None = None
    for state, siblings, index, task in list(_unfinished(task_states)):
        start_time = cast("datetime.datetime | None", getattr(state, "start_time", None))
        if isinstance(state, Paused) and start_time is None:
            name = repr(task) if index < 0 else f"{task!r}[{index}]"
            answer = input(f"{name} is currently Paused; enter 'y' to resume:\n")
            if answer.strip().lower() not in ("y", "yes"):
                continue
            resumed = Resume("Approval given to resume.", result=state._result)  # pyright: ignore[reportPrivateUsage]
            resumed.context.update(state.context)
            resumed.cached_inputs = state.cached_inputs
            if siblings is None:
                task_states[task] = resumed
            else:
                siblings[index] = resumed
            start_time = resumed.start_time
        if start_time is not None and (earliest is None or start_time < earliest):
            earliest = start_time
    if earliest is None:
        return
    if earliest > clock.now():
        flow.logger.debug(f"Waiting for next available Task run at {earliest}")
        clock.wait_until(earliest)


def _caches() -> dict[str, list[State]]:
    """The cache of this process, shared by all flows: `prefect.context.caches`."""
    found = context.get("caches")
    if found is None:
        found = {}
        layer = context.top
        while layer.parent is not None:
            layer = layer.parent
        if "caches" in layer.values:  # a context in between hides it: a cache for as long as that lasts
            layer = context.top
        layer.values["caches"] = found
    return cast("dict[str, list[State]]", found)


def _update_caches(flow: Flow, task_states: dict[Task, State], caches: dict[str, list[State]]) -> None:
    """Keep new cached states and drop expired ones."""
    for task, state in task_states.items():
        if task.cache_for is None:
            continue
        kept = caches.setdefault(task.cache_key or task.name, [])
        for found in [state, *cast("list[State]", getattr(state, "map_states", ()))]:
            if found is not None and found.is_cached() and not any(found is old for old in kept):  # pyright: ignore[reportUnnecessaryComparison]
                kept.append(found)
    now = clock.now()
    for key, states in caches.items():
        caches[key] = [
            state
            for state in states
            if (expiration := getattr(state, "cached_result_expiration", None)) is None or expiration > now
        ]
