"""A state handler that opens issues in Jira."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, cast

from prefect.utilities._extras import require
from prefect.utilities.notifications._curry import MISSING, state_handler

if TYPE_CHECKING:
    from prefect.engine.state import State
    from prefect.utilities.notifications.notifications import TrackedObjectType

__all__ = ["jira_message_formatter", "jira_notifier"]


def jira_message_formatter(tracked_obj: TrackedObjectType, state: State) -> str:
    """The summary of an issue about a state.

    Args:
        tracked_obj: the task or flow
        state: its new state
    """
    now = datetime.datetime.now()  # noqa: DTZ005 - people read it where the run happens
    return f"Message from Prefect: {tracked_obj.name} entered a {type(state).__name__} state at {now}"


@state_handler
def jira_notifier(
    tracked_obj: TrackedObjectType = MISSING,
    old_state: State = MISSING,
    new_state: State = MISSING,
    ignore_states: list[type[State]] | None = None,
    only_states: list[type[State]] | None = None,
    server_URL: str | None = None,  # noqa: N803 - 1.x name
    options: dict[str, Any] | None = None,
    assignee: str = "-1",
) -> State:
    """A state handler that opens an issue in Jira.

    Options can be given before: `state_handlers=[jira_notifier(only_states=[Failed], options={…})]`. The
    secret `JIRASECRETS` is a dictionary with `JIRAUSER`, `JIRATOKEN` (an API token) and `JIRASERVER`.

    Args:
        tracked_obj: the task or flow
        old_state: the state it leaves
        new_state: the state it enters
        ignore_states: do nothing for states of these classes
        only_states: do nothing for states of other classes
        server_URL: address of Jira, the one in the secret by default
        options: fields of the issue, at least `project` and `issuetype`
        assignee: who gets the issue; "-1" leaves it to the project

    Returns:
        the new state, unchanged

    Raises:
        ImportError: the package jira is not installed
        ValueError: the secret does not exist, or the issue could not be opened or assigned
    """
    from prefect.client.secrets import Secret

    secret = cast("dict[str, str]", Secret("JIRASECRETS").get())
    login = (secret["JIRAUSER"], secret["JIRATOKEN"])
    jira: Any = require("jira", "jira").JIRA(
        basic_auth=login, options={"server": server_URL or secret["JIRASERVER"]}
    )
    issue: Any = jira.create_issue(
        {**(options or {}), "summary": jira_message_formatter(tracked_obj, new_state)}
    )
    if not issue:
        raise ValueError(f"Creating Jira issue for {tracked_obj} failed")
    if assignee and not jira.assign_issue(issue, assignee):
        raise ValueError(f"Assigning Jira issue for {tracked_obj} failed")
    return new_state
