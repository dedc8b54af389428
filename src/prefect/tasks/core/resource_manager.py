"""`resource_manager`: something that is set up before a block of tasks and cleaned up after it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, overload

from prefect.core.task import Task
from prefect.utilities.context import Layer, context

if TYPE_CHECKING:
    from prefect.core.edge import Edge
    from prefect.core.flow import Flow
    from prefect.engine.state import State

__all__ = ["ResourceManager", "resource_manager"]


class _Manager(Protocol):
    """What a decorated class looks like. `setup(self)`, which makes the resource, is optional."""

    def cleanup(self, resource: Any, /) -> object: ...


class ResourceInitTask(Task):
    """The task that makes the manager: it calls the class with the arguments of the block.

    Args:
        resource_class: the class.
        **kwargs: settings of every `Task`.
    """

    _resource_role: ClassVar[str | None] = "init"

    def __init__(self, resource_class: Callable[..., Any], **kwargs: Any) -> None:
        vars(self)["run"] = resource_class
        super().__init__(**kwargs)


class ResourceSetupTask(Task):
    """The task that makes the resource: its result is what `setup()` of the manager returned."""

    _resource_role: ClassVar[str | None] = "setup"

    def run(self, mgr: Any) -> Any:
        """The resource.

        Args:
            mgr: the manager.
        """
        return mgr.setup()


class ResourceCleanupTask(Task):
    """The task that cleans up, after all tasks of the block."""

    _resource_role: ClassVar[str | None] = "cleanup"

    def run(self, mgr: Any, resource: Any = None) -> None:
        """Call `cleanup(resource)` of the manager.

        Args:
            mgr: the manager.
            resource: what `setup` returned; None without one.
        """
        mgr.cleanup(resource)


def resource_cleanup_trigger(upstream_states: dict[Edge, State]) -> bool:
    """The trigger of cleanup tasks: run after everything has finished, if there is something to clean up.

    Args:
        upstream_states: `{Edge: State}`.

    Returns:
        True.

    Raises:
        prefect.engine.signals.TRIGGERFAIL: an upstream task has not finished.
        prefect.engine.signals.SKIP: the manager or the resource was not made.
    """
    from prefect.engine import signals

    for state in upstream_states.values():
        if not state.is_finished():
            raise signals.TRIGGERFAIL(
                "Trigger was 'resource_cleanup_trigger' but some of the upstream tasks were not finished."
            )
    for key, step in (("mgr", "init"), ("resource", "setup")):
        for edge, state in upstream_states.items():
            if edge.key != key:
                continue
            if state.is_skipped():
                raise signals.SKIP(f"Resource manager {step} skipped")
            if not state.is_successful():
                raise signals.SKIP(f"Resource manager {step} failed")
    return True


class ResourceContext:
    """The block of one resource; made by calling a `ResourceManager` in a flow.

    Args:
        init_task: the task that makes the manager.
        setup_task: the task that makes the resource, if there is one.
        cleanup_task: the task that cleans up.
        flow: the flow.
    """

    def __init__(
        self,
        init_task: ResourceInitTask,
        setup_task: ResourceSetupTask | None,
        cleanup_task: ResourceCleanupTask,
        flow: Flow,
    ) -> None:
        self.init_task = init_task
        self.setup_task = setup_task
        self.cleanup_task = cleanup_task
        self._flow = flow
        self._tasks: dict[Task, None] = {}  # in the order they came
        self._outer: Layer | None = None
        self._enclosing: ResourceContext | None = None

    def add_task(self, task: Task, flow: Flow) -> None:
        """Make a task part of the block; flows call this for every task added inside it.

        Args:
            task: the task.
            flow: the flow it was added to.

        Raises:
            ValueError: another flow.
        """
        if self._flow is not flow:
            raise ValueError("Multiple flows cannot be used with the same resource block")
        self._tasks[task] = None
        if self._enclosing is not None:
            self._enclosing.add_task(task, flow)

    def __enter__(self) -> Any:
        """The task whose result is the resource; None for a manager without `setup`."""
        self._enclosing = context.get("resource")
        self._outer = context.push(Layer({"resource": self}))
        return self.setup_task

    def __exit__(self, *args: object) -> None:
        from prefect.core.parameter import Parameter
        from prefect.tasks.core.constants import Constant

        assert self._outer is not None
        context.restore(self._outer)
        self._outer = None
        flow, setup, cleanup = self._flow, self.setup_task, self.cleanup_task
        block = {task: None for task in self._tasks if not isinstance(task, (Parameter, Constant))}
        inside = {*block, setup}
        for task in block:
            if setup is not None and inside.isdisjoint(flow.upstream_tasks(task)):
                task.set_upstream(setup, flow=flow)
            if inside.isdisjoint(flow.downstream_tasks(task)):
                cleanup.set_upstream(task, flow=flow)


class ResourceManager:
    """A class that manages a resource, ready to be used in flows; made by `@resource_manager`.

    Args:
        resource_class: the class; see `resource_manager`.
        name: name of the tasks: `name`, `name.setup` and `name.cleanup`; the class's by default.
        init_task_kwargs: settings of the task that makes the manager.
        setup_task_kwargs: settings of the task that makes the resource; not checkpointed by default.
        cleanup_task_kwargs: settings of the task that cleans up; not checkpointed by default.

    Raises:
        TypeError: the class has no `cleanup` method.
    """

    def __init__(
        self,
        resource_class: Callable[..., Any],
        name: str | None = None,
        init_task_kwargs: dict[str, Any] | None = None,
        setup_task_kwargs: dict[str, Any] | None = None,
        cleanup_task_kwargs: dict[str, Any] | None = None,
    ) -> None:
        if not callable(resource_class) or (
            isinstance(resource_class, type) and not callable(getattr(resource_class, "cleanup", None))
        ):
            raise TypeError(
                f"A resource manager is a class with a `cleanup(self, resource)` method, and {resource_class!r} "
                "is none. Add that method; `setup(self)` is optional."
            )
        self.resource_class = resource_class
        self.name = name = name or getattr(resource_class, "__name__", type(resource_class).__name__)
        self.init_task_kwargs: dict[str, Any] = {"name": name, **(init_task_kwargs or {})}
        self.setup_task_kwargs: dict[str, Any] = {
            "name": f"{name}.setup",
            "checkpoint": False,
            **(setup_task_kwargs or {}),
        }
        self.cleanup_task_kwargs: dict[str, Any] = {
            "name": f"{name}.cleanup",
            "checkpoint": False,
            "trigger": resource_cleanup_trigger,
            "skip_on_upstream_skip": False,
            **(cleanup_task_kwargs or {}),
        }

    def __call__(self, *args: Any, flow: Flow | None = None, **kwargs: Any) -> ResourceContext:
        """Add the resource's tasks to the active flow, and open its block with `with`.

        Args:
            *args: arguments of the class: results of tasks, or values.
            flow: the flow to add to; the active one by default.
            **kwargs: arguments of the class by name.

        Returns:
            the block; `with` gives the task whose result is the resource, or None without `setup`.

        Raises:
            ValueError: no flow is active.
            TypeError: the arguments do not fit the class.
        """
        flow = flow if flow is not None else context.get("flow")
        if flow is None:
            raise ValueError(
                f"Could not infer an active Flow context. Use {self.name}(...) inside `with Flow(...)`, "
                "or give it the flow as `flow=`."
            )
        init = ResourceInitTask(self.resource_class, **self.init_task_kwargs)
        init.bind(*args, flow=flow, **kwargs)
        setup: ResourceSetupTask | None = None
        if hasattr(self.resource_class, "setup"):
            setup = ResourceSetupTask(**self.setup_task_kwargs)
            setup.bind(mgr=init, flow=flow)
        cleanup = ResourceCleanupTask(**self.cleanup_task_kwargs)
        if setup is None:
            cleanup.bind(mgr=init, flow=flow)
        else:
            cleanup.bind(mgr=init, resource=setup, flow=flow)
        return ResourceContext(init, setup, cleanup, flow)


@overload
def resource_manager(
    resource_class: Callable[..., _Manager],
    *,
    name: str | None = None,
    init_task_kwargs: dict[str, Any] | None = None,
    setup_task_kwargs: dict[str, Any] | None = None,
    cleanup_task_kwargs: dict[str, Any] | None = None,
) -> ResourceManager: ...
@overload
def resource_manager(
    resource_class: None = None,
    *,
    name: str | None = None,
    init_task_kwargs: dict[str, Any] | None = None,
    setup_task_kwargs: dict[str, Any] | None = None,
    cleanup_task_kwargs: dict[str, Any] | None = None,
) -> Callable[[Callable[..., _Manager]], ResourceManager]: ...
def resource_manager(
    resource_class: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    init_task_kwargs: dict[str, Any] | None = None,
    setup_task_kwargs: dict[str, Any] | None = None,
    cleanup_task_kwargs: dict[str, Any] | None = None,
) -> Any:
    """A class decorator for things that are set up, used by some tasks, and cleaned up: a cluster, a table.

    The class has up to three methods: `__init__` takes the arguments of the block, `setup(self)` makes
    the resource and returns it (optional), `cleanup(self, resource)` undoes that. Cleaning up happens
    after every task of the block has finished, also when some failed; it is left out when the
    setup did not succeed. Neither decides whether the flow run succeeded.

    Args:
        resource_class: the class.
        name: name of the tasks: `name`, `name.setup` and `name.cleanup`; the class's by default.
        init_task_kwargs: settings of the task that makes the manager, such as `max_retries`.
        setup_task_kwargs: settings of the task that makes the resource.
        cleanup_task_kwargs: settings of the task that cleans up.

    Returns:
        the `ResourceManager`, to be called in `with` inside a flow; with settings alone, the decorator.

    Raises:
        TypeError: the class has no `cleanup` method.

    Example:
        ```python
        from prefect import Flow, resource_manager, task


        @resource_manager
        class Connection:
            def __init__(self, address):
                self.address = address

            def setup(self):
                print("open", self.address)
                return f"connection to {self.address}"

            def cleanup(self, connection):
                print("close", connection)


        @task
        def use(connection):
            print("use", connection)


        with Flow("reading") as flow:
            with Connection("shop") as connection:
                use(connection)

        state = flow.run()
        ```
        ```output
        open shop
        use connection to shop
        close connection to shop
        ```
    """
    settings: dict[str, Any] = {
        "name": name,
        "init_task_kwargs": init_task_kwargs,
        "setup_task_kwargs": setup_task_kwargs,
        "cleanup_task_kwargs": cleanup_task_kwargs,
    }
    if resource_class is None:
        return functools.partial(ResourceManager, **settings)
    return ResourceManager(resource_class, **settings)
