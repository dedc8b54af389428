"""What became of the flows of one `prefect register` or `prefect build`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, Literal, TextIO

from prefect.cli._output import styled, write

__all__ = ["Outcome", "Result", "Tally"]

Result = Literal["registered", "built", "skipped", "failed"]


@dataclass
class Outcome:
    """What became of a flow, or of a source that could not be loaded."""

    source: str
    """Where it was found."""
    flow: str | None
    """Its name; None of a source that could not be loaded."""
    result: Result
    """What became of it."""
    id: str | None = None
    """Its id, if it was registered."""
    version: int | None = None
    """Its version, if the API said one."""
    error: str | None = None
    """Why it was not."""


@dataclass
class Tally:
    """How many flows went which way."""

    outcomes: list[Outcome] = field(default_factory=list["Outcome"])
    """All of them, in their order."""
    stream: TextIO = field(default_factory=lambda: sys.stdout)
    """Where to tell about it."""

    @property
    def done(self) -> int:
        """Flows that were registered or built."""
        return sum(outcome.result in ("registered", "built") for outcome in self.outcomes)

    @property
    def skipped(self) -> int:
        """Flows that did not change."""
        return sum(outcome.result == "skipped" for outcome in self.outcomes)

    @property
    def failed(self) -> int:
        """Flows and sources that something is wrong with."""
        return sum(outcome.result == "failed" for outcome in self.outcomes)

    def say(self, text: str) -> None:
        """Tell about progress."""
        write(text, self.stream)

    def colored(self, text: str, color: str) -> str:
        """A text in a colour, where there are colours."""
        return styled(text, self.stream, color=color)

    def add(self, source: str, flow: str | None, result: Result, **facts: Any) -> None:
        """Count a flow."""
        self.outcomes.append(Outcome(source, flow, result, **facts))

    def line(self, verb: str) -> str:
        """The summary, such as `==== 2 registered, 1 skipped ====`."""
        parts = [f"{self.done} {verb}"]
        parts += [f"{self.skipped} skipped"] if self.skipped else []
        parts += [f"{self.failed} errored"] if self.failed else []
        color = "red" if self.failed else "green" if self.done else "yellow"
        return styled(f" {', '.join(parts)} ".center(62, "="), self.stream, color=color, bold=True)
