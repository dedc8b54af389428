"""Health, metrics, pages, headers, and pages of other sites."""

from __future__ import annotations

from typing import Any

import pytest

RUN = "5d1f0c8e-4b7a-4a53-9d0e-0123456789ab"


@pytest.mark.parametrize("path", ["/health", "/.well-known/apollo/server-health"])
def test_health_is_told_to_everybody(guarded: Any, path: str) -> None:
    reply = guarded.client.get(path)
    assert reply.status_code == 200
    assert reply.json()["status"] == "ok"
    assert reply.json()["version"]


def test_health_is_bad_while_the_database_is_away(local: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.server.errors import UnavailableError

    async def fail(*args: object) -> str:
        raise UnavailableError("gone", retry_after_s=2)

    monkeypatch.setattr(local.store, "read", fail)
    reply = local.client.get("/health")
    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "2"


def test_the_old_web_ui_is_told_where_the_api_is(open_site: Any) -> None:
    site = open_site(public_url="https://prefect.example.org/base/")
    assert (
        site.client.get("/settings.json").json()["server_url"] == "https://prefect.example.org/base/graphql"
    )


def test_metrics_are_for_those_with_a_key(guarded: Any, admin_key: str) -> None:
    assert guarded.client.get("/metrics").status_code == 401
    guarded.post("{ hello }", admin_key)
    reply = guarded.client.get("/metrics", headers={"authorization": f"Bearer {admin_key}"})
    assert 'prefect_http_requests_total{method="POST",path="/",status="200"} 1\n' in reply.text
    for line in reply.text.splitlines():
        assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2
        float(line.rsplit(" ", 1)[1]) if not line.startswith("#") else None


def test_paths_of_others_choosing_do_not_fill_the_metrics(local: Any) -> None:
    for number in range(5):
        local.client.get(f"/nothing-{number}")
    text = local.client.get("/metrics").text
    assert "nothing" not in text
    assert 'path="other",status="404"} 5' in text


@pytest.mark.parametrize("kind", ["flow", "flow-run"])
def test_links_of_old_clients_show_a_page(local: Any, kind: str) -> None:
    reply = local.client.get(f"/default/{kind}/{RUN}")
    assert reply.status_code == 200
    assert RUN in reply.text


@pytest.mark.parametrize("path", ["/default/flow-run/<script>", "/x/y/z", "/a/flow/..%2f..%2fetc%2fpasswd"])
def test_other_links_are_not_found_and_not_echoed(local: Any, path: str) -> None:
    reply = local.client.get(path)
    assert reply.status_code == 404
    assert "<script>" not in reply.text
    assert "passwd" not in reply.text


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%5c..%5cwindows",
        "/plain.css/../../x",
        "//etc/passwd",
    ],
)
def test_no_path_leads_to_a_file(local: Any, path: str) -> None:
    assert local.client.get(path).status_code in (404, 405)


@pytest.mark.parametrize("path", ["/", "/health", "/nothing"])
def test_every_reply_has_the_headers_that_browsers_need(local: Any, path: str) -> None:
    headers = local.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "unsafe" not in headers["content-security-policy"]
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "server" not in headers


def test_pages_of_other_sites_may_use_a_key_and_never_a_cookie(guarded: Any, admin_key: str) -> None:
    reply = guarded.client.options(
        "/graphql", headers={"origin": "https://ui.example", "access-control-request-method": "POST"}
    )
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in reply.headers
    for name in ("authorization", "x-prefect-tenant-id", "x-prefect-ui", "x-backend", "authorization-expiry"):
        assert name in reply.headers["access-control-allow-headers"]
    answer = guarded.post("{ tenant { slug } }", admin_key, origin="https://ui.example")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["data"]["tenant"] == [{"slug": "default"}]


def test_a_server_without_keys_allows_no_other_site(local: Any) -> None:
    reply = local.client.options("/graphql", headers={"origin": "https://ui.example"})
    assert reply.status_code == 403
    assert "access-control-allow-origin" not in reply.headers


def test_an_unknown_method_is_refused(local: Any) -> None:
    assert local.client.put("/graphql").status_code == 405
