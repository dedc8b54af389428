"""CodeCommit storage: the real client library against an HTTP server that answers `GetFile` from a git repository."""

from __future__ import annotations

import base64
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from code_host import NEEDS_GIT, CodeHost, make_repository, running_code_host

from prefect import Flow
from prefect.exceptions import FlowStorageError
from prefect.serialization.storage import StorageSchema
from prefect.storage import CodeCommit

pytest.importorskip("boto3", reason="needs boto3 (make test-extras)")
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason=NEEDS_GIT)


class _Amazon(ThreadingHTTPServer):
    daemon_threads = True
    host: CodeHost


class _Handler(BaseHTTPRequestHandler):
    server: _Amazon

    def log_message(self, *args: Any) -> None:
        """Be quiet."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"] == "CodeCommit_20150413.GetFile"
        found = self.server.host.file(asked.get("commitSpecifier", "HEAD"), asked["filePath"])
        if asked["repositoryName"] != "flows" or found is None:
            return self._send(400, {"__type": "FileDoesNotExistException", "message": "no such file"})
        content = base64.b64encode(found).decode()
        return self._send(200, {"fileContent": content, "filePath": asked["filePath"], "commitId": "c"})

    def _send(self, status: int, answer: dict[str, str]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def options(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Arguments for the client."""
    script = "from prefect import Flow\nf = Flow('f')\ng = Flow('{}')\n"
    repository = make_repository(
        tmp_path / "flows", {"main": {"f.py": script.format("main")}, "dev": {"f.py": script.format("dev")}}
    )
    with running_code_host(repository) as host, _Amazon(("127.0.0.1", 0), _Handler) as server:
        server.host = host
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield {
            "endpoint_url": f"http://127.0.0.1:{server.server_port}",
            "aws_access_key_id": "a",
            "aws_secret_access_key": "b",
            "region_name": "eu-west-1",
        }
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("commit", "name"), [(None, "main"), ("dev", "dev")])
def test_a_flow_is_loaded_from_a_branch_or_the_default(
    options: dict[str, str], commit: str | None, name: str
) -> None:
    storage = CodeCommit("flows", path="f.py", commit=commit, client_options=options)
    storage.add_flow(Flow(name))

    assert StorageSchema().load(storage.build().serialize()).get_flow(name).name == name


@pytest.mark.parametrize(("repo", "path"), [("flows", "gone.py"), ("gone", "f.py")])
def test_what_is_missing_is_named(options: dict[str, str], repo: str, path: str) -> None:
    storage = CodeCommit(repo, path=path, commit="dev", client_options=options)
    storage.add_flow(Flow("f"))

    with pytest.raises(
        FlowStorageError, match=rf"Cannot download {path} of {repo} at dev from CodeCommit: .*no such file"
    ):
        storage.get_flow("f")
