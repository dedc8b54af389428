"""Docker tasks, and what they ask an engine for."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from docker.errors import APIError, DockerException

from prefect import Flow
from prefect.engine import signals
from prefect.tasks.docker import (
    BuildImage,
    CreateContainer,
    GetContainerLogs,
    ListContainers,
    ListImages,
    PullImage,
    PushImage,
    RemoveContainer,
    RemoveImage,
    StartContainer,
    StopContainer,
    TagImage,
    WaitOnContainer,
)

if TYPE_CHECKING:
    from tests.unit.tasks.containers.conftest import Engine


def test_a_container_is_made_as_it_was_described(engine: Engine) -> None:
    task = CreateContainer("a:b", docker_server_url=engine.url)
    made = task.run(
        container_name="n",
        command="echo hi",
        entrypoint="sh",
        environment=["A=1"],
        volumes="/x",
        host_config={"binds": ["/a:/b"]},
        extra_docker_kwargs={"labels": {"k": "v"}},
    )
    assert made == "c1"
    (request,) = engine.requests
    assert (request.method, request.path, request.query) == ("POST", "/containers/create", {"name": "n"})
    expected = {
        "Image": "a:b",
        "Cmd": ["echo", "hi"],
        "Entrypoint": ["sh"],
        "Env": ["A=1"],
        "Volumes": {"/x": {}},
        "Labels": {"k": "v"},
        "HostConfig": {"NetworkMode": "default", "Binds": ["/a:/b"]},
    }
    assert {name: request.body[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("task", "arguments", "request_line"),
    [
        (StartContainer, {}, ("POST", "/containers/c1/start", {})),
        (StopContainer, {"extra_docker_kwargs": {"timeout": 3}}, ("POST", "/containers/c1/stop", {"t": "3"})),
        (
            RemoveContainer,
            {"extra_docker_kwargs": {"force": True}},
            ("DELETE", "/containers/c1", {"force": "True", "link": "False", "v": "False"}),
        ),
    ],
)
def test_a_container_is_started_stopped_and_removed(
    engine: Engine, task: Any, arguments: dict[str, Any], request_line: tuple[Any, ...]
) -> None:
    assert task(container_id="c1", docker_server_url=engine.url).run(**arguments) is None
    assert [request[:3] for request in engine.requests] == [request_line]


def test_the_output_of_a_container_is_text(engine: Engine) -> None:
    assert GetContainerLogs("c1", docker_server_url=engine.url).run() == "hello\nworld\n"


def test_waiting_tells_how_the_container_ended(engine: Engine) -> None:
    assert WaitOnContainer("c1", docker_server_url=engine.url).run() == {"StatusCode": 0, "Error": None}


def test_a_container_that_failed_fails_its_task_and_its_output_is_logged(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.exit_code = 3
    with pytest.raises(signals.FAIL, match="c1 failed with exit code 3"):
        WaitOnContainer("c1", docker_server_url=engine.url).run()
    assert "hello\nworld" in caplog.text


def test_a_container_may_fail_where_that_is_said(engine: Engine) -> None:
    engine.exit_code = 3
    end = WaitOnContainer("c1", docker_server_url=engine.url, raise_on_exit_code=False).run()
    assert end["StatusCode"] == 3


def test_containers_and_images_are_listed(engine: Engine) -> None:
    assert ListContainers(True, {"status": "exited"}, docker_server_url=engine.url).run() == [{"Id": "1"}]
    assert ListImages("r", all_layers=True, docker_server_url=engine.url).run() == [{"Id": "1"}]
    containers, images = engine.requests
    assert containers.query["all"] == "1"
    assert containers.query["filters"] == '{"status": ["exited"]}'
    assert images.query["all"] == "1"
    assert '"reference": ["r"]' in images.query["filters"]


@pytest.mark.parametrize("stream_logs", [False, True])
def test_an_image_is_pulled_and_what_the_engine_says_is_logged_on_request(
    engine: Engine, stream_logs: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    output = PullImage("r", docker_server_url=engine.url, stream_logs=stream_logs).run()
    assert output == '{"status":"one"}\n{"status":"two"}\n'
    assert engine.requests[0].query == {"fromImage": "r", "tag": "latest"}
    assert ("'two'" in caplog.text) == stream_logs


def test_an_image_is_pushed(engine: Engine) -> None:
    assert '"two"' in PushImage("r", "t", docker_server_url=engine.url).run()
    assert engine.requests[0][:3] == ("POST", "/images/r/push", {"tag": "t"})


def test_an_image_is_built_from_a_folder(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    task = BuildImage(str(tmp_path), "t:1", nocache=True, docker_server_url=engine.url)
    assert task.run() == [{"status": "one"}, {"status": "two"}]
    (request,) = engine.requests
    assert request.path == "/build"
    assert (request.query["t"], request.query["nocache"], request.query["rm"]) == ("t:1", "True", "True")
    assert b"FROM scratch" in request.body or request.body[:2] == b"\x1f\x8b"


def test_an_image_is_tagged_and_removed(engine: Engine) -> None:
    assert TagImage("i", "r", "t", docker_server_url=engine.url).run() is True
    assert RemoveImage("i", docker_server_url=engine.url).run(force=True) is None
    tag, remove = engine.requests
    assert (tag.path, tag.query) == ("/images/i/tag", {"force": "0", "repo": "r", "tag": "t"})
    assert (remove.method, remove.path, remove.query["force"]) == ("DELETE", "/images/i", "True")


@pytest.mark.parametrize("kind", ["build", "pull", "push"])
def test_an_error_among_the_messages_fails_the_task(engine: Engine, kind: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM nothing\n", encoding="utf-8")
    engine.messages = [{"status": "one"}, {"error": "no space left"}]
    tasks = {
        "build": BuildImage(str(tmp_path), docker_server_url=engine.url),
        "pull": PullImage("r", docker_server_url=engine.url),
        "push": PushImage("r", docker_server_url=engine.url),
    }
    with pytest.raises(APIError, match="no space left"):
        tasks[kind].run()


@pytest.mark.parametrize(
    ("task", "what"),
    [
        (CreateContainer(), "An image name must be provided"),
        (StartContainer(), "A container id must be provided"),
        (StopContainer(), "A container id must be provided"),
        (RemoveContainer(), "A container id must be provided"),
        (GetContainerLogs(), "A container id must be provided"),
        (WaitOnContainer(), "A container id must be provided"),
        (PullImage(), "A repository to pull the image from"),
        (PushImage(), "A repository to push the image to"),
        (RemoveImage(), "The name of an image to remove"),
        (TagImage("i"), "Both image and repository"),
        (BuildImage(), "A path to a directory containing a Dockerfile"),
    ],
)
def test_what_is_missing_is_said_before_any_engine_is_asked(task: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        task.run()


def test_an_engine_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DockerException, match=r"127\.0\.0\.1"):
        StartContainer("c1", docker_server_url="tcp://127.0.0.1:1").run()


def test_a_flow_runs_a_container_from_making_it_to_its_output(engine: Engine) -> None:
    url = engine.url
    with Flow("container") as flow:
        container = CreateContainer(image_name="a", docker_server_url=url)()
        started = StartContainer(docker_server_url=url)(container)
        ended = WaitOnContainer(docker_server_url=url)(container, upstream_tasks=[started])
        output = GetContainerLogs(docker_server_url=url)(container, upstream_tasks=[ended])
    state = flow.run()
    assert state.result[output].result == "hello\nworld\n"
