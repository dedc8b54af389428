from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from prefect import Client
from prefect.utilities.configuration import set_temporary_config

Prefect = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, serve: Serve) -> Iterator[tuple[str, str]]:
    """Address and admin key of a server that asks for keys."""
    folder = tmp_path_factory.mktemp("guarded")
    key = folder / "key"
    with serve(folder, "--require-keys", "--bootstrap-key-file", str(key)) as url:
        yield url, key.read_text().strip()


Serve = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def at_home(
    guarded: tuple[str, str], prefect_at: Callable[[str], Prefect], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `prefect WORDS` for the guarded server, with an empty home folder."""
    run = prefect_at(guarded[0])
    return lambda *words, **env: run(*words, PREFECT__HOME_DIR=str(tmp_path / "home"), **env)


def test_a_key_opens_the_door_until_logout(guarded: tuple[str, str], at_home: Prefect) -> None:
    url, key = guarded
    assert at_home("get", "flows").returncode == 4
    refused = at_home("auth", "login", "--key", "nonsense")
    assert refused.returncode == 4
    assert "does not accept this key" in refused.stderr
    done = at_home("auth", "login", "--key", key)
    assert done.stdout == "Logged in to Prefect tenant 'default' (default)\n", done.stderr
    status = json.loads(at_home("auth", "status", "-o", "json").stdout)
    assert (status["api"], status["role"], status["tenant"]["slug"]) == (url, "admin", "default")
    assert at_home("get", "flows").returncode == 0
    assert at_home("auth", "logout").stdout == f"Logged out of {url}\n"
    assert at_home("get", "flows").returncode == 4
    assert at_home("auth", "logout").returncode == 4


def test_keys_are_made_listed_and_revoked(guarded: tuple[str, str], at_home: Prefect) -> None:
    at_home("auth", "login", "--key", guarded[1])
    made = at_home("auth", "create-key", "--name", "ci", "--expire", "2040-01-31", "--quiet")
    new_key = made.stdout.strip()
    assert made.stderr == ""
    assert at_home("get", "flows", PREFECT__CLOUD__API_KEY=new_key).returncode == 0
    listed = {row["name"]: row for row in json.loads(at_home("auth", "list-keys", "-o", "json").stdout)}
    assert listed["ci"]["expires_at"].startswith("2040-01-31")
    assert new_key not in str(listed)
    assert "is no UUID" in at_home("auth", "revoke-key", "--id", "ci").stderr
    assert at_home("auth", "revoke-key", "--id", listed["ci"]["id"]).stdout == "Successfully revoked key\n"
    assert at_home("get", "flows", PREFECT__CLOUD__API_KEY=new_key).returncode == 4


def test_nothing_is_stored_that_the_environment_would_win_over(at_home: Prefect) -> None:
    done = at_home("auth", "login", "--key", "x", PREFECT__CLOUD__API_KEY="y")
    assert done.returncode == 5
    assert "PREFECT__CLOUD__API_KEY" in done.stderr


def test_a_tenant_that_the_key_may_not_use_is_refused(guarded: tuple[str, str], at_home: Prefect) -> None:
    at_home("auth", "login", "--key", guarded[1])
    done = at_home("auth", "switch-tenants", "--slug", "others")
    assert done.returncode == 3
    assert "There is no tenant 'others' that your key may use." in done.stderr
    assert at_home("auth", "switch-tenants", "--default").stdout == "Tenant switched to 'default' (default)\n"


def test_each_tenant_has_its_own_projects(guarded: tuple[str, str], at_home: Prefect) -> None:
    url, key = guarded
    with set_temporary_config({"cloud.api": url, "cloud.api_key": key}):
        second = Client().create_tenant("The second", "second")
    at_home("auth", "login", "--key", key)
    done = at_home("auth", "switch-tenants", "--slug", "second")
    assert done.stdout == "Tenant switched to 'The second' (second)\n"
    at_home("create", "project", "of the second")
    assert [row["name"] for row in json.loads(at_home("get", "projects", "-o", "json").stdout)] == [
        "of the second"
    ]
    marked = {
        row["slug"]: row["current"]
        for row in json.loads(at_home("auth", "list-tenants", "-o", "json").stdout)
    }
    assert marked == {"default": False, "second": True}
    at_home("auth", "switch-tenants", "--default")
    assert json.loads(at_home("get", "projects", "-o", "json").stdout) == []
    assert at_home("auth", "switch-tenants", "--id", second).returncode == 0
    # A new login begins in the key's own tenant.
    assert (
        at_home("auth", "login", "--key", key).stdout == "Logged in to Prefect tenant 'default' (default)\n"
    )
    refused = at_home("auth", "switch-tenants", "--default", PREFECT__CLOUD__TENANT_ID=second)
    assert refused.returncode == 5
    assert "PREFECT__CLOUD__TENANT_ID" in refused.stderr


def test_a_login_may_name_the_api(guarded: tuple[str, str], at_home: Prefect) -> None:
    url, key = guarded
    elsewhere = {"PREFECT__SERVER__ENDPOINT": "http://localhost:9"}
    assert at_home("auth", "login", "--key", key, "--api", f"{url}/", **elsewhere).returncode == 0
    status = json.loads(at_home("auth", "status", "-o", "json", **elsewhere).stdout)
    assert (status["api"], status["key_from"]) == (url, "`prefect auth login`")


def test_an_old_token_is_forgotten_in_two_steps(at_home: Prefect, tmp_path: Path) -> None:
    settings = tmp_path / "home" / "client" / "https-api" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('api_token = "old"\nactive_tenant_id = "x"\n')
    assert at_home("auth", "logout").returncode == 0
    assert settings.read_text() == 'api_token = "old"\n'
    assert "deleted" in at_home("auth", "logout").stdout
    assert not settings.exists()
    assert at_home("auth", "logout").returncode == 4


def test_old_tokens_are_purged_at_once(at_home: Prefect, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "client"
    (folder / "x").mkdir(parents=True)
    assert at_home("auth", "purge-tokens").returncode == 0
    assert not folder.exists()
    assert "nothing was removed" in at_home("auth", "purge-tokens").stdout
