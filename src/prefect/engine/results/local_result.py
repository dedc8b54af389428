"""Results in files of this machine."""

from __future__ import annotations

import datetime as dt
import os
import sys
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
            _create(directory)
            dir = str(directory)
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
        path = Path(self.dir) / location
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise missing(str(path)) from None
        except OSError as exc:
            text = f"The result at {path} cannot be read: {_problem(exc)}."
            raise ResultReadError(text, location=str(path)) from exc
        new = self.copy()
        new.location = location
        new.value = value_of(data, self.serializer, str(path))
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
        path = (Path(self.dir) / cast("str", new.location)).absolute()
        if isinstance(self.location, str):
            self._refuse_escape(self.location, path)
        data = self.serializer.serialize(value_)
        _create(path.parent)
        _replace(path, data)
        new.location = str(path)
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
        path = Path(self.dir) / location.format(**kwargs)
        self._refuse_escape(location, path)
        return path.exists()

    def _refuse_escape(self, template: str, path: Path) -> None:
        """Raise if the values put into `template` lead to a path outside what it names itself."""
        fixed = _fixed_directory(template)
        if fixed is None:
            return
        allowed = (Path(self.dir) / fixed).resolve()
        if not path.resolve().is_relative_to(allowed):
            raise UnsafeLocationError(
                f"A value in the result location {template!r} leads to {path}, outside {allowed}. "
                "If that is what you want, give a function as `location` that returns the whole path.",
                location=str(path),
            )


def _home() -> Path:
    from prefect.configuration import config

    return _absolute(str(config.home_dir))


def _absolute(path: str | Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 # resolves `..` without following links


def _fixed_directory(template: str) -> str | None:
    """The directory that a template names before its first placeholder; None without placeholders."""
    import string

    literal = ""
    for text, field, _, _ in string.Formatter().parse(template):
        literal += text
        if field is not None:
            return literal[: 1 + max(literal.rfind(separator) for separator in (os.sep, os.altsep or os.sep))]
    return None


def _create(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ResultWriteError(
            f"The result directory {directory} cannot be created: {_problem(exc)}. "
            "Choose another with LocalResult(dir=...).",
            location=str(directory),
        ) from exc


def _replace(path: Path, data: bytes) -> None:
    """Make `path` a file with these bytes, all at once."""
    # Not `tempfile`: its files are private to the user, results were never.
    temporary = path.with_name(f".prefect-{os.urandom(8).hex()}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise ResultWriteError(
            f"The result cannot be written to {path}: {_problem(exc)}. "
            "Choose another place with LocalResult(dir=...) or `location`.",
            location=str(path),
        ) from exc


def _problem(exc: OSError) -> str:
    """The system's own words, and who was refused."""
    text = (exc.strerror or str(exc)).lower()
    if isinstance(exc, PermissionError) and sys.platform != "win32":
        return f"{text} for user id {os.getuid()}"
    return text
