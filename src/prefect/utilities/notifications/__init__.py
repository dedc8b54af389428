"""State handlers that tell people about changes of state."""

from __future__ import annotations

from prefect.utilities._lazy import lazy_names
from prefect.utilities.notifications.jira_notification import jira_notifier
from prefect.utilities.notifications.notifications import (
    callback_factory,
    gmail_notifier,
    slack_message_formatter,
    slack_notifier,
    snowflake_logger,
    snowflake_message_formatter,
)

__all__ = [
    "callback_factory",
    "gmail_notifier",
    "jira_notifier",
    "slack_message_formatter",
    "slack_notifier",
    "snowflake_logger",
    "snowflake_message_formatter",
]

__getattr__, __dir__ = lazy_names(__name__)
