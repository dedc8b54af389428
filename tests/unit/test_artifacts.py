from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from prefect import artifacts

FORWARDED = {
    "create_link": ("create_link_artifact", ("https://link",)),
    "update_link": ("update_link_artifact", ("id", "https://link")),
    "create_markdown": ("create_markdown_artifact", ("# text",)),
    "update_markdown": ("update_markdown_artifact", ("id", "# text")),
    "delete_artifact": ("delete_artifact", ("id",)),
}


@pytest.mark.parametrize("old", FORWARDED)
def test_old_functions_call_the_new_ones_and_warn(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    new, arguments = FORWARDED[old]
    calls: list[Any] = []
    module = ModuleType("prefect.backend.artifacts")
    setattr(module, new, lambda *args: calls.append(args) or "result")
    monkeypatch.setitem(sys.modules, "prefect.backend", ModuleType("prefect.backend"))
    monkeypatch.setitem(sys.modules, "prefect.backend.artifacts", module)

    with pytest.warns(
        DeprecationWarning, match=f"`prefect.artifacts.{old}` has moved to `prefect.backend.{new}`"
    ) as caught:
        result = getattr(artifacts, old)(*arguments)

    assert calls == [arguments]
    assert result == (None if old.startswith(("update", "delete")) else "result")
    assert caught[0].filename == __file__
