"""What docs/differences.md says of storages is true."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from code_host import NEEDS_GIT, make_repository, running_code_host

from prefect import Client, Flow
from prefect.engine.results import LocalResult
from prefect.exceptions import FlowStorageError
from prefect.storage import Docker, GitLab, Local
from prefect.utilities.storage import flow_from_bytes_pickle

FLOW = "from prefect import Flow\nflow = Flow('f')\n"


@pytest.mark.skipif(shutil.which("git") is None, reason=NEEDS_GIT)
@pytest.mark.difference("`GitHub`, `GitLab` and `Bitbucket` storage need no extra")
def test_a_file_of_the_default_branch_is_loaded_without_a_library_and_in_a_second_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("github", "gitlab", "atlassian"):
        monkeypatch.setitem(sys.modules, library, None)
    with running_code_host(make_repository(tmp_path / "flows", {"main": {"f.py": FLOW}})) as host:
        host.private = False
        host.failures = 1
        storage = GitLab("team/flows", path="f.py", host=host.url)
        storage.add_flow(Flow("f"))

        assert storage.get_flow("f").name == "f"


@pytest.mark.difference("`Docker` storage installs `prefect-classic`")
def test_the_image_gets_this_library_by_the_engine_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///podman.sock")
    storage = Docker()

    text = Path(storage.create_dockerfile_object(str(tmp_path))).read_text()

    assert "pip install prefect-classic[all_orchestration_extras]==" in text
    assert "--upgrade" not in text
    assert storage.base_url == "unix:///podman.sock"


@pytest.mark.difference("A pickled flow of another version")
def test_a_pickle_of_1_4_1_says_to_register_again() -> None:
    recorded = (Path(__file__).parent / "pickles" / "flow-1.4.1.json").read_bytes()

    assert json.loads(recorded)["versions"]["prefect"] == "1.4.1"
    with pytest.raises(FlowStorageError, match="Re-register the flow with this version"):
        flow_from_bytes_pickle(recorded)


def test_registering_gives_a_flow_the_result_of_its_storage_as_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Flow] = []
    monkeypatch.setattr(Client, "register", lambda self, flow, **values: kept.append(flow))
    mine = LocalResult(dir=str(tmp_path / "mine"))

    for result in (None, mine):
        flow = Flow("f", result=result)
        flow.storage = Local(directory=str(tmp_path / "flows"))
        flow.register("p")

    assert [flow.result.dir for flow in kept] == [str(tmp_path / "flows"), str(tmp_path / "mine")]  # type: ignore[union-attr]
