"""Everyday flows as users write them: checked by the type checker, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import datetime
from typing import Any

from typing_extensions import assert_type

import prefect
from prefect import Flow, Parameter, Task, case, resource_manager, task
from prefect.client import Secret
from prefect.engine import signals
from prefect.engine.results import LocalResult
from prefect.tasks.control_flow import FilterTask, ifelse, merge, switch
from prefect.tasks.core.resource_manager import ResourceManager
from prefect.tasks.secrets import EnvVarSecret, PrefectSecret
from prefect.tasks.shell import ShellTask
from prefect.utilities.tasks import defaults_from_attrs


class Greet(Task):
    """A task with a setting, the usual way."""

    def __init__(self, greeting: str = "Hello", **kwargs: Any) -> None:
        self.greeting = greeting
        super().__init__(**kwargs)

    @defaults_from_attrs("greeting")
    def run(self, name: str, greeting: str | None = None) -> str:
        return f"{greeting}, {name}!"


@task(log_stdout=True, result=LocalResult("results"), target="{flow_name}/number.pkl")
def number() -> int:
    prefect.context.logger.info("counting")
    if prefect.context.get("date") is None:
        raise signals.SKIP("no date")
    return 7


@task
def is_odd(x: int) -> bool:
    return x % 2 == 1


@resource_manager
class Connection:
    def __init__(self, address: str) -> None:
        self.address = address

    def setup(self) -> str:
        return self.address

    def cleanup(self, connection: str) -> None:
        del connection


@resource_manager(name="named", setup_task_kwargs={"max_retries": 2, "retry_delay": 1})
class Named:
    def cleanup(self, resource: object) -> None: ...


def a_flow_with_branches_and_resources() -> Flow:
    greet = Greet(greeting="Hi", max_retries=1, retry_delay=datetime.timedelta(seconds=3))
    assert_type(greet, Greet)
    assert_type(greet.run("Marvin"), str)
    assert_type(Connection, ResourceManager)
    assert_type(Named, ResourceManager)

    with Flow("everyday") as flow:
        name = Parameter("name", default="Marvin")
        count = number()
        with case(is_odd(count), True):
            odd = greet(name)
        with case(is_odd(count), False):
            even = greet("you")
        merge(odd, even, name="joined")
        switch(count, {1: odd, 2: even})
        ifelse(is_odd(count), odd, None)
        with Connection("here") as connection:
            greet(connection, upstream_tasks=[count])
        with Named():
            ShellTask(return_all=True)(command="ls")
        FilterTask(filter_func=bool)([odd, even])
        greet.map([name, name], greeting=PrefectSecret("GREETING"))
        greet(EnvVarSecret("USER", cast=str.title))
        flow.set_reference_tasks([odd])
    state = flow.run(parameters={"name": "you"})
    if state.is_successful():
        assert_type(state.message, str | None)
    Secret("X").get()
    return flow
