from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect.utilities._slug import slugify


@pytest.mark.parametrize(
    ("text", "slug"),
    [("My Flow!", "my-flow"), ("  Überblick_7 ", "uberblick-7"), ("---", ""), ("流れ x", "x")],
)
def test_slugs(text: str, slug: str) -> None:
    assert slugify(text) == slug


@given(st.text())
def test_a_slug_is_safe_in_a_path_and_its_own_slug(text: str) -> None:
    slug = slugify(text)

    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert slugify(slug) == slug
