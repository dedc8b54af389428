"""What the API says, or does not say, becomes a sentence and an exit status that means one thing."""

from __future__ import annotations

import pytest
import requests

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors
from prefect.cli._errors import CommandError
from prefect.exceptions import AuthorizationError, ClientError


def _of_api(code: str, message: str = "It was refused.") -> ClientError:
    return ClientError(str([{"message": message, "extensions": {"code": code}}]))


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (requests.ConnectionError("refused"), _exit_codes.UNREACHABLE, "There is no server at"),
        (requests.Timeout("15 s"), _exit_codes.TIMEOUT, "does not answer in time"),
        (requests.HTTPError("500"), _exit_codes.FAILED, "answers with an error"),
        (AuthorizationError("UNAUTHENTICATED"), _exit_codes.UNAUTHORIZED, "does not accept this key"),
        (_of_api("FORBIDDEN"), _exit_codes.UNAUTHORIZED, "It was refused."),
        (_of_api("NOT_FOUND"), _exit_codes.NOT_FOUND, "It was refused."),
        (_of_api("VERSION_LOCKING_ERROR"), _exit_codes.CONFLICT, "It was refused."),
        (_of_api("BAD_USER_INPUT"), _exit_codes.USAGE, "It was refused."),
        (
            _of_api("BAD_USER_INPUT", "Uniqueness violation."),
            _exit_codes.CONFLICT,
            "one of that name already",
        ),
        (_of_api("INTERNAL_SERVER_ERROR"), _exit_codes.FAILED, "It was refused."),
    ],
)
def test_errors_of_the_api_have_a_status_of_their_own(error: Exception, status: int, sentence: str) -> None:
    with pytest.raises(CommandError) as raised, api_errors():
        raise error
    assert raised.value.exit_code == status
    assert sentence in raised.value.message
