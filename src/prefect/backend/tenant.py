"""`TenantView`: a tenant of the API."""

from __future__ import annotations

from typing import Any

from prefect.backend._query import rows

__all__ = ["TenantView"]


class TenantView:
    """A tenant, as the API knew it when this object was made.

    Args:
        tenant_id: its id.
        name: its name.
        slug: its name in addresses.
    """

    tenant_id: str
    name: str
    slug: str

    def __init__(self, tenant_id: str, name: str, slug: str) -> None:
        self.tenant_id = tenant_id
        self.name = name
        self.slug = slug

    @classmethod
    def from_tenant_id(cls, tenant_id: str) -> TenantView:
        """The tenant of an id.

        Raises:
            ValueError: there is none, or this key may not use it.
        """
        return cls._one({"id": {"_eq": tenant_id}})

    @classmethod
    def from_current_tenant(cls) -> TenantView:
        """The tenant that a new client acts in.

        Raises:
            ClientError: there is none.
        """
        from prefect.client.client import Client

        return cls.from_tenant_id(Client().tenant_id)

    @classmethod
    def _one(cls, where: dict[str, Any]) -> TenantView:
        found = rows("tenant", where, "id slug name")
        if not found:
            raise ValueError(f"No results found while querying for tenants where {where!r}")
        return cls(tenant_id=found[0].id, name=found[0].name, slug=found[0].slug)

    def __repr__(self) -> str:
        return f"TenantView(tenant_id={self.tenant_id!r}, name={self.name!r}, slug={self.slug!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TenantView):
            return NotImplemented
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.tenant_id, self.name, self.slug))
