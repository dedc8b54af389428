"""`Flow`: tasks and the order they run in."""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, cast

from prefect.core import _settings
from prefect.core._graph import EdgeSet, TaskSet, reachable, topological_order
from prefect.core.edge import Edge, new_edge
from prefect.core.parameter import Parameter
from prefect.core.task import Task
from prefect.utilities.context import Layer, context
from prefect.utilities.edges import EdgeAnnotation
from prefect.utilities.tasks import holds_task

if TYPE_CHECKING:
    import logging

    from prefect.engine.result import Result
    from prefect.engine.state import State
    from prefect.executors.base import Executor
    from prefect.run_configs import RunConfig
    from prefect.schedules import Schedule
    from prefect.storage import Storage

__all__ = ["Flow", "ParameterDetails", "cache"]

R = TypeVar("R")

#: Values that surely contain no task, so that binding them needs no further look.
_PLAIN_TYPES = frozenset({str, int, float, bool, bytes, type(None), complex})


class ParameterDetails(TypedDict):
    """The JSON form of a parameter."""

    name: str
    slug: str
    type: str
    required: bool
    default: Any


def cache(method: Callable[..., R]) -> Callable[..., R]:
    """Keep what a method of `Flow` returned until tasks or edges change.

    Arguments must be hashable; the caller gets a copy of a cached set or list.
    """

    @functools.wraps(method)
    def wrapper(self: Flow, *args: Any, **kwargs: Any) -> R:
        version = (self.tasks.version, self.edges.version)
        store = self._cache
        if store.get("version") != version:
            store.clear()
            store["version"] = version
        key = (method.__name__, args, tuple(kwargs.items()))
        if key not in store:
            store[key] = method(self, *args, **kwargs)
        found = store[key]
        return cast("R", cast("set[Any]", found).copy() if isinstance(found, (set, list)) else found)

    return wrapper


class Flow:
    """Tasks, and the edges that say what each waits for and receives.

    Example:
        ```python
        from prefect import Flow, task


        @task
        def add(x, y):
            return x + y


        with Flow("sums") as flow:
            total = add(add(1, 2), 3)

        state = flow.run()
        state.result[total].result  # 6
        ```

    Args:
        name: name of the flow.
        schedule: when it runs; see `prefect.schedules`.
        executor: what runs its tasks; see `prefect.executors`. By default the one that is configured
            where the flow runs.
        run_config: where a backend's agent runs it; see `prefect.run_configs`.
        storage: where its code is kept for agents; see `prefect.storage`.
        tasks: tasks to add.
        edges: edges to add.
        reference_tasks: tasks that decide the final state; the terminal tasks by default.
        state_handlers: functions `(flow, old_state, new_state)` called on every change of state;
            a returned state replaces the new one.
        on_failure: function `(flow, state)` called when the flow fails.
        validate: whether to check for cycles and wrong arguments at every edge; False by default.
        result: where and how results of tasks are written that have no result of their own.
        terminal_state_handler: function `(flow, state, reference_task_states)` that may return
            the final state to use.

    Raises:
        ValueError: no name.
        TypeError: an argument that 1.0 removed; the message names its replacement.
    """

    def __init__(
        self,
        name: str,
        schedule: Schedule | None = None,
        executor: Executor | None = None,
        run_config: RunConfig | None = None,
        storage: Storage | None = None,
        tasks: Iterable[Task] | None = None,
        edges: Iterable[Edge] | None = None,
        reference_tasks: Iterable[Task] | None = None,
        state_handlers: Iterable[Callable[..., Any]] | None = None,
        on_failure: Callable[..., Any] | None = None,
        validate: bool | None = None,
        result: Result | None = None,
        terminal_state_handler: Callable[..., State | None] | None = None,
        **removed: Any,
    ) -> None:
        if removed:
            from prefect._removed import reject_flow_arguments

            reject_flow_arguments(removed)
        if not name:
            raise ValueError("A name must be provided for the flow.")
        self.name = name
        self.schedule = schedule
        #: None is the configured executor of the process that runs the flow.
        self.executor: Executor | None = executor
        self.run_config = run_config
        self.storage = storage
        self.result = result
        self.terminal_state_handler = terminal_state_handler
        self.state_handlers = _settings.normal_handlers(state_handlers, on_failure)

        self.tasks: TaskSet = TaskSet()
        self.edges: EdgeSet = EdgeSet()
        self.constants: defaultdict[Task, dict[str, Any]] = defaultdict(dict)
        self.slugs: dict[Task, str] = {}
        self._slug_numbers: dict[str, int] = {}
        self._used_slugs: set[str] = set()
        self._reference_tasks: set[Task] = set()
        self._cache: dict[Any, Any] = {}
        self._outer_layer: Layer | None = None

        for task in tasks or ():
            self.add_task(task)
        self.set_reference_tasks(reference_tasks or ())
        for edge in edges or ():
            self.add_edge(
                upstream_task=edge.upstream_task,
                downstream_task=edge.downstream_task,
                key=edge.key,
                mapped=edge.mapped,
                flattened=edge.flattened,
                validate=validate,
            )

    @property
    def logger(self) -> logging.Logger:
        """The logger named after the flow."""
        from prefect.utilities.logging import get_logger

        return get_logger(self.name)

    def __repr__(self) -> str:
        return f'<Flow: name="{self.name}">'

    def __eq__(self, other: object) -> bool:
        """Same class, name, tasks, edges and reference tasks."""
        return (
            isinstance(other, Flow)
            and type(self) is type(other)
            and self.name == other.name
            and self.tasks == other.tasks
            and self.edges == other.edges
            and self.reference_tasks() == other.reference_tasks()
        )

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Task]:
        yield from self.sorted_tasks()

    def copy(self) -> Flow:
        """A flow with the same task objects, whose tasks and edges can be changed independently."""
        new = cast("Flow", object.__new__(type(self)))
        new.__dict__.update(self.__dict__)
        new.tasks = TaskSet(self.tasks)
        new.edges = EdgeSet(self.edges)
        new.constants = defaultdict(dict, {task: dict(values) for task, values in self.constants.items()})
        new.slugs = dict(self.slugs)
        new._slug_numbers = dict(self._slug_numbers)
        new._used_slugs = set(self._used_slugs)
        new._reference_tasks = set(self._reference_tasks)
        new.state_handlers = list(self.state_handlers)
        new._cache = {}
        return new

    def __getstate__(self) -> dict[str, Any]:
        # Sets of tasks cannot be filled while unpickling a cycle that runs through them: lists can.
        values = dict(self.__dict__, _cache={}, _outer_layer=None)
        values["tasks"] = list(self.tasks)
        values["edges"] = list(self.edges)
        values["constants"] = list(self.constants.items())
        values["slugs"] = list(self.slugs.items())
        values["_reference_tasks"] = list(self._reference_tasks)
        return values

    def __setstate__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
        self.tasks = TaskSet(values["tasks"])
        self.edges = EdgeSet(values["edges"])
        self.constants = defaultdict(dict, values["constants"])
        self.slugs = dict(values["slugs"])
        self._reference_tasks = set(values["_reference_tasks"])

    # -- building ---------------------------------------------------------------------

    def __enter__(self) -> Flow:
        self._outer_layer = context.push(Layer({"flow": self, "_unused_task_tracker": set()}))
        return self

    def __exit__(self, exc_type: object, exc_value: object, traceback: object) -> None:
        unused: set[Task] = context.top.get("_unused_task_tracker") or set()
        unused = {task for task in unused if task not in self.tasks}
        assert self._outer_layer is not None
        context.restore(self._outer_layer)
        self._outer_layer = None
        if unused and exc_type is None:
            from prefect.tasks.core.constants import Constant

            unused = {task for task in unused if not isinstance(task, Constant)}  # kept in `constants`
            if unused:
                _warn_unused(unused)

    def add_task(self, task: Task) -> Task:
        """Add a task, if it is not there yet, and give it a slug.

        Raises:
            TypeError: not a task.
            ValueError: another task of the flow has the same slug, as two parameters of one name.
        """
        if task in self.tasks:
            return task
        if not isinstance(task, Task):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"Tasks must be Task instances (received {type(task)})")
        if task.slug:
            if task.slug in self._used_slugs:
                raise ValueError(f'A task with the slug "{task.slug}" already exists in this flow.')
            slug = task.slug
        else:
            slug = self._new_slug(task)
        self.slugs[task] = slug
        self._used_slugs.add(slug)
        self.tasks.add(task)

        top = context.top
        active_case = top.get("case")
        if active_case is not None:
            active_case.add_task(task, self)
        active_resource = top.get("resource")
        if active_resource is not None:
            active_resource.add_task(task, self)
        return task

    def _new_slug(self, task: Task) -> str:
        prefix = f"{task.name}-{'-'.join(sorted(task.tags))}" if task.tags else task.name
        number = self._slug_numbers.get(prefix, 0) + 1
        while f"{prefix}-{number}" in self._used_slugs:
            number += 1
        self._slug_numbers[prefix] = number
        return f"{prefix}-{number}"

    def _forget_task(self, task: Task) -> None:
        """Remove a task, its constants and its slug; its edges must be gone."""
        self.tasks.discard(task)
        self.constants.pop(task, None)
        slug = self.slugs.pop(task, None)
        if slug is not None:
            self._used_slugs.discard(slug)
            self._slug_numbers.pop(slug.rpartition("-")[0], None)

    def add_edge(
        self,
        upstream_task: Any,
        downstream_task: Any,
        key: str | None = None,
        mapped: bool = False,
        flattened: bool = False,
        validate: bool | None = None,
    ) -> Edge:
        """Make `downstream_task` wait for `upstream_task`, and receive its result as `key` if set.

        Args:
            upstream_task: a task, or a value that becomes one.
            downstream_task: a task.
            key: argument of the downstream task.
            mapped: whether the downstream task runs once for each element of the result.
            flattened: whether one level of nesting is removed from the result first.
            validate: whether to check at once for cycles and wrong arguments; configured by
                `flows.eager_edge_validation`.

        Returns:
            the edge.

        Raises:
            ValueError: a parameter as downstream task, or found by validation.
        """
        if validate is None:
            validate = cast("bool", context.config.flows.eager_edge_validation)
        if isinstance(downstream_task, Parameter):
            raise ValueError("Parameters must be root tasks and can not have upstream dependencies.")
        edge = Edge(
            upstream_task=upstream_task,
            downstream_task=downstream_task,
            key=key,
            mapped=mapped,
            flattened=flattened,
            flow=self,
        )
        self.add_task(edge.upstream_task)
        self.add_task(edge.downstream_task)
        self.edges.add(edge)
        if validate:
            from prefect.core._validation import check_edge

            check_edge(self, edge)
        return edge

    def chain(self, *tasks: Any, validate: bool | None = None) -> list[Edge]:
        """Make each task wait for the one before it.

        Returns:
            the edges.
        """
        return [
            self.add_edge(upstream_task=upstream, downstream_task=downstream, validate=validate)
            for upstream, downstream in itertools.pairwise(tasks)
        ]

    def set_dependencies(
        self,
        task: Any,
        upstream_tasks: Iterable[Any] | None = None,
        downstream_tasks: Iterable[Any] | None = None,
        keyword_tasks: Mapping[str, Any] | None = None,
        mapped: bool = False,
        validate: bool | None = None,
    ) -> None:
        """Add a task with what it waits for, what waits for it, and its inputs.

        Args:
            task: the task, or a value that becomes one.
            upstream_tasks: tasks to run before it.
            downstream_tasks: tasks to run after it.
            keyword_tasks: `{argument: task or value}`. Values without tasks inside are kept in
                `flow.constants`, unless they are mapped over.
            mapped: whether upstream results are mapped over, unless wrapped in `unmapped`.
            validate: whether to check at once for cycles and wrong arguments.
        """
        task = task if isinstance(task, Task) else self._as_task(task)
        self.add_task(task)
        for value in downstream_tasks or ():
            if isinstance(value, EdgeAnnotation):
                raise TypeError(
                    "Downstream tasks cannot be annotated; map on the call of the downstream task."
                )
            self.add_edge(task, value, mapped=mapped, validate=validate)
        for value in upstream_tasks or ():
            is_mapped, is_flattened, bare = _annotation(value, mapped)
            self._connect(bare, task, None, is_mapped, is_flattened, validate)
        if keyword_tasks:
            for key, value in keyword_tasks.items():
                if type(value) in _PLAIN_TYPES and not mapped:
                    self.constants[task][key] = value
                    continue
                is_mapped, is_flattened, bare = _annotation(value, mapped)
                self._bind_input(task, key, bare, is_mapped, is_flattened, validate)

    def _bind_input(
        self, task: Task, key: str, value: Any, mapped: bool, flattened: bool, validate: bool | None
    ) -> None:
        if not isinstance(value, Task):
            if not (mapped or flattened or holds_task(value)):
                self.constants[task][key] = value
                return
            value = self._as_task(value)
        if not (mapped or flattened):
            from prefect.tasks.core.constants import Constant

            if isinstance(value, Constant):
                self.constants[task][key] = value.value
                return
        self._connect(value, task, key, mapped, flattened, validate)

    def _connect(
        self, upstream: Any, task: Task, key: str | None, mapped: bool, flattened: bool, validate: bool | None
    ) -> None:
        if validate is None and cast("bool", context.config.flows.eager_edge_validation):
            validate = True
        if validate or isinstance(task, Parameter) or not isinstance(upstream, Task) or upstream is task:
            self.add_edge(upstream, task, key=key, mapped=mapped, flattened=flattened, validate=validate)
            return
        self.add_task(upstream)
        self.edges.add(new_edge(upstream, task, key, mapped, flattened))

    def _as_task(self, value: Any) -> Task:
        from prefect.utilities.tasks import as_task

        return as_task(value, flow=self)

    def update(
        self,
        flow: Flow,
        merge_parameters: bool = False,
        validate: bool | None = None,
        merge_reference_tasks: bool = False,
    ) -> None:
        """Add all tasks, edges and constants of another flow.

        Args:
            flow: the other flow.
            merge_parameters: whether a parameter of the other flow takes the place of this flow's of
                the same name, which otherwise is an error.
            validate: whether to check at once for cycles and wrong arguments.
            merge_reference_tasks: whether the other flow's reference tasks are added to this one's.

        Raises:
            ValueError: both flows have a parameter of one name.
        """
        from prefect.core._editing import update_flow

        update_flow(self, flow, merge_parameters, validate, merge_reference_tasks)

    def replace(self, old: Task, new: Task, validate: bool = True) -> None:
        """Put `new` in the place of `old`: its edges, constants and role as reference task.

        Raises:
            ValueError: `old` is not in this flow, or the result is not valid.
        """
        from prefect.core._editing import replace_task

        replace_task(self, old, new, validate)

    # -- reference tasks --------------------------------------------------------------

    def reference_tasks(self) -> set[Task]:
        """The tasks that decide the final state: failed if any failed, else successful.

        Unless set, these are the terminal tasks. The set-up and clean-up of resources does not
        count: a task that only a clean-up waits for is terminal.
        """
        if self._reference_tasks:
            return set(self._reference_tasks)
        return self._default_reference_tasks()

    @cache
    def _default_reference_tasks(self) -> set[Task]:
        downstream = self.edges.downstream
        cleanups = {task for task in self.tasks if task._resource_role == "cleanup"}  # pyright: ignore[reportPrivateUsage]
        if not cleanups:
            return {task for task in self.tasks if task not in downstream}
        return {
            task
            for task in self.tasks
            if task._resource_role not in ("init", "cleanup")  # pyright: ignore[reportPrivateUsage]
            and all(edge.downstream_task in cleanups for edge in downstream.get(task, ()))
        }

    def set_reference_tasks(self, tasks: Iterable[Task]) -> None:
        """Choose the tasks that decide the final state; none restores the default.

        Raises:
            ValueError: a task that is not in this flow.
        """
        tasks = set(tasks)
        if any(task not in self.tasks for task in tasks):
            raise ValueError("reference tasks must be part of the flow.")
        self._reference_tasks = tasks

    # -- looking around ---------------------------------------------------------------

    def parameters(self) -> set[Parameter]:
        """The parameters."""
        return {task for task in self.tasks if isinstance(task, Parameter)}

    @cache
    def root_tasks(self) -> set[Task]:
        """Tasks that wait for nothing."""
        return {task for task in self.tasks if task not in self.edges.upstream}

    @cache
    def terminal_tasks(self) -> set[Task]:
        """Tasks that nothing waits for."""
        return {task for task in self.tasks if task not in self.edges.downstream}

    @cache
    def all_upstream_edges(self) -> dict[Task, set[Edge]]:
        """`{task: edges into it}` of every task."""
        return {task: set(self.edges.upstream.get(task, ())) for task in self.tasks}

    @cache
    def all_downstream_edges(self) -> dict[Task, set[Edge]]:
        """`{task: edges out of it}` of every task."""
        return {task: set(self.edges.downstream.get(task, ())) for task in self.tasks}

    def edges_to(self, task: Task) -> set[Edge]:
        """Edges into a task.

        Raises:
            ValueError: the task is not in this flow.
        """
        self._check_member(task)
        return set(self.edges.upstream.get(task, ()))

    def edges_from(self, task: Task) -> set[Edge]:
        """Edges out of a task.

        Raises:
            ValueError: the task is not in this flow.
        """
        self._check_member(task)
        return set(self.edges.downstream.get(task, ()))

    def upstream_tasks(self, task: Task) -> set[Task]:
        """Tasks that a task directly waits for."""
        edges = self.edges.upstream.get(task)
        if edges is None:
            self._check_member(task)
            return set()
        return {edge.upstream_task for edge in edges}

    def downstream_tasks(self, task: Task) -> set[Task]:
        """Tasks that directly wait for a task."""
        edges = self.edges.downstream.get(task)
        if edges is None:
            self._check_member(task)
            return set()
        return {edge.downstream_task for edge in edges}

    def _check_member(self, task: Task) -> None:
        if task not in self.tasks:
            raise ValueError(f"Task {task} was not found in Flow {self}")

    def sorted_tasks(self, root_tasks: Iterable[Task] | None = None) -> tuple[Task, ...]:
        """Tasks, each after those it waits for, otherwise in the order they were declared.

        Args:
            root_tasks: only these and what is downstream of them.

        Raises:
            ValueError: the flow has a cycle, or a root task is not in it.
        """
        order = self._sorted_tasks()
        roots = list(root_tasks or ())
        if not roots:
            return order
        for task in roots:
            self._check_member(task)
        wanted = reachable(roots, self.edges)
        return tuple(task for task in order if task in wanted)

    @cache
    def _sorted_tasks(self) -> tuple[Task, ...]:
        return tuple(topological_order(self.tasks, self.edges))

    def get_tasks(
        self,
        name: str | None = None,
        slug: str | None = None,
        tags: Iterable[str] | None = None,
        task_type: type | tuple[type, ...] | None = None,
    ) -> list[Task]:
        """Tasks with the given name, slug, (at least these) tags and class, in declaration order."""
        wanted = set(tags or ())
        return [
            task
            for task in self.tasks
            if (name is None or task.name == name)
            and (slug is None or self.slugs[task] == slug)
            and wanted.issubset(task.tags)
            and (task_type is None or isinstance(task, task_type))
        ]

    def validate(self) -> None:
        """Check that this flow can run.

        Raises:
            ValueError: a cycle, an argument given twice, edges or reference tasks of tasks that
                are not in the flow, or a target on a task whose result cannot be stored.
        """
        from prefect.core._validation import check_flow

        check_flow(self)

    # -- running ----------------------------------------------------------------------

    def run(
        self,
        parameters: dict[str, Any] | None = None,
        run_on_schedule: bool | None = None,
        runner_cls: type | None = None,
        **kwargs: Any,
    ) -> State:
        """Run the flow here, and return its final state.

        With a schedule this call blocks: it waits for each scheduled time and runs, for ever or
        until the schedule ends.

        Args:
            parameters: `{name: value}`.
            run_on_schedule: False to run once and now in spite of a schedule.
            runner_cls: class of the runner; the configured one by default.
            **kwargs: parameters by name; anything else goes to the runner (`executor`, `context`,
                `task_states`, `state`, `task_contexts`, ...).

        Returns:
            the final state, whose `result` is `{task: state}` for all tasks. None while a flow
            file is being loaded, where `run` only warns.

        Raises:
            RuntimeError: called inside `with Flow(...)`.
            ValueError: parameters are unknown or missing, the schedule has no more events, or a
                task has a target but nothing that could store it.
        """
        from prefect.core._local_run import run_flow

        # Typed as never None, so that scripts need not ask for what happens only while they are loaded.
        return cast("State", run_flow(self, parameters, run_on_schedule, runner_cls, kwargs))

    # -- files and backends -----------------------------------------------------------

    def serialize(self, build: bool = False) -> dict[str, Any]:
        """The JSON form of this flow, as registered with the API. The flow is validated first.

        Args:
            build: whether to build the storage first.

        Raises:
            ValueError: the flow is not valid, or `build` without a storage.
        """
        self.validate()
        from prefect.serialization.flow import FlowSchema

        if build:
            if self.storage is None:
                raise ValueError("This flow has no storage to build. Set `flow.storage` first.")
            storage = self.storage.build() if self.name in self.storage else self._build_storage()
            copy = self.copy()
            copy.storage = storage
            return cast("dict[str, Any]", FlowSchema().dump(copy))
        return cast("dict[str, Any]", FlowSchema().dump(self))

    def _build_storage(self) -> Storage:
        assert self.storage is not None
        self.storage.add_flow(self)
        return self.storage.build()

    def serialized_hash(self, build: bool = False) -> str:
        """The sha256 (hex) of the JSON form: changes when structure or settings do, not code."""
        import hashlib

        from prefect._wire import canonical

        return hashlib.sha256(canonical(self.serialize(build=build))).hexdigest()

    def save(self, fpath: str | None = None) -> str:
        """Write this flow to a file.

        Args:
            fpath: the file; `<home_dir>/flows/<name>.prefect` by default.

        Returns:
            the path of the file.
        """
        from pathlib import Path

        from prefect.core._files import default_flow_path
        from prefect.utilities.storage import flow_to_bytes_pickle

        path = Path(fpath).expanduser() if fpath is not None else default_flow_path(self.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(flow_to_bytes_pickle(self))
        return str(path)

    @classmethod
    def load(cls, fpath: str) -> Flow:
        """Read a flow written by `save`.

        Args:
            fpath: a path, or the name of a flow saved without a path.

        Raises:
            FileNotFoundError: there is no such file.
        """
        from pathlib import Path

        from prefect.core._files import default_flow_path
        from prefect.utilities.storage import flow_from_bytes_pickle

        path = Path(fpath).expanduser()
        if not path.is_absolute() and not path.exists():
            path = default_flow_path(fpath)
        return flow_from_bytes_pickle(path.read_bytes())

    def diagnostics(self, include_secret_names: bool = False) -> str:
        """JSON text on the system, the configuration and this flow, without any values of yours."""
        from prefect.utilities.diagnostics import diagnostic_info

        return diagnostic_info(self, include_secret_names=include_secret_names)

    def visualize(
        self,
        flow_state: State | None = None,
        filename: str | None = None,
        format: Literal["svg", "png", "html", "pdf"] | str | None = None,
        horizontal: bool = False,
    ) -> Any:
        """A drawing of this flow.

        Args:
            flow_state: final state of a run, to colour the tasks by.
            filename: file to write, without its ending.
            format: kind of file; from the ending of `filename`, or "pdf" ("svg" without the
                Graphviz program).
            horizontal: whether to draw from left to right.

        Returns:
            a `graphviz.Digraph` where that package is installed, else a drawing of ours.
        """
        from prefect.core._visualize import visualize_flow

        return visualize_flow(
            self, flow_state=flow_state, filename=filename, format=format, horizontal=horizontal
        )

    def _repr_html_(self) -> str:
        from prefect.core._repr import flow_html

        return flow_html(self)

    def register(
        self,
        project_name: str | None = None,
        build: bool = True,
        labels: list[str] | None = None,
        set_schedule_active: bool = True,
        version_group_id: str | None = None,
        no_url: bool = False,
        idempotency_key: str | None = None,
        **kwargs: Any,
    ) -> str | None:
        """Register this flow with the API, so that it can be run from there.

        Args:
            project_name: the project to register in.
            build: whether to build the storage.
            labels: labels to add to the run config.
            set_schedule_active: whether the schedule starts to make runs.
            version_group_id: the flow group; the one of the same name in the project by default.
            no_url: whether to keep the flow's address unsaid.
            idempotency_key: an id of this version: registering it twice does nothing.
            **kwargs: arguments of the storage, when the flow has none yet.

        Returns:
            the id of the flow; None while a flow file is being loaded, where `register` only warns.

        Raises:
            ValueError: called inside `with Flow(...)`.
        """
        from prefect.core._registration import register_flow

        return register_flow(
            self,
            project_name=project_name,
            build=build,
            labels=labels,
            set_schedule_active=set_schedule_active,
            version_group_id=version_group_id,
            no_url=no_url,
            idempotency_key=idempotency_key,
            storage_arguments=kwargs,
        )

    def run_agent(
        self,
        token: str | None = None,
        show_flow_logs: bool = False,
        log_to_cloud: bool | None = None,
        api_key: str | None = None,
    ) -> None:
        """Start a local agent that takes runs with the labels of this flow, in this process.

        Args:
            token: removed in 1.0; use `api_key`.
            show_flow_logs: whether to print the logs of runs.
            log_to_cloud: ignored; `cloud.send_flow_run_logs` decides.
            api_key: the key for the API; the configured one by default.
        """
        from prefect.core._registration import run_agent

        run_agent(
            self, token=token, show_flow_logs=show_flow_logs, log_to_cloud=log_to_cloud, api_key=api_key
        )


def _annotation(value: Any, mapped: bool) -> tuple[bool, bool, Any]:
    """Whether a bound value is mapped and flattened, and the value without its annotations."""
    if not isinstance(value, EdgeAnnotation):
        return mapped, False, value
    annotations = value.annotations
    bare = value.value
    return annotations.get("mapped", mapped), annotations.get("flattened", False), bare


def _warn_unused(unused: set[Task]) -> None:
    import warnings

    warnings.warn(
        f"Tasks were created but not added to the flow: {unused}. This can occur when `Task` classes, "
        "including `Parameters`, are instantiated inside a `with flow:` block but not added to the flow "
        "either explicitly or as the input to another task. Call them, or add them with `flow.add_task`.",
        stacklevel=3,
    )
