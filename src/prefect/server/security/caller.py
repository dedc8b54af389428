"""The caller of a request: resolved once, when the request comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ROLES", "Caller", "Role", "allows"]

Role = Literal["read-only", "user", "admin"]

#: From the least to the most powerful; each may do what those before it may.
ROLES: tuple[Role, ...] = ("read-only", "user", "admin")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, and the tenant they act in.

    Attributes:
        tenant_id: the tenant of the request: every row read or written is this tenant's.
        role: their role in that tenant.
        user_id: the user or service account; None where no keys are required.
        key_id: the API key; None without one.
        tenants: all tenants they are a member of.
        agent_id: the agent that sent the request, if it says it is one.
        core_version: version of prefect that sent the request.
    """

    tenant_id: str
    role: Role
    user_id: str | None = None
    key_id: str | None = None
    tenants: tuple[str, ...] = ()
    agent_id: str | None = None
    core_version: str | None = None


def allows(role: Role, needed: Role) -> bool:
    """Whether a role includes another."""
    return ROLES.index(role) >= ROLES.index(needed)
