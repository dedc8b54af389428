from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import prefect
from prefect._other_distributions import find_other_distributions, warn_about_other_distributions


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("prefect-3.1.0.dist-info", ["prefect 3.1.0"]),
        ("prefect_client-3.1.0.dist-info", ["prefect-client 3.1.0"]),
        ("prefect-1.4.1-py3.9.egg-info", ["prefect 1.4.1"]),
        ("prefect_classic-1.5.0.dev0.dist-info", []),
        ("prefect_aws-0.5.0.dist-info", []),
        ("prefect", []),
        ("requests-2.0.dist-info", []),
    ],
)
def test_distributions_that_own_the_same_folder_are_found(
    tmp_path: Path, folder: str, found: list[str]
) -> None:
    (tmp_path / folder).mkdir()

    assert find_other_distributions(str(tmp_path)) == found


def test_a_place_that_is_no_folder_holds_none(tmp_path: Path) -> None:
    assert find_other_distributions(str(tmp_path / "archive.zip")) == []


def test_the_warning_says_what_to_uninstall(tmp_path: Path) -> None:
    (tmp_path / "prefect-3.1.0.dist-info").mkdir()
    (tmp_path / "prefect_client-3.1.0.dist-info").mkdir()

    with pytest.warns(RuntimeWarning) as caught:
        warn_about_other_distributions(str(tmp_path))

    assert str(caught[0].message) == (
        f"prefect 3.1.0 and prefect-client 3.1.0 are installed beside prefect-classic in {tmp_path} and own the same "
        "folder prefect/, so files of several are mixed there. Run `pip uninstall prefect prefect-client "
        "prefect-classic`, then `pip install prefect-classic`."
    )


def test_there_is_no_warning_without_another_distribution(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_about_other_distributions(str(tmp_path))


def test_importing_prefect_warns_once_at_the_import(tmp_path: Path) -> None:
    shutil.copytree(
        Path(prefect.__file__).parent, tmp_path / "prefect", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "prefect-3.1.0.dist-info").mkdir()
    script = tmp_path / "script.py"
    script.write_text("import prefect\nimport prefect.utilities\nfrom prefect import config\n")

    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)

    assert result.stderr.count("RuntimeWarning: prefect 3.1.0 is installed beside") == 1
    assert "script.py:1: RuntimeWarning" in result.stderr
