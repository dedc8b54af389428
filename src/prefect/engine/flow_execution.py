"""Running the tasks of a flow: each as soon as what it waits for is done.

On an executor that runs things inline, tasks run in the order of the flow. On others, tasks
count down the upstream tasks they still wait for, and a bounded number of units is under way at
any time: single task runs, and children of mapped tasks (`MapGroup`), in threads taken one by
one, in other processes sent in chunks.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from prefect.engine import observers, remote
from prefect.engine.decide import mapping
from prefect.engine.inputs import constant_states, element_state, plain_arguments
from prefect.engine.map_group import MapGroup, Source, Stage
from prefect.engine.result.base import Result
from prefect.engine.run_context import flow_run_snapshot
from prefect.engine.state import Failed, Mapped, Running, State, Success, make_state
from prefect.engine.task_plan import RunSettings, TaskPlan, plain_run_count

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.core.flow import Flow
    from prefect.core.task import Task
    from prefect.executors.base import Executor

#: In flight at once on executors that do not say how many workers they have.
_UNKNOWN_WORKERS_WINDOW = 1000

OnDone = Callable[[Any], None]
OnLost = Callable[[Exception], None]


class FlowExecution:
    """The task runs of one flow run.

    Args:
        flow: the flow.
        settings: what holds for all its tasks.
        executor: where tasks run; started already.
        task_states: states of tasks from an earlier pass. Finished ones are kept.
        task_contexts: `{task: {key: value}}` to add to the context of a task's runs.
        kept: tasks whose results are wanted at the end; of other mapped tasks results are
            dropped when nothing needs them any more. None keeps all.
    """

    def __init__(
        self,
        flow: Flow,
        settings: RunSettings,
        executor: Executor,
        task_states: dict[Task, State],
        task_contexts: dict[Task, dict[str, Any]],
        kept: set[Task] | None = None,
    ) -> None:
        from prefect.tasks.core.constants import Constant

        self._constant_class = Constant
        self.flow = flow
        self.settings = settings
        self.executor = executor
        self.contexts = task_contexts
        self.prior = task_states
        self.kept = kept
        self.order: tuple[Task, ...] = flow.sorted_tasks()
        self.edges_to = flow.edges.upstream
        self.states: dict[Task, State] = {}
        self._waiting: dict[Task, int] = {}
        self._ready: deque[Task] = deque()
        self._under_way: list[tuple[Any, OnDone, OnLost]] = []
        self._started: set[Task] = set()
        self._snapshot: dict[str, Any] | None = None
        self._more: deque[_RemoteMap] = deque()

    # -- driving ----------------------------------------------------------------------

    def run(self) -> dict[Task, State]:
        """Run what can run; `{task: state}` of all tasks."""
        if self.executor.placement == "inline":
            for task in self.order:
                if task not in self.states and task not in self._started:
                    self._start(task)
        else:
            self._run_concurrently()
        return self.states

    def _run_concurrently(self) -> None:
        # One run id and date for all threads: made before they can race for it.
        for key in ("flow_run_id", "flow_run_name", "date"):
            self.settings.layer.lookup(key)
        self._waiting = {
            task: len({e.upstream_task for e in self.edges_to.get(task, ())}) for task in self.order
        }
        self._ready.extend(task for task in self.order if not self._waiting[task])
        while self._ready or self._under_way or self._more:
            window = self._window()  # each time: workers of a cluster come and go
            while self._ready and len(self._under_way) < window:
                task = self._ready.popleft()
                if task not in self._started:
                    self._start(task)
            while self._more and len(self._under_way) < window:
                remote_map = self._more[0]
                if not remote_map.send_next():
                    self._more.popleft()
                else:
                    self._more.rotate(-1)
            if self._under_way:
                self._collect()

    def _window(self) -> int:
        from prefect.executors.base import Executor

        if type(self.executor).workers is Executor.workers:
            return _UNKNOWN_WORKERS_WINDOW
        return max(2, 3 * self.executor.workers)

    def _collect(self) -> None:
        """Take in what has finished of the work under way; blocks until something has."""
        done = self.executor.wait_any([future for future, _, _ in self._under_way])
        finished = {id(future) for future in done}
        under_way = self._under_way
        self._under_way = [entry for entry in under_way if id(entry[0]) not in finished]
        for future, on_done, on_lost in under_way:
            if id(future) in finished:
                try:
                    value = self.executor.wait(future)
                except Exception as exc:  # noqa: BLE001 # a lost worker, or an executor's own trouble
                    on_lost(exc)
                else:
                    on_done(value)

    def submit(
        self,
        task: Task,
        on_done: OnDone,
        on_lost: OnLost,
        fn: Callable[..., Any],
        *args: Any,
        index: int | None = None,
    ) -> None:
        """Have the executor call `fn(*args)`, and go on with its result."""
        extra = {"task_name": task.name, "task_tags": task.tags, "task_index": index}
        try:
            future = self.executor.submit(fn, *args, extra_context=extra)
        except Exception as exc:  # noqa: BLE001 # an executor that refuses work loses the run of the task, not the flow
            on_lost(exc)
            return
        self._under_way.append((future, on_done, on_lost))

    def _done(self, task: Task, state: State) -> None:
        """Keep the state of a task and let the tasks go that waited for it."""
        self.states[task] = state
        if observers.is_observed():
            observers.notify(task, None, None, state)
        if self._waiting:
            for downstream in {edge.downstream_task for edge in self.flow.edges.downstream.get(task, ())}:
                self._waiting[downstream] -= 1
                if not self._waiting[downstream]:
                    self._ready.append(downstream)

    # -- starting tasks ---------------------------------------------------------------

    def _start(self, task: Task) -> None:
        self._started.add(task)
        prior = self.prior.get(task)
        if isinstance(task, self._constant_class):
            self._done(task, self._constant_state(task, task.value, prior))
            return
        if prior is not None:
            if self._is_settled(task, prior):
                if prior._mapped and prior.result is None:  # pyright: ignore[reportPrivateUsage]
                    prior.result = [child.result for child in cast("Mapped", prior).map_states]
                self._done(task, prior)
                return
            if prior._finished and not (prior._mapped or prior._cached):  # pyright: ignore[reportPrivateUsage]
                prior = None  # a resource to set up again
        edges = self.edges_to.get(task, ())
        if any(edge.mapped for edge in edges):
            self._start_map(task, prior)
            return
        self._start_single(task, prior, [(edge, self.states[edge.upstream_task]) for edge in edges])

    def _constant_state(self, task: Task, value: object, prior: State | None) -> State:
        """The state of a task that stands for a value: it is known, whatever there is to be run."""
        if prior is not None and not prior._finished:  # pyright: ignore[reportPrivateUsage]
            # A backend knows of it and wants to hear how it ends. Whoever takes the value says it better
            # than the backend's storage of results, if the value cannot be written.
            state = self._plan(task).run_steps(prior, {}, extra=self.contexts.get(task))
            if state._successful:  # pyright: ignore[reportPrivateUsage]
                return state
        return make_state(Success, None, Result(value), None)

    def _is_settled(self, task: Task, state: State) -> bool:
        """Whether an earlier state of a task is its last. A cached one is looked at again."""
        if not state._finished or state._cached:  # pyright: ignore[reportPrivateUsage]
            return False
        if state._mapped:  # pyright: ignore[reportPrivateUsage]
            mapped = cast("Mapped", state)
            children = cast("list[State | None]", mapped.map_states)
            return 0 < len(children) == mapped.n_map_states and all(
                child is not None and child._finished and not child._cached  # pyright: ignore[reportPrivateUsage]
                for child in children
            )
        if task._resource_role == "setup":  # pyright: ignore[reportPrivateUsage]
            # A resource set up in an earlier pass is set up again while something still needs it.
            return all(
                (after := self.prior.get(edge.downstream_task)) is not None and after._finished  # pyright: ignore[reportPrivateUsage]
                for edge in self.flow.edges.downstream.get(task, ())
            )
        return True

    def _plan(self, task: Task) -> TaskPlan:
        return TaskPlan(task, self.flow.slugs.get(task), self.settings)

    def _start_single(self, task: Task, prior: State | None, pairs: list[tuple[Edge, State]]) -> None:
        plan = self._plan(task)
        extra = self.contexts.get(task)
        constants = self.flow.constants.get(task) or {}
        if observers.is_observed():
            observers.notify(task, None, prior, Running("Starting task run."))

        def upstream_states() -> dict[Edge, State]:
            return {**dict(pairs), **constant_states(task, constants)}

        if self.executor.placement == "remote":
            self._send_single(plan, prior, upstream_states(), extra)
            return

        def run_here() -> State:
            run_count = plain_run_count(prior) if plan.is_plain and extra is None else 0
            arguments = plain_arguments(pairs, constants) if run_count else None
            if arguments is not None:
                return plan.run_plain(arguments, None, upstream_states, run_count=run_count)
            return plan.run_steps(prior, upstream_states(), extra=extra)

        if self.executor.placement == "inline" and _is_local(self.executor):
            self._done(task, run_here())
            return
        self.submit(
            task,
            lambda state: self._done(task, state),
            lambda exc: self._done(task, plan.run_lost(exc, upstream_states(), prior=prior, extra=extra)),
            run_here,
        )
        if self.executor.placement == "inline":
            self._collect()

    def _send_single(
        self,
        plan: TaskPlan,
        prior: State | None,
        upstream_states: dict[Edge, State],
        extra: dict[str, Any] | None,
    ) -> None:
        task, settings = plan.task, self.settings
        unit = remote.SingleRun(
            task=task,
            slug=plan.slug,
            state=prior,
            upstream_states=remote.light_edges(upstream_states),
            extra=extra,
            runner_cls=settings.runner_cls,
            handlers=settings.handlers,
            flow_result=settings.flow_result,
            context=self.snapshot(task),
        )
        try:
            suspects = remote.suspects_of(task, upstream_states)
            packed = remote.dumps(unit, f"Task {task.name!r}", suspects)
        except remote.UnpicklableTask as exc:
            self._done(task, plan.refuse(_unpicklable(task, exc, self.settings), extra=extra))
            return
        import pickle

        self.submit(
            task,
            lambda reply: self._done(task, pickle.loads(reply)),
            lambda exc: self._done(task, plan.run_lost(exc, upstream_states, prior=prior, extra=extra)),
            remote.run_single,
            packed,
        )

    def snapshot(self, *tasks: Task) -> dict[str, Any]:
        """The flow run's context, for other processes; of the caches only what the tasks may use."""
        if self._snapshot is None:
            self._snapshot = flow_run_snapshot(self.settings.layer)
        values = dict(self._snapshot)
        keys = {task.cache_key or task.name for task in tasks if task.cache_for is not None}
        if keys:
            caches: dict[str, list[State]] = self.settings.layer.get("caches") or {}
            values["caches"] = {
                key: [state for state in caches[key] if remote.can_travel(state)]
                for key in keys
                if key in caches
            }
        return values

    # -- mapped tasks -----------------------------------------------------------------

    def _start_map(self, task: Task, prior: State | None) -> None:
        stage = self._fan_out(task, prior, {})
        if stage is None:
            return
        members: dict[Task, Stage] = {task: stage}
        self._join_consumers(members)
        stages = list(members.values())
        self._mark_releases(members)
        group = MapGroup(stages)
        if not group.width:
            self._finish_group(group)
        elif self.executor.placement == "remote":
            self._more.append(_RemoteMap(self, group))
        elif self.executor.placement == "threads":
            self._drain(group)
        elif _is_local(self.executor):
            group.run_all()
            self._finish_group(group)
        else:
            for index in range(group.width):
                self.executor.wait(self.executor.submit(group.run_index, index, extra_context={}))
            self._finish_group(group)

    def _fan_out(self, task: Task, prior: State | None, members: dict[Task, Stage]) -> Stage | None:
        """The stage of a mapped task; None if it cannot be mapped, which then is its state."""
        plan = self._plan(task)
        edges = self.edges_to[task]
        constants = self.flow.constants.get(task) or {}
        upstream: dict[Edge, State] = {}
        for edge in edges:
            member = members.get(edge.upstream_task)
            state = self.states[edge.upstream_task] if member is None else member.mapped
            if edge.mapped and edge.flattened:
                if edge.upstream_task in self.prior:
                    # The step that reads values sees flattened ones; it will also say what cannot be read.
                    with contextlib.suppress(Exception):
                        plan.new_runner().read_back(edge, state)
                flat = mapping.flattened_state(state)
                if flat is state and state._successful:  # pyright: ignore[reportPrivateUsage]
                    self.settings.logger.warning(mapping.NOT_FLATTENED)
                state = flat
            upstream[edge] = state
        constant = constant_states(task, constants)
        extra = self.contexts.get(task)
        fanned = plan.run_steps(prior, {**upstream, **constant}, extra=extra, is_mapped_parent=True)
        if not fanned._mapped:  # pyright: ignore[reportPrivateUsage]
            self._done(task, fanned)
            return None
        mapped = cast("Mapped", fanned)

        sources: list[Source] = []
        static: list[tuple[Edge, State]] = []
        static_states: dict[Edge, State] = dict(constant)
        for edge, state in upstream.items():
            member = members.get(edge.upstream_task)
            if edge.mapped and member is not None:
                sources.append(Source(edge, "stage", member, state))
            elif edge.mapped and state._mapped:  # pyright: ignore[reportPrivateUsage]
                sources.append(Source(edge, "children", cast("Mapped", state).map_states, state))
            elif edge.mapped and mapping.has_elements(state):
                sources.append(Source(edge, "values", state.result, state))
            else:
                if edge.mapped and state._failed:  # pyright: ignore[reportPrivateUsage]
                    state = element_state(state, None)  # compat: a failed task has no elements to give
                static.append((edge, state))
                static_states[edge] = state
        known = list(mapped.map_states)
        widths = [len(source) for source in sources]
        if known:  # it was mapped in an earlier pass, or elsewhere
            widths.append(len(known))
        width = min(widths, default=0)
        arguments = plain_arguments(static, constants) if plan.is_plain else None
        mapped.n_map_states = width
        if observers.is_observed():  # how many children there will be
            observers.notify(task, None, prior, mapped)
        return Stage(plan, mapped, sources, static_states, arguments, width, prior=known, extra=extra)

    def _join_consumers(self, members: dict[Task, Stage]) -> None:
        """Add the mapped tasks that consume the group child by child."""
        [first] = members
        resources = _dask_resources(first)
        position = self._position
        downstream = self.flow.edges.downstream
        # Places in the flow's order of tasks that take from members, the next one first.
        candidates = [position[task] for task in {edge.downstream_task for edge in downstream.get(first, ())}]
        heapq.heapify(candidates)
        seen = set(candidates)
        while candidates:
            task = self.order[heapq.heappop(candidates)]
            if task in self._started or not self._can_join(task, members):
                continue
            prior = self.prior.get(task)
            if _dask_resources(task) != resources or (prior is not None and self._is_settled(task, prior)):
                continue
            self._started.add(task)
            stage = self._fan_out(task, prior, members)
            if stage is None:
                continue
            members[task] = stage
            for edge in downstream.get(task, ()):
                place = position[edge.downstream_task]
                if place not in seen:
                    seen.add(place)
                    heapq.heappush(candidates, place)

    @functools.cached_property
    def _position(self) -> dict[Task, int]:
        return {task: place for place, task in enumerate(self.order)}

    def _can_join(self, task: Task, members: dict[Task, Stage]) -> bool:
        """Whether all that a task waits for is done, or is a member whose children it takes one by one."""
        return all(
            edge.mapped and not edge.flattened
            if edge.upstream_task in members
            else edge.upstream_task in self.states
            for edge in self.edges_to.get(task, ())
        )

    def _mark_releases(self, members: dict[Task, Stage]) -> None:
        """Say of which stages nothing but the group needs the results."""
        if self.kept is None:
            return
        for task, stage in members.items():
            stage.releases = task not in self.kept and all(
                edge.downstream_task in members for edge in self.flow.edges.downstream.get(task, ())
            )

    def _finish_group(self, group: MapGroup) -> None:
        group.settle()
        for stage in group.stages:
            mapped = stage.mapped
            children = mapped.map_states = cast("list[State]", stage.children)
            mapped.result = [child._result.value for child in children]  # pyright: ignore[reportPrivateUsage]
            self._done(stage.plan.task, mapped)

    def _drain(self, group: MapGroup) -> None:
        """Run a group in threads, each of which takes the next child until there is none."""
        drains = group.drains(self.executor.workers)
        open_drains = len(drains)

        def ended(_: Any) -> None:
            nonlocal open_drains
            open_drains -= 1
            if not open_drains:
                self._fill_lost(group, None)
                self._finish_group(group)

        def lost(exc: Exception) -> None:
            self.settings.logger.error(f"Unexpected error while running mapped tasks: {exc!r}", exc_info=exc)
            self._fill_lost(group, exc)
            ended(None)

        for drain in drains:
            self.submit(group.stages[0].plan.task, ended, lost, drain)

    def _fill_lost(self, group: MapGroup, exc: Exception | None) -> None:
        """Give a failed state to children that have none because their thread broke."""
        for stage in group.stages:
            for index, child in enumerate(stage.children):
                if child is None and exc is not None:
                    stage.children[index] = Failed(
                        f"Task {stage.plan.task.name!r} was lost by its executor: {exc!r}", result=exc
                    )


class _RemoteMap:
    """A group whose children run in other processes, sent there in chunks."""

    def __init__(self, execution: FlowExecution, group: MapGroup) -> None:
        self.execution = execution
        self.group = group
        self.sent = 0
        self.received = 0
        self.sizes = remote.ChunkSizes(group.width, execution.executor.workers)
        self.shared: bytes | None = None

    def send_next(self) -> bool:
        """Send the next chunk; False when there is none left."""
        group = self.group
        if self.sent >= group.width:
            return False
        if self.shared is None:
            try:
                tasks = [stage.plan.task for stage in group.stages]
                self.shared = remote.share(group, self.execution.snapshot(*tasks))
            except remote.UnpicklableTask as exc:
                start, self.sent = 0, group.width
                self._failed(start, group.width, exc)
                return True
        start = self.sent
        stop = self.sent = start + self.sizes.next_size(group.width - start)
        try:
            packed = remote.chunk(group, start, stop)
        except remote.UnpicklableTask as exc:
            self._failed(start, stop, exc)
            return True
        self.execution.submit(
            group.stages[0].plan.task,
            lambda reply: self._arrived(start, stop, reply),
            lambda exc: self._failed(start, stop, exc),
            remote.run_chunk,
            self.shared,
            packed,
            index=start,
        )
        return True

    def _arrived(self, start: int, stop: int, reply: tuple[float, bytes]) -> None:
        import pickle

        seconds, packed = reply
        self.sizes.learn(stop - start, seconds)
        states: list[list[State]] = pickle.loads(packed)
        is_observed = observers.is_observed()
        for stage, children in zip(self.group.stages, states, strict=True):
            stage.children[start : start + len(children)] = children
            if is_observed:
                for index, child in enumerate(children, start):
                    observers.notify(stage.plan.task, index, None, child)
        self._count(stop - start)

    def _failed(self, start: int, stop: int, exc: Exception) -> None:
        """The children of a lost chunk failed; what is downstream of them runs its steps here."""
        first, *others = self.group.stages
        if isinstance(exc, remote.UnpicklableTask):
            failed = _unpicklable(first.plan.task, exc, self.execution.settings)
        for index in range(start, stop):
            if index < first.width:
                if isinstance(exc, remote.UnpicklableTask):
                    state = failed  # pyright: ignore[reportPossiblyUnboundVariable]
                    first.children[index] = first.plan.refuse(state, map_index=index, extra=first.extra)
                else:
                    prior = first.prior[index] if index < len(first.prior) else None
                    first.children[index] = first.plan.run_lost(
                        exc, first.upstream_states(index), map_index=index, prior=prior, extra=first.extra
                    )
            for stage in others:
                if index < stage.width:
                    stage.run_child(index)
        self._count(stop - start)

    def _count(self, children: int) -> None:
        self.received += children
        if self.received >= self.group.width:
            self.execution._finish_group(self.group)  # pyright: ignore[reportPrivateUsage]


def _is_local(executor: Executor) -> bool:
    """Whether submitting to an executor is nothing but a call."""
    from prefect.executors.local import LocalExecutor

    return type(executor).submit is LocalExecutor.submit


def _dask_resources(task: Task) -> frozenset[str]:
    return frozenset(tag for tag in task.tags if tag.startswith("dask-resource:"))


def _unpicklable(task: Task, exc: Exception, settings: RunSettings) -> State:
    settings.logger.error(f"Task '{task.name}': {exc}")
    return Failed(str(exc), result=exc)
