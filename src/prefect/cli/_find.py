"""Flow runs and flows that the words of a command name: by id, or by name."""

from __future__ import annotations

import difflib
import uuid
from typing import TYPE_CHECKING, Any

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["find_flow_row", "find_run", "is_ended", "is_uuid", "matching", "similar_flow"]

#: Flows whose names are compared with one that is not there.
_LOOKED_AT = 2000


def is_uuid(text: str) -> bool:
    """Whether a text is an id and no name."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def matching(**values: Any) -> dict[str, Any]:
    """A filter for columns that have to have a value; None stands for any."""
    return {column: {"_eq": value} for column, value in values.items() if value is not None}


def is_ended(state: str | None) -> bool:
    """Whether a run in this state is over."""
    from prefect.engine import state as states

    found: object = getattr(states, state or "Pending", None)
    return isinstance(found, type) and issubclass(found, states.Finished)


def find_run(client: Client, word: str, selection: str = "id name state") -> dict[str, Any]:
    """The flow run of an id, or the newest one of a name.

    Args:
        client: the client.
        word: the id or name.
        selection: the fields that are needed.

    Raises:
        CommandError: there is none.
    """
    from prefect.backend._query import rows

    where = matching(id=word) if is_uuid(word) else matching(name=word)
    found = rows("flow_run", where, selection, order_by={"created": "desc"}, limit=1, client=client)
    if not found:
        raise CommandError(
            f"There is no flow run {word!r}.",
            hint="`prefect get flow-runs` lists the last runs.",
            exit_code=_exit_codes.NOT_FOUND,
        )
    return found[0].to_dict()


def find_flow_row(
    client: Client,
    word: str,
    project: str | None,
    selection: str = "id name version flow_group_id project { name }",
) -> dict[str, Any]:
    """The newest version of a flow, by id of the flow or its group, or by name.

    Args:
        client: the client.
        word: the id or name.
        project: name of its project, where several have a flow of that name.
        selection: the fields that are needed; `project { name }` has to be among them.

    Raises:
        CommandError: there is none, or several.
    """
    from prefect.backend._query import rows

    where: dict[str, Any] = {"archived": {"_eq": False}}
    if is_uuid(word):
        where["_or"] = [matching(id=word), matching(flow_group_id=word)]
    else:
        where |= matching(name=word)
    if project is not None:
        where["project"] = matching(name=project)
    found = rows("flow", where, selection, order_by={"version": "desc"}, limit=20, client=client)
    if len(found) == 1:
        return found[0].to_dict()
    if found:
        projects = ", ".join(sorted(repr(row.project.name) for row in found if row.project))
        raise CommandError(
            f"There are {len(found)} flows {word!r}, in the projects {projects}.",
            hint="Name the project with --project.",
            exit_code=_exit_codes.USAGE,
        )
    where_text = f" in project {project!r}" if project is not None else ""
    raise CommandError(
        f"There is no registered flow {word!r}{where_text}.",
        hint=similar_flow(client, word, project) or "`prefect get flows` lists the registered flows.",
        exit_code=_exit_codes.NOT_FOUND,
    )


def similar_flow(client: Client, word: str, project: str | None) -> str | None:
    """A question whether a registered flow with a similar name is meant, if there is one.

    Args:
        client: the client.
        word: the name that no flow has.
        project: where to look; everywhere if None.
    """
    from prefect.backend._query import rows

    where: dict[str, Any] = {"archived": {"_eq": False}}
    if project is not None:
        where["project"] = matching(name=project)
    found = rows(
        "flow", where, "name project { name }", order_by={"created": "desc"}, limit=_LOOKED_AT, client=client
    )
    projects = {row.name: row.project.name if row.project else None for row in found}
    close = difflib.get_close_matches(word, list(projects), n=1)
    return f"Did you mean {close[0]!r} of project {projects[close[0]]!r}?" if close else None
