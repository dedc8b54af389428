"""Names of 1.4.1 around Docker Compose stay where programs import them from."""

from __future__ import annotations

import pytest

from prefect.cli import server
from prefect.exceptions import PrefectException


def test_the_welcome_names_the_port_of_the_web_interface() -> None:
    assert "http://localhost:4444" in server.ascii_welcome("4444")
    assert "http://localhost:8080" in server.ascii_welcome()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ((False, 5432, False, None), ["--volume-path"]),
        (
            (True, 5555, True, "/x"),
            ["--no-postgres-port", "--postgres-port", "--use-volume", "--volume-path"],
        ),
    ],
)
def test_options_that_an_outside_database_does_not_take_are_named(given: tuple, named: list[str]) -> None:
    with pytest.warns(UserWarning, match="external Postgres") as caught:
        server.warn_for_postgres_settings_when_using_external_postgres(*given)
    assert [str(one.message).split("`")[1] for one in caught] == named


@pytest.mark.parametrize("name", ["setup_compose_env", "setup_compose_file"])
def test_what_made_containers_says_that_there_are_none(name: str) -> None:
    with pytest.raises(PrefectException, match="prefect server start"):
        getattr(server, name)()
