"""The whole way of a flow that is kept elsewhere: registered, its secret read from the API, loaded, run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_runs import Runs, runs_at
from cloud_servers import moto
from code_host import NEEDS_GIT, TOKEN, CodeHost, git, make_repository, running_code_host
from live_server import running_server

import prefect
from prefect.engine.state import State
from prefect.storage import S3, Git, GitHub, Storage
from prefect.utilities.aws import get_boto_client
from prefect.utilities.storage import extract_flow_from_file

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason=NEEDS_GIT)

FLOW = """
import prefect
from prefect import Flow, task

@task
def work():
    prefect.context.logger.info("version {version}")
    return {version}

with Flow("kept") as flow:
    work()
"""


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    with (
        running_server(tmp_path / "server") as server,
        runs_at(f"http://127.0.0.1:{server.port}", tmp_path) as found,
    ):
        yield found


@pytest.fixture
def host(tmp_path: Path) -> Iterator[CodeHost]:
    repository = make_repository(tmp_path / "flows", {"main": {"kept.py": FLOW.format(version=1)}})
    with running_code_host(repository) as found:
        yield found


def register(runs: Runs, storage: Storage, tmp_path: Path) -> str:
    (tmp_path / "kept.py").write_text(FLOW.format(version=1))
    flow = extract_flow_from_file(str(tmp_path / "kept.py"))
    flow.storage = storage
    storage.add_flow(flow)
    flow_id = flow.register(runs.project, no_url=True)
    assert flow_id is not None
    return flow_id


@pytest.mark.parametrize("kind", ["GitHub", "Git"])
def test_a_run_loads_what_is_in_the_repository_then(
    runs: Runs, host: CodeHost, tmp_path: Path, kind: str
) -> None:
    address = host.url.replace("://", f"://bot:{TOKEN}@")
    runs.client.set_secret("TOKEN", TOKEN)
    runs.client.set_secret("ADDRESS", f"{address}/git/team/flows.git")
    storage = {
        "GitHub": GitHub("team/flows", path="kept.py", access_token_secret="TOKEN", base_url=host.url),
        "Git": Git(flow_path="kept.py", git_clone_url_secret_name="ADDRESS"),
    }[kind]
    flow_id = register(runs, storage, tmp_path)

    for version in (1, 2):
        (host.repository / "kept.py").write_text(FLOW.format(version=version))
        git(host.repository, "commit", "-q", "--allow-empty", "-am", "change")
        run_id = runs.create(flow_id)
        assert runs.run(run_id, PREFECT__CLOUD__USE_LOCAL_SECRETS="false").is_successful(), runs.output(
            run_id
        )
        assert f"version {version}" in runs.logs(run_id)
        assert TOKEN not in runs.output(run_id)


def test_a_run_without_the_secret_fails_and_says_why(runs: Runs, host: CodeHost, tmp_path: Path) -> None:
    storage = GitHub("team/flows", path="kept.py", access_token_secret="NOBODY_SET", base_url=host.url)
    run_id = runs.create(register(runs, storage, tmp_path))

    state = runs.run(run_id, PREFECT__CLOUD__USE_LOCAL_SECRETS="false")

    assert state.is_failed()
    assert "NOBODY_SET" in str(state.message)


def test_a_run_whose_file_is_gone_fails_and_names_it(runs: Runs, host: CodeHost, tmp_path: Path) -> None:
    host.private = False
    storage = GitHub("team/flows", path="elsewhere.py", base_url=host.url)
    run_id = runs.create(register(runs, storage, tmp_path))

    state = runs.run(run_id)

    assert state.is_failed()
    assert "Cannot download elsewhere.py of team/flows at the default branch" in str(state.message)
    assert any("elsewhere.py" in line for line in runs.logs(run_id))


def test_a_flow_in_a_bucket_and_its_results_use_the_credentials_of_a_secret(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    credentials = {"ACCESS_KEY": "a", "SECRET_ACCESS_KEY": "b"}
    with moto() as url, prefect.context(secrets={"AWS_CREDENTIALS": credentials}):
        options = {"endpoint_url": url, "region_name": "us-east-1"}
        bucket = get_boto_client("s3", **options)
        bucket.create_bucket(Bucket="flows")
        runs.client.set_secret("AWS_CREDENTIALS", credentials)

        def ran(*secrets: str) -> tuple[State, str]:
            storage = S3("flows", client_options=options, secrets=list(secrets))
            run_id = runs.create(register(runs, storage, tmp_path))
            return runs.run(run_id, PREFECT__CLOUD__USE_LOCAL_SECRETS="false"), runs.output(run_id)

        state, output = ran("AWS_CREDENTIALS")
        failed, _ = ran()

        assert state.is_successful(), output
        keys = [one["Key"] for one in bucket.list_objects_v2(Bucket="flows")["Contents"]]
        assert [key for key in keys if key.endswith(".prefect_result")]
        # Nothing else in this test lends credentials to the process of a run.
        assert failed.is_failed()
        assert "Cannot download s3://flows/kept/" in str(failed.message)
        assert "credentials" in str(failed.message)
