"""What can go wrong between an executor and the places where functions run.

PrefectException
└── ExecutorError            the function's fate is not an answer of its own
    └── WorkerLost           the process that ran it, or held its result, is gone
"""

from __future__ import annotations

from prefect.exceptions import PrefectException


class ExecutorError(PrefectException):
    """An executor could not run a function or could not get its result."""


class WorkerLost(ExecutorError):
    """The worker that ran a function, or that held its result, is gone.

    Args:
        message: which work was lost and how the worker ended.
        work: the name of the task run or function.
        pid: process id of the worker, when it ran on this machine.
        exit_code: how the process ended: its exit status, or minus the number of the signal.
    """

    def __init__(
        self, message: str = "", work: str | None = None, pid: int | None = None, exit_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.work = work
        self.pid = pid
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.args[0], self.work, self.pid, self.exit_code)
