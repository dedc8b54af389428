"""Secrets are encrypted with keys that are not in the database."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefect.server.security import crypto
from prefect.server.settings import ServerSettings

_CANARY = "correct-horse-battery-staple"


@pytest.mark.parametrize("value", [_CANARY, {"x": [1, None, "ä"]}, 0, False, [], "", '{"a": 1}'])
def test_a_secret_comes_back_as_it_was_set(api: Any, value: Any) -> None:
    api.mutate("set_secret", "success", name="s", value=value)
    query = "query($name: String!) { secret_value(name: $name) }"
    assert api(query, {"name": "s"}) == {"secret_value": value}


def test_a_secret_is_replaced_listed_and_deleted(api: Any, other: Any, failure: Any) -> None:
    for name, value in (("b", 1), ("a", 2), ("b", 3)):
        api.mutate("set_secret", "success", name=name, value=value)
    other.mutate("set_secret", "success", name="b", value=4)
    assert api('{ secret_names secret_value(name: "b") }') == {"secret_names": ["a", "b"], "secret_value": 3}
    api.mutate("delete_secret", "success", name="b")
    for text in ('{ secret_value(name: "b") }', '{ secret_value(name: "never") }'):
        with pytest.raises(failure, match="No value found for the requested key"):
            api(text)
    with pytest.raises(failure, match="not found"):
        api.mutate("delete_secret", "success", name="b")
    assert other('{ secret_value(name: "b") }') == {"secret_value": 4}


def test_the_database_and_the_tables_of_the_api_do_not_have_it(api: Any) -> None:
    api.mutate("set_secret", "success", name="s", value=_CANARY)
    row = api.write(lambda tx: tx.one_or_none("SELECT * FROM secret"))
    assert _CANARY.encode() not in bytes(row.ciphertext)
    assert _CANARY not in str(row.as_dict())
    schema = api("{ __schema { queryType { fields { name } } } }")["__schema"]["queryType"]["fields"]
    assert "secret" not in {field["name"] for field in schema}


def test_a_secret_moved_to_another_name_or_tenant_cannot_be_read(api: Any, other: Any, failure: Any) -> None:
    api.mutate("set_secret", "success", name="s", value=_CANARY)
    api.write(lambda tx: tx.execute("UPDATE secret SET name = 't'"))
    with pytest.raises(failure):
        _value(api, "t")
    api.write(
        lambda tx: tx.execute("UPDATE secret SET name = 's', tenant_id = :t", {"t": other.caller.tenant_id})
    )
    with pytest.raises(failure):
        _value(other, "s")


def _value(api: Any, name: str) -> Any:
    """The secret; an unreadable one is answered with 503 and an error without a path."""
    return api("query($name: String!) { secret_value(name: $name) }", {"name": name})["secret_value"]


def test_the_key_ring_is_its_owners_alone(store: Any, settings: ServerSettings) -> None:
    file = crypto.key_file(settings)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = json.loads(file.read_text())
    assert len(content["keys"]) == 1
    file.chmod(0o644)
    with pytest.raises(crypto.KeyRingRefused, match="chmod 600"):
        crypto.open_keys(settings, store)


def test_a_server_with_the_same_ring_reads_the_secrets(api: Any, settings: ServerSettings) -> None:
    api.mutate("set_secret", "success", name="s", value=_CANARY)
    crypto.open_keys(settings, api.store)
    assert _value(api, "s") == _CANARY


def test_a_server_with_another_ring_or_none_does_not_start(
    store: Any, settings: ServerSettings, tmp_path: Path
) -> None:
    elsewhere = replace(settings, encryption_key_file=tmp_path / "other" / "keys.json")
    with pytest.raises(crypto.KeyRingRefused, match="is missing"):
        crypto.open_keys(elsewhere, store)
    file = crypto.key_file(settings)
    content = json.loads(file.read_text())
    (key_id,) = content["keys"]
    assert elsewhere.encryption_key_file is not None
    elsewhere.encryption_key_file.parent.mkdir()
    other_id = "f" * 8
    ring = {"keys": {other_id: content["keys"][key_id][::-1].lstrip("=") + "="}}
    elsewhere.encryption_key_file.write_text(json.dumps(ring))
    elsewhere.encryption_key_file.chmod(0o600)
    crypto.forget_keys()
    with pytest.raises(crypto.KeyRingRefused, match="not the one of this database"):
        crypto.open_keys(elsewhere, store)
    wrong = {"keys": {key_id: ring["keys"][other_id]}}
    elsewhere.encryption_key_file.write_text(json.dumps(wrong))
    crypto.forget_keys()
    with pytest.raises(crypto.KeyRingRefused, match="not the one of this database"):
        crypto.open_keys(elsewhere, store)


@pytest.mark.parametrize("text", ["", "{}", '{"keys": {}}', '{"keys": {"a": "AAAA"}}', '{"keys": 1}', "[]"])
def test_a_damaged_ring_is_refused(store: Any, settings: ServerSettings, text: str) -> None:
    crypto.key_file(settings).write_text(text)
    with pytest.raises(crypto.KeyRingRefused, match="Put it back"):
        crypto.open_keys(settings, store)


def test_rotation_encrypts_everything_with_a_new_key_and_keeps_the_old_one_for_backups(
    api: Any, other: Any, settings: ServerSettings
) -> None:
    api.mutate("set_secret", "success", name="s", value=_CANARY)
    other.mutate("set_secret", "success", name="s", value="theirs")
    before = api.write(lambda tx: {row.key_id for row in tx.rows("SELECT key_id FROM secret")})

    assert crypto.rotate(settings, api.store) == 2

    after = api.write(lambda tx: {row.key_id for row in tx.rows("SELECT key_id FROM secret")})
    assert len(after) == 1
    assert not before & after
    assert set(json.loads(crypto.key_file(settings).read_text())["keys"]) == before | after
    crypto.forget_keys()
    crypto.open_keys(settings, api.store)
    assert (_value(api, "s"), _value(other, "s")) == (_CANARY, "theirs")
    api.mutate("set_secret", "success", name="new", value=1)
    assert api.write(lambda tx: {row.key_id for row in tx.rows("SELECT key_id FROM secret")}) == after


def test_a_rotation_by_another_process_is_noticed(api: Any, settings: ServerSettings) -> None:
    api.mutate("set_secret", "success", name="s", value=_CANARY)
    crypto.rotate(settings, api.store)
    # This process knows the old ring only, and its file has both keys now.
    ring = json.loads(crypto.key_file(settings).read_text())
    crypto.forget_keys(keep=set(list(ring["keys"])[:1]))
    assert _value(api, "s") == _CANARY
