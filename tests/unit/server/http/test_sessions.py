"""A key exchanged for a cookie, and what other sites' pages cannot do with it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

OWN = "http://prefect.example.org"
WHO = "{ auth_info { tenant_id user_id } }"
MAKE = 'mutation { create_project(input: {name: "x"}) { id } }'


@pytest.fixture
def logged_in(guarded: Any, admin_key: str) -> Any:
    reply = guarded.client.post("/session", json={"key": admin_key}, headers={"origin": OWN})
    assert reply.status_code == 200
    return guarded


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(guarded: Any, admin_key: str) -> None:
    reply = guarded.client.post("/session", json={"key": admin_key}, headers={"origin": OWN})
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert admin_key.lower() not in cookie


def test_the_cookie_travels_by_https_only_where_there_is_https(open_site: Any) -> None:
    site = open_site(requires_keys=True, public_url="https://prefect.example.org/base", root_path="/base")
    _, key = site.key("someone")
    cookie = site.client.post("/session", json={"key": key}).headers["set-cookie"].lower()
    assert "secure" in cookie
    assert "path=/base" in cookie


def test_own_pages_act_with_the_cookie(logged_in: Any) -> None:
    assert logged_in.post(MAKE, origin=OWN).json()["data"]["create_project"]["id"]
    who = logged_in.client.get("/session").json()
    assert who["role"] == "admin"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "https://prefect.example.org.evil.example"},
        {"origin": "http://prefect.example.org:8080"},
        {"origin": "null"},
    ],
    ids=str,
)
def test_other_sites_cannot_act_with_the_cookie(logged_in: Any, headers: dict[str, str]) -> None:
    assert logged_in.post(MAKE, **headers).status_code == 403
    assert logged_in.post("{ project { id } }", origin=OWN).json()["data"]["project"] == []


def test_a_form_of_another_site_is_refused_for_its_type(logged_in: Any) -> None:
    assert logged_in.post(MAKE, origin=OWN, content_type="text/plain").status_code == 415


def test_logging_out_ends_the_session_and_not_only_the_cookie(logged_in: Any) -> None:
    secret = logged_in.client.cookies["prefect_session"]
    assert logged_in.client.request("DELETE", "/session", headers={"origin": OWN}).status_code == 204
    assert "prefect_session" not in logged_in.client.cookies
    reply = logged_in.post(WHO, origin=OWN, cookie=f"prefect_session={secret}")
    assert logged_in.code(reply) == "UNAUTHENTICATED"
    assert logged_in.client.get("/session").status_code == 401


def test_a_session_ends_with_its_key(logged_in: Any) -> None:
    logged_in.store.write_sync(
        lambda tx: (tx.execute("UPDATE auth_api_key SET revoked = '2030'"), tx.emit("auth_api_key", "", ""))
    )
    import time

    deadline = time.monotonic() + 10
    while "errors" not in logged_in.post(WHO, origin=OWN).json():
        assert time.monotonic() < deadline


def test_a_session_ends_by_itself(logged_in: Any) -> None:
    logged_in.clock[0] += datetime.timedelta(days=7, seconds=1)
    assert logged_in.code(logged_in.post(WHO, origin=OWN)) == "UNAUTHENTICATED"


def test_another_sites_page_cannot_log_anybody_in(guarded: Any, admin_key: str) -> None:
    reply = guarded.client.post(
        "/session", json={"key": admin_key}, headers={"origin": "https://evil.example"}
    )
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("body", [{}, {"key": 7}, {"key": "wrong"}, {"key": ""}])
def test_logging_in_needs_a_right_key(guarded: Any, body: Any) -> None:
    reply = guarded.client.post("/session", json=body, headers={"origin": OWN})
    assert reply.status_code in (400, 401)
    assert "set-cookie" not in reply.headers


def test_guessing_keys_here_is_slowed_down_too(guarded: Any) -> None:
    replies = [guarded.client.post("/session", json={"key": f"wrong {n}"}) for n in range(21)]
    assert replies[-1].status_code == 429


def test_a_cookie_of_an_earlier_day_does_not_lock_out_whoever_needs_none(local: Any) -> None:
    reply = local.post(WHO, cookie="prefect_session=old", origin="http://localhost:4200")
    assert "errors" not in reply.json()
