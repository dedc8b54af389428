"""Docker storage with a real engine: images are built, checked, run and refused."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from prefect import Flow, task
from prefect.exceptions import FlowStorageError
from prefect.serialization.storage import StorageSchema
from prefect.storage import Docker

Run = Callable[..., str]

_LOAD = """
import json, sys
from prefect.serialization.storage import StorageSchema
flow = StorageSchema().load(json.loads(sys.argv[1])).get_flow(sys.argv[2])
state = flow.run()
print("RESULT", state.result[flow.get_tasks("answer")[0]].result)
"""


@pytest.fixture
def name(engine: Any) -> Iterator[str]:
    """A name for an image, which is gone after the test."""
    found = f"localhost/flows-{uuid.uuid4().hex[:8]}"
    yield found
    for image in engine.images.list(name=found):
        engine.images.remove(image.id, force=True)


@task
def answer() -> int:
    return 42


def flow_named(name: str) -> Flow:
    with Flow(name) as flow:
        answer()
    return flow


def run_in(run: Run, storage: Docker, flow_name: str) -> str:
    """What a run of a flow prints in the image, started from the JSON that agents have."""
    return run(
        storage.name, "python", "-W", "ignore", "-c", _LOAD, json.dumps(storage.serialize()), flow_name
    )


def test_pickled_flows_run_in_their_image(run: Run, image: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "a file.txt").write_text("copied\n")
    storage = Docker(
        image_name=name,
        base_image=image,
        local_image=True,
        env_vars={"GREETING": 'it\'s $5 \\ "each"'},
        files={str(tmp_path / "a file.txt"): "/opt/prefect/a file.txt"},
        extra_dockerfile_commands=["RUN touch /opt/prefect/extra"],
        build_kwargs={"network_mode": "none"},
    )
    for flow_name in ("My flow", "another"):
        storage.add_flow(flow_named(flow_name))

    built = storage.build(push=False)

    assert built.name.startswith(f"{name}:20")
    for flow_name in ("My flow", "another"):
        assert "RESULT 42" in run_in(run, built, flow_name)
    show = 'printf "%s\\n" "$GREETING"; cat "/opt/prefect/a file.txt"; ls /opt/prefect/extra; id -u'
    shown = run(built.name, "sh", "-c", show)
    assert shown.splitlines() == ['it\'s $5 \\ "each"', "copied", "/opt/prefect/extra", "10001"]


def test_a_script_runs_in_its_image(
    run: Run, image: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flow.py").write_text(
        "from prefect import Flow, task\n@task\ndef answer():\n    return 6\nwith Flow('f') as f:\n    answer()\n"
    )
    (tmp_path / "ignored.bin").write_text("left out")
    (tmp_path / ".dockerignore").write_text("*\n!flow.py\n")
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nCOPY . /opt/prefect/app/\n")
    storage = Docker(
        image_name=name,
        image_tag="1",
        dockerfile="Dockerfile",
        stored_as_script=True,
        path="/opt/prefect/app/flow.py",
        build_kwargs={"network_mode": "none"},
    )
    storage.add_flow(Flow("f"))

    built = storage.build()

    assert "RESULT 6" in run_in(run, built, "f")
    listed = run(built.name, "ls", "/opt/prefect/app")
    assert listed.split() == ["flow.py"]
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".prefect-image")]


def test_a_flow_that_cannot_be_loaded_in_the_image_fails_the_build(
    engine: Any, image: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("def work():\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here  # type: ignore[import-not-found]

    storage = Docker(
        image_name=name, base_image=image, local_image=True, build_kwargs={"network_mode": "none"}
    )
    storage.add_flow(Flow("f", tasks=[task(only_here.work)]))

    with pytest.raises(FlowStorageError, match="Cannot build the image") as caught:
        storage.build(push=False)
    text = str(caught.value)
    assert "No module named 'only_here'" in text
    assert "/opt/prefect/flows/f.prefect cannot be loaded in this image" in text


def test_a_base_image_that_is_nowhere_is_named(engine: Any, name: str) -> None:
    storage = Docker(image_name=name, base_image="localhost/no-such-image:1")
    storage.add_flow(Flow("f"))

    with pytest.raises(FlowStorageError, match="Cannot pull the base image localhost/no-such-image:1"):
        storage.build(push=False)


def test_a_registry_that_is_not_there_is_named(engine: Any, image: str, name: str) -> None:
    storage = Docker(
        image_name=name.removeprefix("localhost/"),
        registry_url="localhost:1/team",
        base_image=image,
        local_image=True,
        build_kwargs={"network_mode": "none"},
    )
    storage.add_flow(flow_named("f"))

    with pytest.raises(FlowStorageError, match="Cannot push the image localhost:1/team/flows-"):
        storage.build()
    assert StorageSchema().load(storage.serialize()).name.startswith("localhost:1/team/flows-")  # type: ignore[union-attr]
    engine.images.remove(storage.name, force=True)


def test_an_image_is_pushed_and_pulled_again(engine: Any, image: str, run: Run, name: str) -> None:
    registry = os.environ.get("PREFECT_TESTS_REGISTRY")
    if registry is None:
        pytest.skip("needs a registry (Debian: docker-registry; make test-image)")
    short = name.removeprefix("localhost/")
    storage = Docker(
        registry_url=f"{registry}/team",
        image_name=short,
        image_tag="1",
        base_image=image,
        local_image=True,
        build_kwargs={"network_mode": "none"},
    )
    storage.add_flow(flow_named("f"))

    built = storage.build()

    assert built.name == f"{registry}/team/{short}:1"
    # It is in the registry, and no more here.
    assert not engine.images.list(name=built.name)
    engine.images.pull(f"{registry}/team/{short}", tag="1")
    assert "RESULT 42" in run_in(run, built, "f")
    again = Docker(
        base_image=built.name, image_name=name, image_tag="2", build_kwargs={"network_mode": "none"}
    )
    again.add_flow(flow_named("on top"))
    assert "RESULT 42" in run_in(run, again.build(push=False), "on top")
    engine.images.remove(built.name, force=True)
