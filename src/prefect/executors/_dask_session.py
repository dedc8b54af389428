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

from prefect.executors._dask_worker import Raised, run_packed, stop_run
from prefect.executors.errors import WorkerLost

STOP_TIMEOUT_S = 5
"""How long the end of an interrupted run waits for the workers to take notice."""
COUNT_WORKERS_EVERY_S = 1
SCATTER_BYTES = 1_000_000
"""Calls above this size go to a worker as data: what is in the task graph stays in the scheduler."""

_CANCELLED = (concurrent.futures.CancelledError, asyncio.CancelledError)


def distributed() -> Any:
    """The module; importing it takes most of a second, so it is imported when a run starts."""
    import distributed

    return distributed


class Session:
    """A connected client and the futures it was given.

    Args:
        client: a `distributed.Client`.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.run = uuid.uuid4().hex
        self._futures: weakref.WeakSet[Any] = weakref.WeakSet()
        self._fetched: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self._threads: dict[str, int] = {}
        self._counted_at = float("-inf")

    # -- work -----------------------------------------------------------------------------

    def submit(self, call: bytes, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
        """A Dask future of a packed call that depends on the futures `inputs`."""
        sent = self.client.scatter(call, hash=False) if len(call) > SCATTER_BYTES else call
        future = self.client.submit(run_packed, self.run, sent, *inputs, pure=False, **options)
        self._futures.add(future)
        return future

    def results(self, futures: Sequence[Any]) -> list[Any]:
        """The results of `futures`, in order; blocks until they are there.

        Raises:
            WorkerLost: a result cannot be had any more.
            BaseException: what a call raised.
        """
        missing = [future for future in futures if future not in self._fetched]
        known = dict(zip(missing, self._gather(missing), strict=True)) if missing else {}
        results = [known[f] if f in known else self._fetched.pop(f) for f in futures]
        for result in results:
            if isinstance(result, Raised):
                raise result.error
        return results

    def wait_first(self, futures: Sequence[Any]) -> None:
        """Block until one of `futures` is done; one that was cancelled or lost is."""
        with contextlib.suppress(*_CANCELLED), self.client.as_current():
            distributed().wait(futures, return_when="FIRST_COMPLETED")

    def fetch(self, futures: Sequence[Any]) -> None:
        """Get the results of those of `futures` that have one, in one request, for `results`."""
        finished = [f for f in futures if f.status == "finished" and f not in self._fetched]
        if finished:
            with contextlib.suppress(Exception):  # whatever it is, `results` will meet and raise it again
                self._fetched.update(zip(finished, self._gather(finished), strict=True))

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

    def stop(self, interrupt: bool) -> int:
        """Cancel everything unfinished.

        Args:
            interrupt: also raise KeyboardInterrupt in the calls that run on workers.

        Returns:
            The number of futures cancelled.

        Raises:
            Exception: whatever a cluster raises that does not answer.
        """
        unfinished = [future for future in self._futures if not future.done()]
        if unfinished:
            self.client.cancel(unfinished, force=True)
            if interrupt:
                # `client.run` with a time limit: a worker that hangs must not hold up the end.
                self.client.sync(self.client._run, stop_run, self.run, callback_timeout=STOP_TIMEOUT_S)
        return len(unfinished)


def _nothing(_: str) -> None:
    return None


def _names(futures: list[Any]) -> str:
    failed = [future for future in futures if future.status != "finished"] or futures
    names = [repr(str(future.key).rpartition("-")[0]) for future in failed[:3]]
    return ", ".join(names) + (", …" if len(failed) > 3 else "")
