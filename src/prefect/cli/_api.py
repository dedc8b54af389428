"""Talking to the API from commands: one quick question first, and errors in the user's words."""

from __future__ import annotations

import ast
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["api_errors", "connect"]

_CODES = {
    "NOT_FOUND": _exit_codes.NOT_FOUND,
    "UNAUTHENTICATED": _exit_codes.UNAUTHORIZED,
    "FORBIDDEN": _exit_codes.UNAUTHORIZED,
    "VERSION_LOCKING_ERROR": _exit_codes.CONFLICT,
    "BAD_USER_INPUT": _exit_codes.USAGE,
}


def connect(api_key: str | None = None, tenant_id: str | None = None) -> Client:
    """A client whose API answers.

    The first question is asked once: a command should not wait for a server that is not there.
    Everything after it is retried as usual.

    Args:
        api_key: another key than the configured one.
        tenant_id: another tenant than the configured one.

    Raises:
        CommandError: nobody answers, or not with what an API would say.
    """
    from prefect.client._transport import MAX_ATTEMPTS, HttpTransport
    from prefect.client.client import Client

    with api_errors():
        transport = HttpTransport(max_attempts=1)
        client = Client(api_key=api_key, tenant_id=tenant_id, transport=transport)
        client.graphql("query { hello }", retry_on_api_error=False)
        transport.max_attempts = MAX_ATTEMPTS
    return client


@contextmanager
def api_errors() -> Generator[None]:
    """Turn what a client raises into a `CommandError` with an exit status that says what kind it is.

    Raises:
        CommandError: the API refused, or cannot be reached.
    """
    import requests

    from prefect.exceptions import AuthorizationError, ClientError

    try:
        yield
    except requests.Timeout as exc:
        raise CommandError(
            f"The server at {_address()} does not answer in time.", exit_code=_exit_codes.TIMEOUT
        ) from exc
    except requests.ConnectionError as exc:
        raise _no_server() from exc
    except requests.RequestException as exc:
        raise CommandError(f"The server at {_address()} answers with an error: {exc}") from exc
    except AuthorizationError as exc:
        raise CommandError(
            f"The server at {_address()} does not accept this key, or needs one.",
            hint="Log in: `prefect auth login --key YOUR_KEY`.",
            exit_code=_exit_codes.UNAUTHORIZED,
        ) from exc
    except ClientError as exc:
        raise _refused(str(exc)) from exc


def _no_server() -> CommandError:
    return CommandError(
        f"There is no server at {_address()}.",
        hint="Start one with `prefect server start`, or name yours with `prefect backend URL`.",
        exit_code=_exit_codes.UNREACHABLE,
    )


def _address() -> str:
    import prefect

    return cast("Any", prefect.config).cloud.api


def _refused(text: str) -> CommandError:
    """The error of what the API said: the bare message, and the exit status of its code."""
    message, code = text, "ERROR"
    if text.startswith("["):
        try:
            errors = cast("list[dict[str, Any]]", ast.literal_eval(text))
            message = "; ".join(str(error["message"]) for error in errors)
            code = str(errors[0].get("extensions", {}).get("code", code))
        except (ValueError, SyntaxError, KeyError, IndexError):
            pass
    elif match := re.search(
        r"^(?:The API refused the request:\n)([A-Z_]+): (.*?)(?:\n\nThe query was:|\Z)", text, re.DOTALL
    ):
        code, message = match.groups()
    if message == "Uniqueness violation.":  # the words that clients of 1.x look for
        return CommandError("There is one of that name already.", exit_code=_exit_codes.CONFLICT)
    hint = "Your key may not do this." if code == "FORBIDDEN" else None
    return CommandError(message, hint=hint, exit_code=_CODES.get(code, _exit_codes.FAILED))
