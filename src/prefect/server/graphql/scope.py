"""Which rows of each table a caller may see: the one place that says so.

The predicate is put in front of every occurrence of a table (root, relation, aggregate, EXISTS),
outside of the caller's own filter, so no filter can reach around it. `:tenant`, `:user`,
`:tenants` and `:is_admin` come from the caller, never from the request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from prefect.server.database.sql import Dialect
from prefect.server.graphql.columns import table_info
from prefect.server.security.caller import Caller

__all__ = ["ScopeParameters", "predicate", "scope_parameters"]

_MEMBER = 'EXISTS (SELECT 1 FROM "membership" scope_m WHERE scope_m.user_id = {user} AND scope_m.tenant_id = :tenant)'


def predicate(table: str, alias: str, dialect: Dialect, *, is_narrow: bool = False) -> str:
    """SQL that holds for the rows of `table` (as `alias`) that the caller may see.

    Args:
        table: one that can be read.
        alias: its alias in the statement.
        dialect: the database.
        is_narrow: whether another condition leaves few rows: then SQLite, which knows too little
            of the values to see that, is told not to look through all rows of the tenant.
    """
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
        here = f"coalesce({alias}.default_tenant_id, :tenant) = :tenant"
        member = _MEMBER.format(user=f"{alias}.user_id")
        return f"({alias}.revoked IS NULL AND ({own} OR (:is_admin = 1 AND {here} AND {member})))"
    if not table_info(table).has_tenant:
        raise LookupError(f"nothing says who may see rows of {table!r}")
    of_tenant = f"{alias}.tenant_id = :tenant"
    if is_narrow and dialect == "sqlite":
        of_tenant = f"+{of_tenant}"
    if table == "message":
        # To one person, or to everybody in the tenant.
        return f"({of_tenant} AND ({alias}.user_id IS NULL OR {alias}.user_id = :user))"
    return of_tenant


ScopeParameters: TypeAlias = "Callable[[Caller], dict[str, Any]]"


def scope_parameters(statements: Sequence[str]) -> ScopeParameters:
    """From a caller to the parameters of `predicate`, those that statements use."""
    if not any(f":{name}" in sql for sql in statements for name in ("user", "tenants", "is_admin")):
        return lambda caller: {"tenant": caller.tenant_id}
    return lambda caller: {
        "tenant": caller.tenant_id,
        "user": caller.user_id or "",
        "tenants": json.dumps(list(caller.tenants)),
        "is_admin": 1 if caller.role == "admin" else 0,
    }
