"""Who gets in: keys, tenants, this machine, and nobody else."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

WHO = "{ auth_info { tenant_id user_id } }"
TENANTS = "{ tenant(order_by: {slug: asc}) { slug } }"


# -- without keys ---------------------------------------------------------------------


def test_whoever_sits_at_the_machine_administers_the_oldest_tenant(local: Any) -> None:
    assert local.post("{ hello }").status_code == 200
    assert local.post('mutation { create_project(input: {name: "x"}) { id } }').json()["data"][
        "create_project"
    ]["id"]
    info = local.post(WHO).json()["data"]["auth_info"]
    assert info["tenant_id"] == local.post("{ tenant { id } }").json()["data"]["tenant"][0]["id"]


def test_a_tenant_that_was_just_made_is_there_for_the_next_request(local: Any) -> None:
    local.post(TENANTS)
    made = local.post('mutation { create_tenant(input: {name: "B", slug: "b"}) { id } }').json()["data"][
        "create_tenant"
    ]
    assert [row["slug"] for row in local.post(TENANTS).json()["data"]["tenant"]] == ["b", "default"]
    there = local.post(WHO, x_prefect_tenant_id=made["id"]).json()["data"]["auth_info"]
    assert there["tenant_id"] == made["id"]


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_for": "203.0.113.9"},
        {"x_forwarded_host": "localhost"},
        {"x_forwarded_proto": "https"},
        {"forwarded": "for=203.0.113.9"},
        {"x_real_ip": "127.0.0.1"},
        {"via": "1.1 proxy"},
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:3000"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"host": "evil.example"},
        {"host": "localhost.evil.example"},
        {"host": "evil.example:4200"},
        {"host": "192.168.1.7"},
        {"host": ""},
    ],
    ids=str,
)
def test_a_request_without_key_that_could_be_somebody_elses_is_refused(
    local: Any, headers: dict[str, str]
) -> None:
    reply = local.post('mutation { create_project(input: {name: "x"}) { id } }', **headers)
    assert (reply.status_code, local.code(reply)) == (403, "FORBIDDEN")
    assert (
        local.client.get("/metrics", headers={k.replace("_", "-"): v for k, v in headers.items()}).status_code
        == 403
    )
    assert local.post("{ project { id } }").json()["data"]["project"] == []


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:4200", "LOCALHOST:1", "127.0.0.1:4200", "[::1]:4200", "[::1]"]
)
def test_names_of_this_machine_are_answered(local: Any, host: str) -> None:
    assert local.post(WHO, host=host).status_code == 200


def test_other_names_are_answered_where_they_are_allowed(open_site: Any) -> None:
    site = open_site(allowed_hosts=("devbox",))
    assert site.post(WHO, host="devbox:4200").status_code == 200
    assert site.post(WHO, host="devbox.evil.example").status_code == 403


def test_the_servers_own_pages_are_answered(local: Any) -> None:
    assert local.post(WHO, origin="http://localhost:4200").status_code == 200


def test_other_machines_are_refused_without_a_key(open_site: Any) -> None:
    site = open_site(peer="192.168.1.9")
    assert site.post(WHO).status_code == 403
    _, key = site.key("someone")
    assert site.post(WHO, key).status_code == 200


def test_a_wrong_key_is_refused_even_where_none_is_needed(local: Any) -> None:
    reply = local.post(WHO, "wrong")
    assert (reply.status_code, local.code(reply)) == (200, "UNAUTHENTICATED")


# -- with keys ------------------------------------------------------------------------


def test_without_a_key_there_is_hello_and_nothing_else(guarded: Any) -> None:
    assert "errors" not in guarded.post("{ hello }").json()
    for document in (
        WHO,
        TENANTS,
        "{ __schema { types { name } } }",
        'mutation { create_project(input: {name: "x"}) { id } }',
    ):
        reply = guarded.post(document)
        assert (reply.status_code, guarded.code(reply)) == (200, "UNAUTHENTICATED"), document


def test_a_key_opens_its_users_tenants(guarded: Any, admin_key: str) -> None:
    assert [row["slug"] for row in guarded.post(TENANTS, admin_key).json()["data"]["tenant"]] == ["default"]


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Basic abc", "wrong", ""])
def test_a_malformed_header_is_refused_in_the_words_the_client_knows(guarded: Any, value: str) -> None:
    reply = guarded.post(WHO, authorization=value)
    assert reply.status_code == 200
    assert "Malformed Authorization header" in reply.json()["errors"][0]["message"]
    assert guarded.code(reply) == "UNAUTHENTICATED"


def test_an_api_token_of_old_is_explained(guarded: Any) -> None:
    reply = guarded.post(WHO, "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl")
    assert guarded.code(reply) == "UNAUTHENTICATED"
    assert "API key" in reply.json()["errors"][0]["message"]


def test_the_header_chooses_among_the_tenants_of_the_key_only(guarded: Any) -> None:
    from prefect.server.domain.tenants import add_tenant

    def two(tx: Any) -> list[str]:
        return [add_tenant(tx, name, name, guarded.clock[0]) for name in ("b", "c")]

    b, c = guarded.store.write_sync(two)
    _, key = guarded.key("someone", slugs=("b",))
    assert guarded.post(WHO, key).json()["data"]["auth_info"]["tenant_id"] == b
    assert guarded.post(WHO, key, x_prefect_tenant_id=b).json()["data"]["auth_info"]["tenant_id"] == b
    elsewhere = guarded.post(WHO, key, x_prefect_tenant_id=c)
    nowhere = guarded.post(WHO, key, x_prefect_tenant_id="00000000-0000-4000-8000-000000000000")
    assert guarded.code(elsewhere) == guarded.code(nowhere) == "UNAUTHENTICATED"
    strip = lambda reply: reply.json()["errors"][0]["message"].replace(c, "?")
    assert strip(elsewhere) == strip(nowhere).replace("00000000-0000-4000-8000-000000000000", "?")


def test_a_revoked_key_is_refused_by_the_next_request(guarded: Any, admin_key: str) -> None:
    id, key = guarded.key("someone")
    assert "errors" not in guarded.post(WHO, key).json()
    guarded.store.write_sync(
        lambda tx: (
            tx.execute(
                "UPDATE auth_api_key SET revoked = :now WHERE id = :id", {"now": "2030-01-01", "id": id}
            ),
            tx.emit("auth_api_key", id, ""),
        )
    )
    _until_refused(guarded, key)


def test_a_key_revoked_by_somebody_who_tells_nobody_is_refused_within_a_second(guarded: Any) -> None:
    import time

    id, key = guarded.key("someone")
    assert "errors" not in guarded.post(WHO, key).json()
    guarded.store.write_sync(
        lambda tx: tx.execute(
            "UPDATE auth_api_key SET revoked = :now WHERE id = :id", {"now": "2030-01-01", "id": id}
        )
    )
    revoked = time.monotonic()
    _until_refused(guarded, key)
    assert time.monotonic() - revoked < 5  # the goal is one second; the machine may be busy


def _until_refused(site: Any, key: str) -> None:
    import time

    deadline = time.monotonic() + 10
    while "errors" not in (body := site.post(WHO, key).json()):
        assert time.monotonic() < deadline
    assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_an_expired_key_is_refused(guarded: Any) -> None:
    _, key = guarded.key("someone", expires_at=guarded.clock[0] + datetime.timedelta(seconds=60))
    assert "errors" not in guarded.post(WHO, key).json()
    guarded.clock[0] += datetime.timedelta(seconds=61)
    _until_refused(guarded, key)


def test_a_role_is_not_exceeded(guarded: Any) -> None:
    _, key = guarded.key("viewer", role="read-only")
    reply = guarded.post('mutation { create_project(input: {name: "x"}) { id } }', key)
    assert (reply.status_code, guarded.code(reply)) == (200, "FORBIDDEN")


def test_the_last_use_of_a_key_is_kept(guarded: Any) -> None:
    id, key = guarded.key("someone")
    guarded.post(WHO, key)
    guarded.store.write_sync(lambda tx: None)  # writes are in order: what the request left to do is done
    used = lambda: guarded.store.read_sync(
        lambda tx: tx.scalar("SELECT last_used FROM auth_api_key WHERE id = :id", {"id": id})
    )
    import time

    deadline = time.monotonic() + 10
    while used() is None:
        assert time.monotonic() < deadline
    assert used().startswith("2030-01-02T03:04:05")


def test_many_wrong_keys_have_to_wait_and_right_ones_never(guarded: Any, admin_key: str) -> None:
    replies = [guarded.post(WHO, f"wrong {number}") for number in range(21)]
    assert {reply.status_code for reply in replies[:20]} == {200}
    assert replies[20].status_code == 429
    assert 0 < int(replies[20].headers["retry-after"]) <= 60
    assert guarded.code(replies[20]) == "RATE_LIMITED"
    assert guarded.post(WHO, admin_key).status_code == 200


def test_keys_are_nowhere_in_the_database(guarded: Any, admin_key: str) -> None:
    _, key = guarded.key("someone")
    secret = key.rsplit("_", 1)[1]

    def texts(tx: Any) -> str:
        return "\n".join(str(list(row)) for row in tx.rows("SELECT * FROM auth_api_key"))

    found = guarded.store.read_sync(texts)
    assert not any(secret[start : start + 8] in found for start in range(len(secret) - 8))
