import { useParams } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { useTitle } from "@/app/crumbs";
import { To } from "@/app/link";
import { useSession } from "@/app/session";
import { cx } from "@/parts/basics";
import { Concurrency } from "@/settings/concurrency";
import { Keys, Profile, Team } from "@/settings/people";
import { Projects, TenantSettings } from "@/settings/tenant";
import { KeyValues, Secrets } from "@/settings/values";

interface Part {
  key: string;
  name: string;
  component: ComponentType;
  /** Only where people have keys of their own. */
  needsPeople?: boolean;
}

const PARTS: Part[] = [
  { key: "projects", name: "Projects", component: Projects },
  { key: "concurrency", name: "Concurrency", component: Concurrency },
  { key: "kv", name: "Key-value store", component: KeyValues },
  { key: "secrets", name: "Secrets", component: Secrets },
  { key: "team", name: "Team", component: Team },
  { key: "keys", name: "API keys", component: Keys },
  { key: "tenant", name: "Tenant", component: TenantSettings },
  { key: "profile", name: "Profile", component: Profile, needsPeople: true },
];

export function SettingsPage() {
  const { part } = useParams({ strict: false }) as { part?: string };
  const { userId } = useSession();
  const parts = PARTS.filter((one) => !one.needsPeople || userId);
  const chosen = parts.find((one) => one.key === part) ?? parts[0]!;
  useTitle([{ text: "Settings", to: "settings/projects" }, { text: chosen.name }]);
  const Content = chosen.component;
  return (
    <div className="flex h-full max-md:flex-col">
      <nav
        aria-label="Settings"
        className="flex shrink-0 gap-1 overflow-x-auto border-line p-3 max-md:border-b md:w-44 md:flex-col md:border-r"
      >
        {parts.map((one) => (
          <To
            key={one.key}
            to={`settings/${one.key}`}
            className={cx(
              "whitespace-nowrap rounded-md px-2 py-1 text-sm",
              one.key === chosen.key ? "bg-hover font-semibold" : "text-muted hover:bg-hover hover:text-text",
            )}
          >
            {one.name}
          </To>
        ))}
      </nav>
      <div className="min-w-0 flex-1 overflow-y-auto p-4">
        <div className="mx-auto flex max-w-4xl flex-col gap-4">
          <Content />
        </div>
      </div>
    </div>
  );
}
