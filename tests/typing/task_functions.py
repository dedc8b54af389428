"""What editors see of `@task`: checked by the type checker, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from typing_extensions import assert_type

from prefect import Flow, Parameter, Task, apply_map, flatten, mapped, tags, task, unmapped
from prefect.tasks.core.function import FunctionTask


@task
def add(x: int, y: int = 1) -> int:
    return x + y


@task(name="split", max_retries=3, retry_delay=timedelta(seconds=1), nout=2, tags=["text"])
def split(text: str, separator: str = " ") -> tuple[str, str]:
    head, _, tail = text.partition(separator)
    return head, tail


@task(retry_delay=[1, 2, 4], max_retries=3)
async def fetch(address: str) -> bytes:
    return address.encode()


@task()
def nothing() -> None: ...


def the_function_stays_callable() -> None:
    assert_type(add.run(1, 2), int)
    assert_type(split.run("a b"), tuple[str, str])
    add.run("one")  # pyright: ignore[reportArgumentType]
    add.run(1, z=2)  # pyright: ignore[reportCallIssue]
    run: Callable[..., int] = add.run
    run(1)


def an_unknown_setting_is_an_error() -> None:
    @task(retries=3)  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
    def _unknown() -> None: ...


def calls_in_a_flow_take_values_and_tasks() -> Flow:
    with Flow("typed") as flow:
        number = Parameter("number", default=1)
        one = add(1)
        two = add(one, y=number)
        three = add(x=two, y=2, upstream_tasks=[one], task_args={"name": "three"})
        assert_type(one.name, str)
        three.set_upstream(one)
        add.map([1, 2, 3], y=unmapped(two))
        add.map(flatten([[1], [2, 3]]), unmapped(one), upstream_tasks=[three])
        add(mapped([1, 2]), 3)
        head, tail = split("a b")
        assert_type(head, Task)
        add(head[0] + tail[0], (one + 1) % 2)
        add(one > two, one.is_equal(two))
        fetch("here")
        nothing()
        with tags("slow"):
            two.pipe(add, y=3)
        add.copy(name="other").bind(1, flow=flow)
    return flow


def apply_map_returns_what_the_function_returns() -> None:
    def both(x: Any) -> tuple[FunctionTask[..., int], FunctionTask[..., int]]:
        return add(x), add(x, 2)

    assert_type(apply_map(both, [1, 2, 3]), tuple[FunctionTask[..., int], FunctionTask[..., int]])


def tasks_can_be_handed_around(make: Callable[[int], FunctionTask[[int], int]]) -> None:
    @task
    def double(x: int) -> int:
        return 2 * x

    same: FunctionTask[[int], int] = double
    wider: FunctionTask[[int], object] = double
    plain: Task = double
    assert_type(double.run(2), int)
    del same, wider, plain, make
