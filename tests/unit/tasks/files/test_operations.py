from __future__ import annotations

from pathlib import Path

import pytest

from prefect import Flow, task
from prefect.tasks.files import Copy, Glob, Move, Remove


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "a.txt").write_text("A")
    (tmp_path / "sub" / "b.txt").write_text("B")
    (tmp_path / "sub" / "deep" / "c.csv").write_text("C")
    return tmp_path


def test_a_file_is_copied(folder: Path) -> None:
    copied = Copy(folder / "a.txt", folder / "copy.txt").run()
    assert copied == folder / "copy.txt"
    assert copied.read_text() == (folder / "a.txt").read_text() == "A"
    assert (
        Copy().run(source_path=str(folder / "a.txt"), target_path=str(folder / "sub"))
        == folder / "sub" / "a.txt"
    )


def test_a_directory_is_copied_with_all_that_is_in_it(folder: Path) -> None:
    copied = Copy(source_path=folder / "sub").run(target_path=folder / "other")
    assert (copied / "deep" / "c.csv").read_text() == "C"
    with pytest.raises(FileExistsError):
        Copy(folder / "sub", folder / "other").run()


def test_a_file_or_directory_is_moved(folder: Path) -> None:
    assert Move(folder / "a.txt", folder / "moved.txt").run() == folder / "moved.txt"
    assert not (folder / "a.txt").exists()
    assert Move(folder / "moved.txt", folder / "sub").run() == folder / "sub" / "moved.txt"
    assert Move(folder / "sub", folder / "renamed").run() == folder / "renamed"
    assert (folder / "renamed" / "moved.txt").read_text() == "A"


@pytest.mark.parametrize("cls", [Copy, Move])
def test_both_paths_are_needed_and_the_source_must_be_there(cls: type[Copy | Move], folder: Path) -> None:
    with pytest.raises(ValueError, match="No `source_path` provided"):
        cls().run()
    with pytest.raises(ValueError, match="No `target_path` provided"):
        cls(folder).run()
    with pytest.raises(ValueError, match=r"Source path \(.*missing\) not found"):
        cls(folder / "missing", folder / "target").run()


def test_a_file_or_an_empty_directory_is_removed(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert Remove(folder / "empty").run() is None
    Remove().run(path=str(folder / "a.txt"))
    assert sorted(path.name for path in folder.iterdir()) == ["sub"]


def test_removing_is_careful(folder: Path) -> None:
    with pytest.raises(OSError, match="not empty"):
        Remove(folder / "sub").run()
    with pytest.raises(ValueError, match="No `path` provided"):
        Remove().run()
    with pytest.raises(ValueError, match=r"Path \(.*missing\) not found"):
        Remove(folder / "missing").run()


def test_files_are_found_in_order(folder: Path) -> None:
    assert Glob(folder).run() == [folder / "a.txt", folder / "sub"]
    assert Glob(folder, "**/*.txt").run() == [folder / "a.txt", folder / "sub" / "b.txt"]
    assert Glob(folder).run(pattern="*.csv") == []
    assert Glob("nowhere").run() == []
    with pytest.raises(ValueError, match="No `path` provided"):
        Glob().run()


def test_files_found_can_be_mapped_over(folder: Path) -> None:
    @task
    def text(path: Path) -> str:
        return path.read_text()

    with Flow("files") as flow:
        texts = text.map(Glob(pattern="**/*.*")(path=folder))

    assert sorted(flow.run().result[texts].result) == ["A", "B", "C"]
