/** The frame around all pages: side bar, breadcrumb, search, and the keys that work everywhere. */
import { Menu } from "@base-ui/react/menu";
import { useLocation, useNavigate } from "@tanstack/react-router";
import {
  Bot,
  CalendarDays,
  ChevronsUpDown,
  LayoutDashboard,
  ListVideo,
  LogOut,
  Monitor,
  Moon,
  Search,
  Settings,
  Sun,
  TerminalSquare,
  Workflow,
} from "lucide-react";
import { type ReactNode, useState } from "react";
import { useConnection, useGql } from "@/api/query";
import { graphql } from "@/gql";
import { setPrefs, usePrefs } from "@/lib/prefs";
import { cx, IconButton, useNow } from "@/parts/basics";
import { dismiss, useToasts } from "@/parts/toast";
import { useCrumbs } from "./crumbs";
import { KeysSheet } from "./keys";
import { To, useGo } from "./link";
import { Palette } from "./palette";
import { logOut, useSession } from "./session";
import { useKeys } from "./use-keys";

export const AGENTS = graphql(`
  query Agents {
    agent(order_by: [{ last_queried: desc }], limit: 200) {
      id name type labels core_version last_queried created
    }
  }
`);

/** An agent that has not asked for this long is taken to be away. */
export const SILENT_MS = 60_000;

const PAGES = [
  { to: "", name: "Dashboard", icon: LayoutDashboard },
  { to: "flows", name: "Flows", icon: Workflow },
  { to: "runs", name: "Runs", icon: ListVideo },
  { to: "calendar", name: "Calendar", icon: CalendarDays },
  { to: "agents", name: "Agents", icon: Bot },
  { to: "api", name: "API", icon: TerminalSquare },
  { to: "settings/projects", name: "Settings", icon: Settings },
];

export function Shell({ children }: { children: ReactNode }) {
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const [isSheetOpen, setSheetOpen] = useState(false);
  const go = useGo();
  useKeys({
    "mod+k": () => setPaletteOpen(true),
    "/": () => setPaletteOpen(true),
    "?": () => setSheetOpen(true),
    "g d": () => go(""),
    "g f": () => go("flows"),
    "g r": () => go("runs"),
    "g a": () => go("agents"),
    "g c": () => go("calendar"),
    "g s": () => go("settings/projects"),
  });
  return (
    <div className="flex h-full flex-col sm:flex-row">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-page focus:p-2">
        Skip to content
      </a>
      <SideBar />
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <TopBar onSearch={() => setPaletteOpen(true)} onKeys={() => setSheetOpen(true)} />
        <main
          id="main"
          tabIndex={-1}
          className="relative min-h-0 flex-1 overflow-y-auto overflow-x-hidden outline-none"
        >
          {children}
        </main>
      </div>
      <Palette isOpen={isPaletteOpen} onOpenChange={setPaletteOpen} />
      <KeysSheet isOpen={isSheetOpen} onOpenChange={setSheetOpen} />
      <Toasts />
    </div>
  );
}

function SideBar() {
  const { pathname } = useLocation();
  const { tenant } = useSession();
  const base = `/${tenant.slug}`;
  const inside = pathname.slice(pathname.indexOf(base) + base.length).replace(/^\//, "");
  const first = inside.split("/")[0] ?? "";
  const section = { flow: "flows", task: "flows", "flow-run": "runs", "task-run": "runs" }[first] ?? first;
  return (
    <nav
      aria-label="Pages"
      className="order-last flex shrink-0 items-stretch border-line bg-panel max-sm:justify-around max-sm:border-t sm:order-none sm:w-14 sm:flex-col sm:border-r wide:w-48"
    >
      <div className="hidden h-12 items-center border-b border-line px-2 sm:flex">
        <TenantMenu />
      </div>
      {PAGES.map(({ to, name, icon: Icon }) => (
        <To
          key={to}
          to={to}
          className={cx(
            "flex items-center gap-2.5 px-2 text-sm max-sm:h-12 max-sm:flex-1 max-sm:flex-col max-sm:justify-center max-sm:gap-0 sm:mx-2 sm:mt-1 sm:h-8 sm:justify-center sm:rounded-md wide:justify-start",
            (to.split("/")[0] ?? "") === section
              ? "bg-hover font-semibold"
              : "text-muted hover:bg-hover hover:text-text",
          )}
        >
          <Icon size={16} aria-hidden />
          <span className="sr-only wide:not-sr-only">{name}</span>
          {to === "agents" && <AgentDot />}
        </To>
      ))}
    </nav>
  );
}

function AgentDot() {
  const { data } = useGql(AGENTS, {}, { live: ["agent"], every: 15_000 });
  const now = useNow();
  const alive = (data?.agent ?? []).filter(
    (agent) => agent.last_queried && now - Date.parse(agent.last_queried) < SILENT_MS,
  ).length;
  return (
    <span
      className="ml-auto hidden items-center gap-1 text-xs text-muted wide:inline-flex"
      title={`${alive} agents ask for work`}
    >
      <span className={cx("size-2 rounded-full", alive ? "bg-good" : "bg-late")} /> {alive}
    </span>
  );
}

function TenantMenu() {
  const { tenant, tenants } = useSession();
  const navigate = useNavigate();
  const sign = (
    <span aria-hidden className="text-running">
      ◇
    </span>
  );
  if (tenants.length < 2) {
    return (
      <span className="flex min-w-0 items-center gap-2 px-2 text-sm font-semibold" title={tenant.name}>
        {sign} <span className="hidden truncate wide:inline">{tenant.name}</span>
      </span>
    );
  }
  return (
    <Menu.Root>
      <Menu.Trigger
        aria-label={`Tenant ${tenant.name}`}
        className="flex min-w-0 flex-1 items-center gap-2 rounded-md px-2 py-1 text-sm font-semibold hover:bg-hover"
      >
        {sign} <span className="hidden truncate wide:inline">{tenant.name}</span>
        <ChevronsUpDown size={14} className="ml-auto hidden text-muted wide:block" />
      </Menu.Trigger>
      <MenuPopup>
        {tenants.map((one) => (
          <Menu.Item
            key={one.id}
            onClick={() => void navigate({ to: `/${one.slug}` } as any)}
            className={cx(menuItem, one.id === tenant.id && "font-semibold")}
          >
            {one.name}
          </Menu.Item>
        ))}
      </MenuPopup>
    </Menu.Root>
  );
}

export const menuItem =
  "flex cursor-default select-none items-center gap-2 rounded px-2 py-1.5 text-sm outline-none data-[highlighted]:bg-hover data-[disabled]:opacity-45";

export function MenuPopup({ children }: { children: ReactNode }) {
  return (
    <Menu.Portal>
      <Menu.Positioner sideOffset={4} align="end" className="z-40 outline-none">
        <Menu.Popup className="max-h-96 min-w-44 overflow-auto rounded-md border border-line-strong bg-raised p-1 shadow-lg outline-none">
          {children}
        </Menu.Popup>
      </Menu.Positioner>
    </Menu.Portal>
  );
}

function TopBar({ onSearch, onKeys }: { onSearch: () => void; onKeys: () => void }) {
  const crumbs = useCrumbs();
  const { clock, theme } = usePrefs();
  const connection = useConnection();
  const { requiresKeys } = useSession();
  const navigate = useNavigate();
  const next = { system: "light", light: "dark", dark: "system" } as const;
  return (
    <header className="flex h-12 shrink-0 items-center gap-1 border-b border-line px-3">
      <nav aria-label="Breadcrumb" className="flex min-w-0 flex-1 items-center gap-1.5 text-sm">
        {crumbs.map((crumb, index) => (
          <span
            key={index}
            className={cx(
              "flex min-w-0 items-center gap-1.5",
              index < crumbs.length - 1 ? "text-muted max-sm:hidden" : "font-semibold",
            )}
          >
            {index > 0 && <span className="text-muted max-sm:hidden">/</span>}
            {crumb.to !== undefined && index < crumbs.length - 1 ? (
              <To to={crumb.to} className="truncate hover:text-text">
                {crumb.text}
              </To>
            ) : index === crumbs.length - 1 ? (
              <h1 className="truncate">{crumb.text}</h1>
            ) : (
              <span className="truncate">{crumb.text}</span>
            )}
          </span>
        ))}
      </nav>
      {connection === "polling" && (
        <span role="status" className="mr-1 flex items-center gap-1.5 text-xs text-late">
          <span className="is-live size-2 rounded-full bg-late" />
          <span className="max-sm:hidden">reconnecting</span>
        </span>
      )}
      <button
        type="button"
        onClick={onSearch}
        className="flex h-8 items-center gap-2 rounded-md border border-line px-2 text-sm text-muted hover:bg-hover sm:w-44"
        aria-label="Search"
      >
        <Search size={14} aria-hidden /> <span className="max-sm:hidden">Search</span>
        <kbd className="ml-auto rounded border border-line px-1 font-mono text-xs max-sm:hidden">/</kbd>
      </button>
      <button
        type="button"
        className="h-8 rounded-md px-2 text-sm text-muted hover:bg-hover hover:text-text"
        title="Times in your time zone or in UTC"
        onClick={() => setPrefs({ clock: clock === "utc" ? "local" : "utc" })}
      >
        {clock === "utc" ? "UTC" : "Local"}
      </button>
      <IconButton label={`Theme: ${theme}`} onClick={() => setPrefs({ theme: next[theme] })}>
        {theme === "dark" ? (
          <Moon size={15} />
        ) : theme === "light" ? (
          <Sun size={15} />
        ) : (
          <Monitor size={15} />
        )}
      </IconButton>
      <IconButton label="Keyboard shortcuts" className="max-sm:hidden" onClick={onKeys}>
        <span className="font-mono text-sm">?</span>
      </IconButton>
      {requiresKeys && (
        <IconButton
          label="Log out"
          onClick={() => void logOut().then(() => navigate({ to: "/login" } as any))}
        >
          <LogOut size={15} />
        </IconButton>
      )}
    </header>
  );
}

function Toasts() {
  const notes = useToasts();
  return (
    <div
      className="pointer-events-none fixed bottom-16 right-4 z-50 flex max-w-sm flex-col gap-2 sm:bottom-4"
      aria-live="polite"
    >
      {notes.map((note) => (
        <button
          type="button"
          key={note.id}
          onClick={() => dismiss(note.id)}
          className={cx(
            "pointer-events-auto rounded-md border bg-raised px-3 py-2 text-left text-sm shadow-lg",
            note.kind === "bad" ? "border-bad text-bad" : "border-line-strong",
          )}
        >
          {note.text}
        </button>
      ))}
    </div>
  );
}
