"""`SlackTask`."""

from __future__ import annotations

from typing import Any, cast

from prefect.core.task import Task
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["SlackTask"]


class SlackTask(Task):
    """A task that posts a message to Slack, through an incoming webhook.

    Args:
        message: the text, or a dictionary as Slack's webhooks take it (`{"blocks": [...]}`); used when
            the call gives none.
        webhook_secret: name of the secret that holds the address of the webhook.
        **kwargs: settings of every `Task`.
    """

    message: str | dict[str, Any] | None
    webhook_secret: str | None

    def __init__(
        self,
        message: str | dict[str, Any] | None = None,
        webhook_secret: str = "SLACK_WEBHOOK_URL",  # noqa: S107 - a name
        **kwargs: Any,
    ) -> None:
        self.message = message
        self.webhook_secret = webhook_secret
        super().__init__(**kwargs)

    @defaults_from_attrs("message", "webhook_secret")
    def run(
        self,
        message: str | dict[str, Any] | None = None,
        webhook_secret: str | None = None,
        webhook_url: str | None = None,
    ) -> None:
        """Post it.

        Args:
            message: the text, or a dictionary.
            webhook_secret: name of the secret that holds the address.
            webhook_url: the address itself; the secret is not read then.

        Raises:
            ValueError: there is no message, or the secret is missing.
            requests.RequestException: Slack was not reached or refused the message.
        """
        if message is None:
            raise ValueError("A message must be provided.")
        import requests

        from prefect.client.secrets import Secret

        address = webhook_url or cast("str", Secret(webhook_secret or "SLACK_WEBHOOK_URL").get())
        body = {"text": message} if isinstance(message, str) else message
        requests.post(address, json=body, timeout=60).raise_for_status()
