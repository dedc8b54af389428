from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from prefect import Flow
from prefect.tasks.files import Unzip, Zip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "a.txt").write_text("A" * 1000)
    (tmp_path / "sub" / "b.txt").write_text("B")
    (tmp_path / "sub" / "deep" / "c.csv").write_text("C")
    return tmp_path


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_files_are_packed_under_their_name_and_directories_under_theirs(folder: Path) -> None:
    target = folder / "out.zip"
    assert Zip(folder / "sub", target).run() == target
    assert names(target) == ["sub/b.txt", "sub/deep/c.csv"]
    Zip().run(source_path=[str(folder / "a.txt"), str(folder / "sub" / "deep")], zip_path=str(target))
    assert names(target) == ["a.txt", "deep/c.csv"]


def test_an_archive_in_the_directory_it_is_made_of_does_not_hold_itself(folder: Path) -> None:
    Zip(folder / "sub", folder / "sub" / "all.zip").run()
    assert names(folder / "sub" / "all.zip") == ["sub/b.txt", "sub/deep/c.csv"]


@pytest.mark.parametrize("method", ["deflate", "store", "bzip2", "lzma"])
def test_what_was_packed_is_unpacked_again(method: str, folder: Path) -> None:
    with Flow("pack") as flow:
        packed = Zip(folder / "a.txt", folder / "out.zip", compression_method=method)()
        unpacked = Unzip(extract_dir=folder / "there")(packed)

    state = flow.run()
    assert state.result[unpacked].result == folder / "there"
    assert (folder / "there" / "a.txt").read_text() == "A" * 1000
    with zipfile.ZipFile(folder / "out.zip") as opened:
        info = opened.getinfo("a.txt")
    assert info.compress_type == getattr(
        zipfile, {"deflate": "ZIP_DEFLATED", "store": "ZIP_STORED"}.get(method, f"ZIP_{method.upper()}")
    )


def test_the_level_of_compression_can_be_chosen(folder: Path) -> None:
    sizes = [
        Zip(folder / "a.txt", folder / f"{level}.zip", compression_level=level).run().stat().st_size
        for level in (0, 9)
    ]
    assert sizes[0] > sizes[1]


def test_wrong_arguments_of_zip_are_explained(folder: Path) -> None:
    with pytest.raises(
        ValueError, match=r"Compression method rar is not supported! Use one of store, deflate"
    ):
        Zip(compression_method="rar")
    with pytest.raises(ValueError, match="No `source_path` provided"):
        Zip().run()
    with pytest.raises(ValueError, match="No `zip_path` provided"):
        Zip(folder).run()
    with pytest.raises(ValueError, match=r"Source path \(.*missing\) not found"):
        Zip([folder / "a.txt", folder / "missing"], folder / "out.zip").run()
    assert not (folder / "out.zip").exists()


def test_unzip_goes_to_the_current_directory_by_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Zip(folder / "sub", folder / "out.zip").run()
    (folder / "here").mkdir()
    monkeypatch.chdir(folder / "here")
    assert Unzip(folder / "out.zip").run() == folder / "here"
    assert (folder / "here" / "sub" / "b.txt").read_text() == "B"


@pytest.mark.parametrize("password", ["secret", b"secret"])
def test_a_password_that_is_not_needed_does_no_harm(password: str | bytes, folder: Path) -> None:
    Zip(folder / "a.txt", folder / "out.zip").run()
    assert Unzip(folder / "out.zip", folder / "there").run(password=password) == folder / "there"


def test_wrong_arguments_of_unzip_are_explained(folder: Path) -> None:
    with pytest.raises(ValueError, match="No `zip_path` provided"):
        Unzip().run()
    with pytest.raises(ValueError, match=r"`zip_path` '.*missing.zip' not found"):
        Unzip(folder / "missing.zip").run()
    with pytest.raises(TypeError, match=r"`zip_path` '.*a.txt' is not a zip file"):
        Unzip(folder / "a.txt").run()
