"""Results that are known beforehand."""

from __future__ import annotations

from typing import Any, NoReturn

from prefect.engine.result.base import Result

__all__ = ["ConstantResult"]


class ConstantResult(Result):
    """A value that is part of the flow and needs no store; it cannot be written.

    Args:
        **kwargs: `value` (the constant), `location` and `serializer`, as for every `Result`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def read(self, location: str) -> Result:
        """This result, whatever the location.

        Args:
            location: not looked at.
        """
        del location
        return self

    def write(self, value_: Any, **kwargs: Any) -> NoReturn:
        """Refuse.

        Args:
            value_: not looked at.
            **kwargs: not used.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "Cannot write values to `ConstantResult` types: a constant is set when the flow is built. "
            "Use LocalResult or another result that stores values."
        )

    def exists(self, location: str, **kwargs: Any) -> bool:
        """True: a constant is always there.

        Args:
            location: not looked at.
            **kwargs: not used.
        """
        return True
