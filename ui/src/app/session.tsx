/** Who is here, and in which tenant: known before any page is drawn. */
import { createContext, useContext } from "react";
import { at, send, setTenantId } from "@/api/fetch";
import { graphql } from "@/gql";

export type Role = "read-only" | "user" | "admin";

export interface Tenant {
  id: string;
  name: string;
  slug: string;
  settings: any;
}

export interface Session {
  role: Role;
  userId: string | null;
  requiresKeys: boolean;
  tenant: Tenant;
  tenants: Tenant[];
}

const WHO = graphql(`
  query Who {
    auth_info { tenant_id user_id role }
    tenant(order_by: [{ created: asc }], limit: 200) { id name slug settings }
  }
`);

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("There is no session here.");
  return session;
}

/** Whether who is here may change things; pages show no action that they may not do. */
export const useCanEdit = (): boolean => useSession().role !== "read-only";
export const useIsAdmin = (): boolean => useSession().role === "admin";

export type Opened = { session: Session } | { isLoggedOut: true };

interface Who {
  tenant_id: string;
  user_id: string | null;
  role: Role;
  requires_keys: boolean;
}

/**
 * The session, in the tenant of a slug where there is such a one.
 * A slug of no tenant (links of other servers say `default`) means the tenant of the session.
 */
export async function openSession(slug: string | undefined): Promise<Opened> {
  const reply = await fetch(at("session"));
  if (reply.status === 401) return { isLoggedOut: true };
  const who = (await reply.json()) as Who & { errors?: { message: string }[] };
  if (!reply.ok) throw new Error(who.errors?.[0]?.message ?? `The server answered ${reply.status}.`);
  setTenantId(who.tenant_id);
  const found = await send(WHO, {});
  const tenants = found.tenant;
  const tenant = tenants.find((one) => one.slug === slug) ?? tenants.find((one) => one.id === who.tenant_id);
  if (!tenant) throw new Error("You are no member of a tenant.");
  let role = who.role;
  if (tenant.id !== who.tenant_id) {
    setTenantId(tenant.id);
    role = ((await send(WHO, {})).auth_info?.role ?? role) as Role;
  }
  return { session: { role, userId: who.user_id, requiresKeys: who.requires_keys, tenant, tenants } };
}

export async function logIn(key: string): Promise<string | undefined> {
  const reply = await fetch(at("session"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key }),
  });
  if (reply.ok) return undefined;
  const body = await reply.json().catch(() => undefined);
  return body?.errors?.[0]?.message ?? `The server answered ${reply.status}.`;
}

export async function logOut(): Promise<void> {
  await fetch(at("session"), { method: "DELETE" });
}
