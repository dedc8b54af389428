from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from prefect.utilities.filesystems import parse_path, read_bytes_from_path


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/a/b", ("file", "", "/a/b")),
        ("a/b", ("file", "", "a/b")),
        ("~/x", ("file", "", "~/x")),
        ("", ("file", "", "")),
        ("file:///a/b", ("file", "", "/a/b")),
        ("s3://bucket/k/l", ("s3", "bucket", "/k/l")),
        ("gs://bucket", ("gs", "bucket", "")),
        ("http://h:80/p?q=1#f", ("http", "h:80", "/p")),
        ("C:\\x\\y", ("file", "", "C:\\x\\y")),
        ("c:/x/y", ("file", "", "c:/x/y")),
        ("agent:///a", ("agent", "", "/a")),
    ],
)
def test_paths_and_urls_have_parts(path: str, parts: tuple[str, str, str]) -> None:
    parsed = parse_path(path)

    assert parsed == parts
    assert (parsed.scheme, parsed.netloc, parsed.path) == parts


@pytest.mark.parametrize("prefix", ["", "file://", "agent://"])
def test_local_files_are_read(prefix: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x00hi")

    assert read_bytes_from_path(f"{prefix}{tmp_path}/file") == b"\x00hi"


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "file").write_bytes(b"hi")

    assert read_bytes_from_path("~/file") == b"hi"


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        read_bytes_from_path(f"{tmp_path}/nothing")


def test_an_unknown_scheme_names_those_that_work() -> None:
    with pytest.raises(
        ValueError, match="Unsupported file scheme ftp://host/x: use a local path or one of file"
    ):
        read_bytes_from_path("ftp://host/x")


def test_files_on_web_servers_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hi")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"

        assert read_bytes_from_path(f"{address}/file") == b"hi"
        with pytest.raises(requests.HTTPError, match="404"):
            read_bytes_from_path(f"{address}/nothing")
        server.shutdown()
        thread.join()
