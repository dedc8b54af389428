"""Infrastructure of one flow run, as the agent that started it sees it."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Ended", "Job", "describe_end"]

#: Most characters of a process's last output in a log line.
MAX_OUTPUT = 8_000


@dataclass(frozen=True)
class Ended:
    """How infrastructure ended.

    Attributes:
        exit_code: of its process; negative for the number of the signal that killed it, None if unknown.
        output: the last that it wrote.
        reason: what else is known of it, as a sentence: out of memory, evicted, no such image.
        is_lost: whether it never started, or was taken away, so that the flow run cannot have ended by itself.
    """

    exit_code: int | None
    output: str = ""
    reason: str = ""
    is_lost: bool = False

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it."""
        return self.exit_code is not None and (self.exit_code < 0 or 128 < self.exit_code < 160)


class Job(Protocol):
    """One process, container, pod or task."""

    @property
    def name(self) -> str:
        """What people call it, such as `PID: 1234`."""
        ...

    def poll(self) -> Ended | None:
        """How it ended; None while it is there."""
        ...

    def stop(self, is_urgent: bool) -> None:
        """Ask it to end, or end it now if that is urgent; without waiting.

        Where it has ended by itself, what it left behind is ended.
        """
        ...

    def release(self) -> None:
        """Give up what is held for it; it has ended, or goes on without this agent."""
        ...

    def settled(self) -> None:
        """It has ended and the API knows all of it: whatever is left of it is no longer needed."""
        ...


def describe_end(what: str, end: Ended) -> str:
    """How a job ended, as a clause: `The process exited with code 3`.

    Args:
        what: what it is: `process`, `container`, …
        end: how it ended.
    """
    if end.exit_code is None:
        text = f"The {what} of the flow run is gone"
    elif end.exit_code < 0:
        text = f"The {what} of the flow run was killed by {_signal_name(-end.exit_code)}"
    elif 128 < end.exit_code < 160:
        text = (
            f"The {what} of the flow run exited with code {end.exit_code} "
            f"({_signal_name(end.exit_code - 128)})"
        )
    else:
        text = f"The {what} of the flow run exited with code {end.exit_code}"
    return f"{text} ({end.reason.rstrip('.')})" if end.reason else text


def last_output(end: Ended) -> str:
    """The last output of a job as lines to append to a log message; empty if there is none."""
    text = end.output.strip("\n")
    if not text.strip():
        return ""
    if len(text) > MAX_OUTPUT:
        text = "…" + text[-MAX_OUTPUT:]
    return f"\nIts last output:\n{text}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
