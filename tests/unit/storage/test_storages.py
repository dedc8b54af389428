"""Storages as values, and the two that load flows by themselves."""

from __future__ import annotations

import pickle
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

import prefect.storage
from prefect import Flow, task
from prefect.exceptions import FlowStorageError
from prefect.serialization.storage import StorageSchema
from prefect.storage import (
    GCS,
    S3,
    Azure,
    Bitbucket,
    CodeCommit,
    Docker,
    Git,
    GitHub,
    GitLab,
    Local,
    Module,
    Storage,
    Webhook,
    get_default_storage_class,
)
from prefect.storage.docker import multiline_indent
from prefect.utilities.configuration import set_temporary_config
from prefect.utilities.serialization import ValidationError

WEBHOOK = {
    "build_request_kwargs": {"url": "u"},
    "build_request_http_method": "POST",
    "get_flow_request_kwargs": {"url": "u"},
    "get_flow_request_http_method": "GET",
}
ARGUMENTS: dict[type[Storage], dict[str, Any]] = {
    Azure: {"container": "c"},
    Bitbucket: {"project": "p", "repo": "r"},
    CodeCommit: {"repo": "r"},
    Docker: {},
    GCS: {"bucket": "b"},
    Git: {"flow_path": "f.py", "repo": "o/r"},
    GitHub: {"repo": "o/r", "path": "f.py"},
    GitLab: {"repo": "o/r"},
    Local: {"directory": "/data", "validate": False},
    Module: {"module": "m"},
    S3: {"bucket": "b"},
    Webhook: WEBHOOK,
}
EVERY = pytest.mark.parametrize("cls", list(ARGUMENTS), ids=lambda cls: cls.__name__)


def public(storage: Storage) -> dict[str, Any]:
    return {
        name: value for name, value in vars(storage).items() if not name.startswith("_") and name != "result"
    }


@EVERY
def test_a_storage_survives_its_json(cls: type[Storage]) -> None:
    storage = cls(**ARGUMENTS[cls], secrets=["S"])
    storage.flows["a flow"] = "somewhere"

    again = StorageSchema().load(storage.serialize())

    assert type(again) is cls
    assert public(again) == public(storage)
    assert "a flow" in again


@EVERY
def test_a_storage_survives_pickling(cls: type[Storage]) -> None:
    storage = cls(**ARGUMENTS[cls])

    assert public(pickle.loads(pickle.dumps(storage))) == public(storage)


@EVERY
def test_labels_are_those_given_after_those_of_the_kind(cls: type[Storage]) -> None:
    default = [socket.gethostname()] if cls is Local else []

    assert cls(**ARGUMENTS[cls], labels=["b", "a", "b"]).labels == [*default, "b", "a"]
    assert cls(**ARGUMENTS[cls], add_default_labels=False).labels == []
    with set_temporary_config({"flows.defaults.storage.add_default_labels": False}):
        assert cls(**ARGUMENTS[cls]).labels == []


@EVERY
def test_a_storage_knows_its_kind(cls: type[Storage]) -> None:
    storage = cls(**ARGUMENTS[cls])

    assert repr(storage) == f"<Storage: {cls.__name__}>"
    assert storage.logger.name == f"prefect.{cls.__name__}"
    storage.run_basic_healthchecks()


@pytest.mark.parametrize(
    ("cls", "more", "location"),
    [
        (Azure, {"blob_name": "k"}, "k"),
        (GCS, {"key": "k"}, "k"),
        (S3, {"key": "k"}, "k"),
        (Bitbucket, {"path": "f.py"}, "f.py"),
        (CodeCommit, {"path": "f.py"}, "f.py"),
        (GitLab, {"path": "f.py"}, "f.py"),
        (GitHub, {}, "f.py"),
        (Git, {}, "f.py"),
        (Module, {}, "m"),
        (Docker, {}, "/opt/prefect/flows/my-flow.prefect"),
        (Docker, {"prefect_directory": "/app"}, "/app/flows/my-flow.prefect"),
        (Docker, {"path": "/app/f.py", "stored_as_script": True}, "/app/f.py"),
    ],
)
def test_a_flow_that_is_added_has_a_location(cls: type[Storage], more: dict[str, Any], location: str) -> None:
    storage = cls(**ARGUMENTS[cls], **more)

    assert storage.add_flow(Flow("My Flow!")) == location
    assert storage.flows == {"My Flow!": location}
    assert "My Flow!" in storage
    assert "another" not in storage
    assert 3 not in storage
    with pytest.raises(ValueError, match='Flow with the name "My Flow!" is already present'):
        storage.add_flow(Flow("My Flow!"))


@pytest.mark.parametrize("cls", [Azure, GCS, S3])
def test_uploaded_flows_have_a_key_of_their_own_each_time(cls: type[Storage]) -> None:
    keys = {cls(**ARGUMENTS[cls]).add_flow(Flow("My Flow!")) for _ in range(3)}

    assert len(keys) == 3
    assert all(key.startswith("my-flow/20") for key in keys)


@pytest.mark.parametrize("cls", [GCS, S3])
def test_an_uploaded_script_has_another_key_only_when_it_changed(cls: type[Storage], tmp_path: Path) -> None:
    script = tmp_path / "flow.py"

    def key(text: str) -> str:
        script.write_text(text)
        more = {"stored_as_script": True, "local_script_path": str(script)}
        return cls(**ARGUMENTS[cls], **more).add_flow(Flow("My Flow!"))

    assert key("a = 1") == key("a = 1")
    assert key("a = 1") != key("a = 2")
    assert key("a = 1").startswith("my-flow/")
    script.unlink()
    gone = cls(**ARGUMENTS[cls], stored_as_script=True, local_script_path=str(script))
    gone.add_flow(Flow("f"))
    with pytest.raises(FileNotFoundError):
        gone.build()


@pytest.mark.parametrize("cls", [GCS, S3])
def test_the_script_to_upload_is_the_flow_file_being_read(cls: type[Storage]) -> None:
    with prefect.context(local_script_path="/here/flow.py"):
        assert cls(**ARGUMENTS[cls]).local_script_path == "/here/flow.py"  # type: ignore[attr-defined]
        assert cls(**ARGUMENTS[cls], local_script_path="/x").local_script_path == "/x"  # type: ignore[attr-defined]
    assert cls(**ARGUMENTS[cls]).local_script_path is None  # type: ignore[attr-defined]


def test_a_webhook_takes_the_newest_flow_of_a_name() -> None:
    storage = Webhook(**WEBHOOK)

    assert storage.add_flow(Flow("a")) == storage.add_flow(Flow("a")) == "a"


@pytest.mark.parametrize("cls", [Bitbucket, CodeCommit, Git, GitHub, GitLab, Module])
def test_storages_that_others_fill_have_nothing_to_build(cls: type[Storage]) -> None:
    storage = cls(**ARGUMENTS[cls])
    storage.add_flow(Flow("f"))

    assert storage.build() is storage


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Storage(), TypeError, "abstract"),
        (lambda: S3(bucket="b", region="x"), TypeError, "region"),
        (lambda: Git(flow_path="f"), ValueError, "Either `repo` or `git_clone_url_secret_name`"),
        (
            lambda: Git(flow_path="f", repo="o/r", tag="t", commit="c"),
            ValueError,
            "only one of the following",
        ),
        (
            lambda: Docker(base_image="b", dockerfile="d"),
            ValueError,
            "Only one of `base_image` and `dockerfile`",
        ),
        (lambda: Docker(files={"relative": "/x"}), ValueError, "relative are not absolute file paths"),
        (lambda: Docker().name, ValueError, "missing required fields image_name and image_tag"),
        (
            lambda: Webhook(**{**WEBHOOK, "build_request_http_method": "post"}),
            RuntimeError,
            "'post' not recognized",
        ),
        (lambda: Module("m").get_flow("f"), ValueError, "'f' is not among the flows of Module storage"),
    ],
)
def test_mistakes_are_said_in_one_sentence(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_the_owner_of_a_repository_is_the_user_of_its_token() -> None:
    assert Git(flow_path="f", repo="owner/name").git_token_username == "owner"
    assert Git(flow_path="f", repo="owner/name", git_token_username="bot").git_token_username == "bot"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"git_clone_url_secret_name": "S"}, "The value of this Secret will be used to clone"),
        ({"repo": "o/r", "use_ssh": True, "git_token_secret_name": "T"}, "SSH will be used to clone"),
    ],
)
def test_settings_of_git_that_have_no_effect_are_logged(
    arguments: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    Git(flow_path="f", **arguments)

    assert message in caplog.text


def test_docker_images_have_this_python_and_this_version() -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    storage = Docker(
        registry_url="registry.example.com/team", image_name="i", image_tag="t", build_kwargs={"rm": False}
    )

    assert storage.name == "registry.example.com/team/i:t"
    assert storage.base_image == f"python:{python}-slim"
    assert prefect.__version__ in storage.installation_commands[-1]
    assert (storage.rm_build_kwarg, storage.build_kwargs) == (False, {})
    assert Docker(dockerfile="d").base_image is None
    assert Docker(prefect_version="1.4.1").base_image == f"prefecthq/prefect:1.4.1-python{python}"
    assert Docker(prefect_directory="/app").env_vars == {"PREFECT__USER_CONFIG_PATH": "/app/config.toml"}
    assert multiline_indent("a\nb", 2) == "a\n  b"


def test_a_storage_class_of_the_user_has_no_json() -> None:
    class Ours(Storage):
        def add_flow(self, flow: Flow) -> str:
            return "x"

    with pytest.raises(ValidationError, match="Unsupported object type: Ours"):
        Ours().serialize()
    with pytest.raises(NotImplementedError):
        Ours().get_flow("x")


def test_the_default_class_is_configured() -> None:
    assert get_default_storage_class() is Local
    with set_temporary_config({"flows.defaults.storage.default_class": "prefect.storage.S3"}):
        assert get_default_storage_class() is S3
    with (
        set_temporary_config({"flows.defaults.storage.default_class": "no.such.Storage"}),
        pytest.warns(
            UserWarning, match=r"Could not import no\.such\.Storage; using prefect\.storage\.Local instead"
        ),
    ):
        assert get_default_storage_class() is Local


# -- Local ------------------------------------------------------------------------------------------


@task
def one() -> int:
    return 1


def test_a_flow_in_a_directory_is_loaded_from_there(tmp_path: Path) -> None:
    with Flow("My Flow!") as flow:
        one()
    storage = Local(directory=str(tmp_path / "flows"))

    location = storage.add_flow(flow)
    loaded = StorageSchema().load(storage.build().serialize()).get_flow("My Flow!")

    assert Path(location).parent == tmp_path / "flows" / "my-flow"
    assert loaded.run().is_successful()


def test_a_flow_may_be_pickled_to_a_given_file(tmp_path: Path) -> None:
    storage = Local(directory=str(tmp_path), path=str(tmp_path / "it.flow"))

    assert storage.add_flow(Flow("f")) == str(tmp_path / "it.flow")
    assert storage.get_flow("f").name == "f"


def test_a_flow_in_a_script_is_loaded_by_name(tmp_path: Path) -> None:
    script = tmp_path / "flows.py"
    script.write_text("from prefect import Flow\na = Flow('a')\nb = Flow('b')\n")
    storage = Local(directory=str(tmp_path), path=str(script), stored_as_script=True)

    assert storage.add_flow(Flow("b")) == str(script)
    assert storage.get_flow("b").name == "b"
    assert script.read_text().startswith("from prefect")


def test_a_script_needs_its_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="A `path` must be provided"):
        Local(directory=str(tmp_path), stored_as_script=True).add_flow(Flow("f"))


def test_a_location_may_be_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "local_storage_module.py").write_text("from prefect import Flow\nf = Flow('f')\n")
    monkeypatch.syspath_prepend(tmp_path)
    storage = StorageSchema().load({"type": "Local", "flows": {"f": "local_storage_module"}})

    assert storage.get_flow("f").name == "f"


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    storage = Local(directory=str(tmp_path))
    storage.flows["f"] = str(tmp_path / "gone")

    with pytest.raises(FileNotFoundError, match="gone"):
        storage.get_flow("f")


def test_a_file_that_is_no_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"no pickle")
    storage = Local(directory=str(tmp_path))
    storage.flows["f"] = str(tmp_path / "f")

    with pytest.raises(FlowStorageError, match="An error occurred while unpickling the flow"):
        storage.get_flow("f")


def test_directories_are_made_unless_they_are_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert Local(directory="a/b").directory == str(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert Local(directory="~/elsewhere", validate=False).directory == "~/elsewhere"
    assert Local().directory == str(Path(prefect.config.home_dir).expanduser() / "flows")
    assert not (tmp_path / "elsewhere").exists()


def test_results_of_locally_stored_flows_are_kept_there_too(tmp_path: Path) -> None:
    assert Local(directory=str(tmp_path)).result.dir == str(tmp_path)  # type: ignore[union-attr]


# -- Module -----------------------------------------------------------------------------------------


def test_a_flow_of_a_module_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "module_storage_module.py").write_text(
        "from prefect import Flow\na = Flow('a')\ndef make():\n    return Flow('b')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    plain, factory = Module("module_storage_module"), Module("module_storage_module:make")
    for name in "ab":
        plain.add_flow(Flow(name))
        factory.add_flow(Flow(name))

    assert plain.get_flow("a").name == "a"
    assert factory.get_flow("b").name == "b"
    with pytest.raises(ValueError, match="Failed to find flow 'b' in 'module_storage_module': there is 'a'"):
        plain.get_flow("b")
    with pytest.raises(ValueError, match="is named 'b', expected 'a'"):
        factory.get_flow("a")
