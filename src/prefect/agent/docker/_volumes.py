"""Volumes of containers, as `docker run --volume` writes them. Pure: from texts to values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Volumes", "parse_volumes"]

_WINDOWS_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")


@dataclass
class Volumes:
    """What is mounted into each container.

    Attributes:
        binds: `{folder or name: {"bind": path in the container, "mode": "rw" or "ro"}}`.
        named: names of volumes that the engine keeps.
        mount_paths: paths in the container.
    """

    binds: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    named: list[str] = field(default_factory=list[str])
    mount_paths: list[str] = field(default_factory=list[str])


def parse_volumes(texts: Iterable[str]) -> Volumes:
    """Volumes of texts `folder:path`, `name:path`, `folder:path:ro` or `path`.

    Raises:
        ValueError: a text is none of these.
    """
    found = Volumes()
    for text in texts:
        source, path, mode = _parts(text)
        found.binds[source] = {"bind": path, "mode": mode}
        found.mount_paths.append(path)
        if _is_name(source):
            # compat: "./data" names a volume `data`, as ever.
            found.named.append(source)
    return found


def _parts(text: str) -> tuple[str, str, str]:
    drive = text[:2] if _WINDOWS_DRIVE.match(text) else ""
    words = text[len(drive) :].split(":")
    if len(words) > 3 or not all(words):
        raise ValueError(f"Docker volume format is invalid: {text} (should be 'external:internal[:mode]')")
    source = drive + words[0]
    path = words[1] if len(words) > 1 else source
    mode = words[2] if len(words) > 2 else "rw"
    source = source.removeprefix("./")
    return source, path, mode


def _is_name(source: str) -> bool:
    return not source.startswith(("/", "~", "\\")) and not _WINDOWS_DRIVE.match(source)
