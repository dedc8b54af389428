"""A PostgreSQL database that cannot keep every text is refused before anything is written to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from prefect.server.database.migrate import DatabaseRefused
from prefect.server.database.store import open_store
from prefect.server.settings import ServerSettings


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_another_encoding_than_utf8_is_refused(cluster: Any, tmp_path: Path, encoding: str) -> None:
    name = f"in_{encoding.lower()}"
    cluster.execute(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    try:
        with pytest.raises(DatabaseRefused, match=f"has the encoding {encoding}, and this server needs UTF8"):
            open_store(ServerSettings(tmp_path, connection_url=cluster.url(name)))
        assert not cluster.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = 'public'", name
        )
    finally:
        cluster.drop(name)
