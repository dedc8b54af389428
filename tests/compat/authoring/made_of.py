"""What the flows are made of: the registry of cases, tasks, and resources that say what happens to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect import resource_manager, task
from prefect.engine.signals import SKIP

CASES: dict[str, Callable[[], Any]] = {}
LOG: list[Any] = []


def add_case(function: Callable[[], Any]) -> Callable[[], Any]:
    CASES[function.__name__] = function
    return function


@task
def gather(x=None, y=None, z=None):
    return (x, y, z)


@task
def inc(x):
    return x + 1


@task
def add(x, y):
    return x + y


@task
def odd(x):
    return x % 2 == 1


@task
def numbers(n=4):
    return list(range(n))


@task
def same(x):
    return x


@task
def none(x=None):
    return None


@task
def fail(x=None):
    raise ValueError("no")


@task
def skip(x=None):
    raise SKIP("not today")


@task
def picky(x):
    if x == 1:
        raise ValueError("one")
    return None if x == 3 else x


@task(nout=2)
def pair(x):
    return x, 2 * x


@resource_manager
class Thing:
    def __init__(self, size=1, fails_in=""):
        LOG.append("init")
        if fails_in == "init":
            raise RuntimeError("init")
        self.size = size
        self.fails_in = fails_in

    def setup(self):
        LOG.append("setup")
        if self.fails_in == "setup":
            raise RuntimeError("setup")
        return ["thing", self.size]

    def cleanup(self, thing):
        LOG.append(["cleanup", thing])
        if self.fails_in == "cleanup":
            raise RuntimeError("cleanup")


@resource_manager(name="plain")
class WithoutSetup:
    def cleanup(self, thing):
        LOG.append(["cleanup", thing])
