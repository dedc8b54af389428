from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import prefect
from prefect import Flow
from prefect.client import Secret
from prefect.exceptions import ClientError
from prefect.utilities.configuration import set_temporary_config


@pytest.fixture
def asks_api() -> Iterator[None]:
    with set_temporary_config({"backend": "cloud", "cloud.use_local_secrets": False}):
        yield


class Api:
    """Answers as the API does, and remembers what it was asked."""

    def __init__(self, **secrets: Any) -> None:
        self.secrets = secrets
        self.queries: list[str] = []

    def graphql(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        self.queries.append(query)
        if "secret_names" in query:
            return {"data": {"secret_names": list(self.secrets)}}
        assert variables is not None
        if variables["name"] not in self.secrets:
            raise ClientError("[{'message': 'No value found for the requested key'}]")
        return {"data": {"secret_value": self.secrets[variables["name"]]}}


def secret(name: str, api: Any) -> Secret:
    made = Secret(name)
    made._client = api
    return made


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1, 2]", [1, 2]),
        ("12", 12),
        ('"q"', "q"),
        ("plain text", "plain text"),
        (3, 3),
        (None, None),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_local_secrets_come_decoded(stored: Any, value: Any) -> None:
    with prefect.context(secrets={"X": stored}):
        assert Secret("X").get() == value
        assert Secret("X").exists()


def test_a_missing_local_secret_says_where_to_put_it() -> None:
    assert not Secret("MISSING").exists()
    with pytest.raises(
        ValueError, match=r'Local Secret "MISSING" was not found.*PREFECT__CONTEXT__SECRETS__MISSING'
    ):
        Secret("MISSING").get()


def test_secrets_are_not_read_while_a_flow_is_built() -> None:
    with prefect.context(secrets={"X": "x"}), Flow("building"):
        with pytest.raises(ValueError, match=r"only be retrieved during a Flow run.*PrefectSecret\('X'\)"):
            Secret("X").get()
        assert Secret("X").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"backend": "server", "cloud.use_local_secrets": False},
        {"backend": "cloud", "cloud.use_local_secrets": True},
    ],
)
def test_the_api_is_not_asked_unless_the_settings_say_so(settings: dict[str, Any]) -> None:
    api = Api(X="of the API")
    with set_temporary_config(settings):
        with pytest.raises(ValueError, match="was not found"):
            secret("X", api).get()
        assert not secret("X", api).exists()
    assert api.queries == []


@pytest.mark.usefixtures("asks_api")
def test_what_is_missing_here_comes_from_the_api() -> None:
    api = Api(X='{"a": 1}', Y="text")
    assert secret("X", api).get() == {"a": 1}
    assert secret("Y", api).get() == "text"
    assert secret("Y", api).exists()
    assert not secret("Z", api).exists()
    with prefect.context(secrets={"X": "here"}):
        assert secret("X", api).get() == "here"
    assert len(api.queries) == 4


@pytest.mark.usefixtures("asks_api")
def test_a_secret_that_the_api_lacks_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="The secret Z was not found"):
        secret("Z", Api()).get()


@pytest.mark.usefixtures("asks_api")
def test_other_errors_of_the_api_are_passed_on() -> None:
    class Down:
        def graphql(self, query: str, variables: dict[str, Any] | None = None) -> Any:
            raise ClientError("the server is down")

    with pytest.raises(ClientError, match="the server is down"):
        secret("X", Down()).get()
    with pytest.raises(ClientError, match="the server is down"):
        secret("X", Down()).exists()


@pytest.mark.usefixtures("asks_api")
def test_the_client_is_made_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.client.client.Client", lambda: Api(X="x"))
    asked: Any = Secret("X")
    assert repr(asked) == "<Secret: X>"
    assert asked.get() == asked.get() == "x"
    assert len(asked.client.queries) == 2
