"""Values and documents that attackers send, made from a seed."""

# ruff: noqa: RUF001 # letters that look like others are the point
from __future__ import annotations

import base64
import json
import pickle
import random
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Words that only the insides of a server use.
INSIDES = re.compile(
    r"Traceback|File \"|\.py\b|\bSELECT\b|\bINSERT\b|\bUPDATE \w+ SET\b|sqlite|psycopg|postgres|syntax error at|near \""
    r"|no such (?:table|column)|0x[0-9a-f]{8}|prefect\.server|site-packages|\bt\d+\.\"|constraint failed|violates "
    r"|/usr/|/home/|/tmp/|/root/|Python \d|\bmsgspec\b|graphql-core",
    re.IGNORECASE,
)

TEXTS = [
    "", " ", "'", '"', "';--", "' OR '1'='1", '" OR ""="', "') OR 1=1 --", "\\' OR 1=1 --", "%", "_", "%_\\", "\\", "\\\\",
    ":tenant", ":p0", "%(tenant)s", "%s", "%%", "$1", "?", "{0}", "{tenant}", "\u2028", "\u202e", "ʼ", "＇", "😀", "é",
    "/* */", "-- x", "\n", "\r\n", "\t", "'||(SELECT digest FROM auth_api_key)||'", "1; DROP TABLE flow", "::text",
    "E'\\x27'", "$$x$$", "\x1f", "\x7f", "\x1b[31mred", "NULL", "null", "true", "[]", "{}", '"a"', "\x00", "a\x00b", "\ud800",
    "\udfffa", "../../etc/passwd", "..\\..\\windows", "/etc/passwd", "%2e%2e%2f", "file:///etc/passwd", "javascript:alert(1)",
    "<script>alert(1)</script>", "{{7*7}}", "${jndi:ldap://x}", "{x.__class__}", "\uffff", "ß" * 500, "x" * 20_000, "0", "-1",
    "1e999", "NaN", "00000000-0000-4000-8000-000000000000", "{00000000-0000-4000-8000-000000000000}", "2030-01-01", "now()",
]  # fmt: skip


def deep(levels: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def values(canary: Path) -> list[Any]:
    """Values of all kinds, those included that would leave `canary` behind if somebody unpickled them."""
    return [
        *TEXTS, None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308, float("nan"),
        float("inf"), [], {}, [[]], [None], [{}], {"": ""}, {"a": {"b": [1, "2", None, {"c": []}]}}, {"type": "Running"},
        deep(50), deep(900), {"type": deep(300)}, {"x" * 1_000: 1}, {"\x00": "\x00"}, {"\ud800": "\udc00"}, ["a"] * 1_000,
        {"type": "Success", "result": {"type": "SafeResult", "value": pickled(canary), "result_handler": None}},
        {"type": "Failed", "message": {"a": 1}}, {"type": "Nope"}, {"type": ["Success"]}, {"type": "Mapped", "map_states": [{"type": "x"}]},
        {"name": "f", "tasks": "x"}, {"name": "f", "tasks": [{"slug": ["a"]}]}, {"name": "f", "edges": [{}], "__version__": 9},
        {"name": "f", "schedule": {"type": "Schedule", "clocks": [{"type": "CronClock", "cron": "x"}]}}, pickled(canary),
        {"value": pickled(canary), "__class__": "builtins.eval"}, {"py/object": "os.system", "py/reduce": [{"py/type": "os.system"}, "x"]},
    ]  # fmt: skip


class _Touch:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def pickled(canary: Path) -> str:
    """A pickle, as clients send results, that makes the file when it is loaded."""
    return base64.b64encode(pickle.dumps(_Touch(canary))).decode()


def random_text(rng: random.Random) -> str:
    """A text made of pieces that mean something to some language."""
    pieces = ["'", '"', "\\", "%", "_", ";", "--", "/*", "(", ")", "$", ":", "?", "{", "}", "[", "]", "\n", "\r", "\t", " ",
              "a", "A", "é", "É", "ß", "ẞ", "İ", "日", "😀", "\u0301", "\u2028", "\x7f", "OR 1=1", "SELECT", "NULL", "0", "`", "@>"]  # fmt: skip
    return "".join(rng.choice(pieces) for _ in range(rng.randint(0, 12)))


# -- documents ---------------------------------------------------------------------------

_FIELDS = ["id", "name", "flow", "flow_runs", "task_runs", "states", "logs", "tenant", "project", "flows", "created", "tasks",
           "flow_runs_aggregate", "aggregate", "count", "nodes", "__typename", "nope", "parameters", "version"]  # fmt: skip
_ROOTS = [
    "flow",
    "flow_run",
    "task_run",
    "log",
    "tenant",
    "user",
    "flow_aggregate",
    "flow_by_pk",
    "hello",
    "__schema",
    "nope",
]


def documents(seed: int, count: int) -> Iterator[tuple[str, Any]]:
    """`(document, variables)`: hostile ones, of all kinds in turn."""
    rng = random.Random(seed)
    kinds = [
        _deep,
        _wide,
        _aliases,
        _fragments,
        _directives,
        _huge_values,
        _filters,
        _orders,
        _junk,
        _mutated,
        _introspection,
    ]
    for number in range(count):
        yield kinds[number % len(kinds)](rng)


def _nested(rng: random.Random, depth: int) -> str:
    if depth <= 0:
        return rng.choice(["id", "__typename", "name"])
    return " ".join(
        f"{rng.choice(_FIELDS)} {{ {_nested(rng, depth - 1)} }}" for _ in range(rng.choice([1, 1, 1, 2]))
    )


def _deep(rng: random.Random) -> tuple[str, Any]:
    if rng.random() < 0.5:
        pair = rng.choice(
            [
                ("flow_runs { flow ", "}"),
                ("flows { project ", "}"),
                ("... { ", ""),
                ("states { flow_run ", "}"),
            ]
        )
        depth = rng.choice([3, 8, 19, 30, 400, 1_000])
        return "{ flow { " + (pair[0] + "{ ") * depth + "id" + (" }" + pair[1]) * depth + " } }", None
    return f"{{ {rng.choice(_ROOTS)} {{ {_nested(rng, rng.randint(1, 12))} }} }}", None


def _wide(rng: random.Random) -> tuple[str, Any]:
    times = rng.choice([10, 200, 4_000, 10_000])
    return "{ " + f"{rng.choice(_ROOTS)} {{ id }} " * times + "}", None


def _aliases(rng: random.Random) -> tuple[str, Any]:
    count = rng.choice([5, 99, 101, 1_000, 10_000])
    field = rng.choice(
        ["hello", "flow { id }", "flow_by_pk(id: null) { id }", "secret_names", "log { message }"]
    )
    return "{ " + " ".join(f"a{n}: {field}" for n in range(count)) + " }", None


def _fragments(rng: random.Random) -> tuple[str, Any]:
    count, fan = rng.choice([1, 3, 20, 49, 51, 500]), rng.choice([1, 2, 10])
    last = rng.choice(["id", "...F0", "...F1", "id"])
    chain = (
        f"fragment F{n} on flow {{ {f'...F{n + 1} ' * fan if n < count else last} }}"
        for n in range(count + 1)
    )
    return "{ flow { ...F0 } } " + " ".join(chain), None


def _directives(rng: random.Random) -> tuple[str, Any]:
    one = rng.choice(
        ["@include(if: true) ", "@skip(if: $x) ", "@nope ", "@include(if: 1) ", "@deprecated ", "@defer "]
    )
    return "query($x: Boolean) { hello " + one * rng.choice([1, 50, 101, 5_000]) + "}", {
        "x": rng.choice([True, None, "y", 1])
    }


def _huge_values(rng: random.Random) -> tuple[str, Any]:
    value = rng.choice(["9" * 40, "9" * 20_000, "-" + "9" * 12, "1e400", "0.1e-400", json.dumps("a" * 300_000), "[" * 200 + "]" * 200,
                        "[" + "1," * 50_000 + "]", json.dumps("%a" * 5_000), "null", "$x", '"\\u0000"', '"\\ud800"', "{a: 1}", "[[1]]"])  # fmt: skip
    place = rng.choice(["limit: V", "offset: V", "where: {version: {_eq: V}}", "where: {id: {_in: V}}", "where: {parameters: {_contains: V}}",
                        "where: {name: {_ilike: V}}", "where: V", "order_by: V", "distinct_on: V", "where: {created: {_gt: V}}"])  # fmt: skip
    return f"query($x: Int) {{ flow({place.replace('V', value)}) {{ id }} }}", {
        "x": rng.choice([1, None, 2**40, "1", [1]])
    }


def _filter(rng: random.Random, depth: int) -> str:
    if depth <= 0:
        return rng.choice(
            [
                "{}",
                "{id: {_eq: null}}",
                "{name: {_in: []}}",
                '{name: {_like: "%a%"}}',
                "{version: {_gt: 0}}",
                "{nope: {}}",
            ]
        )
    inner = lambda: _filter(rng, depth - 1)
    return rng.choice([
        lambda: f"{{_not: {inner()}}}", lambda: f"{{_or: [{inner()}, {inner()}]}}", lambda: f"{{_and: {inner()}}}",
        lambda: f"{{flow_runs: {{flow: {inner()}}}}}", lambda: f"{{tasks: {{flow: {inner()}}}}}",
    ])()  # fmt: skip


def _filters(rng: random.Random) -> tuple[str, Any]:
    if rng.random() < 0.3:
        depth = rng.choice([39, 41, 150, 1_000])
        return "{ flow(where: " + "{_not: " * depth + "{}" + "}" * depth + ") { id } }", None
    return f"{{ flow(where: {_filter(rng, rng.randint(1, 8))}) {{ id }} }}", None


def _orders(rng: random.Random) -> tuple[str, Any]:
    term = rng.choice(
        [
            "{name: asc}",
            "{project: {name: desc}}",
            "{flow_runs_aggregate: {count: asc}}",
            "{nope: asc}",
            "{name: up}",
        ]
    )
    return "{ flow(order_by: [" + term * rng.choice([1, 49, 51, 3_000]) + "]) { id } }", None


def _junk(rng: random.Random) -> tuple[str, Any]:
    kind = rng.randrange(4)
    if kind == 0:
        return "".join(rng.choice(string.printable) for _ in range(rng.choice([5, 100, 5_000]))), None
    if kind == 1:
        return rng.choice(
            ["{", '"', "[", "#", ",", "(", "\\", '"""', "\x00", "\ufeff", "\u2028"]
        ) * rng.choice([1, 100, 100_000]), None
    if kind == 2:
        return "{ hello } " + rng.choice([" ", ",", "#x"]) * rng.choice([100, 1_000_000]), rng.choice(
            [None, {"a": deep(200)}]
        )
    return random_text(rng), {"x": random_text(rng)}


_GOOD = [
    '{ flow(where: {name: {_eq: "a"}}, order_by: {created: desc}, limit: 5) { id name flow_runs(limit: 1) { id state } } }',
    "query($x: [uuid!]) { flow_run(where: {id: {_in: $x}}) { id logs { message } } }",
    'mutation { create_project(input: {name: "x"}) { id } }',
    "mutation($input: set_flow_run_states_input!) { set_flow_run_states(input: $input) { states { id status } } }",
]  # fmt: skip


def _mutated(rng: random.Random) -> tuple[str, Any]:
    letters = list(rng.choice(_GOOD))
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(letters))
        change = rng.randrange(3)
        if change == 0:
            del letters[place]
        elif change == 1:
            letters.insert(place, rng.choice("{}()[]\"'\\:$!@#,. a0_%\n\x00é"))
        else:
            letters[place] = rng.choice(letters)
    return "".join(letters), rng.choice(
        [None, {"x": ["nope"]}, {"x": None}, {"input": {}}, {"input": {"states": [{}]}}, {"input": []}]
    )


def _introspection(rng: random.Random) -> tuple[str, Any]:
    depth = rng.choice([1, 3, 12, 100])
    step = rng.choice(
        [("fields { type ", "}"), ("ofType ", ""), ("possibleTypes ", ""), ("fields { args { type ", "}}")]
    )
    return "{ __schema { types " + ("{ name " + step[0]) * depth + "{ name }" + (
        step[1] + " }"
    ) * depth + " } }", None
