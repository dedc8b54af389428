from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prefect.utilities.git import TemporaryGitRepo

needs_git = pytest.mark.skipif(
    shutil.which("git") is None, reason="needs the program git to make a repository"
)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository: main has two commits, dev three; tags v1 (light) and v2 (annotated) on main."""
    path = tmp_path_factory.mktemp("origin")

    def git(*args: str) -> None:
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *args], cwd=path, check=True, capture_output=True)

    def commit(text: str) -> None:
        (path / "file").write_text(text)
        git("add", ".")
        git("commit", "-m", text)

    git("init", "-b", "main")
    commit("one")
    git("tag", "v1")
    git("checkout", "-b", "dev")
    commit("three")
    git("checkout", "main")
    (path / "folder").mkdir()
    (path / "folder" / "inner").write_text("x")
    commit("two")
    git("tag", "-a", "v2", "-m", "version 2")
    return path


def commit_of(origin: Path, ref: str) -> str:
    return subprocess.run(
        ["git", "rev-parse", ref], cwd=origin, check=True, capture_output=True, text=True
    ).stdout.strip()


def files(repo: TemporaryGitRepo) -> dict[str, str]:
    root = Path(repo.temp_dir.name)
    return {
        str(path.relative_to(root)): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


ONE = {"file": "one"}
TWO = {"file": "two", str(Path("folder", "inner")): "x"}
THREE = {"file": "three"}


@needs_git
class TestClone:
    @pytest.mark.parametrize(
        ("wanted", "content"),
        [
            ({}, TWO),
            ({"branch_name": "dev"}, THREE),
            ({"branch_name": "main"}, TWO),
            ({"tag": "v1"}, ONE),
            ({"tag": "v2"}, TWO),
            ({"branch_name": "dev", "clone_depth": 10}, THREE),
        ],
    )
    def test_has_exactly_the_files_of_what_is_wanted(self, origin: Path, wanted: dict, content: dict) -> None:
        with TemporaryGitRepo(str(origin), **wanted) as repo:
            assert files(repo) == content

    @pytest.mark.parametrize(("ref", "content"), [("v1", ONE), ("dev", THREE), ("main", TWO)])
    @pytest.mark.parametrize("length", [8, 40])
    def test_has_the_files_of_any_commit(self, origin: Path, ref: str, content: dict, length: int) -> None:
        with TemporaryGitRepo(str(origin), commit=commit_of(origin, ref)[:length]) as repo:
            assert files(repo) == content

    def test_is_gone_after_the_block(self, origin: Path) -> None:
        with TemporaryGitRepo(str(origin)) as repo:
            folder = Path(repo.temp_dir.name)
            assert folder.exists()

        assert not folder.exists()

    @pytest.mark.parametrize(
        ("wanted", "message"),
        [
            ({"branch_name": "nothing"}, "has no branch 'nothing'"),
            ({"tag": "nothing"}, "has no tag 'nothing'"),
            ({"commit": "0" * 40}, "has no commit '0000"),
        ],
    )
    def test_of_something_that_is_missing_says_so_and_leaves_nothing(
        self, origin: Path, wanted: dict, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

        with pytest.raises(ValueError, match=message), TemporaryGitRepo(str(origin), **wanted):
            pytest.fail("the block must not run")

        assert list(tmp_path.iterdir()) == []

    def test_of_a_place_without_a_repository_is_an_error(self, origin: Path, tmp_path: Path) -> None:
        with pytest.raises(Exception, match=r"(?i)no git repository"), TemporaryGitRepo(str(tmp_path)):
            pytest.fail("the block must not run")


class TestNames:
    def test_branches_and_tags_have_full_names(self) -> None:
        assert TemporaryGitRepo("u", branch_name="b").branch_or_tag_ref == b"refs/remotes/origin/b"
        assert TemporaryGitRepo("u", tag="t").branch_or_tag_ref == b"refs/tags/t"

    def test_exactly_one_of_them_is_needed(self) -> None:
        with pytest.raises(ValueError, match="must be specified"):
            _ = TemporaryGitRepo("u").branch_or_tag_ref
        with pytest.raises(ValueError, match="but not both"):
            _ = TemporaryGitRepo("u", branch_name="b", tag="t").branch_or_tag_ref

    def test_passwords_in_addresses_stay_out_of_errors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        repo = TemporaryGitRepo("https://user:password@host/x.git", tag="t")
        repo.repo = {}

        with pytest.raises(ValueError, match=r"The repository https://host/x\.git has no tag 't'"):
            repo.get_tree_id_for_branch_or_tag()


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dulwich.client", None)

    with pytest.raises(ImportError, match=r"prefect-classic\[git\]"), TemporaryGitRepo("u"):
        pytest.fail("the block must not run")
