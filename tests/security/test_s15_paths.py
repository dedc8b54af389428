"""S15: what whoever starts a run may choose leads no result and no flow file out of its directory."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from code_host import NEEDS_GIT, git, make_repository

import prefect
from prefect import Flow, Parameter, task
from prefect.engine.result.errors import ResultError
from prefect.engine.results import LocalResult
from prefect.exceptions import FlowStorageError
from prefect.storage import Git
from scoreboard import record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")

_UP = [
    "..",
    "../..",
    "a/../..",
    "./..",
    "a/b/../../..",
    "..//",
    "link/..",
    "link",
    "inner/../..",
    "/",
    "//",
    ".",
    "inner/link",
    "links/deep",
    "dead",
    "..\\..",
]
_REST = [
    "",
    "x",
    "/x",
    "/outside/x",
    "/.ssh/authorized_keys",
    "/x\n",
    "/é/x",
    "/..",
    "/link/x",
    "/{flow_name}",
]
_MORE = [
    *("../base-2/x", "../base/../x", "....//x", "..\\..\\x", "%2e%2e/x", "%2e%2e%2fx", "..%2fx", "..;/x"),
    *("\uff0e\uff0e/x", "\u2025/x", "~/x", "~root/x", "$HOME/x", "${HOME}/x", "x\0", "../x\0.pickle", "\0"),
    *("/dev/null", "/dev/stdout", "/proc/self/environ", "/proc/self/cwd/x", "/etc/passwd", "/tmp/../etc/x"),
    *("a" * 5000, "a/" * 900 + "x", "../" * 600 + "x", "{x.__class__}", "{0}", "{{..}}/x", "file:///etc/x"),
    *(
        "link/../../x",
        "link/./x",
        "link//x",
        "links/deep/x",
        "links/deep/../x",
        "dead",
        "dead/x",
        "loop",
        "loop/x",
    ),
    *("inner/link/x", "inner/../link/x", "../base/link/x", "CON", "x:y", " ", "\t../x", "../ x", "..", "..."),
]


def payloads(base: Path) -> list[str]:
    made = [up + rest for up, rest in itertools.product(_UP, _REST)]
    absolute = [str(base.parent / name) for name in ("outside", "outside/x", "base-2/x", "x", "base/link/x")]
    return list(dict.fromkeys([*made, *_MORE, *absolute, *(f"/../..{name}" for name in absolute)]))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A directory with links that lead out, beside a directory that must stay as it is."""
    base = tmp_path / "world" / "base"
    for folder in (
        base / "inner",
        base / "a" / "b",
        base / "links",
        base.parent / "outside",
        base.parent / "base-2",
    ):
        folder.mkdir(parents=True)
    (base.parent / "outside" / "kept").write_text("kept")
    for link, to in (
        ("link", base.parent / "outside"),
        ("links/deep", base.parent),
        ("inner/link", Path("../../outside")),
        ("dead", base.parent / "not-yet"),
        ("loop", base / "loop"),
    ):
        (base / link).symlink_to(to)
    return base


def outside_of(base: Path) -> dict[str, str]:
    """All that is outside of the base directory, by path."""
    found = {}
    for folder, folders, files in os.walk(base.parent.parent):
        if Path(folder) == base:
            folders.clear()
            continue
        for name in files:
            found[str(Path(folder, name))] = Path(folder, name).read_text()
        found[folder] = ""
    return found


@pytest.mark.parametrize(
    "template", ["{x}", "{x}.pickle", "results/{x}", "inner/{flow_name}-{x}/{task_name}"]
)
def test_a_value_in_a_location_never_leads_out(base: Path, template: str) -> None:
    before = outside_of(base)
    result = LocalResult(dir=str(base), location=template)
    chosen = payloads(base)
    refused = 0

    for payload in chosen:
        values = {"x": payload, "flow_name": "f", "task_name": "t"}
        try:
            written = result.write("value", **values)
        except (ResultError, ValueError):
            refused += 1
        else:
            assert Path(os.path.realpath(written.location)).is_relative_to(base), payload  # type: ignore[arg-type]
        try:
            result.exists(template, **values)
        except (ResultError, ValueError):
            continue

    assert outside_of(base) == before
    assert len(chosen) >= 200
    # Not everything is refused: what stays inside is written.
    assert 0 < refused < len(chosen)
    goal = "0 files outside of the directory"
    record(
        "S15 (locations)",
        "none",
        None,
        goal,
        f"0 of {len(chosen)} payloads in {template!r}, {refused} refused",
    )


def _with_location(base: Path) -> Flow:
    @task(result=LocalResult(dir=str(base), location="{x}"))
    def keep(x: str) -> str:
        return x

    with Flow("f") as flow:
        keep(Parameter("x"))
    return flow


def _with_target(base: Path) -> Flow:
    @task(result=LocalResult(dir=str(base)), target="{x}")
    def keep(x: str) -> str:
        return x

    with Flow("f") as flow:
        keep(Parameter("x"))
    return flow


@pytest.mark.parametrize("make", [_with_location, _with_target])
def test_a_run_whose_parameter_leads_out_fails_and_says_where_to(
    base: Path, make: Callable[[Path], Flow]
) -> None:
    flow = make(base)
    before = outside_of(base)
    chosen = ["../x", "link/x", str(base.parent / "x"), "inner/../../x", "dead", "links/deep/x"]

    with prefect.context(checkpointing=True):
        states = [flow.run(x=payload) for payload in chosen]
        inside = flow.run(x="inner/x")

    assert outside_of(base) == before
    for state in states:
        assert state.is_failed()
        message = str(state.result[flow.get_tasks("keep")[0]].message)
        assert "leads to" in message
        assert str(base) in message
    assert inside.is_successful()
    assert (base / "inner" / "x").is_file()


@pytest.mark.skipif(shutil.which("git") is None, reason=NEEDS_GIT)
def test_the_path_of_a_flow_file_never_leads_out_of_its_repository(tmp_path: Path) -> None:
    script = "from prefect import Flow\nflow = Flow('f')\n"
    (tmp_path / "secret.py").write_text(script)
    origin = make_repository(tmp_path / "origin", {"main": {"jobs/flow.py": script}})
    (origin / "link.py").symlink_to(tmp_path / "secret.py")
    (origin / "folder").symlink_to(tmp_path)
    (origin / "inside.py").symlink_to("jobs/flow.py")
    git(origin, "add", ".")
    git(origin, "commit", "-q", "-m", "links")
    leading_out = [
        *("link.py", "folder/secret.py", "jobs/../link.py", str(tmp_path / "secret.py"), "/etc/hosts"),
        *("../" * depth + str(tmp_path / "secret.py").lstrip("/") for depth in range(1, 12)),
    ]

    with prefect.context(secrets={"ORIGIN": str(origin)}):
        for path in leading_out:
            storage = Git(flow_path=path, git_clone_url_secret_name="ORIGIN")
            storage.add_flow(Flow("f"))
            with pytest.raises(FlowStorageError, match=r"leads out of the repository|has no file"):
                storage.get_flow("f")
        for path in ("jobs/flow.py", "inside.py", "jobs/../jobs/flow.py"):
            storage = Git(flow_path=path, git_clone_url_secret_name="ORIGIN")
            storage.add_flow(Flow("f"))
            assert storage.get_flow("f").name == "f"
    record("S15 (flow files)", "none", None, "0 files outside are run", f"0 of {len(leading_out)} paths")
