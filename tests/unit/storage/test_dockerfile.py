"""The Dockerfile of Docker storage, and what is put beside it. Building needs an engine: see tests/e2e."""

from __future__ import annotations

import gc
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import prefect
from prefect import Flow, task
from prefect.exceptions import FlowStorageError
from prefect.storage import Docker
from prefect.storage import _image_check as image_check


def lines(storage: Docker, folder: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    return Path(storage.create_dockerfile_object(str(folder))).read_text().splitlines()


def test_the_dockerfile_copies_flows_and_checks_them(tmp_path: Path) -> None:
    storage = Docker(
        python_dependencies=["pandas>2;python_version<'4'"], extra_dockerfile_commands=["USER me"]
    )
    storage.add_flow(Flow("My Flow!"))

    written = lines(storage, tmp_path / "d")

    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert written[0] == f"FROM python:{python}-slim"
    assert 'ENV PREFECT__USER_CONFIG_PATH="/opt/prefect/config.toml"' in written
    assert f"prefect-classic[all_orchestration_extras]=={prefect.__version__}" in " ".join(written)
    assert "RUN mkdir -p /opt/prefect" in written
    assert 'COPY ["my-flow.flow", "/opt/prefect/flows/my-flow.prefect"]' in written
    install = next(line for line in written if line.startswith("RUN pip install"))
    assert shlex.split(install)[3:] == ["pandas>2;python_version<'4'", "wheel"]
    assert written[-2] == "USER me"
    assert shlex.split(written[-1]) == [
        *("RUN", "python", "/opt/prefect/healthcheck.py"),
        '["/opt/prefect/flows/my-flow.prefect"]',
        str(sys.version_info[:2]),
    ]
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == [
        "Dockerfile",
        "healthcheck.py",
        "my-flow.flow",
    ]


def test_a_script_is_in_the_image_already(tmp_path: Path) -> None:
    storage = Docker(stored_as_script=True, path="/app/f.py", ignore_healthchecks=True)
    storage.add_flow(Flow("f"))

    assert not [line for line in lines(storage, tmp_path) if line.startswith("COPY")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Dockerfile"]


@pytest.mark.parametrize("value", ["it's", 'a "b" \\ $HOME ${x}', "plain", 3, ""])
def test_values_of_variables_are_not_read_by_the_builder(tmp_path: Path, value: Any) -> None:
    line = next(line for line in lines(Docker(env_vars={"A": value}), tmp_path) if line.startswith("ENV A="))

    # The rules of double quotes in a Dockerfile are those of a shell.
    shown = subprocess.run(
        ["/bin/sh", "-c", f"printf %s {line.removeprefix('ENV A=')}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == str(value)


def test_a_variable_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="variable A has a line break"):
        Docker(env_vars={"A": "x\nRUN evil"}).create_dockerfile_object(str(tmp_path))


def test_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    for folder in "ab":
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub" / "x").write_text(folder)
        (tmp_path / folder / "a file").write_text(folder)
    storage = Docker(
        files={
            str(tmp_path / "a" / "a file"): "/opt/a",
            str(tmp_path / "b" / "a file"): "/opt/b",
            str(tmp_path / "a" / "sub"): "/opt/sub",
        }
    )

    copies = [line for line in lines(storage, tmp_path / "out") if line.startswith("COPY")]

    found = {there: here for here, there in (json.loads(line.removeprefix("COPY ")) for line in copies)}
    assert (tmp_path / "out" / found["/opt/a"]).read_text() == "a"
    assert (tmp_path / "out" / found["/opt/b"]).read_text() == "b"
    assert (tmp_path / "out" / found["/opt/sub"] / "x").read_text() == "a"


def test_a_dockerfile_of_ones_own_comes_first_and_its_context_is_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM base:1\nRUN something\n")
    storage = Docker(dockerfile="Dockerfile")
    storage.add_flow(Flow("f"))

    written = lines(storage, tmp_path / "work")

    assert written[:2] == ["FROM base:1", "RUN something"]
    assert 'COPY ["work/f.flow", "/opt/prefect/flows/f.prefect"]' in written


def test_the_engine_is_the_one_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere.sock")

    assert Docker().base_url == "unix:///somewhere.sock"
    assert Docker(base_url="tcp://x:1").base_url == "tcp://x:1"


# The docker library leaves the socket of a failed connection to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*socket.socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("how", ["build", "pull"])
def test_an_engine_that_is_not_there_is_named(tmp_path: Path, how: str) -> None:
    storage = Docker(base_url=f"unix://{tmp_path}/no.sock", local_image=how == "build")
    storage.add_flow(Flow("My Flow!"))

    with pytest.raises(FlowStorageError, match=r"no container engine answers at unix://.*DOCKER_HOST"):
        storage.build()
    assert storage.image_name == "my-flow"
    assert storage.image_tag is not None
    assert storage.image_tag[:2] == "20"
    gc.collect()


def test_outside_of_its_image_a_flow_cannot_be_loaded(tmp_path: Path) -> None:
    storage = Docker(image_name="i", image_tag="t", prefect_directory=str(tmp_path))
    storage.add_flow(Flow("f"))

    with pytest.raises(FlowStorageError, match="is in the image i:t, and can be loaded only by a process in"):
        storage.get_flow("f")


def test_in_its_image_a_flow_is_loaded(tmp_path: Path) -> None:
    storage = Docker(prefect_directory=str(tmp_path))
    location = storage.add_flow(Flow("f"))
    Flow("f").save(location)
    script = tmp_path / "f.py"
    script.write_text("from prefect import Flow\nf = Flow('f')\n")
    scripted = Docker(stored_as_script=True, path=str(script))
    scripted.add_flow(Flow("f"))

    assert storage.get_flow("f").name == "f"
    assert scripted.get_flow("f").name == "f"


# -- the check that runs in the image -----------------------------------------------------------------


def test_the_check_accepts_flows_it_can_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @task
    def one() -> int:
        return 1

    saved = Flow("f", tasks=[one]).save(str(tmp_path / "f.prefect"))

    image_check.main(json.dumps([saved]), str(sys.version_info[:2]))

    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"{saved}: flow 'f' can be loaded: OK",
        "All health checks passed.",
    ]


def test_the_check_refuses_another_python(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"pickled by Python 2\.7, and the image has Python 3\."):
        image_check.main('["x"]', "(2, 7)")


def test_the_check_refuses_what_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"broken")

    with pytest.raises(
        SystemExit, match="cannot be loaded in this image: An error occurred while unpickling"
    ):
        image_check.main(json.dumps([str(tmp_path / "f")]), str(sys.version_info[:2]))
