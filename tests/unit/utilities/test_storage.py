"""Flows out of files, modules and pickles."""

from __future__ import annotations

import base64
import json
import sys
import threading
import traceback
import types
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import prefect
from prefect import Flow, task
from prefect.exceptions import FlowStorageError
from prefect.run_configs import DockerRun, KubernetesRun, UniversalRun
from prefect.storage import Docker, Module
from prefect.utilities.storage import (
    extract_flow_from_file,
    extract_flow_from_module,
    flow_from_bytes_pickle,
    flow_to_bytes_pickle,
    get_flow_image,
    is_module_name,
)

TWO = "from prefect import Flow\na = Flow('a')\nb = Flow('b')\nalias = a\n"


def written(tmp_path: Path, text: str, name: str = "flow.py") -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_flow_of_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, TWO)

    assert extract_flow_from_file(path).name == "a"
    assert extract_flow_from_file(path, flow_name="b").name == "b"
    assert extract_flow_from_file(file_contents=TWO, flow_name="b").name == "b"


def test_flows_that_are_not_there_are_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Flow 'c' not found in file\. Found flows:\n- 'a'\n- 'b'"):
        extract_flow_from_file(written(tmp_path, TWO), flow_name="c")
    with pytest.raises(ValueError, match=r"No flows found in file\."):
        extract_flow_from_file(file_contents="x = 1")


def test_either_a_path_or_contents() -> None:
    with pytest.raises(ValueError, match="but not both"):
        extract_flow_from_file("x.py", file_contents="")
    with pytest.raises(ValueError, match="Provide either"):
        extract_flow_from_file()
    with pytest.raises(FileNotFoundError, match="missing"):
        extract_flow_from_file("/missing.py")


def test_a_file_is_no_program_and_runs_nothing_while_it_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "import pathlib\nfrom prefect import Flow, task\n"
        "here = pathlib.Path(__file__)\n"
        "@task\ndef leave_a_trace():\n    here.with_suffix('.ran').touch()\n"
        "with Flow('f') as flow:\n    leave_a_trace()\n"
        "flow.run()\n"
        "if __name__ == '__main__':\n    here.with_suffix('.main').touch()\n",
    )
    with pytest.warns(UserWarning, match=r"Attempting to call `flow\.run` during execution of flow file"):
        flow = extract_flow_from_file(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["flow.py"]
    assert "loading_flow" not in prefect.context

    assert flow.run().is_successful()
    assert (tmp_path / "flow.ran").exists()


def test_modern_python_works_in_a_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\nfrom typing import ClassVar\nfrom prefect import Flow\n"
        "@dataclass\nclass Point:\n    x: int\n    up: ClassVar[int] = 3\n"
        "f = Flow(f'{Point(1)}')\n",
    )

    assert extract_flow_from_file(path).name == "Point(x=1)"


def test_the_declared_encoding_of_a_file_is_heeded(tmp_path: Path) -> None:
    path = tmp_path / "flow.py"
    path.write_bytes("# coding: latin-1\nfrom prefect import Flow\nf = Flow('é')\n".encode("latin-1"))

    assert extract_flow_from_file(str(path)).name == "é"


def test_functions_of_a_file_are_pickled_by_value(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "from prefect import Flow, task\nFACTOR = 3\n"
        "@task\ndef triple(x):\n    return x * FACTOR\n"
        "with Flow('f') as flow:\n    result = triple(2)\n",
    )
    data = flow_to_bytes_pickle(extract_flow_from_file(path))

    flow = flow_from_bytes_pickle(data)
    state = flow.run()

    assert [state.result[found].result for found in flow.tasks] == [6]
    assert not any("__prefect_flow" in name for name in sys.modules)


def test_files_may_be_read_inside_files(tmp_path: Path) -> None:
    inner = written(tmp_path, TWO, "inner.py")
    path = written(
        tmp_path,
        "import sys\nfrom prefect.utilities.storage import extract_flow_from_file\n"
        f"inner = extract_flow_from_file({inner!r}, flow_name='b')\n"
        "assert sys.modules[__name__].inner is inner\n",
    )

    assert extract_flow_from_file(path).name == "b"


def test_the_flow_of_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(
        tmp_path,
        f"{TWO}class Box:\n    flow = a\ndef make():\n    return b\nnumber = 3\n",
        "two_flows_here.py",
    )
    written(tmp_path, "", "module_without_flows_here.py")
    monkeypatch.syspath_prepend(tmp_path)

    assert extract_flow_from_module("two_flows_here", "b").name == "b"
    assert extract_flow_from_module("two_flows_here:make").name == "b"
    assert extract_flow_from_module("two_flows_here:Box.flow").name == "a"
    for name, flow_name, error, message in [
        ("two_flows_here", None, ValueError, "Multiple flows found in 'two_flows_here': 'a', 'b'"),
        ("two_flows_here", "c", ValueError, "Failed to find flow 'c' in 'two_flows_here'"),
        ("module_without_flows_here", None, ValueError, "No flows found in 'module_without_flows_here'"),
        ("two_flows_here:gone", None, ValueError, "Failed to find flow at 'two_flows_here:gone'"),
        ("two_flows_here:make", "a", ValueError, "is named 'b', expected 'a'"),
        ("two_flows_here:number", None, TypeError, "'int'> not a `prefect.Flow`"),
        ("no_such_module_anywhere", None, ModuleNotFoundError, "no_such_module_anywhere"),
    ]:
        with pytest.raises(error, match=message):
            extract_flow_from_module(name, flow_name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", True),
        ("a.b_1", True),
        ("a.b:C.d", True),
        ("/a", False),
        ("a/b", False),
        ("a:", False),
        ("1a", False),
    ],
)
def test_names_of_modules_are_told_from_paths(text: str, expected: bool) -> None:
    assert is_module_name(text) is expected


def test_a_pickled_flow_comes_back() -> None:
    with Flow("f") as flow:
        task(lambda: 1, name="one")()

    again = flow_from_bytes_pickle(flow_to_bytes_pickle(flow))

    assert again.name == "f"
    assert [found.name for found in again.tasks] == ["one"]


def repacked(**changes: Any) -> bytes:
    packed = json.loads(flow_to_bytes_pickle(Flow("f")))
    packed["versions"].update(changes.pop("versions", {}))
    return json.dumps({**packed, **changes}).encode()


def test_bare_pickles_are_read() -> None:
    assert flow_from_bytes_pickle(cloudpickle.dumps(Flow("f"))).name == "f"


def test_a_flow_of_another_version_is_read_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"This flow was built using Prefect '0\.9', but you currently have"):
        assert flow_from_bytes_pickle(repacked(versions={"prefect": "0.9"})).name == "f"


def test_an_error_lists_the_versions_that_differ() -> None:
    broken = base64.b64encode(b"broken").decode()

    with pytest.raises(FlowStorageError) as caught:
        flow_from_bytes_pickle(repacked(flow=broken, versions={"python": "2.7", "cloudpickle": "0.1"}))
    text = str(caught.value)
    assert "- python: (flow built with '2.7', currently running with '3." in text
    assert "- cloudpickle: (flow built with '0.1'" in text
    assert "- prefect" not in text
    with pytest.raises(FlowStorageError) as caught:
        flow_from_bytes_pickle(repacked(flow=broken))
    assert "version mismatches" not in str(caught.value)


def test_a_flow_that_1_4_1_pickled_asks_to_be_registered_again() -> None:
    # Recorded with Python 3.11 and prefect 1.4.1: a task with retries, a parameter, a schedule, a run config.
    recorded = Path(__file__).parents[2] / "compat" / "pickles" / "flow-1.4.1.json"

    with pytest.raises(FlowStorageError) as caught:
        flow_from_bytes_pickle(recorded.read_bytes())
    text = str(caught.value)
    assert "Re-register the flow with this version" in text
    assert f"- prefect: (flow built with '1.4.1', currently running with {prefect.__version__!r})" in text


@pytest.mark.parametrize("version", ["1.6", "later", ""])
def test_versions_that_are_not_older_only_ask_for_a_like_environment(version: str) -> None:
    broken = base64.b64encode(b"broken").decode()

    with pytest.raises(FlowStorageError, match="Re-register the flow from an environment like this one"):
        flow_from_bytes_pickle(repacked(flow=broken, versions={"prefect": version}))


def test_a_module_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("module_of_yesterday")
    exec("def run(): pass", vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    data = flow_to_bytes_pickle(Flow("f", tasks=[task(module.run)]))
    monkeypatch.delitem(sys.modules, module.__name__)

    with pytest.raises(FlowStorageError, match=r"module_of_yesterday(.|\n)*all required flow dependencies"):
        flow_from_bytes_pickle(data)


def test_bytes_of_something_else_are_refused() -> None:
    with pytest.raises(FlowStorageError, match="hold no flow, but a dict"):
        flow_from_bytes_pickle(cloudpickle.dumps({}))


def test_what_does_not_pickle_is_named() -> None:
    flow = Flow("f")
    flow.lock = threading.Lock()  # type: ignore[attr-defined]

    with pytest.raises(TypeError, match=r"lock"):
        flow_to_bytes_pickle(flow)


def test_the_image_of_a_flow() -> None:
    docker = Docker(registry_url="r", image_name="i", image_tag="t")

    assert get_flow_image(Flow("f", storage=docker)) == "r/i:t"
    assert get_flow_image(Flow("f", storage=docker, run_config=UniversalRun())) == "r/i:t"
    assert get_flow_image(Flow("f", storage=docker, run_config=DockerRun(image="own"))) == "own"
    assert get_flow_image(Flow("f", storage=Module("m"), run_config=KubernetesRun())) is None
    assert get_flow_image(Flow("f", run_config=KubernetesRun()), default="d") == "d"
    assert get_flow_image(Flow("f"), default="d") == "d"
    with pytest.raises(ValueError, match="Storage for flow run f is not of type Docker"):
        get_flow_image(Flow("f"))


def test_lines_of_contents_without_a_file_are_shown_in_tracebacks() -> None:
    with pytest.raises(ValueError, match="boom") as caught:
        extract_flow_from_file(file_contents="def helper():\n    raise ValueError('boom')\nhelper()\n")

    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.line for frame in frames][-2:] == ["helper()", "raise ValueError('boom')"]
