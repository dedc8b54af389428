"""Results in files of this machine."""

# ruff: noqa: PTH100, PTH103, PTH105, PTH108, PTH109, PTH110, PTH114, PTH117, PTH118, PTH120, PTH123, PTH206
# (a path object costs more than some of the system calls here)

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from prefect.engine.result.base import Result
from prefect.engine.result.errors import ResultReadError, ResultWriteError, UnsafeLocationError
from prefect.engine.results._stored import missing, value_of

__all__ = ["LocalResult"]


class LocalResult(Result):
    """Results in files.

    Example:
        ```python
        @task(result=LocalResult(dir="/data", location="{flow_name}/{date:%Y-%m-%d}.pickle"))
        def report(): ...
        ```

    A file is written beside its final name and then renamed: a reader sees the old result or the
    new one, never half of one. Directories that a location names are created.

    A relative location is below `dir`. An absolute one, or one that climbs out of it with `..`,
    is taken as it is when you write it so. But the *values* that fill a template (parameters,
    inputs, names of tasks) come from whoever starts the run: they may name files and directories
    below the directory that the template itself names up to its first placeholder, and neither
    an absolute path nor `..` nor a symbolic link may lead them out of it. Where a parameter shall
    choose the directory, pass a function as `location`: what it returns is used as it is.

    Args:
        dir: the directory; created if it is missing. Default: `results` in Prefect's home
            directory, which also replaces any directory inside that home.
        validate_dir: whether to make `dir` absolute, expand `~` in it and create it now. False
            for a directory that exists only where the flow will run.
        **kwargs: `value`, `location` and `serializer`, as for every `Result`.

    Raises:
        ResultWriteError: if the directory cannot be created.
    """

    def __init__(self, dir: str | None = None, validate_dir: bool = True, **kwargs: Any) -> None:
        home = _home()
        # compat: a directory anywhere inside Prefect's home means the default one.
        if dir is None or _absolute(dir).is_relative_to(home):
            dir = str(home / "results")
        if validate_dir:
            directory = _absolute(Path(dir).expanduser())
            dir = str(directory)
            _create(dir)
        self.dir: str = os.fspath(dir)
        super().__init__(**kwargs)

    @property
    def default_location(self) -> str:
        """A fresh path in `dir`: `prefect-result-<time in UTC>-<random>`."""
        # The time alone, as in 1.4.1, gave two results of one microsecond the same file.
        now = dt.datetime.now(dt.timezone.utc).isoformat()
        stamp = "".join(c if c.isalnum() else "-" for c in now.lower())
        return str(Path(self.dir) / f"prefect-result-{stamp}-{os.urandom(4).hex()}")

    def read(self, location: str) -> Result:
        """A new result with the value of a file.

        Args:
            location: path, absolute or relative to `dir`.

        Raises:
            MissingResultError: if there is no such file.
            ResultReadError: if it is damaged, no file, or not readable for this user.
        """
        path = os.path.join(self.dir, location)
        try:
            with open(path, "rb", buffering=0) as file:
                data = file.readall()
        except FileNotFoundError:
            raise missing(path) from None
        except OSError as exc:
            text = f"The result at {path} cannot be read: {_problem(exc)}."
            raise ResultReadError(text, location=path) from exc
        new = self.copy()
        new.location = location
        new.value = value_of(data, self.serializer, path)
        return new

    def write(self, value_: Any, **kwargs: Any) -> Result:
        """Write `value_` to the file that the location names.

        Args:
            value_: the value to keep.
            **kwargs: values for the placeholders of the location.

        Returns:
            a new result with the value, and the absolute path as location.

        Raises:
            ResultWriteError: if the file cannot be written.
            UnsafeLocationError: if a value leads out of the directory of the template.
            KeyError: if the location names a placeholder without a value.
        """
        new = self.format(**kwargs)
        new.value = value_
        path = os.path.join(self.dir, cast("str", new.location))
        if not os.path.isabs(path):
            path = os.path.join(os.getcwd(), path)
        if isinstance(self.location, str):
            self._refuse_escape(self.location, path)
        data = self.serializer.serialize(value_)
        _replace(path, data)
        new.location = path
        return new

    def exists(self, location: str, **kwargs: Any) -> bool:
        """Whether a file exists.

        Args:
            location: path, absolute or relative to `dir`; may be a template.
            **kwargs: values for the placeholders.

        Raises:
            UnsafeLocationError: if a value leads out of the directory of the template.
            KeyError: if the location names a placeholder without a value.
        """
        path = os.path.join(self.dir, location.format(**kwargs))
        self._refuse_escape(location, path)
        return os.path.exists(path)

    def _refuse_escape(self, template: str, path: str) -> None:
        """Raise if the values put into `template` lead to a path outside what it names itself."""
        fixed = _fixed_directory(template)
        if fixed is None:
            return
        allowed = os.path.join(self.dir, fixed)
        if not _is_below(path, allowed):
            raise UnsafeLocationError(
                f"A value in the result location {template!r} leads to {path}, outside {os.path.realpath(allowed)}. "
                "If that is what you want, give a function as `location` that returns the whole path.",
                location=path,
            )


def _home() -> Path:
    from prefect.configuration import config

    return _absolute(str(config.home_dir))


def _absolute(path: str | Path) -> Path:
    return Path(os.path.abspath(path))


@lru_cache(maxsize=256)
def _fixed_directory(template: str) -> str | None:
    """The directory that a template names before its first placeholder; None without placeholders."""
    import string

    literal = ""
    for text, field, _, _ in string.Formatter().parse(template):
        literal += text
        if field is not None:
            return literal[: 1 + max(literal.rfind(separator) for separator in (os.sep, os.altsep or os.sep))]
    return None


def _is_below(path: str, directory: str) -> bool:
    """Whether `path` is in `directory`, whatever `..` and symbolic links are on the way from there."""
    if directory and path.startswith(directory):
        names = path[len(directory) :].split(os.sep)
        if os.altsep is None and ".." not in names:
            # The usual case, without looking at the whole way from the root: a few names, none a link.
            step = directory
            for name in names:
                step = os.path.join(step, name)
                if os.path.islink(step):
                    break
            else:
                return True
    try:
        real = os.path.realpath(directory)
        return os.path.commonpath([os.path.realpath(path), real]) == real
    except ValueError:  # different drives
        return False


def _create(directory: str) -> None:
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError as exc:
        raise ResultWriteError(
            f"The result directory {directory} cannot be created: {_problem(exc)}. "
            "Choose another with LocalResult(dir=...).",
            location=directory,
        ) from exc


def _replace(path: str, data: bytes) -> None:
    """Make `path` a file with these bytes, all at once."""
    directory = os.path.dirname(path)
    # Not `tempfile`: its files are private to the user, results were never.
    temporary = os.path.join(directory, f".prefect-{os.urandom(8).hex()}.tmp")
    try:
        try:
            file = open(temporary, "xb")  # noqa: SIM115 # closed below
        except (FileNotFoundError, NotADirectoryError):
            _create(directory)
            file = open(temporary, "xb")  # noqa: SIM115 # closed below
        try:
            with file:
                file.write(data)
            os.replace(temporary, path)
        except BaseException:
            _remove(temporary)
            raise
    except ResultWriteError:
        raise
    except OSError as exc:
        raise ResultWriteError(
            f"The result cannot be written to {path}: {_problem(exc)}. "
            "Choose another place with LocalResult(dir=...) or `location`.",
            location=path,
        ) from exc


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _problem(exc: OSError) -> str:
    """The system's own words, and who was refused."""
    text = (exc.strerror or str(exc)).lower()
    if isinstance(exc, PermissionError) and sys.platform != "win32":
        return f"{text} for user id {os.getuid()}"
    return text
