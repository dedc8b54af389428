from __future__ import annotations

import copy
import pickle
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect.utilities.collections import (
    CompoundKey,
    DotDict,
    as_nested_dict,
    dict_to_flatdict,
    flatdict_to_dict,
    flatten_seq,
    merge_dicts,
)

keys = st.sampled_from("abcd")
leaves = st.one_of(st.integers(), st.text(max_size=3), st.none())
nested = st.recursive(
    st.dictionaries(keys, leaves, min_size=1, max_size=3),
    lambda children: st.dictionaries(keys, st.one_of(leaves, children), min_size=1, max_size=3),
    max_leaves=8,
)


class Point(NamedTuple):
    x: Any
    y: Any


class Mine(DotDict):
    """A class of a user."""


class TestDotDict:
    def test_items_are_attributes(self) -> None:
        d = DotDict({"a": 1}, b=2)

        assert (d.a, d["b"], d.get("c"), d.get("c", 3)) == (1, 2, None, 3)
        d.c = 4
        assert d["c"] == 4
        d["a"] = 5
        assert d.a == 5
        del d.a
        del d["b"]
        assert dict(d) == {"c": 4}
        assert len(d) == 1
        assert "c" in d
        assert "a" not in d

    def test_is_made_from_pairs_too(self) -> None:
        assert DotDict([("a", 1)]) == {"a": 1}
        assert DotDict() == {}

    @pytest.mark.parametrize("name", ["nothing", "_nothing"])
    def test_missing_names_raise_as_ever(self, name: str) -> None:
        d = DotDict(a=1)

        with pytest.raises(AttributeError, match=name):
            getattr(d, name)
        with pytest.raises(KeyError, match=name):
            d[name]
        with pytest.raises(AttributeError):
            delattr(d, name)
        with pytest.raises(KeyError):
            del d[name]

    def test_equals_any_mapping_with_the_same_items(self) -> None:
        assert DotDict(a=1) == {"a": 1}
        assert DotDict(a=1) == DotDict(a=1)
        assert DotDict(a=1) != DotDict(a=2)

    @pytest.mark.parametrize("kind", [DotDict, Mine])
    @pytest.mark.parametrize(
        "duplicate", [lambda d: d.copy(), copy.copy, copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))]
    )
    def test_copies_are_of_the_same_class_and_apart(self, duplicate: Any, kind: type[DotDict]) -> None:
        original = kind(a=1)

        twin = duplicate(original)

        assert type(twin) is kind
        assert twin == original
        twin.a = 2
        assert original.a == 1

    def test_shows_its_keys_but_not_its_values(self) -> None:
        assert repr(DotDict(b="secret", a=1)) == "<DotDict: 'a', 'b'>"
        assert repr(DotDict()) == "<DotDict>"

    def test_becomes_plain_dictionaries(self) -> None:
        plain = DotDict(a=DotDict(b=[DotDict(c=1)])).to_dict()

        assert plain == {"a": {"b": [{"c": 1}]}}
        assert type(plain["a"]) is dict
        assert type(plain["a"]["b"][0]) is dict


class TestNested:
    def test_every_level_becomes_the_class(self) -> None:
        found = as_nested_dict({"a": [{"b": ({"c": 1},)}], "s": {1, 2}})

        assert found.a[0].b[0].c == 1
        assert found.s == {1, 2}

    def test_named_tuples_stay_named(self) -> None:
        found = as_nested_dict({"p": Point({"q": 1}, 2)})

        assert found.p.x.q == 1
        assert type(found.p) is Point

    @given(nested)
    def test_there_and_back_changes_nothing(self, d: dict[str, Any]) -> None:
        assert as_nested_dict(as_nested_dict(d), dict) == d


class TestMerge:
    def test_sections_are_merged_and_values_replaced(self) -> None:
        base = {"a": {"b": 1, "c": 2}, "x": 1}

        assert merge_dicts(base, {"a": {"b": 3}, "x": {"y": 1}}) == {"a": {"b": 3, "c": 2}, "x": {"y": 1}}
        assert base == {"a": {"b": 1, "c": 2}, "x": 1}

    def test_the_result_has_the_class_of_the_base(self) -> None:
        assert type(merge_dicts(DotDict(a=1), {"b": 1})) is DotDict

    @given(nested, nested)
    def test_the_second_always_wins_and_the_first_fills_in(
        self, d1: dict[str, Any], d2: dict[str, Any]
    ) -> None:
        merged = merge_dicts(d1, d2)

        assert merge_dicts(merged, d2) == merged
        assert set(merged) == {*d1, *d2}
        flat, flat2 = dict_to_flatdict(merged), dict_to_flatdict(d2)
        assert {path: flat.get(path) for path in flat2} == flat2


class TestFlat:
    def test_paths_are_keys(self) -> None:
        flat = dict_to_flatdict({"a": {"b": 1}, "c": 2})

        assert flat == {("a", "b"): 1, ("c",): 2}
        assert all(type(key) is CompoundKey for key in flat)
        assert dict_to_flatdict({"a": 1}, parent=CompoundKey("p")) == {("p", "a"): 1}

    @given(nested)
    def test_nesting_again_gives_the_original(self, d: dict[str, Any]) -> None:
        assert flatdict_to_dict(dict_to_flatdict(d)) == d

    def test_plain_tuples_are_no_paths(self) -> None:
        assert flatdict_to_dict({("a", "b"): 1, "z": 1}) == {("a", "b"): 1, "z": 1}

    def test_levels_are_of_the_wanted_class(self) -> None:
        assert flatdict_to_dict({CompoundKey("ab"): 1}, dct_class=DotDict).a.b == 1


def test_sequences_are_flattened_at_any_depth() -> None:
    seq = [1, [2, (3, {4}), "ab", b"cd", []], range(2), {"d": 1}, (x for x in [5])]

    assert list(flatten_seq(seq)) == [1, 2, 3, 4, "ab", b"cd", 0, 1, "d", 5]


def test_what_is_no_sequence_cannot_be_flattened() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        list(flatten_seq(3))  # type: ignore[arg-type]
