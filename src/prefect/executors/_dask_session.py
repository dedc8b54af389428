"""One `start` block of a `DaskExecutor`: everything that talks to `distributed`.

`distributed` has no type hints worth the name, so its objects are `Any` in this file, and do not
leave it except as opaque futures.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import time
import uuid
import weakref
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

from prefect.executors._dask_loggers import imported
from prefect.executors._dask_worker import Raised, run_packed, stop_run
from prefect.executors.errors import WorkerLost
from prefect.utilities._child import Outcome

STOP_TIMEOUT_S = 5
"""How long the end of an interrupted run waits for the workers to take notice."""
COUNT_WORKERS_EVERY_S = 1
SCATTER_BYTES = 1_000_000
"""Calls above this size go to a worker as data: what is in the task graph stays in the scheduler."""

_CANCELLED = (concurrent.futures.CancelledError, asyncio.CancelledError)


def distributed() -> Any:
    """The module; importing it takes most of a second, so it is imported when a run starts."""
    import distributed

    imported()
    return distributed


def keeping_lost_workers() -> contextlib.AbstractContextManager[Any]:
    """Dask settings under which a local cluster does not shrink.

    Workers of a `LocalCluster` that die are restarted within a second or two.  By default a cluster
    gives up every worker that is not there 15 s after it died once, be it because it is just being
    restarted from another death: tasks that kill their workers would leave a cluster without any, and
    the run waiting for ever.
    """
    import dask.config

    return dask.config.set({"distributed.deploy.lost-worker-timeout": "1000 days"})


class Session:
    """A connected client and the futures it was given.

    Args:
        client: a `distributed.Client`.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.run = uuid.uuid4().hex
        self._futures: weakref.WeakSet[Any] = weakref.WeakSet()
        self._outcomes: weakref.WeakKeyDictionary[Any, Outcome] = weakref.WeakKeyDictionary()
        self._threads: dict[str, int] = {}
        self._counted_at = float("-inf")

    # -- work -----------------------------------------------------------------------------

    def submit(self, call: bytes, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
        """A Dask future of a packed call that depends on the futures `inputs`."""
        sent = self.client.scatter(call, hash=False) if len(call) > SCATTER_BYTES else call
        future = self.client.submit(run_packed, self.run, sent, *inputs, pure=False, **options)
        self._futures.add(future)
        return future

    def result(self, future: Any) -> Any:
        """The result of a future; blocks until it is there.

        Raises:
            WorkerLost: it cannot be had any more.
            BaseException: what the call raised.
        """
        self.fetch([future])
        return self._outcomes[future].get()

    def is_fetched(self, future: Any) -> bool:
        """Whether the outcome of a future is here, so that asking for it costs nothing."""
        return future in self._outcomes

    def fetch(self, futures: Sequence[Any]) -> None:
        """Bring the outcomes of futures here, those of successful calls in one request; blocks until done.

        Dask forgets them then.  If it did not, it would run calls again whose results were held by a
        worker that died, as long as the future is referenced somewhere, be it by a traceback.
        """
        missing = [future for future in dict.fromkeys(futures) if future not in self._outcomes]
        if not missing:
            return
        try:
            results = self._gather(missing)
        except Exception as exc:  # noqa: BLE001 - whatever a call raised; others do not come through Dask
            if len(missing) > 1:
                for future in missing:
                    self.fetch([future])
                return
            self._outcomes[missing[0]] = Outcome(error=exc)
        else:
            for future, result in zip(missing, results, strict=True):
                is_raised = isinstance(result, Raised)
                self._outcomes[future] = Outcome(error=result.again()) if is_raised else Outcome(value=result)
        for future in missing:
            future.release()

    def wait_first(self, futures: Sequence[Any]) -> None:
        """Block until one of `futures` is done; one that was cancelled or lost is."""
        # What `distributed.wait` does, which in older versions only knows the default client.
        with contextlib.suppress(*_CANCELLED):
            self.client.sync(distributed().client._wait, futures, return_when="FIRST_COMPLETED")

    def _gather(self, futures: list[Any]) -> list[Any]:
        from distributed.scheduler import KilledWorker

        try:
            return self.client.gather(futures)
        except TypeError as exc:
            if not str(exc).startswith("Could not serialize object"):
                raise
            raise TypeError(
                f"The result of {_names(futures)} cannot be sent from the Dask worker that made it. "
                f"{str(exc).splitlines()[0]}."
            ) from exc
        except KilledWorker as exc:
            raise WorkerLost(
                f"Dask gave up on {_names(futures)}: every worker that ran it died. {exc}"
            ) from exc
        except _CANCELLED as exc:
            raise WorkerLost(
                f"The result of {_names(futures)} is lost: it was cancelled, or the connection to the Dask "
                f"scheduler broke. {exc}"
            ) from exc

    # -- the cluster ----------------------------------------------------------------------

    def threads(self) -> dict[str, int]:
        """Number of threads by worker address, counted at most once a second."""
        if time.monotonic() - self._counted_at > COUNT_WORKERS_EVERY_S:
            self._threads = self.client.nthreads()
            self._counted_at = time.monotonic()
        return self._threads

    @contextlib.contextmanager
    def watching(self, report: Callable[[str, Any], Awaitable[None] | None]) -> Generator[None]:
        """Call `report("add" | "remove", message)` in the client's event loop as workers come and go."""

        async def on_event(event: tuple[float, Any]) -> None:
            facts: Any = event[1]
            action = getattr(facts, "get", _nothing)("action")  # events of other kinds are no dicts
            outcome: Awaitable[None] | None = None
            if action == "add-worker":
                workers = (await self.client.scheduler.identity())["workers"]
                address = facts["worker"]
                outcome = report("add", {"workers": {address: workers.get(address, {})}})
            elif action == "remove-worker":
                outcome = report("remove", facts["worker"])
            if outcome is not None:
                await outcome

        # Not Dask's own worker-status subscription: the scheduler has one of those, and the
        # cluster object needs it.
        self.client.subscribe_topic("all", on_event)
        try:
            yield
        finally:
            if self.client.status == "running":
                self.client.unsubscribe_topic("all")

    def stop(self, interrupt: bool) -> None:
        """Cancel everything unfinished.

        Args:
            interrupt: also raise KeyboardInterrupt in the calls that run on workers.

        Raises:
            Exception: whatever a cluster raises that does not answer.
        """
        unfinished = [future for future in self._futures if not future.done()]
        self.client.cancel(unfinished, force=True)
        if interrupt:
            # `client.run` with a time limit: a worker that hangs must not hold up the end.
            self.client.sync(self.client._run, stop_run, self.run, callback_timeout=STOP_TIMEOUT_S)


def _nothing(_: str) -> None:
    return None


def _names(futures: list[Any]) -> str:
    failed = [future for future in futures if future.status != "finished"] or futures
    names = [repr(str(future.key).rpartition("-")[0]) for future in failed[:3]]
    return ", ".join(names) + (", …" if len(failed) > 3 else "")
