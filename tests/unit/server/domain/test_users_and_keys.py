"""People, machines, their roles and their keys."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest

from prefect.server.domain.tenants import add_tenant, ensure_first_tenant
from prefect.server.domain.users import add_user, ensure_first_user
from prefect.server.errors import UnauthenticatedError
from prefect.server.security.caller import Caller
from prefect.server.security.identity import find_caller, note_use
from prefect.server.security.keys import make_key


def _key(api: Any, **values: Any) -> str:
    values = {"user_id": api.caller.user_id, "name": "mine", **values}
    return api.mutate("create_api_key", "key", **values)["key"]


def _caller(api: Any, key: str, tenant_id: str | None = None) -> Caller:
    return api.write(lambda tx: find_caller(tx, key, api.now[0], tenant_id)).caller


def _is_refused(api: Any, key: str, words: str, tenant_id: str | None = None) -> bool:
    with pytest.raises(UnauthenticatedError, match=words):
        _caller(api, key, tenant_id)
    return True


def test_a_key_is_random_shown_once_and_opens_the_tenant(api: Any) -> None:
    made = api.mutate("create_api_key", "key id", user_id=api.caller.user_id, name="mine", expires_at=None)

    assert re.fullmatch(r"pc_[0-9A-Za-z]{6}_[0-9A-Za-z]{43}", made["key"])
    tenant_id = api.caller.tenant_id
    assert _caller(api, made["key"]) == Caller(
        tenant_id, "admin", api.caller.user_id, made["id"], (tenant_id,)
    )
    row = api.write(lambda tx: tx.one_or_none("SELECT * FROM auth_api_key"))
    kept = str(row.as_dict())
    secret = made["key"]
    assert not any(secret[at : at + 8] in kept for at in range(len(secret) - 7)), (
        "no part of the key is stored"
    )
    assert api.rows("auth_api_key", "id name expires_at prefix") == [
        {"id": made["id"], "name": "mine", "expires_at": None, "prefix": secret[3:9]}
    ]


def test_keys_differ() -> None:
    assert len({make_key()[0] for _ in range(100)}) == 100


def test_a_key_ends(api: Any, failure: Any) -> None:
    key = _key(api, expires_at=api.at(60))
    assert _caller(api, key).role == "admin"
    api.move(60)
    assert _is_refused(api, key, "expired at")
    with pytest.raises(failure, match="is past"):
        _key(api, expires_at=api.at(0))


def test_a_revoked_key_opens_nothing_and_is_not_listed(api: Any, failure: Any) -> None:
    made = api.mutate("create_api_key", "key id", user_id=api.caller.user_id, name="mine")
    api.mutate("delete_api_key", "success", key_id=made["id"])
    assert _is_refused(api, made["key"], "revoked at")
    assert api.rows("auth_api_key", "id") == []
    with pytest.raises(failure, match="not found"):
        api.mutate("delete_api_key", "success", key_id=made["id"])


def test_admins_make_keys_for_their_people_and_others_for_themselves(api: Any, failure: Any) -> None:
    user_id = api.mutate("create_user", username="ada", role="user", email="ada@example.org")["id"]
    key = _key(api, user_id=user_id)
    assert (_caller(api, key).user_id, _caller(api, key).role) == (user_id, "user")

    ada = api.as_(user_id=user_id, role="user")
    _key(ada)
    with pytest.raises(failure, match="yourself only"):
        _key(ada, user_id=api.caller.user_id)
    admin_key = api.mutate("create_api_key", "id", user_id=api.caller.user_id, name="n")["id"]
    with pytest.raises(failure, match="yourself only"):
        ada.mutate("delete_api_key", "success", key_id=admin_key)


def test_no_admin_gets_into_another_tenant_by_a_key_for_its_member(
    api: Any, other: Any, failure: Any
) -> None:
    def join(tx: Any) -> None:
        tx.execute(
            "INSERT INTO membership (id, created, updated, tenant_id, user_id, role) "
            "VALUES (:id, 't', 't', :tenant, :user, 'user')",
            {"id": "0" * 36, "tenant": api.caller.tenant_id, "user": other.caller.user_id},
        )

    api.write(join)
    with pytest.raises(failure, match="no admin") as caught:
        _key(api, user_id=other.caller.user_id)
    assert caught.value.code == "FORBIDDEN"


def test_a_key_has_a_default_tenant_among_those_of_its_user(api: Any, other: Any, failure: Any) -> None:
    with pytest.raises(failure, match="not found"):
        _key(api, default_tenant_id=other.caller.tenant_id)


def test_a_service_account_has_a_role_and_goes_with_its_keys(api: Any, failure: Any) -> None:
    user_id = api.mutate("create_service_account", name="ci", role="read-only")["id"]
    key = _key(api, user_id=user_id)
    assert api.row("user", user_id, "username account_type") == {"username": "ci", "account_type": "SERVICE"}
    api.mutate("delete_service_account", "success", user_id=user_id)
    assert _is_refused(api, key, "not valid")
    with pytest.raises(failure, match="not found"):
        api.mutate("delete_service_account", "success", user_id=api.caller.user_id)
    with pytest.raises(failure, match="no role 'root'"):
        api.mutate("create_service_account", name="x", role="root")


def test_roles_change_but_one_admin_stays(api: Any, failure: Any) -> None:
    own = api.rows("membership", "id")[0]["id"]
    with pytest.raises(failure, match="only admin"):
        api.mutate("set_membership_role", membership_id=own, role="user")
    with pytest.raises(failure, match="only admin"):
        api.mutate("delete_membership", "success", membership_id=own)

    user_id = api.mutate("create_user", username="ada")["id"]
    theirs = api.rows("membership", "id role", f'(where: {{user_id: {{_eq: "{user_id}"}}}})')
    assert theirs[0]["role"] == "user"
    api.mutate("set_membership_role", membership_id=theirs[0]["id"], role="admin")
    api.mutate("delete_membership", "success", membership_id=own)
    assert api.rows("membership", "role") == [{"role": "admin"}]


def test_people_change_their_own_names_and_settings(api: Any, failure: Any) -> None:
    api.mutate("update_user_details", first_name="Ada", last_name="L", email="a@example.org")
    api.mutate("update_user_settings", settings={"a": 1})
    api.mutate("update_user_settings", settings={"b": 2})
    assert api.row("user", api.caller.user_id, "first_name last_name email username settings") == {
        "first_name": "Ada",
        "last_name": "L",
        "email": "a@example.org",
        "username": "admin",
        "settings": {"a": 1, "b": 2},
    }
    api.mutate("create_user", username="taken")
    with pytest.raises(failure, match="Uniqueness violation"):
        api.mutate("update_user_details", username="taken")
    with pytest.raises(failure, match="Nobody is signed in"):
        api.as_(user_id=None).mutate("update_user_details", first_name="x")


def test_who_asks_is_told(api: Any) -> None:
    assert api("{ auth_info { tenant_id user_id role tenant_ids api_key_id } }")["auth_info"] == {
        "tenant_id": api.caller.tenant_id,
        "user_id": api.caller.user_id,
        "role": "admin",
        "tenant_ids": [api.caller.tenant_id],
        "api_key_id": None,
    }


def test_a_new_server_has_a_tenant_and_an_admin_made_once(store: Any, api: Any) -> None:
    def twice(tx: Any) -> Any:
        tenant = ensure_first_tenant(tx, api.now[0])
        empty = add_tenant(tx, "Empty", "empty", api.now[0] + datetime.timedelta(seconds=1))
        first = ensure_first_user(tx, empty, api.now[0], username="root")
        return tenant, ensure_first_tenant(tx, api.now[0]), first, ensure_first_user(tx, empty, api.now[0])

    tenant, again, user, same = store.write_sync(twice)
    assert tenant == again == api.caller.tenant_id
    assert user == same


def test_a_member_of_no_tenant_is_refused(api: Any) -> None:
    user_id = api.write(lambda tx: add_user(tx, "gone", api.caller.tenant_id, "user", api.now[0]))
    key = _key(api, user_id=user_id)
    api.write(lambda tx: tx.execute("DELETE FROM membership WHERE user_id = :id", {"id": user_id}))
    assert _is_refused(api, key, "no member of any tenant")


def test_the_tenant_of_a_request_is_one_of_the_users(api: Any, other: Any) -> None:
    first = api.caller.tenant_id
    second = api.mutate("create_tenant", name="T2", slug="t2")["id"]
    key = _key(api, default_tenant_id=second)

    assert _caller(api, key).tenant_id == second
    assert _caller(api, key, first).tenant_id == first
    assert set(_caller(api, key).tenants) == {first, second}
    assert _is_refused(api, key, "not valid for tenant", other.caller.tenant_id)
    assert _is_refused(api, "pc_nokey_nokey", "not valid")


def test_the_use_of_a_key_is_noted_once_a_minute(api: Any) -> None:
    made = api.mutate("create_api_key", "key id", user_id=api.caller.user_id, name="mine")

    def is_due() -> bool:
        return api.write(lambda tx: find_caller(tx, made["key"], api.now[0])).is_use_due

    assert is_due()
    api.write(lambda tx: note_use(tx, made["id"], api.now[0]))
    assert api.rows("auth_api_key", "last_used") == [{"last_used": api.at(0)}]
    api.move(59)
    assert not is_due()
    api.write(lambda tx: note_use(tx, made["id"], api.now[0]))
    assert api.rows("auth_api_key", "last_used") == [{"last_used": api.at(-59)}]
    api.move(1)
    assert is_due()
