/** Links within the tenant. */
import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useSession } from "./session";

interface Props {
  /** Path below the tenant: `flow-run/<id>`. */
  to: string;
  search?: Record<string, string | undefined>;
  children: ReactNode;
  className?: string;
  title?: string;
  "aria-label"?: string;
}

export function To({ to, search, children, ...rest }: Props) {
  const { tenant } = useSession();
  return (
    <Link {...({ to: `/${tenant.slug}/${to}`, search: search ?? {} } as any)} {...rest}>
      {children}
    </Link>
  );
}

export function useGo(): (to: string, search?: Record<string, string | undefined>) => void {
  const navigate = useNavigate();
  const { tenant } = useSession();
  return (to, search) => void navigate({ to: `/${tenant.slug}/${to}`, search: search ?? {} } as any);
}
