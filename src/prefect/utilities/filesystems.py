"""Files by a path or a URL, wherever they are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

__all__ = ["ParsedPath", "parse_path", "read_bytes_from_path"]


class ParsedPath(NamedTuple):
    """The parts of a path or URL."""

    scheme: str
    """`file`, `http`, `s3`, …"""
    netloc: str
    """Host or bucket; empty for files."""
    path: str
    """Path of the file there."""


def parse_path(path: str) -> ParsedPath:
    r"""The parts of a path or URL; what has no scheme is a file.

    Args:
        path: a path, a path on Windows (`C:\data`), or a URL
    """
    parts = urlsplit(path)
    if not parts.scheme or (len(parts.scheme) == 1 and path[1:3] in (":\\", ":/")):
        return ParsedPath("file", "", path)
    return ParsedPath(parts.scheme, parts.netloc, parts.path)


def read_bytes_from_path(path: str) -> bytes:
    """The content of a file.

    Args:
        path: a local path, or a URL with the scheme `file`, `agent` (a file where the agent runs), `http`,
            `https`, `gcs`, `gs` or `s3`

    Raises:
        FileNotFoundError: there is no such file on this machine
        ValueError: the scheme is another one
    """
    parsed = parse_path(path)
    if parsed.scheme in ("file", "agent"):
        return Path(parsed.netloc + parsed.path).expanduser().read_bytes()
    if parsed.scheme in ("http", "https"):
        import requests

        response = requests.get(path, timeout=60)
        response.raise_for_status()
        return response.content
    if parsed.scheme in ("gcs", "gs"):
        from prefect.utilities.gcp import get_storage_client

        blob = get_storage_client().bucket(parsed.netloc).get_blob(parsed.path.lstrip("/"))
        if blob is None:
            raise FileNotFoundError(f"There is no object {path}.")
        return blob.download_as_bytes()
    if parsed.scheme == "s3":
        from prefect.utilities.aws import get_boto_client

        answer = get_boto_client("s3").get_object(Bucket=parsed.netloc, Key=parsed.path.lstrip("/"))
        return answer["Body"].read()
    raise ValueError(
        f"Unsupported file scheme {path}: use a local path or one of file, agent, http, https, gcs, gs, s3."
    )
