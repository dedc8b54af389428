"""Templates that users give as YAML text, as a dictionary, or by path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

__all__ = ["local_path", "parse_template", "read_template"]


def local_path(path: str) -> Path | None:
    """The file a path names on this machine; None for a path elsewhere, such as `s3://bucket/key`.

    Those are read by the agent, when the flow runs.
    """
    scheme, separator, rest = path.partition("://")
    if not separator:
        return Path(path)
    return Path(rest) if scheme == "file" else None


def parse_template(template: str | Mapping[str, Any], what: str) -> dict[str, Any]:
    """A template as dictionary.

    Args:
        template: a dictionary, or YAML.
        what: what it is a template for, for messages.

    Raises:
        ValueError: it is no YAML, or no mapping.
        TypeError: it is neither text nor a mapping.
    """
    found: Any = template
    if isinstance(template, str):
        import yaml

        try:
            found = yaml.safe_load(template)
        except yaml.YAMLError as exc:
            raise ValueError(f"The {what} is not valid YAML: {exc}") from exc
        if not isinstance(found, dict):
            raise ValueError(f"The {what} must be a YAML mapping (`key: value` lines), not {found!r}.")
    if not isinstance(found, Mapping):
        raise TypeError(
            f"The {what} must be a dictionary or YAML text, not {type(found).__name__} {found!r}."
        )
    return dict(cast("Mapping[str, Any]", found))


def read_template(path: Path, what: str) -> dict[str, Any]:
    """The template in a file, as dictionary.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no YAML mapping.
    """
    return parse_template(path.read_text(encoding="utf-8"), f"{what} in {path}")
