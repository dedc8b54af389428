/** Where one is: the breadcrumb, the title of the tab, and its icon, which shows the state of a run. */
import { useEffect, useSyncExternalStore } from "react";
import { family } from "@/lib/states";

export interface Crumb {
  text: string;
  to?: string;
}

let crumbs: Crumb[] = [];
const listeners = new Set<() => void>();

export function useCrumbs(): Crumb[] {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => crumbs,
  );
}

const SIGNS: Record<string, string> = {
  bad: "✕",
  good: "✓",
  running: "▶",
  paused: "✋",
  waiting: "◷",
  ended: "■",
};

export function useTitle(parts: Crumb[], state?: string | null): void {
  const key = JSON.stringify(parts);
  useEffect(() => {
    crumbs = parts;
    for (const tell of listeners) tell();
    const sign = state ? `${SIGNS[family(state)] ?? ""} ` : "";
    document.title = `${sign}${[...parts]
      .reverse()
      .map((part) => part.text)
      .join(" · ")} · Prefect Classic`;
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    const name = state ? family(state) : "idle";
    const href = new URL(`icons/${name === "late" ? "waiting" : name}.svg`, document.baseURI).href;
    if (icon && icon.href !== href) icon.href = href;
  }, [key, state]);
}
