"""Results that must not be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from prefect.engine.result.base import Result

if TYPE_CHECKING:
    from prefect.core.task import Task

__all__ = ["SecretResult"]


class SecretResult(Result):
    """The value of a secret task: never stored, and read by running the task again.

    Args:
        secret_task: the task that looks the secret up.
        **kwargs: `value`, `location` (default: the name of the task) and `serializer`, as for
            every `Result`.
    """

    def __init__(self, secret_task: Task, **kwargs: Any) -> None:
        self.secret_task = secret_task
        kwargs.setdefault("location", secret_task.name)
        super().__init__(**kwargs)

    def read(self, location: str) -> Result:
        """A new result with the value that the secret has now.

        Args:
            location: kept as the location of the new result; it is not looked at.

        Raises:
            Exception: what the task raises if there is no such secret.
        """
        new = self.copy()
        new.value = self.secret_task.run()
        new.location = location
        return new

    def write(self, value_: Any, **kwargs: Any) -> NoReturn:
        """Refuse.

        Args:
            value_: not looked at.
            **kwargs: not used.

        Raises:
            ValueError: always.
        """
        raise ValueError("SecretResults cannot be written to: a secret stays where it is kept.")
