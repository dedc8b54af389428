"""Watching runs: functions told of every change of state, as it becomes known here.

Unlike state handlers, observers cannot change anything and are called in the process that
drives the run, whatever executor runs its tasks. The command line draws its live view from
them.

Example:
    ```python
    with Flow("watched") as flow:
        Parameter("day", default="Monday")()


    def show(event):
        print(event.task.name, event.map_index, event.new_state)


    with observe(show):
        flow.run()
    ```
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from prefect.core.task import Task
    from prefect.engine.state import State

__all__ = ["Event", "Observer", "observe"]


class Event(NamedTuple):
    """A task run changed its state.

    Attributes:
        task: the task.
        map_index: index of the mapped child; None for the task itself.
        old_state: the state it left; None when it is not known here (tasks that ran elsewhere).
        new_state: the state it is in.
    """

    task: Task
    map_index: int | None
    old_state: State | None
    new_state: State


Observer = Callable[[Event], None]

_observers: list[Observer] = []


@contextlib.contextmanager
def observe(callback: Observer) -> Generator[None]:
    """Call `callback` for every change of state while the block runs, in any flow run of this process.

    Callbacks may come from several threads. They should be quick, and must not raise.
    """
    _observers.append(callback)
    try:
        yield
    finally:
        _observers.remove(callback)


def is_observed() -> bool:
    """Whether anybody watches."""
    return bool(_observers)


def notify(task: Task, map_index: int | None, old_state: State | None, new_state: State) -> None:
    """Tell all observers."""
    event = Event(task, map_index, old_state, new_state)
    for observer in tuple(_observers):
        observer(event)
