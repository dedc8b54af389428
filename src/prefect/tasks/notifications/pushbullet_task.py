"""`PushbulletTask`."""

from __future__ import annotations

from typing import Any, cast

from prefect.core.task import Task
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["PushbulletTask"]

# One request, for which the library `pushbullet.py` (last release in 2017) is not needed.
_PUSHES = "https://api.pushbullet.com/v2/pushes"


class PushbulletTask(Task):
    """A task that sends a note to one's devices, through Pushbullet.

    The access token is the secret `PUSHBULLET_TOKEN`.

    Args:
        msg: the text, used when the call gives none.
        **kwargs: settings of every `Task`.
    """

    msg: str | None

    def __init__(self, msg: str | None = None, **kwargs: Any) -> None:
        self.msg = msg
        super().__init__(**kwargs)

    @defaults_from_attrs("msg")
    def run(self, msg: str | None = None, access_token: str | None = None) -> None:
        """Send it, with the title "Flow Notification".

        Args:
            msg: the text.
            access_token: the token itself; the secret is not read then.

        Raises:
            ValueError: there is no text, or the secret is missing.
            requests.RequestException: Pushbullet was not reached or refused the note.
        """
        if not msg:
            raise ValueError("A message must be provided")
        import requests

        from prefect.client.secrets import Secret

        token = access_token or cast("str", Secret("PUSHBULLET_TOKEN").get())
        requests.post(
            _PUSHES,
            json={"type": "note", "title": "Flow Notification", "body": msg},
            headers={"Access-Token": token},
            timeout=60,
        ).raise_for_status()
