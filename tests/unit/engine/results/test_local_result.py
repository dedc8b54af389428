from __future__ import annotations

import errno
import os
import pickle
import re
import stat
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prefect
from prefect.engine.result.errors import (
    MissingResultError,
    ResultReadError,
    ResultWriteError,
    UnsafeLocationError,
)
from prefect.engine.results import LocalResult
from prefect.engine.serializers import JSONSerializer, PickleSerializer

ROOT = Path(Path.cwd().anchor)
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths and permissions")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "base"


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def home() -> Path:
    return Path(prefect.config.home_dir).absolute()


class TestDirectory:
    def test_the_default_is_results_in_prefects_home(self, home: Path) -> None:
        assert LocalResult().dir == str(home / "results")
        assert (home / "results").is_dir()

    def test_any_directory_inside_the_home_means_the_default(self, home: Path) -> None:
        assert LocalResult(dir=str(home)).dir == str(home / "results")
        assert LocalResult(dir=str(home / "else" / "where"), validate_dir=False).dir == str(home / "results")

    def test_a_directory_that_only_begins_like_the_home_is_another(self, home: Path) -> None:
        other = f"{home}-other"
        assert LocalResult(dir=other, validate_dir=False).dir == other

    def test_it_is_created_with_its_parents(self, tmp_path: Path) -> None:
        result = LocalResult(dir=str(tmp_path / "a" / "b"))
        assert result.dir == str(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").is_dir()

    def test_it_becomes_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert LocalResult(dir="here").dir == str(tmp_path / "here")

    def test_a_tilde_is_the_home_of_the_user(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        assert LocalResult(dir="~/mine").dir == str(tmp_path / "mine")

    def test_a_path_object_will_do(self, tmp_path: Path) -> None:
        assert LocalResult(dir=tmp_path / "p").dir == str(tmp_path / "p")  # type: ignore[arg-type]

    @pytest.mark.parametrize("given", ["relative", "~/tilde"])
    def test_without_validation_it_stays_as_given(
        self, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert LocalResult(dir=given, validate_dir=False).dir == given
        assert list(tmp_path.iterdir()) == []

    def test_one_that_cannot_be_created_is_named_with_the_reason(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ResultWriteError) as caught:
            LocalResult(dir=str(tmp_path / "file" / "below"))
        assert str(caught.value) == (
            f"The result directory {tmp_path / 'file' / 'below'} cannot be created: not a directory. "
            "Choose another with LocalResult(dir=...)."
        )
        assert isinstance(caught.value, OSError)

    @posix
    def test_one_that_may_not_be_written_says_who_was_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: Any, **kwargs: Any) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(os, "makedirs", refuse)
        with pytest.raises(
            ResultWriteError, match=f"cannot be created: permission denied for user id {os.getuid()}"
        ):
            LocalResult(dir=str(tmp_path / "x"))


class TestWriteAndRead:
    def test_a_written_value_can_be_read(self, base: Path) -> None:
        written = LocalResult(dir=str(base), location="{x}.pickle").write({"a": [1]}, x="name")
        assert written.location == str(base / "name.pickle")
        assert written.value == {"a": [1]}
        assert LocalResult(dir=str(base)).read(written.location).value == {"a": [1]}

    def test_both_return_new_results(self, base: Path) -> None:
        result = LocalResult(dir=str(base), location="{x}", value="old")
        written = result.write("new", x=1)
        read = result.read("1")
        assert (result.value, result.location) == ("old", "{x}")
        assert (read.value, read.location) == ("new", "1")
        assert type(written) is type(read) is LocalResult
        assert written.dir == read.dir == str(base)

    def test_read_takes_absolute_and_relative_locations(self, base: Path) -> None:
        location = LocalResult(dir=str(base), location="a/b").write(3).location
        assert location is not None
        assert LocalResult(dir=str(base)).read("a/b").value == 3
        assert LocalResult(dir=str(base / "other")).read(location).value == 3

    def test_directories_in_the_location_are_created(self, base: Path) -> None:
        written = LocalResult(dir=str(base), location="{x}/{y}/z").write(1, x="a", y="b/c")
        assert written.location == str(base / "a/b/c/z")

    def test_the_serializer_makes_the_bytes(self, base: Path) -> None:
        location = LocalResult(dir=str(base), location="a", serializer=JSONSerializer()).write([1]).location
        assert location is not None
        assert Path(location).read_bytes() == b"[1]"
        assert LocalResult(dir=str(base), serializer=JSONSerializer()).read("a").value == [1]

    def test_without_a_location_each_write_gets_a_file_of_its_own(self, base: Path) -> None:
        result = LocalResult(dir=str(base))
        locations = [result.write(i).location for i in range(50)]
        assert len(set(locations)) == 50
        for i, location in enumerate(locations):
            assert location is not None
            assert Path(location).parent == base
            assert re.match(r"prefect-result-\d{4}-\d\d-\d\dt\d\d-\d\d-\d\d-", Path(location).name)
            assert result.read(location).value == i

    def test_an_existing_file_is_replaced(self, base: Path) -> None:
        result = LocalResult(dir=str(base), location="a")
        result.write("a longer value than the next")
        result.write(2)
        assert result.read("a").value == 2
        assert names_in(base) == ["a"]

    def test_a_placeholder_without_value_is_a_key_error(self, base: Path) -> None:
        with pytest.raises(KeyError, match="x"):
            LocalResult(dir=str(base), location="{x}").write(1)

    def test_a_directory_that_vanished_is_created_again(self, base: Path) -> None:
        result = LocalResult(dir=str(base), location="a")
        base.rmdir()
        result.write(1)
        assert result.read("a").value == 1

    @posix
    def test_files_are_readable_for_those_whom_the_umask_allows(self, base: Path) -> None:
        previous = os.umask(0o022)
        try:
            location = LocalResult(dir=str(base), location="a").write(1).location
        finally:
            os.umask(previous)
        assert location is not None
        assert stat.S_IMODE(Path(location).stat().st_mode) == 0o644

    @given(st.text(st.characters(codec="utf-8", exclude_characters='/\\\0:*?"<>|'), min_size=1, max_size=40))
    def test_any_name_that_the_file_system_takes_can_be_written_and_read(self, name: str) -> None:
        if name in {".", ".."} or name.endswith((" ", ".")):
            return  # directories, or names that Windows changes
        result = LocalResult(location="names/{name}.x")
        written = result.write(name, name=name)
        assert result.exists("names/{name}.x", name=name)
        assert written.location is not None
        assert result.read(written.location).value == name

    @pytest.mark.parametrize("via", [pickle, cloudpickle])
    def test_pickling_keeps_directory_location_and_serializer(self, base: Path, via: Any) -> None:
        result = LocalResult(dir=str(base), location="{x}", serializer=JSONSerializer(), value=3)
        again = pickle.loads(via.dumps(result))
        assert again == result
        assert again.write([1], x="k").location == str(base / "k")


class TestAllOrNothing:
    def test_a_value_that_does_not_serialize_leaves_the_old_file(self, base: Path) -> None:
        result = LocalResult(dir=str(base), location="a", serializer=JSONSerializer())
        result.write([1])
        with pytest.raises(TypeError):
            result.write([object()])
        assert result.read("a").value == [1]
        assert names_in(base) == ["a"]

    def test_a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else(
        self, base: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        result = LocalResult(dir=str(base), location="a")
        result.write("old")

        def full(source: str, target: str) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(ResultWriteError) as caught:
            result.write("new")
        assert str(caught.value) == (
            f"The result cannot be written to {base / 'a'}: no space left on device. "
            "Choose another place with LocalResult(dir=...) or `location`."
        )
        assert caught.value.location == str(base / "a")
        assert names_in(base) == ["a"]
        assert result.read("a").value == "old"

    def test_an_interrupted_write_leaves_nothing(self, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(source: str, target: str) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            LocalResult(dir=str(base), location="a").write("new")
        assert names_in(base) == []

    def test_writing_onto_a_directory_is_refused(self, base: Path) -> None:
        (base / "a").mkdir(parents=True)
        with pytest.raises(ResultWriteError, match="cannot be written to"):
            LocalResult(dir=str(base), location="a").write(1)
        assert names_in(base) == ["a"]


class TestErrorsWhenReading:
    def test_a_missing_file_is_named(self, base: Path) -> None:
        with pytest.raises(MissingResultError) as caught:
            LocalResult(dir=str(base)).read("nope")
        path = str(base / "nope")
        assert str(caught.value) == (
            f"There is no result at {path}. It was never written there, or it has been deleted; "
            "run the task again to write it."
        )
        assert caught.value.location == path
        assert isinstance(caught.value, FileNotFoundError)

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "it is empty"),
            (pickle.dumps(list(range(100)))[:50], "it is damaged, cut off, or in another format"),
            (b"garbage", "it is damaged, cut off, or in another format"),
            (
                b"\x80\x04cno_such_module\nthing\n.",
                "it needs something that is not there in this environment",
            ),
            (b"\x80\x04cos\nno_such_thing\n.", "it needs something that is not there in this environment"),
        ],
    )
    def test_a_damaged_file_is_named_with_the_reason(self, base: Path, data: bytes, reason: str) -> None:
        path = base / "a"
        result = LocalResult(dir=str(base))
        path.write_bytes(data)
        with pytest.raises(ResultReadError) as caught:
            result.read("a")
        assert str(caught.value).startswith(f"The result at {path} cannot be read: {reason}")
        assert "Delete it to have the task compute it again" in str(caught.value)
        assert caught.value.location == str(path)
        assert caught.value.__cause__ is not None

    def test_another_serializer_is_named(self, base: Path) -> None:
        LocalResult(dir=str(base), location="a", serializer=PickleSerializer()).write(1)
        with pytest.raises(ResultReadError, match=r"\(this one is JSONSerializer\)"):
            LocalResult(dir=str(base), serializer=JSONSerializer()).read("a")

    def test_a_directory_is_no_result(self, base: Path) -> None:
        (base / "a").mkdir(parents=True)
        with pytest.raises(ResultReadError, match="cannot be read: "):
            LocalResult(dir=str(base)).read("a")


class TestExists:
    def test_it_fills_in_the_template(self, base: Path) -> None:
        result = LocalResult(dir=str(base), location="{x}/{y}")
        result.write(1, x="a", y="b")
        assert result.exists("{x}/{y}", x="a", y="b")
        assert not result.exists("{x}/{y}", x="a", y="c")

    def test_it_takes_absolute_locations(self, base: Path) -> None:
        location = LocalResult(dir=str(base), location="a").write(1).location
        assert location is not None
        assert LocalResult(dir=str(base / "other")).exists(location)

    def test_a_placeholder_without_value_is_a_key_error(self, base: Path) -> None:
        with pytest.raises(KeyError, match="x"):
            LocalResult(dir=str(base)).exists("{x}")


class TestEscapes:
    """Values that fill a template come from whoever starts a run: they stay in their directory."""

    @pytest.mark.parametrize(
        ("template", "value"),
        [
            ("{x}", "../outside"),
            ("{x}", "a/../../outside"),
            ("{x}", ".."),
            ("{x}", str(ROOT / "etc" / "passwd")),
            ("sub/{x}", "../outside"),
            ("sub/{x}", "../../outside"),
            ("sub/pre-{x}", "/../../outside"),
            ("{x}/name", ".."),
            ("{x}/name", str(ROOT)),
            ("../beside/{x}", "../outside"),
        ],
    )
    def test_a_value_that_leads_out_is_refused(self, base: Path, template: str, value: str) -> None:
        result = LocalResult(dir=str(base), location=template)
        with pytest.raises(UnsafeLocationError) as caught:
            result.write("evil", x=value)
        assert f"A value in the result location {template!r} leads to " in str(caught.value)
        assert isinstance(caught.value, ValueError)
        with pytest.raises(UnsafeLocationError):
            LocalResult(dir=str(base)).exists(template, x=value)
        assert names_in(base) == []
        assert names_in(base.parent) == ["base"]

    @given(
        st.lists(st.sampled_from(["..", ".", "/", "\\", "a", "base", "//", "~", "{x}", "%2e%2e"]), max_size=8)
    )
    def test_no_combination_of_parts_leads_out(self, parts: list[str]) -> None:
        value = "".join(parts)
        result = LocalResult(location="safe/{x}.pickle")
        allowed = (Path(result.dir) / "safe").resolve()
        try:
            location = result.write("value", x=value).location
        except (UnsafeLocationError, ResultWriteError):
            return
        assert location is not None
        assert Path(location).resolve().is_relative_to(allowed)

    @pytest.mark.parametrize("directory", ["", ".", "base"])
    def test_a_relative_directory_is_no_way_out(
        self, directory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        result = LocalResult(dir=directory, validate_dir=False, location="{x}")
        for value in ("../outside", str(ROOT / "outside")):
            with pytest.raises(UnsafeLocationError):
                result.write("evil", x=value)
            with pytest.raises(UnsafeLocationError):
                result.exists("{x}", x=value)
        location = result.write("good", x="a").location
        assert location is not None
        assert Path(location) == tmp_path / directory / "a"
        assert result.exists("{x}", x="a")

    @posix
    def test_a_value_that_leads_out_through_a_link_is_refused(self, base: Path, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        result = LocalResult(dir=str(base), location="{x}")
        (base / "link").symlink_to(tmp_path / "outside")
        with pytest.raises(UnsafeLocationError):
            result.write("evil", x="link/file")
        (tmp_path / "outside" / "file").write_text("")
        with pytest.raises(UnsafeLocationError):
            result.exists("{x}", x="link/file")

    @posix
    def test_links_that_lead_to_the_base_do_not_matter(self, base: Path, tmp_path: Path) -> None:
        base.mkdir()
        (tmp_path / "link").symlink_to(base)
        result = LocalResult(dir=str(tmp_path / "link"), location="{x}")
        result.write(1, x="a")
        assert result.exists("{x}", x="a")
        assert names_in(base) == ["a"]

    def test_what_the_user_writes_into_the_template_may_lead_anywhere(
        self, base: Path, tmp_path: Path
    ) -> None:
        for template in (str(tmp_path / "elsewhere" / "{x}"), "../elsewhere/{x}"):
            result = LocalResult(dir=str(base), location=template)
            result.write(template, x="deep/a")
            assert result.exists(template, x="deep/a")
            assert pickle.loads((tmp_path / "elsewhere" / "deep" / "a").read_bytes()) == template

    def test_a_location_without_placeholders_may_lead_anywhere(self, base: Path, tmp_path: Path) -> None:
        LocalResult(dir=str(base), location="../a").write(1)
        LocalResult(dir=str(base), location=str(tmp_path / "b")).write(1)
        assert names_in(tmp_path) == ["a", "b", "base"]

    def test_a_function_may_lead_anywhere(self, base: Path, tmp_path: Path) -> None:
        LocalResult(dir=str(base), location=lambda directory: f"{directory}/a").write(
            1, directory=str(tmp_path)
        )
        assert (tmp_path / "a").exists()
