"""`Secret`: a named value, from this machine's configuration or from the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from prefect.exceptions import ClientError
from prefect.utilities.context import context

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["Secret"]

_MISSING = object()


class Secret:
    """A named value that does not belong into code: a password, a token, a webhook address.

    It is looked up in `prefect.context.secrets` first, which is filled from the configuration:
    section `[context.secrets]` of `config.toml`, or an environment variable
    `PREFECT__CONTEXT__SECRETS__<NAME>`. What is missing there comes from the API, when the backend is
    `cloud` and `cloud.use_local_secrets` is false, as in runs that an agent started.

    Use `prefect.tasks.secrets.PrefectSecret` to hand a secret to tasks.

    Args:
        name: name of the secret. Upper and lower case matter.

    Example:
        ```python
        import prefect
        from prefect import Flow, task
        from prefect.client import Secret


        @task
        def connect():
            password = Secret("DATABASE_PASSWORD").get()
            return f"connected with {len(password)} characters"


        with Flow("report") as flow:
            connected = connect()

        with prefect.context(secrets={"DATABASE_PASSWORD": "dontpanic"}):
            print(flow.run().result[connected].result)
        ```
        ```output
        connected with 9 characters
        ```
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._client: Client | None = None

    def __repr__(self) -> str:
        return f"<Secret: {self.name}>"

    @property
    def client(self) -> Client:
        """The client that asks the API; made when it is first needed."""
        if self._client is None:
            from prefect.client.client import Client

            self._client = Client()
        return self._client

    def get(self) -> Any:
        """The value. Texts that are JSON come decoded.

        Raises:
            ValueError: a flow is being built, or there is no such secret on this machine.
            KeyError: the API has no such secret.
            ClientError: the API could not be asked.
        """
        if context.get("flow") is not None:
            raise ValueError(
                "Secrets should only be retrieved during a Flow run, not while building a Flow. "
                f"Pass `PrefectSecret({self.name!r})` to the task that needs the value."
            )
        value = self._local()
        if value is not _MISSING:
            return _decoded(value)
        if not _may_ask_api():
            raise ValueError(
                f'Local Secret "{self.name}" was not found. Set the environment variable '
                f"PREFECT__CONTEXT__SECRETS__{self.name}, or `{self.name} = ...` in the section "
                "[context.secrets] of config.toml."
            )
        try:
            answer = self.client.graphql(
                "query($name: String!) { secret_value(name: $name) }", variables={"name": self.name}
            )
        except ClientError as exc:
            if "No value found for the requested key" in str(exc):
                raise KeyError(
                    f"The secret {self.name} was not found. Please ensure that it was set correctly."
                ) from exc
            raise
        return _decoded(answer["data"]["secret_value"])

    def exists(self) -> bool:
        """Whether there is a secret of this name.

        Raises:
            ClientError: the API could not be asked.
        """
        if self._local() is not _MISSING:
            return True
        if not _may_ask_api():
            return False
        return self.name in self.client.graphql("query { secret_names }")["data"]["secret_names"]

    def _local(self) -> object:
        secrets = cast("Mapping[str, object]", context.get("secrets") or {})
        return secrets.get(self.name, _MISSING)


def _may_ask_api() -> bool:
    config: Any = context.get("config")
    return config.backend == "cloud" and config.cloud.use_local_secrets is False


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
