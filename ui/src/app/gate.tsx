/** Lets in who may: opens the session, sends to the login page, and moves to the tenant's address. */
import { Outlet, useLocation, useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { onLoggedOut } from "@/api/fetch";
import { live, queryClient } from "@/api/query";
import { Problem, Skeleton } from "@/parts/basics";
import { type Opened, openSession, SessionContext } from "./session";
import { Shell } from "./shell";

export function Gate() {
  const { slug } = useParams({ strict: false }) as { slug?: string };
  const navigate = useNavigate();
  const location = useLocation();
  const [opened, setOpened] = useState<Opened | Error>();
  const session = opened && "session" in opened ? opened.session : undefined;
  const isHere = session !== undefined && session.tenant.slug === slug;

  useEffect(() => {
    let isCurrent = true;
    if (session && session.tenant.slug === slug) return;
    openSession(slug).then(
      (found) => isCurrent && setOpened(found),
      (error) => isCurrent && setOpened(error instanceof Error ? error : new Error(String(error))),
    );
    return () => {
      isCurrent = false;
    };
  }, [slug]);

  useEffect(() => {
    const toLogin = () => {
      queryClient.clear();
      const login = new URL("login", document.baseURI).pathname;
      if (window.location.pathname === login) return;
      const here = window.location.href.slice(new URL(document.baseURI).href.length - 1);
      void navigate({ to: "/login", search: { next: here }, replace: true } as any);
    };
    if (opened && "isLoggedOut" in opened) toLogin();
    onLoggedOut(toLogin);
  }, [opened]);

  useEffect(() => {
    if (!session || isHere) return;
    // A page of a tenant that is not here is looked for in ours: its id is what matters.
    const base = new URL(document.baseURI).pathname.replace(/\/$/, "");
    const path = location.pathname.startsWith(base)
      ? location.pathname.slice(base.length)
      : location.pathname;
    const rest = slug === undefined ? "" : path.split("/").slice(2).join("/");
    void navigate({ to: `/${session.tenant.slug}/${rest}`, search: location.search, replace: true } as any);
  }, [session, isHere]);

  const tenantId = isHere ? session.tenant.id : undefined;
  useEffect(() => {
    return tenantId ? live.start() : undefined;
  }, [tenantId]);

  if (opened instanceof Error) return <Problem error={opened} />;
  if (!isHere) return <Skeleton rows={8} />;
  return (
    <SessionContext.Provider value={session}>
      <Shell key={session.tenant.id}>
        <Outlet />
      </Shell>
    </SessionContext.Provider>
  );
}
