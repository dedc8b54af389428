"""Stop Python code that runs in another thread."""

from __future__ import annotations


def raise_in_thread(thread_id: int, error: type[BaseException]) -> None:
    """Raise `error` in the thread with this id, at its next bytecode.

    A thread inside a blocking call notices when that returns.
    """
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(error))
