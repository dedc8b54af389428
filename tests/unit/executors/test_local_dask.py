from __future__ import annotations

import concurrent.futures
import multiprocessing
import multiprocessing.pool
import os
import subprocess
import sys
import textwrap
import threading
from typing import Any

import cloudpickle
import pytest

from prefect.executors import Executor, LocalDaskExecutor
from prefect.executors.dask import LocalDaskExecutor as FromOldModule
from prefect.executors.dask import PrefectCallback

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def run(executor: Executor, fn: Any, *args: Any) -> Any:
    return executor.wait(executor.submit(fn, *args))


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("DASK_")}, **environment},
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("given", "scheduler", "placement"),
    [
        ("threads", "threads", "threads"),
        ("THREADS", "threads", "threads"),
        ("processes", "processes", "remote"),
        ("multiprocessing", "processes", "remote"),
        ("sync", "synchronous", "inline"),
        ("synchronous", "synchronous", "inline"),
        ("single-threaded", "synchronous", "inline"),
    ],
)
def test_schedulers_have_the_names_dask_gives_them(given: str, scheduler: str, placement: str) -> None:
    executor = LocalDaskExecutor(given)
    assert (executor.scheduler, executor.placement) == (scheduler, placement)


def test_threads_are_the_default() -> None:
    assert LocalDaskExecutor().scheduler == "threads"


def test_an_unknown_scheduler_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"Unknown scheduler 'distributed'.*`threads`.*use DaskExecutor"):
        LocalDaskExecutor("distributed")


def test_both_modules_have_the_same_class() -> None:
    assert FromOldModule is LocalDaskExecutor


# -- number of workers ------------------------------------------------------------------------


def test_num_workers_is_the_number_of_workers() -> None:
    assert LocalDaskExecutor(num_workers=3).workers == 3
    assert LocalDaskExecutor("processes", num_workers=3).workers == 3
    assert LocalDaskExecutor("synchronous", num_workers=3).workers == 1


def test_num_workers_must_be_a_number() -> None:
    with pytest.raises(TypeError, match="num_workers must be a whole number, not '3'"):
        _ = LocalDaskExecutor(num_workers="3").workers


def test_the_default_is_one_worker_for_each_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.executors._pool_executor.cpu_count", lambda: 7)
    assert LocalDaskExecutor().workers == 7


def test_the_number_of_workers_of_dasks_configuration_holds() -> None:
    import dask.config

    with dask.config.set(num_workers=5):
        assert LocalDaskExecutor().workers == 5
        assert LocalDaskExecutor(num_workers=2).workers == 2


def test_the_number_of_workers_of_dasks_environment_variable_holds() -> None:
    code = "from prefect.executors import LocalDaskExecutor; print(LocalDaskExecutor().workers)"
    assert python(code, DASK_NUM_WORKERS="9") == "9"


def test_a_run_without_dask_settings_does_not_import_dask() -> None:
    code = """
    import sys
    from prefect import Flow, task
    from prefect.executors import LocalDaskExecutor

    with Flow("no dask") as flow:
        task(lambda x: x, name="same").map([1, 2, 3])

    assert flow.run(executor=LocalDaskExecutor(num_workers=2)).is_successful()
    print([name for name in sys.modules if name.partition(".")[0] in ("dask", "distributed")])
    """
    assert python(code, PREFECT__LOGGING__LEVEL="ERROR") == "[]"


# -- Dask settings ----------------------------------------------------------------------------


def test_dask_settings_hold_while_the_executor_runs() -> None:
    import dask.config

    executor = LocalDaskExecutor(num_workers=1, **{"array.slicing.split-large-chunks": True})
    with executor.start():
        assert run(executor, dask.config.get, "array.slicing.split-large-chunks") is True
        assert dask.config.get("num_workers") == 1
    assert dask.config.get("array.slicing.split-large-chunks", None) is None


def test_settings_do_not_travel_with_a_pickled_executor() -> None:
    copy = cloudpickle.loads(cloudpickle.dumps(LocalDaskExecutor("processes", num_workers=3)))
    assert (copy.scheduler, copy.placement, copy.dask_config) == ("processes", "remote", {})


# -- a pool of the user's ---------------------------------------------------------------------


def thread_name() -> str:
    return threading.current_thread().name


def fail(message: str) -> None:
    raise LookupError(message)


def test_a_given_thread_pool_is_used_and_left_open() -> None:
    with multiprocessing.pool.ThreadPool(3) as pool:
        executor = LocalDaskExecutor(pool=pool)
        assert executor.workers == 3
        with executor.start():
            ident = run(executor, threading.get_ident)
            assert ident != threading.get_ident()
            with pytest.raises(LookupError, match="here"):
                run(executor, fail, "here")
        assert ident in {thread.ident for thread in pool._pool}
        assert pool.apply(int) == 0


def test_a_given_executor_of_threads_is_used() -> None:
    with concurrent.futures.ThreadPoolExecutor(2, thread_name_prefix="mine") as pool:
        executor = LocalDaskExecutor(pool=pool)
        assert executor.workers == 2
        with executor.start():
            first = executor.submit(thread_name)
            joined = executor.submit("+".join, [first, first])
            assert executor.wait(joined).startswith("mine")


@pytest.mark.parametrize("scheduler", ["processes", "threads"])
@pytest.mark.parametrize("kind", ["concurrent.futures", "multiprocessing"])
def test_a_given_pool_of_processes_gets_functions_of_a_script(scheduler: str, kind: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    pool: Any
    if kind == "multiprocessing":
        pool = spawn.Pool(1)
    else:
        pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn)
    with pool:
        executor = LocalDaskExecutor(scheduler, pool=pool)
        with executor.start():
            here = os.getpid()
            assert run(executor, lambda: (os.getpid() != here, here)) == (True, here)
            with pytest.raises(LookupError, match="there"):
                run(executor, fail, "there")
            with pytest.raises(TypeError, match="cannot be sent to another process"):
                run(executor, len, [threading.Lock()])
        if kind == "multiprocessing":
            pool.close()
            pool.join()


def test_a_pool_of_dasks_configuration_is_used() -> None:
    import dask.config

    pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="configured")
    executor = LocalDaskExecutor()
    with pool, dask.config.set(pool=pool), executor.start():
        assert run(executor, thread_name).startswith("configured")


def test_an_interrupted_run_cancels_what_waits_for_a_given_pool() -> None:
    release = threading.Event()
    started = threading.Event()
    ran: list[int] = []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        executor = LocalDaskExecutor(pool=pool)
        with pytest.raises(KeyboardInterrupt), executor.start():  # noqa: PT012 - the block is the point
            executor.submit(lambda: (started.set(), release.wait()))
            for number in range(3):
                executor.submit(ran.append, number)
            started.wait()
            raise KeyboardInterrupt
        release.set()
    assert ran == []


# -- outside of start, and the callback -------------------------------------------------------


def test_outside_of_start_work_runs_at_once_in_this_thread() -> None:
    executor = LocalDaskExecutor()
    one = executor.submit(threading.get_ident)
    assert one.done()
    assert executor.wait([executor.submit(abs, -3), one]) == [3, threading.get_ident()]
    with pytest.raises(LookupError):
        executor.wait(executor.submit(fail, "now"))


def test_an_interrupt_of_work_in_this_thread_comes_through_at_once() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalDaskExecutor("synchronous").submit(interrupt)


def test_the_callback_keeps_dask_from_computing_a_key_twice() -> None:
    import dask.threaded
    from dask.callbacks import Callback

    executor = LocalDaskExecutor()
    assert isinstance(executor.callback, PrefectCallback)
    assert issubclass(PrefectCallback, Callback)
    calls: list[int] = []
    graph = {"a": (calls.append, 1), "b": (len, [1, 2])}
    with executor.callback:
        for _ in range(2):
            assert dask.threaded.get(dict(graph), ["a", "b"]) == (None, 2)
    assert calls == [1]
    assert executor.callback.cache["b"] == 2


def test_asking_the_module_for_another_name_is_an_attribute_error() -> None:
    import prefect.executors.dask

    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = prefect.executors.dask.Nothing
