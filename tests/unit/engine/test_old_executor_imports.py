"""`prefect.engine.executors`, the place of executors before 0.14."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest

import prefect.engine.executors as old
import prefect.executors as new
from prefect import Flow, task


@pytest.mark.parametrize("name", ["LocalExecutor", "LocalDaskExecutor", "DaskExecutor"])
def test_old_classes_work_and_name_the_new_place(name: str) -> None:
    with pytest.warns(
        DeprecationWarning,
        match=rf"prefect\.engine\.executors\.{name} has been moved to `prefect\.executors\.{name}`",
    ) as caught:
        executor: Any = getattr(old, name)()
    assert isinstance(executor, getattr(new, name))
    assert caught[0].filename == __file__, "it points at the user's own line"


def test_importing_them_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from prefect.engine.executors import DaskExecutor, LocalDaskExecutor, LocalExecutor  # noqa: F401
        from prefect.engine.executors.dask import DaskExecutor as Again
        from prefect.engine.executors.local import LocalExecutor as AgainLocal

    assert Again is old.DaskExecutor
    assert AgainLocal is old.LocalExecutor
    assert old.Executor is new.Executor


def test_old_classes_take_the_same_arguments() -> None:
    assert inspect.signature(old.DaskExecutor) == inspect.signature(new.DaskExecutor)
    assert inspect.signature(old.LocalDaskExecutor) == inspect.signature(new.LocalDaskExecutor)
    with pytest.warns(DeprecationWarning, match="has been moved"):
        executor = old.LocalDaskExecutor(scheduler="threads", num_workers=3)
    assert executor.workers == 3


def test_a_flow_runs_on_an_old_executor() -> None:
    with Flow("old") as flow:
        one = task(lambda: 1, name="one")()
    with pytest.warns(DeprecationWarning, match="has been moved"):
        executor = old.LocalExecutor()
    state = flow.run(executor=executor)
    assert state is not None
    assert state.result[one].result == 1
