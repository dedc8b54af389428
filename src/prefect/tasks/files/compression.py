"""Tasks that make zip archives and unpack them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefect.core.task import Task
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["Unzip", "Zip"]

# The numbers of `zipfile.ZIP_STORED` and so on, which are part of the file format.
_METHODS = {"store": 0, "deflate": 8, "bzip2": 12, "lzma": 14}


class Unzip(Task):
    """A task that unpacks a zip archive.

    Every argument of `run` may also be given here (but for the password), to be used when the call leaves it out.

    Args:
        zip_path: the archive.
        extract_dir: where to; the current directory by default.
        **kwargs: settings of every `Task`.
    """

    zip_path: str | Path
    extract_dir: str | Path

    def __init__(self, zip_path: str | Path = "", extract_dir: str | Path = "", **kwargs: Any) -> None:
        self.zip_path = zip_path
        self.extract_dir = extract_dir
        super().__init__(**kwargs)

    @defaults_from_attrs("zip_path", "extract_dir")
    def run(
        self, zip_path: str | Path = "", extract_dir: str | Path = "", password: bytes | str | None = None
    ) -> Path:
        """Unpack it.

        Args:
            zip_path: the archive.
            extract_dir: where to; the current directory by default.
            password: for encrypted archives; a text is encoded as UTF-8.

        Returns:
            the directory.

        Raises:
            ValueError: the archive is not given, or there is none.
            TypeError: the file is no zip archive.
        """
        import zipfile

        if not zip_path:
            raise ValueError("No `zip_path` provided")
        if not Path(zip_path).exists():
            raise ValueError(f"`zip_path` {str(zip_path)!r} not found")
        if not zipfile.is_zipfile(zip_path):
            raise TypeError(f"`zip_path` {str(zip_path)!r} is not a zip file")
        directory = Path(extract_dir) if extract_dir else Path.cwd()
        self.logger.info("Extracting '%s' to '%s'", zip_path, directory)
        with zipfile.ZipFile(zip_path) as archive:
            archive.extractall(directory, pwd=password.encode() if isinstance(password, str) else password)
        return directory


class Zip(Task):
    """A task that packs files and directories into a zip archive.

    The paths may also be given to `run`; those given here are used when the call leaves them out.

    Args:
        source_path: a file, a directory, or a list of these. A file is packed under its name, what is
            in a directory under the name of the directory.
        zip_path: the archive to make; one that exists is replaced.
        compression_method: `"deflate"`, `"store"`, `"bzip2"` or `"lzma"`.
        compression_level: for deflate 0 to 9, for bzip2 1 to 9; each has its default.
        **kwargs: settings of every `Task`.

    Raises:
        ValueError: another method.
    """

    source_path: str | Path | list[str] | list[Path]
    zip_path: str | Path
    compression: int
    compression_level: int | None

    def __init__(
        self,
        source_path: str | Path | list[str] | list[Path] = "",
        zip_path: str | Path = "",
        compression_method: str = "deflate",
        compression_level: int | None = None,
        **kwargs: Any,
    ) -> None:
        if compression_method not in _METHODS:
            raise ValueError(
                f"Compression method {compression_method} is not supported! Use one of {', '.join(_METHODS)}."
            )
        self.source_path = source_path
        self.zip_path = zip_path
        self.compression = _METHODS[compression_method]
        self.compression_level = compression_level
        super().__init__(**kwargs)

    @defaults_from_attrs("source_path", "zip_path")
    def run(self, source_path: str | Path | list[str] | list[Path] = "", zip_path: str | Path = "") -> Path:
        """Pack them.

        Args:
            source_path: a file, a directory, or a list of these.
            zip_path: the archive to make.

        Returns:
            the archive.

        Raises:
            ValueError: a path is not given, or there is nothing at one.
        """
        import zipfile

        if not source_path:
            raise ValueError("No `source_path` provided.")
        if not zip_path:
            raise ValueError("No `zip_path` provided.")
        sources = [Path(path) for path in (source_path if isinstance(source_path, list) else [source_path])]
        for source in sources:
            if not source.exists():
                raise ValueError(f"Source path ({source}) not found")
        target = Path(zip_path)
        self.logger.info("Creating zip archive %s", target)
        with zipfile.ZipFile(
            target, "w", compression=self.compression, compresslevel=self.compression_level
        ) as archive:
            for source in sources:
                self.logger.info("Adding %s to archive", source.name)
                for file in _files(source):
                    if file.resolve() != target.resolve():  # an archive inside the directory it is made of
                        archive.write(file, arcname=file.relative_to(source.parent))
        return target


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
    else:
        yield from (path for path in sorted(source.rglob("*")) if path.is_file())
