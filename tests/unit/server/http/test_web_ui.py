"""The web UI as files: what is served, how, and what never is."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

PAGE = (
    '<!doctype html><head><base href="/" /><meta name="csp-nonce" content="" />'
    '<script type="module" src="./assets/index-1a2b.js"></script></head>'
)
RUN = "00000000-0000-0000-0000-000000000001"
HTML = {"accept": "text/html,*/*;q=0.8"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A built UI, with a secret beside it."""
    directory = tmp_path / "ui"
    (directory / "assets").mkdir(parents=True)
    (directory / "index.html").write_text(PAGE)
    (directory / "assets" / "index-1a2b.js").write_text("export const answer = 42;\n" * 100)
    (directory / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    (directory / "way-out.txt").symlink_to(tmp_path / "secret.txt")
    return directory


@pytest.fixture
def browser(open_site: Any, built: Path) -> TestClient:
    """Requests to a server that has the UI."""
    return open_site(ui_directory=built).client


def test_the_page_forbids_scripts_of_others_and_is_never_kept(browser: TestClient) -> None:
    reply = browser.get("/", headers=HTML)
    policy = reply.headers["content-security-policy"]
    assert reply.headers["cache-control"] == "no-store"
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    nonce = re.search(r'name="csp-nonce" content="([^"]+)"', reply.text)
    assert nonce is not None
    assert f"'nonce-{nonce.group(1)}'" in policy
    assert nonce.group(1) not in browser.get("/", headers=HTML).text


@pytest.mark.parametrize("path", ["/default/flows", f"/default/flow-run/{RUN}", "/login", "/a/b/c/d"])
def test_every_page_of_the_ui_can_be_opened_by_its_address(browser: TestClient, path: str) -> None:
    reply = browser.get(path, headers=HTML)
    assert reply.status_code == 200
    assert "./assets/index-1a2b.js" in reply.text


def test_programs_that_mistake_an_address_are_told_so(browser: TestClient) -> None:
    reply = browser.get("/default/flows", headers={"accept": "application/json"})
    assert reply.status_code == 404
    assert reply.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert browser.get("/assets/index-0000.js", headers=HTML).status_code == 404


def test_graphql_is_still_posted_to_the_root(browser: TestClient) -> None:
    assert browser.post("/", json={"query": "{ hello }"}).json() == {"data": {"hello": "👋"}}


def test_files_with_a_hash_in_their_name_are_kept_for_ever(browser: TestClient) -> None:
    reply = browser.get("/assets/index-1a2b.js")
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "immutable" not in browser.get("/icon.svg").headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/way-out.txt",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/assets/%00",
        "/index.html/../../secret.txt",
    ],
)
def test_no_path_leads_out_of_the_directory(browser: TestClient, path: str) -> None:
    for headers in (HTML, {}):
        reply = browser.get(path, headers=headers)
        assert reply.text != "secret"
        assert reply.status_code == 404 or "./assets/index-1a2b.js" in reply.text


def test_behind_a_proxy_the_page_knows_its_path(open_site: Any, built: Path) -> None:
    client = open_site(ui_directory=built, root_path="/prefect").client
    for path in ("/prefect/default/flows", "/default/flows"):  # the proxy may cut its path off
        assert '<base href="/prefect/" />' in client.get(path, headers=HTML).text
    assert client.get("/prefect/assets/index-1a2b.js").status_code == 200


def test_other_machines_get_scripts_compressed(open_site: Any, built: Path) -> None:
    client = open_site(peer="192.0.2.7", ui_directory=built).client
    for _ in range(2):
        reply = client.get("/assets/index-1a2b.js", headers={"accept-encoding": "gzip"})
        assert reply.headers["content-encoding"] == "gzip"
        assert reply.text.startswith("export const answer = 42;")


def test_a_checkout_that_was_not_built_says_how(local: Any) -> None:
    assert "make ui" in local.client.get("/", headers=HTML).text
    assert RUN in local.client.get(f"/default/flow-run/{RUN}", headers=HTML).text


def test_a_ui_that_is_built_again_is_served_at_once(browser: TestClient, built: Path) -> None:
    browser.get("/", headers=HTML)
    (built / "assets" / "index-9f8e.js").write_text("new")
    assert browser.get("/assets/index-9f8e.js").status_code == 404
    (built / "index.html").write_text(PAGE + "<p>new</p>")
    os.utime(built / "index.html", (1, 1))
    assert browser.get("/assets/index-9f8e.js").text == "new"
