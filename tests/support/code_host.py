"""A code host of the tests' own: a real git repository, served as GitHub, GitLab and Bitbucket do.

Files are read from the repository by git itself. Clones go through `git http-backend`, the program that
ships with git for this. The three HTTP interfaces are a stand-in written from their public documentation.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["NEEDS_GIT", "CodeHost", "git", "make_repository", "running_code_host"]

NEEDS_GIT = "needs the program git (Debian: apt install git)"
TOKEN = "t0ken-of-the-tests"
USER = "bot"


def git(folder: Path, *args: str) -> str:
    """What a git command prints."""
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(folder: Path, versions: dict[str, dict[str, str]]) -> Path:
    """A repository whose branches have the given files: `{branch: {path: content}}`, `main` first."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for branch, files in versions.items():
        if branch != "main":
            git(folder, "checkout", "-q", "-b", branch)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", branch)
    git(folder, "checkout", "-q", "main")
    return folder


class CodeHost(ThreadingHTTPServer):
    """Serves one repository, as `team/flows`, to whoever has the token.

    Attributes:
        seen: paths of the requests.
        failures: how many of the next requests are answered with 503.
    """

    daemon_threads = True

    def __init__(self, repository: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repository = repository
        self.seen: list[str] = []
        self.failures = 0
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.private = True

    def file(self, ref: str, path: str) -> bytes | None:
        """A file at a ref; None if there is none."""
        done = subprocess.run(
            ["git", "show", f"{ref}:{path}"], cwd=self.repository, capture_output=True, check=False
        )
        return done.stdout if done.returncode == 0 else None


class _Handler(BaseHTTPRequestHandler):
    server: CodeHost
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self._body()
        host = self.server
        host.seen.append(self.path)
        if host.failures:
            host.failures -= 1
            return self._send(503, b"busy", {"Retry-After": "3600"})
        if host.private and not self._knows_the_token():
            headers = {"WWW-Authenticate": 'Basic realm="git"'}
            return self._send(401 if "/git/" in self.path else 404, b"", headers)
        url = urlsplit(self.path)
        if url.path.startswith("/git/"):
            return self._backend(url.path.removeprefix("/git"), url.query, body)
        found = self._from_api(url.path, {name: values[0] for name, values in parse_qs(url.query).items()})
        return self._send(200, found) if found is not None else self._send(404, b"not found")

    def _knows_the_token(self) -> bool:
        basic = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        authorization = self.headers.get("Authorization", "")
        return (
            authorization in (f"Bearer {TOKEN}", f"Basic {basic}")
            or self.headers.get("PRIVATE-TOKEN") == TOKEN
        )

    def _from_api(self, path: str, query: dict[str, str]) -> bytes | None:
        host = self.server
        for start, ref in (
            ("/repos/team/flows/contents/", query.get("ref", "HEAD")),
            ("/rest/api/1.0/projects/team/repos/flows/raw/", query.get("at", "HEAD")),
        ):
            if path.startswith(start):
                return host.file(ref, unquote(path.removeprefix(start)))
        gitlab = "/api/v4/projects/team%2Fflows/repository/files/"
        if path.startswith(gitlab) and path.endswith("/raw"):
            name = path.removeprefix(gitlab).removesuffix("/raw")
            return None if "/" in name else host.file(query["ref"], unquote(name))
        cloud = "/2.0/repositories/team/flows"
        if path == cloud:
            return json.dumps({"mainbranch": {"name": "main"}}).encode()
        if path.startswith(f"{cloud}/refs/branches/"):
            branch = unquote(path.removeprefix(f"{cloud}/refs/branches/"))
            return json.dumps({"target": {"hash": git(host.repository, "rev-parse", branch)}}).encode()
        if path.startswith(f"{cloud}/src/"):
            ref, _, name = unquote(path.removeprefix(f"{cloud}/src/")).partition("/")
            return host.file(ref, name)
        return None

    def _backend(self, path: str, query: str, body: bytes) -> None:
        """Hand the request to `git http-backend`."""
        program = Path(git(self.server.repository, "--exec-path")) / "git-http-backend"
        environ = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.server.repository.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path.replace("/team/flows.git", f"/{self.server.repository.name}/.git", 1),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run([program], input=body, env=environ, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._send(int(headers.pop("Status", "200").split()[0]), content, headers)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def running_code_host(repository: Path) -> Iterator[CodeHost]:
    """A code host that serves a repository until the end of the block."""
    assert shutil.which("git"), NEEDS_GIT
    with CodeHost(repository) as host:
        thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield host
        finally:
            host.shutdown()
            thread.join()
