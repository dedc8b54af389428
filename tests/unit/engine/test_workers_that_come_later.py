from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prefect import Flow, task
from prefect.executors import Executor


class Growing(Executor):
    """One worker at first, ten when the first work is done."""

    placement = "threads"

    def __init__(self) -> None:
        super().__init__()
        self.size = 1
        self.in_flight: list[int] = []

    @property
    def workers(self) -> int:
        return self.size

    def submit(
        self, fn: Callable[..., Any], *args: Any, extra_context: dict[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        return [fn(*args, **kwargs)]  # a list, so that each future is an object of its own

    def wait_any(self, futures: Sequence[Any]) -> list[Any]:
        self.in_flight.append(len(futures))
        self.size = 10
        return [futures[0]]

    def wait(self, futures: Any) -> Any:
        return futures[0]


def test_workers_that_come_during_a_run_get_work() -> None:
    @task
    def one() -> int:
        return 1

    with Flow("growing") as flow:
        for _ in range(60):
            one()
    executor = Growing()
    state = flow.run(executor=executor)
    assert state is not None
    assert state.is_successful()
    assert executor.in_flight[0] <= 4
    assert max(executor.in_flight) > 10
