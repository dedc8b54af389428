"""`EnvVarSecret`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from prefect.tasks.secrets.base import PrefectSecret

__all__ = ["EnvVarSecret"]


class EnvVarSecret(PrefectSecret):
    """A task that returns an environment variable of the process it runs in.

    Args:
        name: name of the variable, and of the task.
        cast: from its text to the result, such as `int`; not called when the variable is missing.
        raise_if_missing: whether a missing variable is an error; otherwise the result is None.
        **kwargs: settings of every `Task`, except `result`.
    """

    cast: Callable[[str], Any] | None
    raise_if_missing: bool

    def __init__(
        self,
        name: str | None = None,
        cast: Callable[[str], Any] | None = None,
        raise_if_missing: bool = False,
        **kwargs: Any,
    ) -> None:
        self.cast = cast
        self.raise_if_missing = raise_if_missing
        super().__init__(name=name, **kwargs)

    def run(self, name: str | None = None) -> Any:
        """The value of the variable, cast; None when it is missing.

        Args:
            name: name of the variable, when it is known only in the run; the constructor's by default.

        Raises:
            ValueError: no name was given, or the variable is missing and `raise_if_missing` is set.
        """
        name = self._name(name)
        value = os.environ.get(name)
        if value is None:
            if self.raise_if_missing:
                raise ValueError(f"Environment variable not set: {name}")
            return None
        return value if self.cast is None else self.cast(value)
