from __future__ import annotations

import importlib
import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import prefect
from prefect import _removed, _removed_finder
from prefect._removed import CATALOGUE, MOVED_WITH_WARNING, Removed, RemovedError, find_removed

ROOT = Path(prefect.__file__).parent


def is_in_an_existing_package(entry: Removed) -> bool:
    """Whether the error can be seen: some packages that lost parts are not written yet."""
    folder = ROOT.joinpath(*entry.old.split(".")[1:-1])
    return (
        folder.is_dir()
        or folder.with_suffix(".py").exists()
        or find_removed(entry.old.rpartition(".")[0]) is not None
    )


MODULES = [entry for entry in CATALOGUE if entry.kind == "module" and is_in_an_existing_package(entry)]
NAMES = [entry for entry in CATALOGUE if entry.kind == "name" and is_in_an_existing_package(entry)]


@pytest.mark.parametrize("entry", MODULES, ids=lambda entry: entry.old)
def test_importing_a_removed_module_names_what_to_use(entry: Removed) -> None:
    with pytest.raises(ImportError) as error:
        importlib.import_module(entry.old)

    assert isinstance(error.value, RemovedError)
    assert "was removed in Prefect" in str(error.value)
    assert 'See "Moved and removed" in the documentation (removed.md).' in str(error.value)


@pytest.mark.parametrize(
    ("statement", "new"),
    [
        ("import prefect.environments", "`prefect.storage`"),
        ("from prefect import environments", "`prefect.run_configs`"),
        ("from prefect.environments.storage import Docker", "`prefect.storage`"),
        ("from prefect.environments import LocalEnvironment", "`flow.executor`"),
        ("from prefect.utilities.exceptions import StorageError", "`prefect.exceptions`"),
        ("from prefect.utilities.exceptions import StorageError", "FlowStorageError"),
        ("from prefect.core.tasks import Task", "`prefect.core.task`"),
        ("from prefect.tasks.core.parameter import Parameter", "`prefect.Parameter`"),
        ("from prefect.engine.result_handlers import LocalResultHandler", "`prefect.engine.results`"),
        ("from prefect.tasks.cloud import FlowRunTask", "`prefect.tasks.prefect`"),
        ("from prefect.tasks.cloud.flow_run import FlowRunTask", "`prefect.tasks.prefect`"),
        ("from prefect.tasks.google import GCSDownload", "`prefect.tasks.gcp`"),
        ("import prefect; prefect.environments", "`prefect.storage`"),
    ],
)
def test_statements_of_old_flows_fail_with_advice(statement: str, new: str) -> None:
    with pytest.raises(ImportError) as error:
        exec(statement, {})

    assert new in str(error.value)


def test_the_error_is_the_last_line_people_see() -> None:
    code = "from prefect.environments.storage import Docker"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stderr.strip().splitlines()[-1] == (
        "prefect._removed.RemovedError: prefect.environments was removed in Prefect 1.0: use `prefect.storage` for "
        "storage classes, `prefect.run_configs` for where a flow runs, and `flow.executor` for how. "
        'See "Moved and removed" in the documentation (removed.md).'
    )


def test_code_that_tries_an_old_import_can_go_on() -> None:
    try:
        from prefect.environments.storage import Docker  # type: ignore[import-not-found]
    except ImportError:
        from prefect.storage import Docker

    assert Docker.__module__.startswith("prefect.storage")


def test_the_error_survives_pickling() -> None:
    error = RemovedError(CATALOGUE[0], "prefect.environments")

    again = pickle.loads(pickle.dumps(error))

    assert (str(again), again.name, again.removed) == (str(error), error.name, error.removed)


class TestCatalogue:
    @pytest.mark.parametrize("entry", MODULES, ids=lambda entry: entry.old)
    def test_lists_no_module_that_exists(self, entry: Removed) -> None:
        parent, _, name = entry.old.rpartition(".")
        folder = ROOT.joinpath(*parent.split(".")[1:])

        assert not (folder / f"{name}.py").exists()
        assert not (folder / name).exists()

    @pytest.mark.parametrize("entry", NAMES, ids=lambda entry: entry.old)
    def test_lists_no_name_that_exists(self, entry: Removed) -> None:
        module, _, name = entry.old.rpartition(".")
        found = importlib.import_module(module)

        assert name not in vars(found)
        with pytest.raises(ImportError, match=f"{entry.old} was removed"):
            getattr(found, name)

    def test_has_each_thing_once(self) -> None:
        names = [entry.old for entry in CATALOGUE]

        assert sorted(names) == sorted(set(names))

    def test_lists_no_setting_that_exists(self) -> None:
        from prefect._settings import SETTINGS

        assert not {entry.old for entry in CATALOGUE if entry.kind == "setting"} & set(SETTINGS)

    @pytest.mark.parametrize("new", sorted(MOVED_WITH_WARNING), ids=str)
    def test_old_places_that_work_are_modules(self, new: str) -> None:
        assert importlib.util.find_spec(new) is not None

    def test_covers_what_lies_below_a_module(self) -> None:
        assert (
            find_removed("prefect.environments.storage.docker.Docker").old == "prefect.environments.storage"
        )  # type: ignore[union-attr]
        assert find_removed("prefect.tasks.secrets.Secret.run") is None
        assert find_removed("prefect.flows_of_mine") is None
        assert find_removed("prefect") is None

    def test_becomes_a_page_of_the_documentation(self) -> None:
        page = _removed.removed_table()

        for entry in CATALOGUE:
            assert f"| `{entry.old}` | {entry.since} | " in page
        for old in MOVED_WITH_WARNING:
            assert f"| `{old}` | " in page


class TestArguments:
    def test_a_removed_argument_of_flow_names_the_new_ones(self) -> None:
        with pytest.raises(
            TypeError, match=r"Flow\(environment=…\) was removed in Prefect 1.0: use `run_config=` and"
        ):
            prefect.Flow("f", environment=object())  # type: ignore[call-arg]

    def test_any_other_argument_is_refused_as_ever(self) -> None:
        with pytest.raises(TypeError, match=r"Flow\(\) got an unexpected keyword argument 'colour'"):
            prefect.Flow("f", colour="red")  # type: ignore[call-arg]

    def test_a_removed_argument_of_task_names_the_new_one(self) -> None:
        with pytest.raises(
            TypeError, match=r"Task\(result_handler=…\) was removed in Prefect 0.14: use `result=`"
        ):
            _removed.reject_task_arguments({"result_handler": None})


class TestFinder:
    def test_is_installed_once_and_last(self) -> None:
        _removed_finder.install()

        finders = [finder for finder in sys.meta_path if finder is _removed_finder.RemovedModuleFinder]
        assert len(finders) == 1

    @pytest.mark.parametrize(
        "name", ["prefectx", "nothing_like_this", "prefect.nothing", "prefect.utilities.nothing"]
    )
    def test_leaves_other_missing_modules_to_python(self, name: str) -> None:
        with pytest.raises(ModuleNotFoundError, match=f"No module named '{name}'") as error:
            importlib.import_module(name)

        assert type(error.value) is ModuleNotFoundError
