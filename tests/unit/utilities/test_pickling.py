from __future__ import annotations

import collections
import dataclasses
import functools
import pickle
import sqlite3
import threading
from typing import Any

import pytest

from prefect.utilities._pickling import explain_unpicklable, unpicklable_error

LOCK = threading.Lock()
LOCK_TEXT = "cannot pickle '_thread.lock' object"


class Plain:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("conn", "name")

    def __init__(self, conn: Any) -> None:
        self.conn = conn
        self.name = "x"


@dataclasses.dataclass
class Record:
    name: str
    handle: Any


class WithState:
    def __init__(self, part: Any) -> None:
        self.cache = threading.Lock()
        self.part = part

    def __getstate__(self) -> dict[str, Any]:
        return {"part": self.part, "stored": self.part}


class WithReduce:
    def __init__(self, part: Any) -> None:
        self.part = part

    def __reduce__(self) -> Any:
        return WithReduce, (self.part,)


class Refuses:
    def __reduce__(self) -> Any:
        raise ValueError("I stay here\nfor good")


class BadRepr:
    def __repr__(self) -> str:
        raise RuntimeError


def chain(depth: int, end: Any) -> Any:
    for _ in range(depth):
        end = Plain(next=end)
    return end


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda lock: lock, "value"),
        (lambda lock: {"rows": [1], "lock": lock}, "value['lock']"),
        (lambda lock: [1, (2, {3: lock})], "value[1][1][3]"),
        (lambda lock: {(1, lock): 2}, "value (the key (1, <unlocked _thread.lock object at"),
        (lambda lock: {lock}, "value (an element)"),
        (lambda lock: frozenset([lock]), "value (an element)"),
        (lambda lock: Plain(a=Plain(lock=lock)), "value.a.lock"),
        (lambda lock: Slotted(lock), "value.conn"),
        (lambda lock: Record("x", lock), "value.handle"),
        (lambda lock: collections.OrderedDict(a=lock), "value['a']"),
        (lambda lock: collections.deque([1, lock]), "value[1]"),
        (lambda lock: collections.defaultdict(list, x=lock), "value['x']"),
        (lambda lock: functools.partial(print, 1, lock), "value.args[1]"),
        (lambda lock: functools.partial(print, end=lock), "value.keywords['end']"),
        (lambda lock: ValueError("x", lock), "value.args[1]"),
        (lambda lock: WithState(lock), "value.part"),
        (lambda lock: WithReduce(lock), "value (part 0 of it)"),
        (lambda lock: lambda: lock, "value (variable 'lock' of function '<lambda>')"),
        (lambda lock: Plain(lock=lock).__init__, "value.__self__.lock"),
        (lambda lock: chain(30, lock), "value" + ".next" * 30),
    ],
)
def test_the_part_that_does_not_pickle_is_named(build: Any, expected: str) -> None:
    text = explain_unpicklable(build(threading.Lock()))
    assert text.startswith(expected)
    assert text.endswith(f": {LOCK_TEXT}")


def test_the_answer_uses_the_name_that_the_caller_gives() -> None:
    assert explain_unpicklable([LOCK], name="task 'load'") == f"task 'load'[0]: {LOCK_TEXT}"


def test_a_database_connection_is_named_as_the_user_knows_it() -> None:
    connection = sqlite3.connect(":memory:")
    try:
        text = explain_unpicklable(Plain(conn=connection))
    finally:
        connection.close()
    assert text == "value.conn: cannot pickle 'sqlite3.Connection' object"


def test_a_generator_is_named() -> None:
    assert explain_unpicklable(x for x in "abc") == "value: cannot pickle 'generator' object"


def local_function(source: str, **global_names: Any) -> Any:
    """The function `f` of a module that nobody can import."""
    namespace: dict[str, Any] = {"__name__": "__main__", **global_names}
    exec(source, namespace)
    return namespace["f"]


def test_a_global_variable_of_a_function_is_named() -> None:
    f = local_function("def f():\n    return [lock for _ in range(3)]", lock=LOCK, other=threading.Lock())
    assert explain_unpicklable(f) == f"value (global variable 'lock' of function 'f'): {LOCK_TEXT}"


def test_a_global_variable_that_the_function_does_not_use_does_not_matter() -> None:
    assert explain_unpicklable(local_function("def f():\n    return 1", lock=LOCK)) == ""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a=lock): pass", "value (default 0 of function 'f')"),
        ("def f(*, a=lock): pass", "value (default of 'a' of function 'f')"),
        ("def f(): pass\nf.lock = lock", "value.lock"),
        ("class C:\n    lock = lock\nf = C()", "value (class 'C').lock"),
        ("class C:\n    lock = lock\nf = C", "value (class 'C').lock"),
        ("class B:\n    lock = lock\nclass C(B): pass\nf = C", "value (class 'B').lock"),
        (
            "class C:\n    @property\n    def p(self): return lock\nf = C()",
            "value (class 'C').p (global variable 'lock' of function 'p')",
        ),
        (
            "class C:\n    @staticmethod\n    def p(): return lock\nf = C()",
            "value (class 'C').p (global variable 'lock' of function 'p')",
        ),
    ],
)
def test_parts_of_functions_and_classes_of_scripts_are_named(source: str, expected: str) -> None:
    assert explain_unpicklable(local_function(source, lock=LOCK)) == f"{expected}: {LOCK_TEXT}"


def test_functions_that_can_be_imported_are_not_searched() -> None:
    # `uses_lock` below refers to an unpicklable global, but is pickled by its name.
    assert explain_unpicklable([pickle.loads, functools.wraps, Plain]) == ""


def test_an_error_of_the_objects_own_reduce_is_quoted() -> None:
    text = explain_unpicklable({"x": Refuses()})
    assert text == f"value['x']: cannot pickle '{__name__}.Refuses' object (ValueError: I stay here)"


def test_an_attribute_left_out_by_getstate_is_no_reason() -> None:
    assert explain_unpicklable(WithState(3)) == ""


def test_a_value_that_can_be_pickled_needs_no_explanation() -> None:
    assert explain_unpicklable({"a": [1, 2.5, "x", None], "b": Plain(c=3)}) == ""


def test_cycles_are_walked_once() -> None:
    cycle: dict[str, Any] = {}
    cycle["self"] = [cycle]
    cycle["lock"] = LOCK
    assert explain_unpicklable(cycle) == f"value['lock']: {LOCK_TEXT}"


def test_the_shortest_way_is_shown() -> None:
    shared = Plain(lock=LOCK)
    assert explain_unpicklable([[[shared]], shared]) == f"value[1].lock: {LOCK_TEXT}"


def test_nesting_beyond_the_limit_of_pickle_is_said_so() -> None:
    deep: Any = None
    for _ in range(100_000):
        deep = [deep]
    try:
        assert explain_unpicklable(deep) == "value: it is nested too deeply"
    finally:
        while deep is not None:  # freed step by step: some versions of Python recurse here
            deep = deep[0]


def test_long_ways_and_long_keys_are_shortened() -> None:
    assert len(explain_unpicklable(chain(200, LOCK))) < 400
    assert len(explain_unpicklable({"k" * 1000: LOCK})) < 200


def test_a_key_without_a_working_repr_does_not_hide_the_answer() -> None:
    assert explain_unpicklable({BadRepr(): LOCK}).endswith(LOCK_TEXT)


def test_a_search_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.utilities._pickling._TIME_LIMIT_S", -1.0)
    assert explain_unpicklable([*map(str, range(5000)), LOCK]) == ""


def test_an_object_that_cannot_be_found_again_is_still_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.utilities._pickling._NODE_LIMIT", 10)
    value = [[Plain(i=i) for i in range(100)], [Plain(lock=LOCK)]]
    assert explain_unpicklable(value) == f"something in value: {LOCK_TEXT}"


def test_the_error_keeps_the_type_that_python_raised() -> None:
    error = unpicklable_error({"lock": LOCK}, TypeError("x"))
    assert isinstance(error, TypeError)
    assert str(error) == (
        f"A value of type 'dict' cannot be pickled. value['lock']: {LOCK_TEXT}. "
        "Leave that part out of the value, or keep the value with a serializer that can write it."
    )
    assert isinstance(unpicklable_error(Refuses(), ValueError("x")), pickle.PicklingError)


def test_the_error_quotes_the_original_when_a_second_attempt_succeeds() -> None:
    assert "value: cannot pickle 'int' object (ValueError: flaky)" in str(
        unpicklable_error(1, ValueError("flaky"))
    )
