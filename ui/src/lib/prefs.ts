/** What a reader prefers, kept by the browser and shared by its tabs. */
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
export type Clock = "local" | "utc";

export interface Prefs {
  theme: Theme;
  clock: Clock;
  wrapLogs: boolean;
  /** Saved filters: name -> path with its search. */
  saved: Record<string, string>;
}

const KEY = "prefect.prefs";
const FIRST: Prefs = { theme: "system", clock: "local", wrapLogs: true, saved: {} };
const listeners = new Set<() => void>();
const dark = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
let prefs = read();

function read(): Prefs {
  try {
    return { ...FIRST, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return FIRST; // storage is off, or holds something else
  }
}

function apply(): void {
  const theme = prefs.theme === "system" ? (dark?.matches ? "dark" : "light") : prefs.theme;
  document.documentElement.dataset.theme = theme;
  for (const tell of listeners) tell();
}

export function setPrefs(change: Partial<Prefs>): void {
  prefs = { ...prefs, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs));
  } catch {
    // it holds for this tab only
  }
  apply();
}

export function usePrefs(): Prefs {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => prefs,
  );
}

export const currentPrefs = (): Prefs => prefs;

export function startPrefs(): void {
  dark?.addEventListener("change", apply);
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) {
      prefs = read();
      apply();
    }
  });
  apply();
}
