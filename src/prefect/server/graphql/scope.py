"""Which rows of each table a caller may see: the one place that says so.

The predicate is put in front of every occurrence of a table (root, relation, aggregate, EXISTS),
outside of the caller's own filter, so no filter can reach around it. `:tenant`, `:user`,
`:tenants` and `:is_admin` come from the caller, never from the request.
"""

from __future__ import annotations

import json
from typing import Any

from prefect.server.database.sql import Dialect
from prefect.server.graphql.columns import table_info
from prefect.server.security.caller import Caller

__all__ = ["predicate", "scope_params"]

_MEMBER = (
    'EXISTS (SELECT 1 FROM "membership" scope_m WHERE scope_m.user_id = {user} AND scope_m.tenant_id = :tenant)'
)


def predicate(table: str, alias: str, dialect: Dialect) -> str:
    """SQL that holds for the rows of `table` (as `alias`) that the caller may see."""
    if table == "tenant":
        # wire: clients list every tenant of the key's user, to switch between them.
        if dialect == "postgresql":
            among = "SELECT jsonb_array_elements_text(CAST(:tenants AS jsonb))"
        else:
            among = "SELECT value FROM json_each(:tenants)"
        return f"({alias}.id = :tenant OR {alias}.id IN ({among}))"
    if table == "user":
        return f"({alias}.id = :user OR {_MEMBER.format(user=f'{alias}.id')})"
    if table == "auth_api_key":
        # Keys carry over tenants, so only their owner sees them, and admins those of their people.
        own = f"{alias}.user_id = :user"
        return f"({alias}.revoked IS NULL AND ({own} OR (:is_admin = 1 AND {_MEMBER.format(user=f'{alias}.user_id')})))"
    if table_info(table).has_tenant:
        return f"{alias}.tenant_id = :tenant"
    raise LookupError(f"nothing says who may see rows of {table!r}")


def scope_params(caller: Caller) -> dict[str, Any]:
    """The parameters of `predicate`."""
    return {
        "tenant": caller.tenant_id,
        "user": caller.user_id or "",
        "tenants": json.dumps(list(caller.tenants)),
        "is_admin": 1 if caller.role == "admin" else 0,
    }
