/** The addresses of all pages. Those of runs and flows are the links that clients of 1.x print. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  Outlet,
} from "@tanstack/react-router";
import { Problem } from "@/parts/basics";
import { Gate } from "./gate";

type Search = Record<string, string | undefined>;

/** Values of the query as they are written: an id that looks like a number stays text. */
function parseSearch(text: string): Search {
  return Object.fromEntries(new URLSearchParams(text));
}

function stringifySearch(search: Record<string, unknown>): string {
  const set = Object.entries(search).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : "";
}

const root = createRootRoute({
  component: Outlet,
  errorComponent: ({ error }) => <Problem error={error as Error} />,
  validateSearch: (search): Search => search as Search,
});

const login = createRoute({
  getParentRoute: () => root,
  path: "login",
  component: lazyRouteComponent(() => import("@/pages/login"), "LoginPage"),
});
const home = createRoute({ getParentRoute: () => root, path: "/", component: Gate });
const tenant = createRoute({ getParentRoute: () => root, path: "$slug", component: Gate });

const page = (path: string, load: () => Promise<any>, name: string) =>
  createRoute({ getParentRoute: () => tenant, path, component: lazyRouteComponent(load, name) });

const pages = [
  page("/", () => import("@/pages/dashboard"), "DashboardPage"),
  page("flows", () => import("@/pages/flows"), "FlowsPage"),
  page("flow/$id", () => import("@/pages/flow"), "FlowPage"),
  page("runs", () => import("@/pages/runs"), "RunsPage"),
  page("flow-run/$id", () => import("@/pages/flow-run"), "FlowRunPage"),
  page("task-run/$id", () => import("@/pages/task-run"), "TaskRunPage"),
  page("task/$id", () => import("@/pages/task"), "TaskPage"),
  page("calendar", () => import("@/pages/calendar"), "CalendarPage"),
  page("agents", () => import("@/pages/agents"), "AgentsPage"),
  page("settings/$part", () => import("@/pages/settings"), "SettingsPage"),
  page("api", () => import("@/pages/api"), "ApiPage"),
  createRoute({
    getParentRoute: () => tenant,
    path: "settings",
    component: () => <Navigate {...({ to: "./projects", replace: true } as any)} />,
  }),
];

export const router = createRouter({
  routeTree: root.addChildren([home, login, tenant.addChildren(pages)]),
  basepath: new URL(document.baseURI).pathname.replace(/\/$/, "") || "/",
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultPreloadDelay: 80,
  scrollRestoration: true,
  defaultNotFoundComponent: () => (
    <p className="p-10 text-center text-muted">There is no page at this address.</p>
  ),
});
