"""Storages whose flows are files in a repository, against a real git repository behind HTTP."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from code_host import NEEDS_GIT, TOKEN, USER, CodeHost, git, make_repository, running_code_host

import prefect
from prefect import Flow
from prefect.exceptions import FlowStorageError
from prefect.serialization.storage import StorageSchema
from prefect.storage import Bitbucket, Git, GitHub, GitLab, Storage

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason=NEEDS_GIT)

SECRETS = {"TOKEN": TOKEN, "USER": USER, "WRONG": "not-the-token"}
FILE = "jobs/nightly flow.py"


def script(answer: int) -> str:
    return (
        "from prefect import Flow, task\n\n@task\ndef answer():\n"
        f"    return {answer}\n\nwith Flow('other') as other:\n    answer()\n"
        "with Flow('nightly') as flow:\n    answer()\n"
    )


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file says 1 on `main`, 2 on `dev/two`, and 3 at the tag `v3`, which is no branch."""
    folder = make_repository(
        tmp_path_factory.mktemp("host") / "flows",
        {"main": {FILE: script(1)}, "dev/two": {FILE: script(2)}, "three": {FILE: script(3)}},
    )
    git(folder, "tag", "v3", "three")
    git(folder, "branch", "-D", "three")
    return folder


@pytest.fixture
def host(repository: Path) -> Iterator[CodeHost]:
    with running_code_host(repository) as running, prefect.context(secrets=SECRETS):
        yield running


Make = Callable[..., Storage]


def github(host: CodeHost, ref: str | None = None, secret: str | None = "TOKEN") -> Storage:
    return GitHub("team/flows", path=FILE, ref=ref, access_token_secret=secret, base_url=host.url)


def gitlab(host: CodeHost, ref: str | None = None, secret: str | None = "TOKEN") -> Storage:
    return GitLab("team/flows", path=FILE, ref=ref, access_token_secret=secret, host=host.url)


def bitbucket_server(host: CodeHost, ref: str | None = None, secret: str | None = "TOKEN") -> Storage:
    return Bitbucket("team", "flows", path=FILE, ref=ref, access_token_secret=secret, host=host.url)


def bitbucket_cloud(host: CodeHost, ref: str | None = None, secret: str | None = "TOKEN") -> Storage:
    return Bitbucket(
        "project",
        "flows",
        workspace="team",
        path=FILE,
        ref=ref,
        cloud_username_secret="USER" if secret else None,
        cloud_app_password_secret=secret,
        host=host.url,
    )


def any_git(host: CodeHost, ref: str | None = None, secret: str | None = "TOKEN") -> Storage:
    key = "tag" if ref == "v3" else "branch_name"
    address = host.url.replace("://", f"://{USER}:{SECRETS[secret]}@" if secret else "://")
    prefect.context.secrets["ADDRESS"] = f"{address}/git/team/flows.git"
    return Git(flow_path=FILE, git_clone_url_secret_name="ADDRESS", **{key: ref})


EVERY = pytest.mark.parametrize("make", [github, gitlab, bitbucket_server, bitbucket_cloud, any_git])
OVER_HTTP = pytest.mark.parametrize("make", [github, gitlab, bitbucket_server, bitbucket_cloud])


def answer_of(flow: Flow) -> int:
    state = flow.run()
    return state.result[flow.get_tasks("answer")[0]].result


@EVERY
@pytest.mark.parametrize(("ref", "answer"), [(None, 1), ("dev/two", 2), ("v3", 3)])
def test_a_flow_is_loaded_from_branch_tag_or_default(
    host: CodeHost, make: Make, ref: str | None, answer: int
) -> None:
    if make is bitbucket_cloud and ref == "v3":
        ref = git(host.repository, "rev-parse", "v3")
    storage = make(host, ref)
    storage.add_flow(Flow("nightly"))

    # What an agent has is the JSON.
    loaded = StorageSchema().load(storage.build().serialize()).get_flow("nightly")

    assert loaded.name == "nightly"
    assert answer_of(loaded) == answer


@EVERY
@pytest.mark.parametrize("secret", [None, "WRONG"])
# The git library leaves the connection of a refusal to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*socket.socket:pytest.PytestUnraisableExceptionWarning")
def test_without_the_token_the_reason_is_said_and_no_credentials(
    host: CodeHost, make: Make, secret: str | None
) -> None:
    storage = make(host, secret=secret)
    storage.add_flow(Flow("nightly"))

    with pytest.raises(FlowStorageError) as caught:
        storage.get_flow("nightly")

    text = "".join(str(exc) for exc in (caught.value, caught.value.__cause__))
    assert text.startswith("Cannot ")
    assert "flows" in text
    assert SECRETS["WRONG"] not in text
    assert TOKEN not in text
    del caught
    gc.collect()


@OVER_HTTP
def test_a_busy_host_is_asked_again(host: CodeHost, make: Make) -> None:
    storage = make(host)
    storage.add_flow(Flow("nightly"))
    host.failures = 2

    assert storage.get_flow("nightly").name == "nightly"


def test_a_host_that_stays_busy_is_named_after_four_tries(host: CodeHost) -> None:
    storage = github(host, "v3")
    storage.add_flow(Flow("nightly"))
    host.failures = 1000

    with pytest.raises(FlowStorageError, match=r"nightly flow\.py of team/flows at v3 from .*503"):
        storage.get_flow("nightly")
    assert len(host.seen) == 4


@pytest.mark.parametrize(
    ("make", "variable"),
    [
        (github, "GITHUB_ACCESS_TOKEN"),
        (gitlab, "GITLAB_ACCESS_TOKEN"),
        (bitbucket_server, "BITBUCKET_ACCESS_TOKEN"),
    ],
)
def test_the_token_may_be_in_a_secret_or_variable_of_its_usual_name(
    host: CodeHost, make: Make, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = make(host, secret=None)
    storage.add_flow(Flow("nightly"))

    with prefect.context(secrets={variable: TOKEN}):
        assert storage.get_flow("nightly").name == "nightly"
    monkeypatch.setenv(variable, TOKEN)
    assert storage.get_flow("nightly").name == "nightly"


@EVERY
def test_a_file_without_the_flow_names_those_it_has(host: CodeHost, make: Make) -> None:
    storage = make(host)
    storage.add_flow(Flow("gone"))

    with pytest.raises(ValueError, match=r"'gone' not found in file(.|\n)*'nightly'"):
        storage.get_flow("gone")
    with pytest.raises(ValueError, match="Flow is not contained in this Storage"):
        storage.get_flow("never added")


@OVER_HTTP
def test_a_storage_without_a_path_asks_for_it(host: CodeHost, make: Make) -> None:
    storage = make(host)
    storage.path = None  # type: ignore[attr-defined]
    storage.add_flow(Flow("nightly"))

    with pytest.raises(ValueError, match="give `path`"):
        storage.get_flow("nightly")


# -- Git ---------------------------------------------------------------------------------------------


def test_a_flow_may_have_another_name_in_its_file(host: CodeHost) -> None:
    storage = any_git(host)
    storage.flow_name = "other"  # type: ignore[attr-defined]
    storage.add_flow(Flow("registered as"))

    assert storage.get_flow("registered as").name == "other"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"branch_name": "nowhere"}, "has no branch 'nowhere'"),
        ({"tag": "v9"}, "has no tag 'v9'"),
        ({"commit": "0123456"}, "has no commit '0123456'"),
        ({"flow_path": "gone.py"}, r"has no file 'gone\.py' at the default branch"),
        ({"flow_path": "../../secret.py"}, "leads out of the repository"),
        ({"flow_path": "/etc/passwd"}, "leads out of the repository"),
    ],
)
def test_what_a_repository_lacks_is_said(host: CodeHost, arguments: dict[str, str], message: str) -> None:
    any_git(host)  # notes the address
    storage = Git(**{"flow_path": FILE, "git_clone_url_secret_name": "ADDRESS", **arguments})
    storage.add_flow(Flow("nightly"))

    with pytest.raises(FlowStorageError, match=message) as caught:
        storage.get_flow("nightly")
    assert TOKEN not in str(caught.value)


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(script(9))
    origin = make_repository(tmp_path / "flows", {"main": {"a": "a"}})
    (origin / "flow.py").symlink_to(tmp_path / "outside.py")
    git(origin, "add", ".")
    git(origin, "commit", "-q", "-m", "link")
    with prefect.context(secrets={"ADDRESS": str(origin)}):
        storage = Git(flow_path="flow.py", git_clone_url_secret_name="ADDRESS")
        storage.add_flow(Flow("nightly"))

        with pytest.raises(FlowStorageError, match="leads out of the repository"):
            storage.get_flow("nightly")


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        ({}, "https://@github.com/o/r.git"),
        ({"git_token_secret_name": "T"}, "https://o:tok@github.com/o/r.git"),
        ({"git_token_secret_name": "T", "git_token_username": "u"}, "https://u:tok@github.com/o/r.git"),
        ({"git_token_secret_name": "T", "format_access_token": False}, "https://tok@github.com/o/r.git"),
        (
            {"git_token_secret_name": "T", "repo_host": "gitlab.example.com"},
            "https://o:tok@gitlab.example.com/o/r.git",
        ),
        ({"git_token_secret_name": "T", "use_ssh": True}, "git@github.com:o/r.git"),
        ({"git_clone_url_secret_name": "U"}, "http://u/x.git"),
    ],
)
def test_the_address_to_clone_from(arguments: dict[str, object], address: str) -> None:
    with prefect.context(secrets={"T": "tok", "U": "http://u/x.git"}):
        assert Git(flow_path="f.py", repo="o/r", **arguments).git_clone_url == address  # type: ignore[arg-type]
