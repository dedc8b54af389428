"""`FakeClock`: time that moves when it is told to."""

from __future__ import annotations

import datetime

from prefect.utilities.clock import use_clock

__all__ = ["FakeClock"]


class FakeClock:
    """A clock that waits for nothing: whoever waits for a time has it at once.

    While a `with` block of it runs, every run of this process takes its time from it: retries and
    schedules come without waiting, and the clock shows the time they waited for.

    Example:
        ```python
        from datetime import timedelta


        @task(max_retries=1, retry_delay=timedelta(minutes=10))
        def second_time_lucky():
            if prefect.context.task_run_count == 1:
                raise OSError("not yet")


        with Flow("patient") as flow:
            second_time_lucky()

        with FakeClock("2030-01-01T12:00") as clock:
            flow.run()  # returns at once
            clock.now()  # 2030-01-01 12:10
        ```

    Args:
        start: the time it shows at first, as datetime or ISO text (naive ones are UTC).
    """

    def __init__(self, start: datetime.datetime | str = "2030-01-01T00:00:00") -> None:
        moment = datetime.datetime.fromisoformat(start) if isinstance(start, str) else start
        self._now = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
        #: The times that were waited for, in order.
        self.waited_for: list[datetime.datetime] = []

    def now(self) -> datetime.datetime:
        """The time it shows."""
        return self._now

    def advance(self, seconds: float = 0, *, by: datetime.timedelta | None = None) -> datetime.datetime:
        """Move on by some seconds, or by a timedelta; returns the new time."""
        self._now += by if by is not None else datetime.timedelta(seconds=seconds)
        return self._now

    def wait_until(self, moment: datetime.datetime) -> None:
        """Move on to `moment`."""
        self.waited_for.append(moment)
        self._now = max(self._now, moment)

    def __enter__(self) -> FakeClock:
        self._context = use_clock(self)
        self._context.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._context.__exit__(None, None, None)
