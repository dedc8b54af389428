"""`SecretBase` and `PrefectSecret`."""

from __future__ import annotations

from typing import Any

from prefect.core.task import Task
from prefect.utilities._lazy import removed_names

__all__ = ["PrefectSecret", "SecretBase"]

__getattr__ = removed_names(__name__)


class SecretBase(Task):
    """Base of tasks whose result is a secret: it is never checkpointed.

    Subclasses define `run(self, name=None)`. A flow run that is resumed runs them again, by name.

    Args:
        **kwargs: settings of every `Task`, except `result`.

    Raises:
        ValueError: `result` was given.
    """

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.get("result"):
            raise ValueError("Result types for Secrets are not configurable.")
        super().__init__(**kwargs)
        from prefect.engine.results.secret_result import SecretResult

        self.result = SecretResult(secret_task=self)
        self.checkpoint = False


class PrefectSecret(SecretBase):
    """A task that returns a secret of Prefect; see `prefect.client.Secret` for where it comes from.

    Args:
        name: name of the secret, and of the task.
        **kwargs: settings of every `Task`, except `result`.

    Example:
        ```python
        import prefect
        from prefect import Flow, task
        from prefect.tasks.secrets import PrefectSecret


        @task
        def log_in(password):
            return f"logged in with {len(password)} characters"


        with Flow("report") as flow:
            answer = log_in(PrefectSecret("PASSWORD"))

        with prefect.context(secrets={"PASSWORD": "dontpanic"}):
            print(flow.run().result[answer].result)
        ```
        ```output
        logged in with 9 characters
        ```
    """

    secret_name: str | None

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        self.secret_name = name
        super().__init__(name=name, **kwargs)

    def run(self, name: str | None = None) -> Any:
        """The value of the secret. Texts that are JSON come decoded.

        Args:
            name: name of the secret, when it is known only in the run; the constructor's by default.

        Raises:
            ValueError: no name was given, or there is no such secret on this machine.
            KeyError: the API has no such secret.
        """
        from prefect.client.secrets import Secret

        return Secret(self._name(name)).get()

    def _name(self, name: str | None) -> str:
        name = self.secret_name if name is None else name
        if name is None:
            raise ValueError("A secret name must be provided.")
        return name
