"""A fresh Python interpreter that runs what it is sent: the process behind pools and timeouts.

Why not `multiprocessing`: its spawned children run the main script again, which flows without an
`if __name__ == "__main__"` guard do not survive; it keeps helper processes of its own; and it
refuses to start children from daemonic workers.  Here functions travel as cloudpickles, so the
child needs the main script for nothing.

What a child keeps from its parent: import path, working directory, configuration (also what was
changed after import), log levels, and the picklable part of the run context.  Its log records
are handled by the loggers of the parent, so they appear where the parent's do.  When the parent
dies the child ends as well.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Pipe
from typing import Any, cast

import cloudpickle

from prefect.utilities.context import Layer, context

dumps = cast("Callable[[Any], bytes]", cloudpickle.dumps)  # pyright: ignore[reportUnknownMemberType]

STARTED = b"S"
"""The message that a call which said so (`announce_start`) has started."""
INTERRUPT_GRACE_S = 5.0
"""How long an interrupted child may clean up before it is killed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call in a child: a result or an error."""

    value: Any = None
    error: BaseException | None = None

    def get(self) -> Any:
        """The result.

        Raises:
            BaseException: what the call raised.
        """
        if self.error is not None:
            raise self.error
        return self.value


class ChildEnded(Exception):
    """The child process ended without an answer; `how` says how, in words."""

    def __init__(self, pid: int, exit_code: int) -> None:
        super().__init__(pid, exit_code)
        self.pid = pid
        self.exit_code = exit_code

    @property
    def how(self) -> str:
        """`exited with code 3` or `was killed by SIGKILL`."""
        if self.exit_code >= 0:
            return f"exited with code {self.exit_code}"
        return f"was killed by {_signal_name(-self.exit_code)}"

    def __str__(self) -> str:
        return f"Process {self.pid} {self.how}."


class ChildError(Exception):
    """Stands behind an exception that came from a child, with the traceback it had there."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def pack_call(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str = "the function"
) -> bytes:
    """A call as bytes: for `Child.send`, or for anything else that does `run_call` with them.

    Args:
        fn: what to call.
        args: positional arguments.
        kwargs: keyword arguments.
        name: what to call the work in the error.

    Raises:
        TypeError: something in it does not pickle; the text says which part.
        PicklingError: the same, where pickle itself raises that.
    """
    try:
        return dumps((fn, args, kwargs))
    except Exception as exc:  # whatever the __reduce__ of the user's objects raises
        raise cannot_send(fn, args, kwargs, name, exc) from exc


def cannot_send(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str, error: Exception
) -> Exception:
    """The error to raise for a call that does not pickle: like `error`, and says which part."""
    from prefect.utilities._pickling import explain_unpicklable

    parts: list[tuple[str, Any]] = [(f"function {getattr(fn, '__name__', '?')!r}", fn)]
    parts += [(f"argument {position}", value) for position, value in enumerate(args)]
    parts += [(f"argument {key!r}", value) for key, value in kwargs.items()]
    where = next(filter(None, (explain_unpicklable(value, label) for label, value in parts)), str(error))
    text = (
        f"{name} cannot be sent to another process. {where}. Create that object inside the task, or use an "
        f"executor with threads."
    )
    return TypeError(text) if isinstance(error, TypeError) else pickle.PicklingError(text)


def run_call(call: bytes) -> Any:
    """Run what `pack_call` packed."""
    fn, args, kwargs = cloudpickle.loads(call)
    return fn(*args, **kwargs)


_OF_THIS_PROCESS = frozenset({"config", "logger", "flow", "caches", "_unused_task_tracker"})


def child_setup(whole_context: bool = False) -> bytes:
    """What a child takes over from the present process and thread, as bytes for `Child`.

    Args:
        whole_context: also those values of the run context that would have to be made first or belong
            to the current task run; without it, what is plainly there.
    """
    values = context.copy() if whole_context else _present_values(context.top)
    left_out = {"config"} if whole_context else _OF_THIS_PROCESS
    return pickle.dumps(
        {
            "context": _picklable_items({k: v for k, v in values.items() if k not in left_out}),
            "config": dumps(context.config.to_dict()),
            "levels": _log_levels(),
        }
    )


def _present_values(top: Layer) -> dict[str, Any]:
    """Values of the context that need not be made on reading."""
    values: dict[str, Any] = {}
    layer: Layer | None = top
    while layer is not None:
        values = {**layer.values, **values}
        layer = layer.parent
    return {key: value for key, value in values.items() if top.get(key, values) is value}


class Child:
    """One running child.

    One thread at a time may send, one may receive; any thread may interrupt or kill.  The one
    that receives also reaps: `ChildEnded` comes when the process is gone and everything of it is
    released.

    Args:
        setup: from `child_setup`.
    """

    def __init__(self, setup: bytes) -> None:
        self.connection, theirs = Pipe()
        try:
            self._process = _start_interpreter(theirs)
        except BaseException:
            self.connection.close()
            raise
        finally:
            theirs.close()
        self.send(setup)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, call: bytes) -> bool:
        """Send a packed call; one at a time, the next after the answer to the last.

        Returns:
            False when the child is gone and the call certainly did not start.
        """
        try:
            self.connection.send_bytes(call)
        except OSError:
            return False
        return True

    def receive(self) -> bytes:
        """Block for the next message; `decode` tells what it is.

        Raises:
            ChildEnded: the process has ended, and is reaped.
        """
        try:
            return self.connection.recv_bytes()
        except (EOFError, OSError):
            raise self._ended() from None

    def finish(self) -> None:
        """Ask an idle child to end, without waiting: `receive` until `ChildEnded`."""
        self.send(b"")

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in what the child runs and have it end, without waiting.

        A child that has not ended `INTERRUPT_GRACE_S` seconds later ends itself.
        """
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def kill(self) -> None:
        """End the child now, whatever it does, without waiting: `receive` until `ChildEnded`."""
        self._process.kill()

    def _ended(self) -> ChildEnded:
        """Wait for the process whose end of the connection is closed, and release everything."""
        try:
            self._process.wait(INTERRUPT_GRACE_S)
        except subprocess.TimeoutExpired:  # it hangs while it ends, in somebody's exit handler
            self._process.kill()
            self._process.wait()
        self.interrupt()
        self.connection.close()
        return ChildEnded(self.pid, self._process.returncode)


def is_answer(message: bytes) -> bool:
    """Whether a message of a child is the answer to the call it was sent."""
    return message[:1] in (b"V", b"E")


def decode(message: bytes) -> Outcome:
    """The outcome in an answer; unpickling errors count as errors of the call."""
    body = memoryview(message)[1:]
    try:
        if message[:1] == b"V":
            return Outcome(value=cloudpickle.loads(body))
        error, trace = cloudpickle.loads(body)
    except BaseException as exc:  # noqa: BLE001 - unpickling runs code of the user's classes
        return Outcome(error=exc)
    error.__cause__ = ChildError(trace)
    return Outcome(error=error)


def handle_message(message: bytes) -> None:
    """Do what a message that is no answer asks for: let our loggers handle a log record."""
    if message[:1] != b"L":
        return
    try:
        fields, run = cloudpickle.loads(memoryview(message)[1:])
        record = logging.makeLogRecord(fields)
        with context(run):  # handlers look up there which run a line belongs to
            logging.getLogger(record.name).handle(record)
    except Exception:  # noqa: BLE001 - a filter or handler of the user's; logging must not end a run
        if logging.raiseExceptions:
            traceback.print_exc()


def _start_interpreter(theirs: Any) -> subprocess.Popen[bytes]:
    if not sys.executable:
        raise RuntimeError(
            "Cannot start a worker process: sys.executable does not name a Python interpreter."
        )
    handle: int = theirs.fileno()
    code = (
        # An interrupt meant for the parent while this one is starting would only make noise.
        "import _signal; _signal.signal(_signal.SIGINT, _signal.SIG_IGN); "
        f"import sys; sys.path[:] = {sys.path!r}; "
        f"from prefect.utilities._child_main import main; main({handle})"
    )
    # The flags (-O, -W, -X …) the way multiprocessing passes them on; there is no public function.
    flags: list[str] = cast("Any", subprocess)._args_from_interpreter_flags()
    command = [sys.executable, *flags, "-c", code]
    # The child's standard input is its life line: it ends when nobody holds the other end any more.
    if sys.platform == "win32":  # pragma: no cover
        os.set_handle_inheritable(handle, True)
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        return subprocess.Popen(command, stdin=subprocess.PIPE, startupinfo=startup)  # noqa: S603 - our own interpreter
    return subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(handle,))  # noqa: S603 - our own interpreter


def _signal_name(number: int) -> str:
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _log_levels() -> dict[str, int]:
    """Explicit levels of this process's loggers, by name; the root's name is empty."""
    levels = {"": logging.getLogger().level}
    for name, logger in logging.Logger.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and logger.level:
            levels[name] = logger.level
    return levels


def _picklable_items(values: Mapping[str, Any]) -> dict[str, bytes]:
    """Each value on its own, so that one without a pickle does not cost the others."""
    pickles: dict[str, bytes] = {}
    for key, value in values.items():
        try:
            pickles[key] = dumps(value)
        except Exception:  # noqa: BLE001, S112 - arbitrary objects; the child does without
            continue
    return pickles
