"""Every public name of Prefect 1.4.1 is still there, and calls that were right then are right now.

`api.json` lists the names and signatures. To see that a signature still fits, calls are tried that were
valid for the recorded one: with everything by position, with everything by keyword, and with nothing
but what is required.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

API = json.loads(Path(__file__).with_name("api.json").read_text(encoding="utf-8"))
#: A parameter: name, kind ("pos", "arg", "var", "kw", "varkw"), and "default" if it has one.
Parameter = list[str]


def found(dotted: str) -> Any:
    """The object at a dotted path; raises AttributeError or ImportError if there is none."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # modules that only forward say so
                owner: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError as exc:
            if exc.name is None or not f"{dotted}.".startswith(f"{exc.name}."):
                raise
            continue
        return functools.reduce(getattr, parts[cut:], owner)
    raise ModuleNotFoundError(dotted)


def valid_calls(parameters: list[Parameter]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Calls that suit the recorded parameters, as arguments by position and by keyword."""
    positional = [name for name, kind, *_ in parameters if kind in ("pos", "arg")]
    first = [name for name, kind, *_ in parameters if kind == "pos"]
    by_name = {name: None for name, kind, *_ in parameters if kind in ("arg", "kw")}
    only_by_name = {name: None for name, kind, *_ in parameters if kind == "kw"}
    yield positional, only_by_name
    yield first, by_name
    required = [(name, kind) for name, kind, *default in parameters if not default]
    yield (
        [name for name, kind in required if kind in ("pos", "arg")],
        {name: None for name, kind in required if kind == "kw"},
    )
    kinds = {kind for _, kind, *_ in parameters}
    if "var" in kinds:
        yield [*positional, "one more", "and more"], only_by_name
    if "varkw" in kinds:
        yield positional, {**only_by_name, "something_else": None}


def misfits(signature: inspect.Signature, parameters: list[Parameter]) -> Iterator[str]:
    for args, kwargs in valid_calls(parameters):
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as exc:
            yield f"{signature} does not take {args}, {list(kwargs)}: {exc}"
            continue
        # By position, each argument must arrive at the parameter of the recorded name.
        for name, kind, *_ in parameters:
            if kind == "arg" and name in args and bound.arguments.get(name, name) != name:
                yield f"{name!r} is at another position in {signature}"


def signature_of(owner: Any, name: str, value: Any) -> inspect.Signature:
    """How `owner.name` is called, on an instance if `owner` is a class."""
    signature = inspect.signature(value)
    if inspect.isclass(owner) and inspect.isfunction(inspect.getattr_static(owner, name)):
        return signature.replace(parameters=list(signature.parameters.values())[1:])
    return signature


def constructor_of(cls: Any) -> inspect.Signature:
    if not inspect.isclass(cls):
        return inspect.signature(cls)
    init = next(base.__dict__["__init__"] for base in cls.__mro__ if "__init__" in base.__dict__)
    if init is object.__init__:
        return inspect.signature(cls)
    signature = inspect.signature(init)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def has_attribute(owner: Any, name: str) -> bool:
    """Whether a module or class, or an instance of the class, has an attribute."""
    if hasattr(owner, name) or name in getattr(owner, "_declared_fields", ()):
        return True
    for base in getattr(owner, "__mro__", ())[:-1]:
        if name in inspect.get_annotations(base) or name in base.__dict__.get("__slots__", ()):
            return True
        if base.__module__.startswith("prefect.") and re.search(
            rf"\bself\.{name}\b", inspect.getsource(base)
        ):
            return True
    return False


def problems_of(module: str, name: str, entry: dict[str, Any]) -> Iterator[str]:
    owner_path, _, leaf = f"{module}.{name}".rpartition(".")
    try:
        owner = found(owner_path)
        if entry["kind"] in ("attribute", "property"):
            if not has_attribute(owner, leaf):
                yield "is missing"
            elif (
                entry.get("settable")
                and getattr(inspect.getattr_static(owner, leaf, None), "fset", ...) is None
            ):
                yield "can no longer be set"
            return
        value = getattr(owner, leaf)
        if leaf.startswith("__") and inspect.getattr_static(owner, leaf) is getattr(object, leaf, None):
            yield "is not defined, only inherited from object"
    except (AttributeError, ImportError) as exc:
        yield f"is missing ({exc})"
        return
    if entry["kind"] == "alias" and found(entry["target"]) is not value:
        yield f"is not {entry['target']}"
    if entry["kind"] == "class" and inspect.isclass(value):
        for base in [*entry.get("bases", ()), *entry.get("is_a", ())]:
            parent = found(base) if base.startswith("prefect.") else None
            if parent is not None and not issubclass(value, parent):
                yield f"is no {base}"
    if entry.get("init") is not None:
        yield from misfits(constructor_of(value), entry["init"])
    if entry.get("params") is not None:
        yield from misfits(signature_of(owner, leaf, value), entry["params"])


@pytest.mark.parametrize("module", list(API["modules"]))
def test_a_module_has_all_names_with_signatures_that_take_the_old_calls(module: str) -> None:
    problems = [
        f"{module}.{name} {problem}"
        for name, entry in API["modules"][module].items()
        for problem in problems_of(module, name, entry)
    ]

    found(module)
    assert not problems, "\n".join(problems)


def test_everything_is_reachable_after_a_bare_import() -> None:
    code = (
        "import prefect, functools, json, sys\n"
        "for name in json.load(sys.stdin):\n"
        "    functools.reduce(getattr, name.split('.')[1:], prefect)\n"
    )

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        input=json.dumps(API["reachable"]),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("key", API["config"])
def test_a_setting_is_still_there(key: str) -> None:
    functools.reduce(getattr, key.split("."), found("prefect.config"))


# -- the checks themselves --------------------------------------------------------------------------


def recorded(a: Any, b: Any = None, *, c: Any = None) -> None: ...


RECORDED = [["a", "arg"], ["b", "arg", "default"], ["c", "kw", "default"]]


def test_a_signature_that_takes_more_fits() -> None:
    def newer(a: Any = None, b: Any = None, d: Any = None, *, c: Any = None, **more: Any) -> None: ...

    assert not list(misfits(inspect.signature(recorded), RECORDED))
    assert not list(misfits(inspect.signature(newer), RECORDED))


@pytest.mark.parametrize(
    "newer",
    [
        lambda a, *, c=None: None,  # b is gone
        lambda a, x=None, *, c=None: None,  # b has another name
        lambda b=None, a=None, *, c=None: None,  # another order
        lambda a, b, *, c=None: None,  # b lost its default
        lambda a, *, b=None, c=None: None,  # b only by keyword
        lambda a, b=None, *, c=None, d: None,  # a new one is required
        lambda a, /, b=None, *, c=None: None,  # a only by position
    ],
)
def test_a_signature_that_breaks_old_calls_does_not_fit(newer: Any) -> None:
    assert list(misfits(inspect.signature(newer), RECORDED))


def test_names_that_are_gone_are_noticed() -> None:
    assert list(problems_of("prefect.core.flow", "Flow.no_such_method", {"kind": "method", "params": []}))
    assert list(problems_of("prefect.core.flow", "Flow.no_such_attribute", {"kind": "attribute"}))
    assert list(problems_of("prefect.no_such_module", "x", {"kind": "function"}))
    assert list(problems_of("prefect", "Flow", {"kind": "alias", "target": "prefect.core.task.Task"}))
    assert list(
        problems_of("prefect.core.flow", "Flow", {"kind": "class", "bases": ["prefect.core.task.Task"]})
    )
