"""S5, S10, S11: whom a server without keys answers, what strangers learn, and what other pages can do."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from prefect.server.graphql import execute
from prefect.server.graphql.columns import table_names
from prefect.server.http import gate, identify
from prefect.server.http.identify import Identifier
from scoreboard import record

MAKE = 'mutation { create_project(input: {name: "made by an attack"}) { id } }'
OWN = "http://prefect.example.org"

#: What a proxy, another machine or a page of another site would add to a request.
FOREIGN: list[dict[str, str]] = [
    *({name: "203.0.113.9"} for name in (
        "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-server",
        "x-forwarded-user", "X-Forwarded-Anything", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip",
    )),
    {"forwarded": "for=127.0.0.1;host=localhost"}, {"via": "1.1 localhost"}, {"x-original-host": "localhost"},
    *({"origin": origin} for origin in (
        "null", "https://evil.example", "http://localhost", "http://localhost:3000", "http://127.0.0.1:4200",
        "http://localhost:4200.evil.example", "http://localhost:4200@evil.example", "file://", "chrome-extension://x",
        "http://evil.example#http://localhost:4200", " http://localhost:4200", "localhost:4200", "",
    )),
    *({"sec-fetch-site": site} for site in ("cross-site", "same-site")),
    *({"host": host} for host in (
        "", "evil.example", "evil.example:4200", "localhost.evil.example", "localhost@evil.example",
        "127.0.0.1.evil.example", "127.0.0.2", "192.168.1.7:4200", "0.0.0.0:4200", "[::]:4200", "[fe80::1]",
        "localhost:4200:80", "2130706433", "0x7f000001", "prefect", "localhost:evil",
    )),
]  # fmt: skip


def _answers(site: Any, headers: dict[str, str]) -> dict[str, int]:
    """The status of each endpoint that says or does something."""
    content = {"content-type": "application/json", **headers}
    body = json.dumps({"query": MAKE})
    found = {
        f"POST {path}": site.client.post(path, content=body, headers=content) for path in ("/", "/graphql")
    }
    for path in ("/metrics", "/session", "/events?topics=x"):
        if path.startswith("/events") and not headers:
            continue  # it does not end
        found[f"GET {path}"] = site.client.get(path, headers=headers)
    return {name: reply.status_code for name, reply in found.items()}


def _let_in(site: Any) -> list[tuple[dict[str, str], str, int]]:
    return [
        (headers, name, status)
        for headers in FOREIGN
        for name, status in _answers(site, headers).items()
        if status != 403
    ]


def test_a_server_without_keys_answers_this_machine_only(local: Any) -> None:
    let_in = _let_in(local)
    asked = len(FOREIGN) * 5
    record("S5", local.store.dialect, None, "0 let in", f"{len(let_in)} of {asked} requests")
    assert let_in == []
    assert local.post("{ project { name } }").json()["data"]["project"] == []
    assert set(_answers(local, {}).values()) == {200}
    assert len(local.post("{ project { name } }").json()["data"]["project"]) == 1


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                                  "application/graphql", "", "application/json5", "text/json", "text/plain;application/json"])  # fmt: skip
def test_only_json_is_read(local: Any, kind: str) -> None:
    body = json.dumps({"query": MAKE})
    assert local.client.post("/", content=body, headers={"content-type": kind}).status_code == 415
    assert local.client.post("/session", content="{}", headers={"content-type": kind}).status_code == 415
    assert local.post("{ project { name } }").json()["data"]["project"] == []


@pytest.mark.parametrize(
    "peer", ["203.0.113.9", "192.168.1.7", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "2001:db8::1"]
)
def test_another_machine_is_refused_whatever_it_says(open_site: Any, peer: str) -> None:
    site = open_site(peer=peer)
    assert set(_answers(site, {"x": "y"}).values()) == {403}


def test_a_build_without_the_gate_is_noticed(local: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identify, "refusal", lambda *_: None)
    monkeypatch.setattr("prefect.server.http.events._MOST", 0)  # a stream that is let in would not end
    assert len({str(headers) for headers, _, _ in _let_in(local)}) == len(FOREIGN)


def test_a_build_that_looks_at_the_host_only_is_noticed(local: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusal(headers: Any, *_: Any) -> str | None:
        return None if gate.host_of(headers.get("host", "")) == "localhost" else "no"

    monkeypatch.setattr(identify, "refusal", refusal)
    monkeypatch.setattr("prefect.server.http.events._MOST", 0)
    assert _let_in(local)


# -- strangers ---------------------------------------------------------------------------


def _strange_documents() -> list[str]:
    tables = [f"{{ {name} {{ id }} }}" for name in table_names()]
    return [
        *tables,
        "{ __schema { types { name } } }", '{ __type(name: "flow") { name } }', "{ hello __schema { types { name } } }",
        "{ flwo { id } }", "{ flow { nope } }", "{ nope }", "{ hello { x } flow { id } }",
        "query($x: flow_bol_exp) { hello }", "query($x: flow_bool_exp) { hello }", "query($x: nope) { hello }",
        "{ hello @nope }", "{ hello ...A } fragment A on flow { id }", "{ api { ... on flow { id } } }",
        "{ api { ...F } } fragment F on nope { id }", "fragment A on flow { id }", "mutation { create_project { id } }",
        "mutation { nope }", "subscription { hello }", "type A { b: Int }", "{", "", "query { hello", "\x00",
        "{ " + "hello " * 1_000 + "}", "{ " + "a" * 100_000 + " }", "{" * 1_000, "mutation { __typename }",
    ]  # fmt: skip


def test_strangers_are_told_nothing_but_that_they_need_a_key(guarded: Any) -> None:
    answers: set[str] = set()
    documents = [one for one in _strange_documents() if one]
    for document in documents:
        reply = guarded.post(document)
        assert reply.status_code == 200
        answers.add(reply.text)
    record(
        "S10",
        guarded.store.dialect,
        None,
        "one answer for all",
        f"{len(answers)} to {len(documents)} documents",
    )
    assert len(answers) == 1
    (answer,) = answers
    assert json.loads(answer)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    # What is for everybody still is.
    assert guarded.post("{ hello }").json() == {"data": {"hello": "👋"}}
    assert guarded.post("query { api { backend mode version } }").json()["data"]["api"]["backend"] == "SERVER"
    assert "nope" in guarded.post("{ api { nope } }").json()["errors"][0]["message"]


def test_whoever_has_a_key_may_ask_for_the_schema(guarded: Any, admin_key: str) -> None:
    from graphql import get_introspection_query

    reply = guarded.post(get_introspection_query(), admin_key)
    assert len(reply.json()["data"]["__schema"]["types"]) > 200


def test_a_build_that_explains_itself_to_strangers_is_noticed(
    guarded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "is_public", lambda text: True)
    assert len({guarded.post(one).text for one in _strange_documents() if one}) > 10


# -- pages of other sites ----------------------------------------------------------------


@pytest.fixture
def logged_in(guarded: Any, admin_key: str) -> Any:
    assert (
        guarded.client.post("/session", json={"key": admin_key}, headers={"origin": OWN}).status_code == 200
    )
    return guarded


ORIGINS = [None, "null", "https://evil.example", "http://prefect.example.org.evil.example", "http://evil-prefect.example.org",
           "http://prefect.example.org:8080", "http://prefect.example.org@evil.example", "HTTP://EVIL.EXAMPLE", "",
           "http://sub.prefect.example.org", "prefect.example.org", "ftp://prefect.example.org"]  # fmt: skip
KINDS = ["application/json", "text/plain", "application/x-www-form-urlencoded", ""]


def _forged(site: Any) -> tuple[int, list[tuple[Any, ...]]]:
    """Requests with somebody's cookie that their own page did not send, and those that were taken."""
    asked, taken = 0, []
    for origin, kind, method in itertools.product(ORIGINS, KINDS, ("POST", "PUT", "DELETE", "PATCH")):
        headers = {"content-type": kind} | ({} if origin is None else {"origin": origin})
        for path in ("/", "/graphql", "/session"):
            if path == "/session" and (method == "POST" or origin is None):
                continue  # logging in needs a key in the body; without an origin it is no browser's
            asked += 1
            reply = site.client.request(method, path, content=json.dumps({"query": MAKE}), headers=headers)
            if reply.status_code not in (403, 405, 415):
                taken.append((method, path, origin, kind, reply.status_code))
    return asked, taken


def test_pages_of_other_sites_do_nothing_with_somebodys_cookie(logged_in: Any) -> None:
    asked, taken = _forged(logged_in)
    record("S11", logged_in.store.dialect, None, "0 taken", f"{len(taken)} of {asked} requests")
    assert taken == []
    assert logged_in.post("{ project { id } }", origin=OWN).json()["data"]["project"] == []
    assert logged_in.client.get("/session").status_code == 200  # nobody was logged out
    assert logged_in.post(MAKE, origin=OWN).json()["data"]["create_project"]["id"]


def test_a_build_that_takes_cookies_from_anywhere_is_noticed(
    logged_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Identifier, "_check_origin", lambda *_: None)
    _, taken = _forged(logged_in)
    assert taken


@pytest.mark.parametrize("path", ["/", "/graphql", "/graphql/"])
def test_reading_a_page_changes_nothing(logged_in: Any, path: str) -> None:
    for params in ({"query": MAKE}, {"query": MAKE, "variables": "{}"}, {"mutation": MAKE}):
        for method in ("GET", "HEAD"):
            reply = logged_in.client.request(method, path, params=params)
            assert reply.headers["content-type"].startswith("text/html")
    assert logged_in.post("{ project { id } }", origin=OWN).json()["data"]["project"] == []


def test_no_answer_lets_other_sites_read_with_a_cookie(logged_in: Any) -> None:
    for path, method in itertools.product(
        ("/", "/graphql", "/session", "/metrics", "/health"), ("GET", "POST", "OPTIONS")
    ):
        reply = logged_in.client.request(
            method, path, headers={"origin": "https://evil.example", "access-control-request-method": "POST"}
        )
        assert "access-control-allow-credentials" not in reply.headers, (method, path)
        assert reply.headers.get("access-control-allow-origin") in (None, "*")
    cookie = logged_in.client.post("/session", json={"key": "x"}, headers={"origin": OWN}).headers.get(
        "set-cookie"
    )
    assert cookie is None
