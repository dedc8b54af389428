"""The pool of processes behind `ProcessPoolExecutor`.

Why not `concurrent.futures.ProcessPoolExecutor`: there one dead worker breaks the pool and every
call in it; here the loss is that of the one call the worker ran, and a new worker takes its place.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import wait as wait_for_futures
from multiprocessing.connection import Pipe, wait
from typing import Any

from prefect.executors._thread_pool import AnyFuture, Work, settle, when_ready
from prefect.executors.errors import WorkerLost
from prefect.utilities._child import (
    INTERRUPT_GRACE_S,
    Child,
    ChildEnded,
    child_setup,
    decode,
    handle_message,
    is_answer,
    pack_call,
)

EXIT_LIMIT_S = 60.0
"""How long an idle process may take to exit: libraries write things down in exit handlers."""


class Parcel:
    """A call ready to be sent: its bytes, its future, and its name for errors."""

    __slots__ = ("call", "future", "in_vain", "name")

    def __init__(self, call: bytes, future: AnyFuture, name: str) -> None:
        self.call = call
        self.future = future
        self.name = name
        self.in_vain = 0  # how often it was sent to a worker that was already gone

    def may_run(self) -> bool:
        """Mark the future as running, unless it was cancelled."""
        return self.in_vain > 0 or self.future.set_running_or_notify_cancel()


class Worker:
    """A child and the parcel it works on, if any."""

    __slots__ = ("child", "parcel", "received_it", "sending")

    def __init__(self, child: Child) -> None:
        self.child = child
        self.parcel: Parcel | None = None
        self.sending = threading.Lock()  # held while `parcel` is being sent
        self.received_it = False


class ProcessPool:
    """At most `size` child processes, each running one call at a time.

    A thread of the pool receives what the children send; calls are sent by it, or by the
    submitting thread while a child is idle.  Children start when they are needed.

    Args:
        size: number of processes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._setup = child_setup()
        self._lock = threading.Lock()
        self._workers: dict[Any, Worker] = {}  # by connection, for `wait`
        self._idle: list[Worker] = []
        self._queue: deque[Parcel] = deque()
        self._unfinished: set[AnyFuture] = set()
        self._closing = False
        self._wake_receiver, self._wake_sender = Pipe(duplex=False)
        # An interrupted `Thread.join` takes the thread for ended while it still runs (CPython before 3.13).
        self._has_ended = threading.Event()
        self._receiver = threading.Thread(target=self._receive, name="prefect-process-pool", daemon=True)
        self._receiver.start()

    # -- the submitting thread ------------------------------------------------------------

    def submit(
        self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str
    ) -> AnyFuture:
        """Run the call as soon as its arguments are there and a process is free."""
        if self._closing:
            raise RuntimeError("The pool of this executor is closed; submit inside its start() block.")
        work = Work(fn, args, kwargs)
        with self._lock:
            self._unfinished.add(work.future)
        work.future.add_done_callback(self._forget)
        when_ready(work, lambda ready: self._pack(ready, name))
        return work.future

    def _forget(self, future: AnyFuture) -> None:
        with self._lock:
            self._unfinished.discard(future)

    def _pack(self, work: Work, name: str) -> None:
        try:
            call = pack_call(work.fn, work.args, work.kwargs, name)
        except Exception as exc:  # noqa: BLE001 - the user's objects decide what pickling raises
            if work.future.set_running_or_notify_cancel():
                settle(work.future, error=exc)
            return
        with self._lock:
            self._queue.append(Parcel(call, work.future, name))
        self._dispatch()

    def _dispatch(self) -> None:
        """Send queued parcels to idle workers, new ones included, while there are both."""
        while True:
            with self._lock:
                if not self._queue or self._closing:
                    return
                if self._idle:
                    worker = self._idle.pop()
                elif len(self._workers) < self.size:
                    try:
                        worker = Worker(Child(self._setup))
                    except (OSError, RuntimeError) as exc:
                        if self._workers:  # those that run will do the work
                            return
                        no_worker, parcel = exc, self._queue.popleft()
                        break
                    self._workers[worker.child.connection] = worker
                    self._wake_sender.send_bytes(b"w")
                else:
                    return
                parcel = self._queue.popleft()
                if not parcel.may_run():
                    self._idle.append(worker)
                    continue
                worker.parcel = parcel
                worker.sending.acquire()
            try:
                worker.received_it = worker.child.send(parcel.call)
                if worker.received_it:
                    parcel.call = b""  # or the arguments would be held until the call is done
            finally:
                worker.sending.release()
        if parcel.may_run():
            settle(parcel.future, error=no_worker)
        self._dispatch()

    # -- the receiving thread -------------------------------------------------------------

    def _receive(self) -> None:
        try:
            self._receive_until_closed()
        except BaseException as exc:
            # A mistake of ours; nobody may wait for ever for answers that nobody reads.
            with self._lock:
                self._closing = True
                unfinished = list(self._unfinished)
            for future in unfinished:
                if not future.cancel():
                    settle(future, error=exc)
            raise
        finally:
            self._has_ended.set()

    def _receive_until_closed(self) -> None:
        while True:
            with self._lock:
                if self._closing and not self._workers:
                    return
                waited_for = [self._wake_receiver, *self._workers]
            for connection in wait(waited_for):
                worker = self._workers.get(connection)
                if worker is None:
                    self._wake_receiver.recv_bytes()
                    continue
                try:
                    message = worker.child.receive()
                except ChildEnded as ended:
                    self._lost(worker, connection, ended)
                    continue
                if is_answer(message):
                    self._answered(worker, message)
                else:
                    handle_message(message)

    def _answered(self, worker: Worker, message: bytes) -> None:
        with self._lock:
            parcel, worker.parcel = worker.parcel, None
            self._idle.append(worker)
            if self._closing:
                worker.child.finish()
        self._dispatch()  # first: the worker need not wait until its last result is unpacked
        assert parcel is not None
        outcome = decode(message)
        settle(parcel.future, outcome.value, outcome.error)

    def _lost(self, worker: Worker, connection: Any, ended: ChildEnded) -> None:
        with self._lock:
            del self._workers[connection]
            if worker in self._idle:
                self._idle.remove(worker)
        # With a limit, because an interrupt of the sending thread may hit it with the lock in hand.
        worker.sending.acquire(timeout=INTERRUPT_GRACE_S)
        parcel = worker.parcel
        if parcel is not None:
            if worker.received_it or parcel.in_vain or self._closing:
                settle(parcel.future, error=_worker_lost(parcel.name, ended))
            else:
                parcel.in_vain += 1
                with self._lock:
                    self._queue.appendleft(parcel)
        self._dispatch()

    # -- the end --------------------------------------------------------------------------

    def close(self) -> None:
        """Finish what was submitted, then end the processes."""
        with self._lock:
            unfinished = set(self._unfinished)
        wait_for_futures(unfinished)
        with self._lock:
            self._closing = True
            workers = list(self._workers.values())
        for worker in workers:
            worker.child.finish()
        self._join(EXIT_LIMIT_S)

    def interrupt(self) -> None:
        """Cancel what has not started, raise KeyboardInterrupt in what runs, end the processes.

        A process that does not end within `INTERRUPT_GRACE_S` is killed.
        """
        with self._lock:
            self._closing = True
            unfinished = list(self._unfinished)
            idle = list(self._idle)
            busy = [worker for worker in self._workers.values() if worker not in idle]
        for future in unfinished:
            future.cancel()
        for worker in idle:
            worker.child.finish()
        for worker in busy:
            worker.child.interrupt()
        self._join(INTERRUPT_GRACE_S)
        for future in unfinished:
            if not future.done():
                settle(future, error=KeyboardInterrupt())

    def _join(self, limit_s: float) -> None:
        """Wait until all processes have ended, and kill those that have not after `limit_s`."""
        self._wake_sender.send_bytes(b"w")
        try:
            self._has_ended.wait(limit_s)
        finally:  # also when a second interrupt ends the waiting
            for worker in list(self._workers.values()):
                worker.child.kill()
        if self._has_ended.wait(2 * INTERRUPT_GRACE_S):
            self._wake_sender.close()
            self._wake_receiver.close()


def _worker_lost(name: str, ended: ChildEnded) -> WorkerLost:
    hint = " Often the system had no memory left." if ended.exit_code == -9 else ""
    return WorkerLost(
        f"Worker process {ended.pid} {ended.how} while it ran {name!r}; the result is lost.{hint}",
        work=name,
        pid=ended.pid,
        exit_code=ended.exit_code,
    )
