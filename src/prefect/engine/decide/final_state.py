"""The state a flow run ends in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from prefect.engine.state import State

Outcome = Literal["unfinished", "failed", "all successful", "none failed"]


def outcome(terminal_states: Iterable[State], key_states: Iterable[State]) -> Outcome:
    """What became of a flow run.

    Args:
        terminal_states: states of the tasks that nothing waits for.
        key_states: states of the reference tasks, with their mapped children.
    """
    if not all(state._finished for state in terminal_states):  # pyright: ignore[reportPrivateUsage]
        return "unfinished"
    successful = True
    for state in key_states:
        if state._failed:  # pyright: ignore[reportPrivateUsage]
            return "failed"
        if not state._successful:  # pyright: ignore[reportPrivateUsage]
            successful = False
    return "all successful" if successful else "none failed"
