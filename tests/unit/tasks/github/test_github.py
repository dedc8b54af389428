"""GitHub tasks, and what they send."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from prefect.tasks.github import (
    CreateBranch,
    CreateGitHubPR,
    CreateIssueComment,
    GetRepoInfo,
    OpenGitHubIssue,
    _api,
)

BRANCHES = [
    {"ref": "refs/heads/master", "object": {"sha": "S1"}},
    {"ref": "refs/heads/dev", "object": {"sha": "S2"}},
]


class GitHub(ThreadingHTTPServer):
    """Has one repository, and remembers what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, str, Any]] = []
        self.tokens: list[str | None] = []


class _Handler(BaseHTTPRequestHandler):
    server: GitHub  # type: ignore[assignment]

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = str(self.path)
        self.server.requests.append((str(self.command), path, json.loads(body) if body else None))
        self.server.tokens.append(self.headers.get("Authorization"))
        if not path.startswith("/repos/o/r"):
            self.send_error(404)
            return
        facts: Any = {"name": "r", "stargazers_count": 5, "number": 7}
        data = json.dumps(BRANCHES if path.endswith("/git/refs/heads") else facts).encode()
        self.send_response(200 if self.command == "GET" else 201)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    server = GitHub()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setattr(_api, "_API", f"http://127.0.0.1:{server.server_address[1]}")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("task", "path", "body"),
    [
        (OpenGitHubIssue("o/r", "T", "B", ["l"]), "/issues", {"title": "T", "body": "B", "labels": ["l"]}),
        (OpenGitHubIssue("o/r", "T"), "/issues", {"title": "T", "body": None, "labels": []}),
        (
            CreateGitHubPR("o/r", "T", "B", "h", "b"),
            "/pulls",
            {"title": "T", "body": "B", "head": "h", "base": "b"},
        ),
        (CreateIssueComment("o/r", 3, "B"), "/issues/3/comments", {"body": "B"}),
    ],
)
def test_issues_comments_and_pull_requests_are_made(
    github: GitHub, task: Any, path: str, body: dict[str, Any]
) -> None:
    assert task.run(token="tok") is None
    assert github.requests == [("POST", f"/repos/o/r{path}", body)]
    assert github.tokens == ["token tok"]


@pytest.mark.parametrize(("base", "commit"), [("master", "S1"), ("dev", "S2")])
def test_a_branch_starts_where_its_base_is(github: GitHub, base: str, commit: str) -> None:
    assert CreateBranch("o/r", base=base).run(branch_name="new", token="tok")["number"] == 7
    assert github.requests[1:] == [("POST", "/repos/o/r/git/refs", {"ref": "refs/heads/new", "sha": commit})]


def test_a_base_that_is_not_there_is_an_error(github: GitHub) -> None:
    with pytest.raises(ValueError, match="Base branch nope not found"):
        CreateBranch("o/r", base="nope", branch_name="new").run()


def test_facts_about_a_repository_are_read_also_without_a_token(github: GitHub) -> None:
    assert GetRepoInfo("o/r", ["stargazers_count"]).run() == {"stargazers_count": 5}
    assert GetRepoInfo("o/r").run() == {}
    assert github.tokens == [None, None]
    with pytest.raises(KeyError, match="nope"):
        GetRepoInfo("o/r").run(info_keys=["nope"])


def test_a_refusal_is_an_error(github: GitHub) -> None:
    with pytest.raises(requests.HTTPError, match="404"):
        OpenGitHubIssue("o/other").run(token="tok")


@pytest.mark.parametrize(
    ("task", "what"),
    [
        (OpenGitHubIssue(), "A GitHub repository must be provided"),
        (CreateGitHubPR(), "A GitHub repository must be provided"),
        (CreateIssueComment(), "A GitHub repository must be provided"),
        (CreateIssueComment("o/r"), "An issue number must be provided"),
        (CreateBranch(), "A GitHub repository must be provided"),
        (CreateBranch("o/r"), "A branch name must be provided"),
        (GetRepoInfo(), "A GitHub repository must be provided"),
    ],
)
def test_what_is_missing_is_said(task: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        task.run()
