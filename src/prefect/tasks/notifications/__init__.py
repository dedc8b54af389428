"""Tasks that send messages to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.utilities._lazy import lazy_names

if TYPE_CHECKING:
    from prefect.tasks.notifications.email_task import EmailTask
    from prefect.tasks.notifications.pushbullet_task import PushbulletTask
    from prefect.tasks.notifications.slack_task import SlackTask

__all__ = ["EmailTask", "PushbulletTask", "SlackTask"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "EmailTask": "prefect.tasks.notifications.email_task",
        "PushbulletTask": "prefect.tasks.notifications.pushbullet_task",
        "SlackTask": "prefect.tasks.notifications.slack_task",
    },
)
