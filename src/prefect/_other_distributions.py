"""Notices that another distribution shares the folder `prefect/` with this one."""

from __future__ import annotations

import os
import warnings

__all__ = ["find_other_distributions", "warn_about_other_distributions"]

# Distributions that install into a folder called `prefect`.
_OWNERS = {"prefect", "prefect_client", "prefect-client"}


def find_other_distributions(folder: str) -> list[str]:
    """Other installed distributions that own a package called `prefect`, such as `prefect 3.1.0`.

    Looks at the names in one folder only: the metadata of the standard library takes 10 ms to read.

    Args:
        folder: where this package lies, the `site-packages` of an installation
    """
    try:
        entries = os.listdir(folder)  # noqa: PTH208 - pathlib costs more than the whole check
    except OSError:  # inside a zip file
        return []
    found: list[str] = []
    for entry in entries:
        stem, suffix = os.path.splitext(entry)  # noqa: PTH122
        if suffix not in (".dist-info", ".egg-info") or not stem.lower().startswith("prefect"):
            continue
        name, _, version = stem.partition("-")
        if name.lower() in _OWNERS:
            found.append(f"{name.replace('_', '-')} {version.partition('-')[0]}".rstrip())
    return sorted(found)


def warn_about_other_distributions(folder: str) -> None:
    """Warn when another distribution has overwritten parts of this package, or will be overwritten.

    Args:
        folder: where this package lies
    """
    others = find_other_distributions(folder)
    if not others:
        return
    names = " ".join(other.split(" ")[0] for other in others)
    is_, owns, of = ("are", "own", "several") if len(others) > 1 else ("is", "owns", "both")
    warnings.warn(
        f"{' and '.join(others)} {is_} installed beside prefect-classic in {folder} and {owns} the same folder "
        f"prefect/, so files of {of} are mixed there. Run `pip uninstall {names} prefect-classic`, then "
        "`pip install prefect-classic`.",
        RuntimeWarning,
        stacklevel=3,
    )
