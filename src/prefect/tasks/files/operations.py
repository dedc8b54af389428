"""Tasks that copy, move, remove and find files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from prefect.core.task import Task
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["Copy", "Glob", "Move", "Remove"]


class Move(Task):
    """A task that moves a file or directory.

    Every argument of `run` may also be given here, to be used when the call leaves it out.

    Args:
        source_path: what to move.
        target_path: where to; into it, when it is a directory that exists.
        **kwargs: settings of every `Task`.
    """

    source_path: str | Path
    target_path: str | Path

    def __init__(self, source_path: str | Path = "", target_path: str | Path = "", **kwargs: Any) -> None:
        self.source_path = source_path
        self.target_path = target_path
        super().__init__(**kwargs)

    @defaults_from_attrs("source_path", "target_path")
    def run(self, source_path: str | Path = "", target_path: str | Path = "") -> Path:
        """Move it.

        Args:
            source_path: what to move.
            target_path: where to.

        Returns:
            where it is now.

        Raises:
            ValueError: a path is not given, or there is nothing at `source_path`.
        """
        source, target = _given(source_path, "source_path"), _given(target_path, "target_path")
        if not source.exists():
            raise ValueError(f"Source path ({source}) not found")
        self.logger.info("Moving %s to %s...", source, target)
        return Path(shutil.move(str(source), str(target)))


class Copy(Task):
    """A task that copies a file, or a directory with all that is in it.

    Every argument of `run` may also be given here, to be used when the call leaves it out.

    Args:
        source_path: what to copy.
        target_path: where to. A file is copied into it, when it is a directory; the copy of a
            directory must not exist.
        **kwargs: settings of every `Task`.
    """

    source_path: str | Path
    target_path: str | Path

    def __init__(self, source_path: str | Path = "", target_path: str | Path = "", **kwargs: Any) -> None:
        self.source_path = source_path
        self.target_path = target_path
        super().__init__(**kwargs)

    @defaults_from_attrs("source_path", "target_path")
    def run(self, source_path: str | Path = "", target_path: str | Path = "") -> Path:
        """Copy it.

        Args:
            source_path: what to copy.
            target_path: where to.

        Returns:
            where the copy is.

        Raises:
            ValueError: a path is not given, or there is nothing at `source_path`.
            FileExistsError: the copy of a directory exists already.
        """
        source, target = _given(source_path, "source_path"), _given(target_path, "target_path")
        if not source.exists():
            raise ValueError(f"Source path ({source}) not found")
        self.logger.info("Copying %s to %s...", source, target)
        copied: str | Path = (
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        )
        return Path(copied)


class Remove(Task):
    """A task that removes a file, or an empty directory.

    Args:
        path: what to remove, used when the call gives none.
        **kwargs: settings of every `Task`.
    """

    path: str | Path

    def __init__(self, path: str | Path = "", **kwargs: Any) -> None:
        self.path = path
        super().__init__(**kwargs)

    @defaults_from_attrs("path")
    def run(self, path: str | Path = "") -> None:
        """Remove it.

        Args:
            path: what to remove.

        Raises:
            ValueError: the path is not given, or there is nothing at it.
            OSError: a directory is not empty.
        """
        found = _given(path, "path")
        if not found.exists():
            raise ValueError(f"Path ({found}) not found")
        self.logger.info("Removing %s...", found)
        if found.is_dir():
            found.rmdir()
        else:
            found.unlink()


class Glob(Task):
    """A task that finds files and directories by a pattern.

    Every argument of `run` may also be given here, to be used when the call leaves it out.

    Args:
        path: directory to look in.
        pattern: as for `pathlib.Path.glob`: `"*.csv"`, `"**/*.csv"` to look in subdirectories too.
        **kwargs: settings of every `Task`.
    """

    path: str | Path
    pattern: str

    def __init__(self, path: str | Path = "", pattern: str = "*", **kwargs: Any) -> None:
        self.path = path
        self.pattern = pattern
        super().__init__(**kwargs)

    @defaults_from_attrs("path", "pattern")
    def run(self, path: str | Path = "", pattern: str = "*") -> list[Path]:
        """Find them.

        Args:
            path: directory to look in.
            pattern: what to find.

        Returns:
            what was found, sorted, so that a map over it is the same in every run.

        Raises:
            ValueError: the path is not given.
        """
        directory = _given(path, "path")
        self.logger.debug("Glob path: %s", directory / pattern)
        return sorted(directory.glob(pattern))


def _given(path: str | Path, name: str) -> Path:
    if not path:
        raise ValueError(f"No `{name}` provided.")
    return Path(path)
