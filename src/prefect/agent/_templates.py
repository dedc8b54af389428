"""Templates of jobs: from files and addresses, and as they come through the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

__all__ = ["plain", "template_at"]


def template_at(path: str, what: str) -> dict[str, Any]:
    """The YAML mapping in a file, or at an address.

    Args:
        path: a path here, or `s3://`, `gs://`, `https://`.
        what: what it is a template for, for messages.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no YAML mapping.
    """
    from prefect.run_configs._templates import parse_template
    from prefect.utilities.filesystems import read_bytes_from_path

    return parse_template(read_bytes_from_path(path).decode("utf-8"), f"{what} in {path}")


def plain(value: Any) -> Any:
    """A template that came through the API, copied as dictionaries and lists.

    Args:
        value: the template, or a part of it.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in cast("list[Any]", value)]
    return value
