"""What a child interpreter of `prefect.utilities._child` does: take calls, answer them, log home."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import signal
import sys
import threading
import traceback
from typing import Any

import cloudpickle

from prefect.utilities._child import INTERRUPT_GRACE_S, STARTED, dumps
from prefect.utilities.context import context
from prefect.utilities.logging import PREFECT_LOG_RECORD_ATTRIBUTES

RUN_KEYS = (*PREFECT_LOG_RECORD_ATTRIBUTES, "running_with_backend")


def main(handle: int) -> None:
    """Serve calls that come through the connection `handle` until it closes."""
    connection = _connect(handle)
    if hasattr(os, "register_at_fork"):
        # A process that a task forks must not keep the connection open when this one is gone.
        os.register_at_fork(after_in_child=connection.close)
    channel = Channel(connection)
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _watch_parent()
        _take_over(cloudpickle.loads(connection.recv_bytes()), channel)
        while call := connection.recv_bytes():
            channel.answer(call)
            del call


class Channel:
    """Our end of the connection; log records of any thread and the answers take turns."""

    current: Channel | None = None
    """The channel of this process, when it is a child."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        Channel.current = self

    def send(self, kind: bytes, body: bytes = b"") -> None:
        """Send one message."""
        with self._lock:
            self._connection.send_bytes(kind + body)

    def answer(self, call: bytes) -> None:
        """Run a packed call and send what comes of it."""
        try:
            fn, args, kwargs = cloudpickle.loads(call)
            value = fn(*args, **kwargs)
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException as exc:  # noqa: BLE001 - signals too: the parent raises it again
            self.send(b"E", _pack_error(exc))
            return
        try:
            body = dumps(value)
        except Exception as exc:  # noqa: BLE001 - the user's object decides what it raises
            error = TypeError(
                f"The result, of type {type(value).__name__!r}, cannot be sent back from the process that "
                f"made it: {type(exc).__name__}: {exc}"
            )
            self.send(b"E", _pack_error(error))
        else:
            self.send(b"V", body)


def announce_start() -> None:
    """Tell the parent that the call it sent has been unpacked and starts now."""
    if Channel.current is not None:
        Channel.current.send(STARTED)


class ForwardRecords(logging.Handler):
    """Sends log records to the parent, formatted as far as objects that do not travel require."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        """Send `record`; a parent that is gone has no use for it."""
        try:
            self._send(record)
        except OSError:
            return
        except Exception:  # noqa: BLE001 - what `logging` asks of every handler
            self.handleError(record)

    def _send(self, record: logging.LogRecord) -> None:
        fields = dict(record.__dict__)
        fields["msg"], fields["args"] = record.getMessage(), None
        if record.exc_info:
            fields["exc_text"] = (
                record.exc_text or "".join(traceback.format_exception(*record.exc_info)).rstrip()
            )
            fields["exc_info"] = None
        run = {key: value for key in RUN_KEYS if (value := context.get(key)) is not None}
        try:
            body = pickle.dumps((fields, run))
        except Exception:  # noqa: BLE001 - an attribute somebody attached; keep those that travel
            body = pickle.dumps(({key: value for key, value in fields.items() if _is_plain(value)}, run))
        self._channel.send(b"L", body)


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bool, bytes))


def _pack_error(error: BaseException) -> bytes:
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    try:
        body = dumps((error, trace))
        cloudpickle.loads(body)  # exceptions with required arguments pickle well and fail here
    except Exception:  # noqa: BLE001 - see above
        stand_in = RuntimeError(f"{type(error).__name__}: {error} (the exception itself does not pickle)")
        return dumps((stand_in, trace))
    return body


def _take_over(setup: dict[str, Any], channel: Channel) -> None:
    """Make configuration, logging and context those of the parent."""
    config = context.config
    config.clear()
    config.update(cloudpickle.loads(setup["config"]))
    levels: dict[str, int] = setup["levels"]
    for name in [*logging.Logger.manager.loggerDict]:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name, level in levels.items():
        logging.getLogger(name or None).setLevel(level)
    logging.getLogger().handlers[:] = [ForwardRecords(channel)]
    for key, body in setup["context"].items():
        # A class of a module that this process cannot import: the task that needs it will say so.
        with contextlib.suppress(Exception):
            context[key] = cloudpickle.loads(body)


def _connect(handle: int) -> Any:
    if sys.platform == "win32":  # pragma: no cover
        from multiprocessing.connection import PipeConnection

        return PipeConnection(handle)
    from multiprocessing.connection import Connection

    os.set_inheritable(handle, False)
    return Connection(handle)


def _watch_parent() -> None:
    """Interrupt, then end this process when the parent closes our standard input or dies.

    Standard input itself becomes the null device, so that programs started by tasks find an end.
    """
    life_line = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    threading.Thread(target=_wait_for_end, args=(life_line,), name="prefect-life-line", daemon=True).start()


def _wait_for_end(life_line: int) -> None:
    os.read(life_line, 1)
    _interrupt_main_thread()
    # Nobody can wake this thread: it is the last resort when the main thread does not end.
    threading.Event().wait(INTERRUPT_GRACE_S)
    os._exit(1)


def _interrupt_main_thread() -> None:
    main_thread = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGINT)  # wakes it from blocking calls, too
    else:  # pragma: no cover - Windows
        import _thread

        _thread.interrupt_main()
