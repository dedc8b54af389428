"""`DaskExecutor`: tasks on a Dask cluster, started for the run or running already."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import uuid
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from prefect.executors._dask_session import Session, distributed, keeping_lost_workers
from prefect.executors._dask_settings import worker_arguments
from prefect.executors._dask_worker import Input
from prefect.executors._nesting import iter_futures, replace_futures
from prefect.executors._pool_executor import NOT_STARTED, describe
from prefect.executors.base import Executor, Placement
from prefect.executors.local_dask import LocalDaskExecutor
from prefect.utilities._child import pack_call

if TYPE_CHECKING:
    from prefect.executors._dask_callback import PrefectCallback

__all__ = ["DaskExecutor", "LocalDaskExecutor", "PrefectCallback"]

F = TypeVar("F")

DEFAULT_CLUSTER = "distributed.deploy.local.LocalCluster"


class DaskExecutor(Executor):
    """Runs tasks on a Dask cluster.

    Without arguments a `distributed.LocalCluster` is started for each run and closed after it.
    Another kind of cluster is started by giving `cluster_class`; a cluster that runs already is used
    by giving its `address`.

    A task with a tag of the form `dask-resource:KEY=NUM` runs on workers that have that much of the
    [resource](https://distributed.dask.org/en/latest/resources.html).  Tasks appear in the Dask
    dashboard by their names.

    When a worker dies, Dask runs what it was doing on another worker, by default up to three times
    (`distributed.scheduler.allowed-failures` in Dask's configuration).  Work that is lost for good
    makes its task run fail.

    Args:
        address: of a running scheduler, e.g. `tcp://192.0.2.255:8786`.  By default the setting
            `engine.executor.dask.address`.
        cluster_class: what makes a cluster for the run: a class, a function, or the full name of
            one.  By default the setting `engine.executor.dask.cluster_class`.
        cluster_kwargs: its keyword arguments.
        adapt_kwargs: keyword arguments for `cluster.adapt`; given, the cluster scales with its load.
        client_kwargs: keyword arguments for `distributed.Client`.
        debug: show Dask's warnings when a local cluster is started; by default the setting `debug`.
        performance_report_path: file for Dask's performance report of the run (HTML).
        disable_cancellation_event: when a run is interrupted, do not interrupt the calls that run on
            workers; they are left to end by themselves, or with a cluster started for the run.
        watch_worker_status: call `on_worker_status_changed` when workers come and go.  By default
            this is on, and off when `adapt_kwargs` are given.

    Raises:
        ValueError: `address` is given together with `cluster_class` or `cluster_kwargs`.
        ImportError: there is nothing with the name `cluster_class`.

    Example:
        ```python
        from prefect.executors import DaskExecutor

        on_this_machine = DaskExecutor(cluster_kwargs={"n_workers": 2, "threads_per_worker": 1})
        on_a_cluster = DaskExecutor(address="tcp://192.0.2.255:8786")
        ```
    """

    placement: Placement = "remote"

    def __init__(
        self,
        address: str | None = None,
        cluster_class: str | Callable[..., Any] | None = None,
        cluster_kwargs: dict[str, Any] | None = None,
        adapt_kwargs: dict[str, Any] | None = None,
        client_kwargs: dict[str, Any] | None = None,
        debug: bool | None = None,
        performance_report_path: str | None = None,
        disable_cancellation_event: bool = False,
        watch_worker_status: bool | None = None,
    ) -> None:
        super().__init__()
        from prefect.utilities.context import context

        settings = context.config
        address = address or settings.engine.executor.dask.address or None
        if address is not None:
            if cluster_class is not None or cluster_kwargs is not None:
                raise ValueError("Cannot specify `address` and `cluster_class`/`cluster_kwargs`")
        else:
            cluster_class = cluster_class or settings.engine.executor.dask.cluster_class or DEFAULT_CLUSTER
            assert cluster_class is not None
            if isinstance(cluster_class, str) and cluster_class != DEFAULT_CLUSTER:
                cluster_class = _import_cluster_class(cluster_class)
            cluster_kwargs = dict(cluster_kwargs or {})
            if cluster_class == DEFAULT_CLUSTER or _full_name(cluster_class) == DEFAULT_CLUSTER:
                if debug is None:
                    debug = bool(settings.debug)
                cluster_kwargs.setdefault("silence_logs", logging.WARNING if debug else logging.CRITICAL)
            adapt_kwargs = dict(adapt_kwargs or {})
        self.address = address
        self._cluster_class = cluster_class
        self.cluster_kwargs = cluster_kwargs
        self.adapt_kwargs = adapt_kwargs
        self.client_kwargs: dict[str, Any] = {"set_as_default": False, **(client_kwargs or {})}
        self.performance_report_path = performance_report_path
        self.disable_cancellation_event = disable_cancellation_event
        self.watch_worker_status = watch_worker_status
        self._session: Session | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None}

    @property
    def client(self) -> Any:
        """The `distributed.Client` in use; None outside the `start` block."""
        return self._session.client if self._session is not None else None

    @property
    def cluster_class(self) -> Callable[..., Any] | None:
        """What makes the cluster of a run; None when an address is given.

        Reading it imports the class.
        """
        if isinstance(self._cluster_class, str):
            self._cluster_class = _import_cluster_class(self._cluster_class)
        return self._cluster_class

    @cluster_class.setter
    def cluster_class(self, value: Callable[..., Any] | None) -> None:
        self._cluster_class = value

    @property
    def workers(self) -> int:
        """Threads of the cluster, or what it may grow to when it is adaptive; counted once a second."""
        if self._session is None:
            return 1
        threads = self._session.threads()
        count = sum(threads.values())
        maximum = (self.adapt_kwargs or {}).get("maximum")
        if isinstance(maximum, int):
            count = max(count, maximum * max(1, count // max(1, len(threads))))
        return max(1, count)

    # -- start and end --------------------------------------------------------------------

    @contextlib.contextmanager
    def start(self) -> Generator[None]:
        """Connect to the cluster, or start one, for the length of the `with` block.

        When the block is left by an exception, `KeyboardInterrupt` included, everything submitted
        is cancelled, and calls that run on workers get a `KeyboardInterrupt`.
        """
        outer = self._session
        with contextlib.ExitStack() as stack:
            session = Session(self._connect(stack))
            watch = self.watch_worker_status
            if watch or (watch is None and not self.adapt_kwargs):
                stack.enter_context(session.watching(self.on_worker_status_changed))
            if self.performance_report_path:
                stack.enter_context(self._writing_report(session.client, self.performance_report_path))
            self._session = session
            try:
                yield
            except BaseException:
                self._stop(session)
                raise
            finally:
                self._session = outer

    def _connect(self, stack: contextlib.ExitStack) -> Any:
        client_class = distributed().Client
        if self.address is not None:
            self.logger.info("Connecting to an existing Dask cluster at %s", self.address)
            return stack.enter_context(client_class(self.address, **self.client_kwargs))
        make_cluster = self.cluster_class
        assert make_cluster is not None
        self.logger.info("Creating a new Dask cluster with `%s`...", _full_name(make_cluster))
        arguments = self.cluster_kwargs or {}
        if _full_name(make_cluster) == DEFAULT_CLUSTER:
            stack.enter_context(keeping_lost_workers())
            arguments = worker_arguments(arguments)
        cluster = stack.enter_context(make_cluster(**arguments))
        if self.adapt_kwargs:
            cluster.adapt(**self.adapt_kwargs)
        if getattr(cluster, "dashboard_link", None):
            self.logger.info("The Dask dashboard is available at %s", cluster.dashboard_link)
        return stack.enter_context(client_class(cluster, **self.client_kwargs))

    def _stop(self, session: Session) -> None:
        """Cancel what is unfinished.  An exception is under way: nothing here may take its place."""
        self.logger.info("Cancelling what is unfinished on the Dask cluster.")
        try:
            session.stop(interrupt=not self.disable_cancellation_event)
        except Exception as exc:  # noqa: BLE001 - whatever a dying cluster raises
            self.logger.warning("The Dask cluster did not take the cancellation: %r", exc)

    @contextlib.contextmanager
    def _writing_report(self, client: Any, path: str) -> Generator[None]:
        report = distributed().performance_report(filename=path)
        with client.as_current():
            report.__enter__()
        try:
            yield
        finally:
            try:
                with client.as_current():
                    report.__exit__(None, None, None)
            except Exception as exc:  # noqa: BLE001 - it needs bokeh, and the run itself is over and done
                self.logger.warning("The Dask performance report %s could not be written: %s", path, exc)

    @property
    def performance_report(self) -> str:
        """The HTML text of the performance report; empty, with a warning, when there is none."""
        path = Path(self.performance_report_path) if self.performance_report_path else None
        if path is None:
            self.logger.warning("Executor was not configured to generate performance report")
        elif not path.exists():
            self.logger.warning(
                "There is no performance report yet: %s is written at the end of a run.", path
            )
        else:
            return path.read_text(encoding="utf-8")
        return ""

    async def on_worker_status_changed(self, op: str, message: Any) -> None:
        """Hook for subclasses: a worker came or went.  May be a coroutine or a plain method.

        It runs in the event loop of the Dask client, so it must not block.

        Args:
            op: `add` or `remove`.
            message: for `add` `{"workers": {address: facts}}`, for `remove` the address.
        """
        for address in message["workers"] if op == "add" else [message]:
            self.logger.debug("Worker %s %s", address, "added" if op == "add" else "removed")

    # -- work -----------------------------------------------------------------------------

    def submit(
        self,
        fn: Callable[..., Any],
        *args: Any,
        extra_context: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Schedule `fn(*args, **kwargs)` on the cluster.

        Args:
            fn: what to run.
            *args: positional arguments; futures among them, also nested in containers, are replaced
                by their results, which Dask moves between workers without passing through here.
            extra_context: `task_name` and `task_index` name the work in the dashboard; `task_tags`
                may ask for worker resources.
            **kwargs: keyword arguments, treated like `args`.

        Returns:
            A Dask future; every error of the call, also one in packing it, comes out of `wait`.

        Raises:
            ValueError: outside `with executor.start():`, or a malformed `dask-resource` tag.
        """
        session = self._started()
        options = self._prep_dask_kwargs(extra_context)
        options.setdefault("key", f"{describe(fn, None)}-{uuid.uuid4().hex}")
        future_types = cast("type", (distributed().Future, concurrent.futures.Future))
        inputs: dict[Any, Input] = {}

        def stand_in(future: Any) -> Any:
            if isinstance(future, concurrent.futures.Future):
                return cast("Any", future).result()
            if session.is_fetched(future):
                return session.result(future)
            return inputs.setdefault(future, Input(len(inputs)))

        try:
            args = replace_futures(args, future_types, stand_in)
            kwargs = replace_futures(kwargs, future_types, stand_in)
            call = pack_call(fn, args, kwargs, describe(fn, extra_context))
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # noqa: BLE001 - of an input, or raised by pickling a user's object
            failed: concurrent.futures.Future[Any] = concurrent.futures.Future()
            failed.set_exception(exc)
            return failed
        return session.submit(call, list(inputs), options)

    def _prep_dask_kwargs(self, extra_context: dict[str, Any] | None = None) -> dict[str, Any]:
        """Key and worker resources for `client.submit`."""
        options: dict[str, Any] = {}
        if not extra_context:
            return options
        name = extra_context.get("task_name")
        if name:
            index = extra_context.get("task_index")
            parts = (name, uuid.uuid4().hex) if index is None else (name, str(index), uuid.uuid4().hex)
            options["key"] = "-".join(parts)
        resources = _resources(extra_context.get("task_tags") or ())
        if resources:
            options["resources"] = resources
        return options

    def wait(self, futures: Any) -> Any:
        """Block until `futures` are done and return their results in the same shape.

        Args:
            futures: a future, or any nesting of lists, tuples, sets and dicts of futures and plain
                values.

        Raises:
            WorkerLost: the workers that had the call or its result are gone for good.
            Exception: what the function raised.
        """
        session = self._started()
        failed_type, future_type = concurrent.futures.Future, distributed().Future
        for failed in iter_futures(futures, failed_type):
            failed.result()  # raises
        session.fetch(list(iter_futures(futures, future_type)))
        return replace_futures(futures, future_type, session.result)

    def wait_any(self, futures: Sequence[F]) -> list[F]:
        """Block until at least one of `futures` is done and return all that are, in order.

        Results of those are fetched at once, in one request.
        """
        session = self._started()
        done = [future for future in futures if _is_done(future)]
        if not done and futures:
            session.wait_first(futures)
            done = [future for future in futures if _is_done(future)]
        future_type = distributed().Future
        session.fetch([future for future in done if isinstance(future, future_type)])
        return done

    def _started(self) -> Session:
        if self._session is None:
            raise ValueError(NOT_STARTED)
        return self._session


def _is_done(future: object) -> bool:
    done = cast("Any", getattr(future, "done", None))
    return done is None or bool(done())


def _resources(tags: Iterable[str]) -> dict[str, float]:
    """Worker resources asked for by tags of the form `dask-resource:KEY=NUM`."""
    resources: dict[str, float] = {}
    for tag in tags:
        if tag.startswith("dask-resource:"):
            name, _, amount = tag.partition(":")[2].partition("=")
            try:
                resources[name] = float(amount)
            except ValueError:
                raise ValueError(
                    f"The tag {tag!r} is no Dask resource: write `dask-resource:KEY=NUM`, e.g. "
                    f"`dask-resource:GPU=1`."
                ) from None
    return resources


def _import_cluster_class(name: str) -> Callable[..., Any]:
    import importlib

    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (AttributeError, ValueError):
        raise ImportError(
            f"There is no cluster class {name!r}. Give its full name, e.g. `dask_kubernetes.KubeCluster`."
        ) from None


def _full_name(cluster_class: Callable[..., Any]) -> str:
    name = getattr(cluster_class, "__qualname__", None) or repr(cluster_class)
    return f"{getattr(cluster_class, '__module__', '')}.{name}"


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        # Its base class is Dask's: naming it imports Dask, importing this module does not.
        if name == "PrefectCallback":
            from prefect.executors._dask_callback import PrefectCallback

            return PrefectCallback
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
