from __future__ import annotations

import sys
from pathlib import Path

import pytest

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError
from prefect.cli._lookup import check_lookup, find_flow

TWO_FLOWS = """
from prefect import Flow
with Flow("one") as first: pass
with Flow("two") as second: pass
alias = first
"""


@pytest.fixture(autouse=True)
def _own_import_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.chdir(tmp_path)


def write(path: Path, code: str) -> str:
    path.write_text(code, encoding="utf-8")
    return str(path)


def lookup(**given: str) -> None:
    check_lookup(
        flow_id=given.get("id"),
        project=given.get("project"),
        path=given.get("path"),
        module=given.get("module"),
        name=given.get("name"),
    )


@pytest.mark.parametrize(
    "given",
    [{"path": "f.py"}, {"module": "m"}, {"path": "f.py", "name": "n"}, {"module": "m", "name": "n"}],
)
def test_a_file_or_a_module_with_or_without_a_name_is_enough(given: dict[str, str]) -> None:
    lookup(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Say which flow to run"),
        ({"path": "f.py", "module": "m"}, "--path and --module exclude each other"),
        ({"id": "x", "path": "f.py"}, "--id and --path exclude each other"),
        ({"id": "x", "name": "n"}, "--id and --name exclude each other"),
        ({"project": "p"}, "--project needs --name too"),
    ],
)
def test_any_other_combination_is_a_usage_error_that_lists_the_valid_ones(
    given: dict[str, str], message: str
) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        lookup(**given)
    assert caught.value.exit_code == _exit_codes.USAGE
    assert "--path FILE" in caught.value.message


@pytest.mark.parametrize("given", [{"id": "x"}, {"name": "n"}, {"project": "p", "name": "n"}])
def test_registered_flows_are_named_by_id_or_name(given: dict[str, str]) -> None:
    lookup(**given)


def test_the_only_flow_of_a_file_needs_no_name(tmp_path: Path) -> None:
    path = write(tmp_path / "flow.py", 'from prefect import Flow\nflow = Flow("only")\nalias = flow\n')
    assert find_flow(path=path, module=None, name=None).name == "only"


def test_a_name_picks_one_of_several_flows(tmp_path: Path) -> None:
    path = write(tmp_path / "flows.py", TWO_FLOWS)
    assert find_flow(path=path, module=None, name="two").name == "two"


def test_several_flows_without_a_name_are_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "flows.py", TWO_FLOWS)
    with pytest.raises(CommandError, match=r"There are 2 flows in .*: 'one', 'two'") as caught:
        find_flow(path=path, module=None, name=None)
    assert caught.value.hint == "Say which one to run: --name 'one'"
    assert caught.value.exit_code == _exit_codes.USAGE


def test_a_name_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    path = write(tmp_path / "flows.py", TWO_FLOWS)
    with pytest.raises(CommandError, match=r"There is no flow 'three' in .*; it has 'one', 'two'") as caught:
        find_flow(path=path, module=None, name="three")
    assert caught.value.exit_code == _exit_codes.NOT_FOUND


def test_a_file_without_flows_says_how_flows_are_found(tmp_path: Path) -> None:
    path = write(tmp_path / "empty.py", "def make():\n    pass\n")
    with pytest.raises(CommandError, match="There is no flow in") as caught:
        find_flow(path=path, module=None, name=None)
    assert "variable of the module" in str(caught.value.hint)


def test_a_missing_file_and_a_folder_are_not_found(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="does not exist") as caught:
        find_flow(path=str(tmp_path / "none.py"), module=None, name=None)
    assert caught.value.exit_code == _exit_codes.NOT_FOUND
    with pytest.raises(CommandError, match="is a folder"):
        find_flow(path=str(tmp_path), module=None, name=None)


def test_a_file_imports_its_neighbours(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder / "cli_lookup_neighbour.py", 'NAME = "from next door"\n')
    path = write(
        folder / "flow.py",
        "from prefect import Flow\nfrom cli_lookup_neighbour import NAME\nflow = Flow(NAME)\n",
    )
    assert find_flow(path=path, module=None, name=None).name == "from next door"


def test_a_run_at_the_end_of_a_file_does_nothing_and_warns_of_nothing(tmp_path: Path) -> None:
    path = write(
        tmp_path / "flow.py",
        "from prefect import Flow, task\n"
        "@task\ndef fail(): raise SystemExit('it ran')\n"
        "with Flow('runs') as flow: fail()\n"
        "flow.run()\n",
    )
    assert find_flow(path=path, module=None, name=None).name == "runs"


def test_a_module_in_the_current_folder_is_found(tmp_path: Path) -> None:
    write(tmp_path / "cli_lookup_here.py", TWO_FLOWS)
    assert find_flow(path=None, module="cli_lookup_here", name="one").name == "one"


def test_a_dotted_name_may_end_in_a_flow() -> None:
    assert find_flow(path=None, module="prefect.hello_world.hello_flow", name=None).name == "hello-world"


@pytest.mark.parametrize("module", ["cli_lookup_nowhere", "json.nowhere", "cli_lookup_nowhere.below"])
def test_a_module_that_does_not_exist_is_not_found(module: str) -> None:
    with pytest.raises(CommandError, match="There is no module") as caught:
        find_flow(path=None, module=module, name=None)
    assert caught.value.exit_code == _exit_codes.NOT_FOUND


def test_a_module_that_lacks_another_shows_its_own_traceback(tmp_path: Path) -> None:
    write(tmp_path / "cli_lookup_needs.py", "import cli_lookup_missing_dependency\n")
    with pytest.raises(CommandError, match="raised ModuleNotFoundError") as caught:
        find_flow(path=None, module="cli_lookup_needs", name=None)
    assert "import cli_lookup_missing_dependency" in str(caught.value.details)


def test_an_error_in_a_file_shows_the_lines_of_that_file_only(tmp_path: Path) -> None:
    path = write(
        tmp_path / "raises.py", "def helper():\n    raise KeyError('nothing')\n\nsettings = helper()\n"
    )
    with pytest.raises(CommandError, match="raised KeyError: 'nothing'") as caught:
        find_flow(path=path, module=None, name=None)
    details = str(caught.value.details)
    assert [line.strip() for line in details.splitlines() if line.strip().startswith("File ")] == [
        f'File "{path}", line 4, in <module>',
        f'File "{path}", line 2, in helper',
    ]


def test_an_error_that_prefect_raises_ends_at_the_users_line(tmp_path: Path) -> None:
    path = write(
        tmp_path / "wrong.py",
        "from prefect import Flow, task\n@task\ndef add(x, y): return x + y\nwith Flow('f') as flow:\n    add(1)\n",
    )
    with pytest.raises(CommandError) as caught:
        find_flow(path=path, module=None, name=None)
    lines = str(caught.value.details).splitlines()
    assert lines[1:3] == [f'  File "{path}", line 5, in <module>', "    add(1)"]
    assert lines[-1].startswith("TypeError: missing a required argument: 'y'")
    assert str(caught.value.details).count("File ") == 1


def test_a_syntax_error_shows_its_place_and_no_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "syntax.py", "with Flow('x') as flow\n    pass\n")
    with pytest.raises(CommandError, match="raised SyntaxError") as caught:
        find_flow(path=path, module=None, name=None)
    assert "runpy" not in str(caught.value.details)
    assert f'File "{path}", line 1' in str(caught.value.details)


def test_a_file_that_exits_is_told_where_to_put_script_code(tmp_path: Path) -> None:
    path = write(tmp_path / "script.py", "import sys\nsys.exit(4)\n")
    with pytest.raises(CommandError, match=r"ended with sys.exit\(4\)") as caught:
        find_flow(path=path, module=None, name=None)
    assert "__main__" in str(caught.value.hint)
