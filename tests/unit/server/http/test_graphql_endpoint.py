"""What travels over HTTP, as clients of 1.4.1 send and expect it."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from prefect.server.limits import Limits

TENANT = "{ tenant { slug } }"


@pytest.mark.parametrize("path", ["/", "/graphql", "/graphql/"])
def test_the_same_api_is_at_three_paths(local: Any, path: str) -> None:
    assert local.post(TENANT, path=path).json() == {"data": {"tenant": [{"slug": "default"}]}}


@pytest.mark.parametrize("sent", ["null", "", None, {}, '{"slug": "default"}', {"slug": "default"}])
def test_variables_come_as_text_as_an_object_or_not_at_all(local: Any, sent: Any) -> None:
    document = "query($slug: String) { tenant(where: {slug: {_eq: $slug}}) { slug } }"
    assert local.post(document, variables=sent).json() == {"data": {"tenant": [{"slug": "default"}]}}


def test_a_success_has_no_errors_key(local: Any) -> None:
    assert set(local.post("{ hello }").json()) == {"data"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'[{"query": "{ hello }"}, 7]', 400),
        (b"[" + b'{"query": "{ hello }"},' * 10 + b'{"query": "{ hello }"}]', 400),
        (b'"text"', 400),
        (b"{}", 400),
        (b'{"query": ""}', 400),
        (b'{"query": 7}', 400),
        (b'{"query": "{ hello }", "variables": "["}', 400),
        (b'{"query": "{ hello }", "variables": [1]}', 400),
        (b'{"query": "{ hello }", "variables": "[1]"}', 400),
        (b"[" * 100_000, 400),
        (b'{"query": "{ hello }", "variables": ' + b'{"a":' * 100_000, 400),
        (b"\xff\xfe", 400),
    ],
)
def test_what_is_no_request_is_refused_with_an_error(local: Any, body: bytes, status: int) -> None:
    reply = local.client.post("/", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == status
    assert reply.json()["errors"][0]["message"]
    assert "Traceback" not in reply.text


def test_some_requests_in_one_body_get_their_answers_in_one(local: Any) -> None:
    body = b'[{"query": "{ hello }"}, {"query": "{ nope }"}, {"query": "{ tenant { slug } }", "variables": "null"}]'
    reply = local.client.post("/", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 200
    first, second, third = reply.json()
    assert first == {"data": {"hello": "\N{WAVING HAND SIGN}"}}
    assert second["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert third == {"data": {"tenant": [{"slug": "default"}]}}


def test_a_document_that_is_no_graphql_is_refused_with_400(local: Any) -> None:
    reply = local.post("{ nothing of the kind")
    assert (reply.status_code, local.code(reply)) == (400, "GRAPHQL_PARSE_FAILED")
    reply = local.post("{ nothing }")
    assert (reply.status_code, local.code(reply)) == (400, "GRAPHQL_VALIDATION_FAILED")
    assert "data" not in reply.json()


def test_halves_of_surrogate_pairs_in_variables_do_not_lose_the_request(local: Any) -> None:
    body = '{"query": "query($s: String) { tenant(where: {name: {_eq: $s}}) { id } }", "variables": {"s": "\\ud83d"}}'
    reply = local.client.post("/", content=body, headers={"content-type": "application/json"})
    assert reply.status_code in (200, 400)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_only_json_is_taken(local: Any, kind: str) -> None:
    assert local.post("{ hello }", content_type=kind).status_code == 415


def test_a_get_request_changes_nothing_and_shows_a_page(local: Any) -> None:
    reply = local.client.get(
        "/graphql", params={"query": 'mutation { create_project(input: {name: "x"}) { id } }'}
    )
    assert reply.headers["content-type"].startswith("text/html")
    assert local.post("{ project { id } }").json() == {"data": {"project": []}}


def test_bodies_above_the_limit_are_refused(open_site: Any) -> None:
    site = open_site(limits=Limits(body_bytes=2_000))
    assert site.post("{ hello }" + " " * 1_000).status_code == 200
    assert site.post("{ hello }" + " " * 3_000).status_code == 413


def test_a_body_of_unknown_length_is_refused_once_it_is_too_long(open_site: Any) -> None:
    site = open_site(limits=Limits(body_bytes=2_000))

    def parts() -> Any:
        for _ in range(10):
            yield b" " * 1_000

    reply = site.client.post("/", content=parts(), headers={"content-type": "application/json"})
    assert reply.status_code == 413


def test_strangers_may_send_less(open_site: Any) -> None:
    site = open_site(requires_keys=True, limits=Limits(anonymous_body_bytes=500))
    _, key = site.key("someone")
    long = "{ hello }" + " " * 1_000
    assert site.post(long).status_code == 413
    assert site.post(long, key).status_code == 200


def test_long_replies_are_compressed_for_clients_elsewhere(guarded: Any, admin_key: str) -> None:
    document = "{ __schema { types { name description } } }"
    reply = guarded.post(document, admin_key, accept_encoding="gzip")
    assert reply.headers["content-encoding"] == "gzip"
    assert len(reply.json()["data"]["__schema"]["types"]) > 100
    plain = guarded.post(document, admin_key, accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    assert plain.json() == reply.json()
    assert len(gzip.compress(plain.content)) < len(plain.content)


def test_replies_to_this_machine_are_not_compressed(local: Any) -> None:
    reply = local.post("{ __schema { types { name } } }", accept_encoding="gzip")
    assert "content-encoding" not in reply.headers


def test_a_fault_of_the_server_tells_nothing_but_a_reference(
    local: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*args: object) -> str:
        raise RuntimeError("SELECT secret FROM somewhere")

    monkeypatch.setattr(local.store, "fetch_text", fail)
    reply = local.post(TENANT)
    assert reply.status_code == 200
    assert local.code(reply) == "INTERNAL_SERVER_ERROR"
    assert "SELECT" not in reply.text


def test_the_agent_and_the_version_of_a_request_are_kept(local: Any) -> None:
    agent_id = local.post('mutation { register_agent(input: {type: "LocalAgent"}) { id } }').json()["data"][
        "register_agent"
    ]["id"]
    tenant_id = local.post("{ tenant { id } }").json()["data"]["tenant"][0]["id"]
    document = f'mutation {{ get_runs_in_queue(input: {{tenant_id: "{tenant_id}"}}) {{ flow_run_ids }} }}'
    headers = {"x_prefect_agent_id": agent_id, "x_prefect_core_version": "1.4.1"}
    assert local.post(document, **headers).json() == {"data": {"get_runs_in_queue": {"flow_run_ids": []}}}
    assert (
        local.post("{ agent { last_queried } }")
        .json()["data"]["agent"][0]["last_queried"]
        .startswith("2030-01-02")
    )


def test_json_text_in_replies_is_plain_json(local: Any) -> None:
    json.loads(local.post(TENANT).text)
