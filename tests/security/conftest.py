"""Attacks on a server: the fixtures of its unit tests, and a world of two tenants that have everything."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_HERE = Path(__file__).resolve().parent
_UNIT = _HERE.parent / "unit" / "server"
if str(_HERE) not in sys.path:
    sys.path.insert(0, str(_HERE))  # for `attacks` and `worlds`, which several files of this folder use


def _load(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_server = _load("server_fixtures", _UNIT / "conftest.py")
_http = _load("server_http_fixtures", _UNIT / "http" / "conftest.py")
_graphql = _load("server_graphql_fixtures", _UNIT / "graphql" / "conftest.py")

settings, store, api, other = _server.settings, _server.store, _server.api, _server.other
open_site, local, guarded, admin_key = _http.open_site, _http.local, _http.guarded, _http.admin_key
rows, twins, model = _graphql.rows, _graphql.twins, _graphql.model


@pytest.fixture
def worlds(api: Any, other: Any) -> Any:
    """Two tenants with one of everything, and a way to ask without leaving a trace."""
    from worlds import Worlds

    return Worlds(api, other)
