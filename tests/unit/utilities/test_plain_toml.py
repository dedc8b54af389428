from __future__ import annotations

import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prefect.utilities._plain_toml import read_plain_toml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

names = st.sampled_from(["a", "b", "a.b", "a-b", "B_1", "é", "a b", '"q"', "1", ""])
values = st.one_of(
    st.sampled_from(
        [
            "true",
            "True",
            '""',
            '"x"',
            '"x" # c',
            '"x # y"',
            "'x'",
            '"a\\nb"',
            '"a" "b"',
            "[1]",
            "{}",
            "1_0",
            "+1",
        ]
    ),
    st.sampled_from(
        ["0", "00", "1", "-1", "1.5", "1.", ".5", "01.5", "1e3", "0x1", "nan", "12:00:00", "", '"""a"""']
    ),
    st.text(max_size=6),
    st.text(max_size=6).map(lambda text: f'"{text}"'),
)
lines = st.one_of(
    names.map(lambda name: f"[{name}]"),
    names.map(lambda name: f"[[{name}]]"),
    st.tuples(names, values).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    st.tuples(names, values).map(lambda pair: f"\t{pair[0]}={pair[1]} "),
    st.text(max_size=8).map(lambda text: f"# {text}"),
    st.just(""),
)
texts = st.one_of(
    st.lists(lines, max_size=8).map("\n".join), st.lists(lines, max_size=8).map("\r\n".join), st.text()
)


@given(texts)
@example("[a]\nb = 1\n[a]")
@example("[a]\nb = 1\n[a.b]")
@example("[a.b]\nx = 1\n[a]\ny = 2")
@example("a = 1\na = 2")
@example("a = 1\n[a]")
@example("# \x01")
@example("a = 1\r")
@example("a = 1 # comment")
@example("a")
@example("=")
@example("[")
@example("[]")
@example("[a.]")
@example("a.b = 1")
@example("a = ٣")
@example("a = ²")
@example("a = 1.²")
def test_what_is_read_is_what_a_full_parser_reads(text: str) -> None:
    plain = read_plain_toml(text)

    if plain is not None:
        assert plain == tomllib.loads(text)


def test_plain_files_are_read() -> None:
    text = """
# comment
debug = false
[a.b]
text = "x # y"
\tnumber = 12
share = 0.5
[a]
flag = true
"""

    assert read_plain_toml(text) == {
        "debug": False,
        "a": {"b": {"text": "x # y", "number": 12, "share": 0.5}, "flag": True},
    }


@pytest.mark.parametrize("text", ["a = [1]", "a = '1'", 'a = "\\t"', "a = 1 # c", "[[a]]", "nonsense"])
def test_anything_else_is_left_to_a_full_parser(text: str) -> None:
    assert read_plain_toml(text) is None
