"""A reader for the plain part of TOML, because importing a full parser costs a tenth of `import prefect`."""

from __future__ import annotations

from typing import Any, cast

__all__ = ["read_plain_toml"]


def read_plain_toml(text: str) -> dict[str, Any] | None:
    """The content of `text`, or None when it needs (or would be refused by) a full TOML parser.

    Plain means: sections with bare names, and keys with a bare name whose value is a one-line
    string without backslashes, an empty list, `true`, `false`, a whole number or a decimal number. Whatever this
    function returns equals what a full parser returns.

    Args:
        text: the text of a TOML file
    """
    text = text.replace("\r\n", "\n")
    if not text.replace("\n", "").replace("\t", "").isprintable():
        return None
    root: dict[str, Any] = {}
    section = root
    headers: set[str] = set()
    for raw_line in text.split("\n"):
        line = raw_line.strip(" \t")
        if not line or line[0] == "#":
            continue
        if line[0] == "[":
            header = line[1:-1]
            opened = _open_section(root, header) if line[-1] == "]" and header not in headers else None
            if opened is None:
                return None
            headers.add(header)
            section = opened
            continue
        key, _, raw_value = line.partition("=")
        key = key.rstrip(" \t")
        value = _value(raw_value.strip(" \t"))
        if value is None or not _is_bare(key) or key in section:
            return None
        section[key] = value
    return root


def _is_bare(name: str) -> bool:
    return name.isascii() and name.replace("_", "a").replace("-", "a").isalnum()


def _open_section(root: dict[str, Any], header: str) -> dict[str, Any] | None:
    section = root
    for name in header.split("."):
        below: Any = section.setdefault(name, {}) if _is_bare(name) else None
        if not isinstance(below, dict):
            return None
        section = cast("dict[str, Any]", below)
    return section


def _value(raw: str) -> str | bool | int | float | list[str] | None:
    if raw[:1] == '"':
        inner = raw[1:-1]
        plain = len(raw) > 1 and raw[-1] == '"' and '"' not in inner and "\\" not in inner
        return inner if plain else None
    if raw == "[]":
        return []
    if raw in ("true", "false"):
        return raw == "true"
    whole, dot, fraction = raw.partition(".")
    if not (raw.isascii() and whole.isdigit() and (whole == "0" or whole[0] != "0")):
        return None
    if not dot:
        return int(whole)
    return float(raw) if fraction.isdigit() else None
