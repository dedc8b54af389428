"""`MemoryResult`: results written to a dictionary."""

from __future__ import annotations

from typing import Any

from prefect.engine.result.base import Result

__all__ = ["MemoryResult"]


class MemoryResult(Result):
    """A result whose values are kept in this process, as bytes, in `store`.

    Values go through the serializer, so a value that could not be written to a file is found out.

    Example:
        ```python
        @task
        def answer():
            return 42


        with Flow("kept") as flow:
            answer()

        store = {}
        flow.result = MemoryResult(store=store)
        with prefect.context(checkpointing=True):
            flow.run()
        list(store)  # the locations that were written
        ```

    Args:
        store: `{location: bytes}`; a new dictionary by default, shared by copies of the result.
        **kwargs: arguments of `Result`.
    """

    def __init__(self, store: dict[str, bytes] | None = None, **kwargs: Any) -> None:
        self.store: dict[str, bytes] = {} if store is None else store
        super().__init__(**kwargs)

    def exists(self, location: str, **kwargs: Any) -> bool:
        """Whether there is a value at the location."""
        return location.format(**kwargs) in self.store

    def read(self, location: str) -> MemoryResult:
        """A new result with the value at the location.

        Raises:
            KeyError: there is none.
        """
        new = self.copy()
        new.location = location
        new.value = self.serializer.deserialize(self.store[location])
        return new

    def write(self, value_: Any, **kwargs: Any) -> MemoryResult:
        """Keep the value; the result returned holds it and its location."""
        new = self.format(**kwargs)
        new.value = value_
        assert new.location is not None
        self.store[new.location] = self.serializer.serialize(value_)
        return new
