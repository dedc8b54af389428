"""What a `DaskExecutor` makes of its arguments, without a cluster."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from typing import Any

import cloudpickle
import pytest

from prefect.executors import DaskExecutor
from prefect.utilities.configuration import set_temporary_config


@pytest.fixture(autouse=True)
def _lines_are_captured(caplog: pytest.LogCaptureFixture) -> None:
    # Old versions of Dask silence the handlers of everybody when they silence their own.
    caplog.handler.setLevel(logging.NOTSET)


def make_cluster(**kwargs: Any) -> None:
    """A cluster class may be any callable."""


def test_without_arguments_a_local_cluster_is_made() -> None:
    from distributed import LocalCluster

    executor = DaskExecutor()
    assert executor.cluster_class is LocalCluster
    assert executor.cluster_kwargs == {"silence_logs": logging.CRITICAL}
    assert executor.adapt_kwargs == {}
    assert executor.client_kwargs == {"set_as_default": False}
    assert (executor.address, executor.client, executor.workers) == (None, None, 1)
    assert executor.performance_report_path is None
    assert executor.disable_cancellation_event is False
    assert executor.watch_worker_status is None


def test_making_one_does_not_import_distributed() -> None:
    code = "import sys; from prefect.executors import DaskExecutor; DaskExecutor(); print('distributed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "more", [{"cluster_class": "distributed.LocalCluster"}, {"cluster_kwargs": {"n_workers": 2}}]
)
def test_an_address_excludes_a_cluster_to_be_made(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Cannot specify `address` and `cluster_class`/`cluster_kwargs`"):
        DaskExecutor(address="tcp://somewhere:8786", **more)


def test_an_address_stands_alone() -> None:
    executor = DaskExecutor(address="tcp://somewhere:8786")
    assert executor.address == "tcp://somewhere:8786"
    assert executor.cluster_class is None
    assert executor.cluster_kwargs is None
    assert executor.adapt_kwargs is None


@pytest.mark.parametrize(
    ("debug", "level"), [(None, logging.CRITICAL), (False, logging.CRITICAL), (True, logging.WARNING)]
)
def test_debug_lets_dask_warn(debug: bool | None, level: int) -> None:
    assert DaskExecutor(debug=debug).cluster_kwargs == {"silence_logs": level}


def test_debug_is_taken_from_the_settings() -> None:
    with set_temporary_config({"debug": True}):
        assert DaskExecutor().cluster_kwargs == {"silence_logs": logging.WARNING}


def test_what_the_user_says_about_logs_stays() -> None:
    assert DaskExecutor(cluster_kwargs={"silence_logs": 10}).cluster_kwargs == {"silence_logs": 10}


def test_the_local_cluster_by_its_short_name_is_the_local_cluster() -> None:
    from distributed import LocalCluster

    executor = DaskExecutor(cluster_class="distributed.LocalCluster")
    assert executor.cluster_class is LocalCluster
    assert executor.cluster_kwargs == {"silence_logs": logging.CRITICAL}


def test_other_clusters_get_the_arguments_as_they_are() -> None:
    executor = DaskExecutor(cluster_class=make_cluster, cluster_kwargs={"a": 1}, adapt_kwargs={"maximum": 3})
    assert executor.cluster_class is make_cluster
    assert executor.cluster_kwargs == {"a": 1}
    assert executor.adapt_kwargs == {"maximum": 3}


def test_a_cluster_class_that_does_not_exist_is_told_at_once() -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        DaskExecutor(cluster_class="nowhere.Cluster")
    with pytest.raises(ImportError, match=r"no cluster class 'distributed\.Clutter'"):
        DaskExecutor(cluster_class="distributed.Clutter")
    with pytest.raises(ImportError, match="Give its full name"):
        DaskExecutor(cluster_class="LocalCluster")


def test_address_and_cluster_class_are_taken_from_the_settings() -> None:
    with set_temporary_config({"engine.executor.dask.address": "tcp://configured:1"}):
        assert DaskExecutor().address == "tcp://configured:1"
    with set_temporary_config({"engine.executor.dask.cluster_class": "distributed.deploy.cluster.Cluster"}):
        from distributed.deploy.cluster import Cluster

        assert DaskExecutor().cluster_class is Cluster


def test_client_arguments_are_added_to_ours() -> None:
    executor = DaskExecutor(client_kwargs={"set_as_default": True, "timeout": 3})
    assert executor.client_kwargs == {"set_as_default": True, "timeout": 3}


def test_arguments_given_are_not_changed() -> None:
    given: dict[str, Any] = {}
    DaskExecutor(cluster_kwargs=given, client_kwargs=given, adapt_kwargs=given)
    assert given == {}


@pytest.mark.parametrize(
    ("extra", "prefix"),
    [
        ({"task_name": "load"}, "load-"),
        ({"task_name": "load", "task_index": 3}, "load-3-"),
        ({"task_name": "load", "task_index": 0}, "load-0-"),
    ],
)
def test_keys_begin_with_the_name_of_the_task(extra: dict[str, Any], prefix: str) -> None:
    executor = DaskExecutor()
    one, two = (executor._prep_dask_kwargs(extra)["key"] for _ in range(2))
    assert one.startswith(prefix)
    assert one != two


def test_tags_ask_for_worker_resources() -> None:
    tags = {"dask-resource:GPU=1", "dask-resource:MEM=2e9", "plain", "other:GPU=3"}
    options = DaskExecutor()._prep_dask_kwargs({"task_tags": tags})
    assert options == {"resources": {"GPU": 1.0, "MEM": 2e9}}
    assert DaskExecutor()._prep_dask_kwargs(None) == {}


@pytest.mark.parametrize("tag", ["dask-resource:GPU=many", "dask-resource:GPU", "dask-resource:"])
def test_a_malformed_resource_tag_is_shown_with_how_it_should_be(tag: str) -> None:
    with pytest.raises(
        ValueError, match=rf"The tag '{tag}' is no Dask resource: write `dask-resource:KEY=NUM`"
    ):
        DaskExecutor()._prep_dask_kwargs({"task_tags": [tag]})


def test_a_report_nobody_asked_for_is_empty_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert DaskExecutor().performance_report == ""
    assert "not configured to generate performance report" in caplog.text


def test_a_report_is_read_from_its_file(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "report.html"
    executor = DaskExecutor(performance_report_path=str(path))
    assert executor.performance_report == ""
    assert "written at the end of a run" in caplog.text
    path.write_text("<html>")
    assert executor.performance_report == "<html>"


def test_it_pickles_with_all_its_settings() -> None:
    executor = DaskExecutor(cluster_class=make_cluster, cluster_kwargs={"a": 1}, watch_worker_status=True)
    copy = cloudpickle.loads(cloudpickle.dumps(executor))
    assert (copy.cluster_class, copy.cluster_kwargs, copy.watch_worker_status) == (
        make_cluster,
        {"a": 1},
        True,
    )
    assert os.getpid() not in vars(copy).values()
