"""State handlers that tell people (Slack, e-mail) or tables (Snowflake) about changes of state."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Union, cast

from prefect.utilities._extras import require
from prefect.utilities.context import context
from prefect.utilities.notifications._curry import MISSING, state_handler

if TYPE_CHECKING:
    from prefect.core.flow import Flow
    from prefect.core.task import Task
    from prefect.engine.state import State

__all__ = ["callback_factory", "gmail_notifier", "slack_notifier", "snowflake_logger"]

TrackedObjectType = Union["Flow", "Task"]


def callback_factory(
    fn: Callable[[Any, State], Any], check: Callable[[State], bool]
) -> Callable[[Any, State, State], State]:
    """A state handler that calls a function whenever the new state passes a check.

    Example:
        ```python
        from prefect import Task
        from prefect.utilities.notifications import callback_factory

        tell = callback_factory(lambda task, state: print(task, state), lambda state: state.is_failed())
        checked = Task(state_handlers=[tell])
        ```

    Args:
        fn: called with the task or flow and its new state; what it returns is ignored
        check: called with the new state
    """

    def handler(obj: Any, old_state: State, new_state: State) -> State:
        if check(new_state):
            fn(obj, new_state)
        return new_state

    return handler


# ------------------------------------------------------------------ Slack


def slack_message_formatter(
    tracked_obj: TrackedObjectType, state: State, backend_info: bool = True
) -> dict[str, Any]:
    """A Slack message about a state, as the JSON that a webhook takes.

    Args:
        tracked_obj: the task or flow
        state: its new state
        backend_info: link to the page of the run, if a backend runs it
    """
    attachment: dict[str, Any] = {
        "fallback": "State change notification",
        "color": state.color,
        "author_name": "Prefect",
        "title": type(state).__name__,
        "fields": [],
        "text": f"{tracked_obj.name} is now in a {type(state).__name__} state",
        "footer": "Prefect notification",
    }
    message = _message(state, "```{}```")
    if message is not None:
        attachment["fields"].append({"title": "Message", "value": message, "short": False})
    if backend_info:
        link = _link_to_run()
        if link:
            attachment["title_link"] = link
    return {"attachments": [attachment]}


def _message(state: State, exception_template: str) -> str | None:
    """What a state says: its exception if it has one, else its message, if any."""
    if isinstance(state.result, BaseException):
        return exception_template.format(repr(state.result))
    return state.message or None


def _link_to_run() -> str | None:
    """Address of the page of the present task run or flow run, if a backend runs it."""
    for kind in ("task", "flow"):
        run_id = context.get(f"{kind}_run_id")
        if run_id:
            if not context.get("running_with_backend"):
                return None
            import prefect

            return cast(Any, prefect).Client().get_cloud_url(f"{kind}-run", run_id)
    return None


@state_handler
def slack_notifier(
    tracked_obj: TrackedObjectType = MISSING,
    old_state: State = MISSING,
    new_state: State = MISSING,
    ignore_states: list[type[State]] | None = None,
    only_states: list[type[State]] | None = None,
    webhook_secret: str | None = None,
    backend_info: bool = True,
    proxies: dict[str, str] | None = None,
) -> State:
    """A state handler that posts to Slack.

    Options can be given before: `state_handlers=[slack_notifier(only_states=[Failed])]`. The address of an
    "incoming webhook" of Slack has to be in a secret.

    Args:
        tracked_obj: the task or flow
        old_state: the state it leaves
        new_state: the state it enters
        ignore_states: do nothing for states of these classes
        only_states: do nothing for states of other classes
        webhook_secret: name of the secret with the address, `SLACK_WEBHOOK_URL` by default
        backend_info: link to the page of the run, if a backend runs it
        proxies: proxies by scheme, as for `requests`

    Returns:
        the new state, unchanged

    Raises:
        ValueError: Slack refused the message, or the secret does not exist
    """
    import requests

    from prefect.client.secrets import Secret

    url = cast("str", Secret(webhook_secret or "SLACK_WEBHOOK_URL").get())
    message = slack_message_formatter(tracked_obj, new_state, backend_info)
    answer = requests.post(url, json=message, proxies=proxies, timeout=30)
    if not answer.ok:
        # Not the address: whoever knows it can post.
        raise ValueError(
            f"Slack notification for {tracked_obj} failed: the webhook answered {answer.status_code} "
            f"({answer.text[:200].strip()})."
        )
    return new_state


# ------------------------------------------------------------------ e-mail


def email_message_formatter(tracked_obj: TrackedObjectType, state: State, email_to: str) -> str:
    """An e-mail about a state, as plain text and HTML, ready to be sent.

    Args:
        tracked_obj: the task or flow
        state: its new state
        email_to: address of the receiver
    """
    from email.mime.multipart import MIMEMultipart
    from email.mime.text import MIMEText

    name, kind = tracked_obj.name, type(state).__name__
    message = _message(state, "{}")
    text = f"{name} is now in a {kind} state.\n\nMessage: {message or 'none'}\n"
    if isinstance(state.result, BaseException):
        shown = f"<pre>{html.escape(message or '')}</pre>"
    else:
        shown = f'"{html.escape(message or "")}"'
    page = f"""<html>
  <body>
    <div style="border-left: 4px solid {state.color}; padding-left: 8px;">
      <p><code>{html.escape(name)}</code> is now in a <b style="color: {state.color};">{kind}</b> state</p>
      <p>Message: {shown}</p>
    </div>
  </body>
</html>
"""
    mail = MIMEMultipart("alternative")
    # A line break in a name must not begin a new header.
    mail["Subject"] = f"Prefect state change notification for {' '.join(name.split())}"
    mail["From"] = "notifications@prefect.io"
    mail["To"] = email_to
    mail.attach(MIMEText(text, "plain"))
    mail.attach(MIMEText(page, "html"))
    return mail.as_string()


@state_handler
def gmail_notifier(
    tracked_obj: TrackedObjectType = MISSING,
    old_state: State = MISSING,
    new_state: State = MISSING,
    ignore_states: list[type[State]] | None = None,
    only_states: list[type[State]] | None = None,
) -> State:
    """A state handler that sends an e-mail to yourself by way of your Google account.

    Options can be given before: `state_handlers=[gmail_notifier(only_states=[Failed])]`. The secrets
    `EMAIL_USERNAME` and `EMAIL_PASSWORD` hold the address and an "app password".

    Args:
        tracked_obj: the task or flow
        old_state: the state it leaves
        new_state: the state it enters
        ignore_states: do nothing for states of these classes
        only_states: do nothing for states of other classes

    Returns:
        the new state, unchanged

    Raises:
        ValueError: a secret does not exist
        smtplib.SMTPException: the mail server refused
    """
    import smtplib
    import ssl

    from prefect.client.secrets import Secret

    username = cast("str", Secret("EMAIL_USERNAME").get())
    password = cast("str", Secret("EMAIL_PASSWORD").get())
    mail = email_message_formatter(tracked_obj, new_state, username)
    host, port = _GMAIL
    with smtplib.SMTP_SSL(host, port, context=ssl.create_default_context(), timeout=60) as server:
        server.login(username, password)
        server.sendmail("notifications@prefect.io", username, mail)
    return new_state


_GMAIL = ("smtp.gmail.com", 465)


# ------------------------------------------------------------------ Snowflake


def snowflake_message_formatter(tracked_obj: TrackedObjectType, state: State) -> dict[str, Any]:
    """A row about a state: flow_id, flow_name, task_name, state, and message.

    Args:
        tracked_obj: the task or flow
        state: its new state
    """
    message = _message(state, "{}")
    return {
        "flow_id": context.get("flow_id"),
        "flow_name": context.get("flow_name"),
        "task_name": tracked_obj.name,
        "state": type(state).__name__,
        "message": [] if message is None else [{"value": message}],
    }


@state_handler
def snowflake_logger(
    tracked_obj: TrackedObjectType = MISSING,
    old_state: State = MISSING,
    new_state: State = MISSING,
    ignore_states: list[type[State]] | None = None,
    only_states: list[type[State]] | None = None,
    snowflake_secret: str | None = None,
    snowflake_log_table_name: str | None = None,
    test_env: bool = False,
) -> State:
    """A state handler that adds a row to a table in Snowflake.

    The table has the columns FLOW_ID, FLOW_NAME, TASK_NAME, STATE, MESSAGE and INGESTED_AT. Options can be
    given before: `state_handlers=[snowflake_logger(ignore_states=[Running])]`.

    Args:
        tracked_obj: the task or flow
        old_state: the state it leaves
        new_state: the state it enters
        ignore_states: do nothing for states of these classes
        only_states: do nothing for states of other classes
        snowflake_secret: name of the secret with the arguments of `snowflake.connector.connect`,
            `SNOWFLAKE_CREDS` by default
        snowflake_log_table_name: name of the secret with the full name of the table, `DB.SCHEMA.TABLE`;
            `LOG_TABLE_NAME_FULL` by default
        test_env: print the statement and its values instead of connecting

    Returns:
        the new state, unchanged

    Raises:
        ImportError: the connector is not installed
        ValueError: a secret does not exist, or the name of the table is none
    """
    from prefect.client.secrets import Secret

    credentials = cast("dict[str, Any]", Secret(snowflake_secret or "SNOWFLAKE_CREDS").get())
    table = cast("str", Secret(snowflake_log_table_name or "LOG_TABLE_NAME_FULL").get())
    if not all(part.replace("$", "_").isidentifier() for part in table.split(".")):
        raise ValueError(f"{table!r} is no full name of a table, such as DB.SCHEMA.TABLE.")
    row = snowflake_message_formatter(tracked_obj, new_state)
    statement = (
        f"INSERT INTO {table} (FLOW_ID, FLOW_NAME, TASK_NAME, STATE, MESSAGE, INGESTED_AT) "  # noqa: S608 - checked above
        "VALUES (%s, %s, %s, %s, %s, CURRENT_TIMESTAMP())"
    )
    values = (row["flow_id"], row["flow_name"], row["task_name"], row["state"], str(row["message"]))
    if test_env:
        print(statement, values)  # noqa: T201 - what this option is for
        return new_state
    connector = require("snowflake.connector", "snowflake")
    connection: Any = connector.connect(application="Prefect_Snowflake", **credentials)
    try:
        connection.cursor().execute(statement, values)
        connection.commit()
    finally:
        connection.close()
    return new_state
