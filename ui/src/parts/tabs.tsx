/** Tabs whose choice stands in the URL. */
import { type ReactNode, useEffect, useRef } from "react";
import { useSearchState } from "@/app/search";
import { cx } from "./basics";

export interface Tab {
  key: string;
  label: ReactNode;
}

export function TabBar({
  tabs,
  chosen,
  onChoose,
  aside,
}: {
  tabs: Tab[];
  chosen: string;
  onChoose: (key: string) => void;
  aside?: ReactNode;
}) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // On a phone the chosen one may be outside of what is seen of the bar.
    const tab = bar.current?.querySelector<HTMLElement>("[aria-selected=true]");
    if (bar.current && tab)
      bar.current.scrollLeft = tab.offsetLeft - (bar.current.clientWidth - tab.offsetWidth) / 2;
  }, [chosen]);
  return (
    <div className="flex items-center justify-between border-b border-line px-4 max-sm:px-2">
      <div ref={bar} role="tablist" className="relative -mb-px flex min-w-0 overflow-x-auto">
        {tabs.map((tab) => (
          <button
            key={tab.key}
            type="button"
            role="tab"
            id={`tab-${tab.key}`}
            aria-selected={tab.key === chosen}
            aria-controls="tab-panel"
            onClick={() => onChoose(tab.key)}
            className={cx(
              "inline-flex h-10 shrink-0 items-center gap-1.5 border-b-2 px-3 text-sm",
              tab.key === chosen
                ? "border-text font-semibold"
                : "border-transparent text-muted hover:text-text",
            )}
          >
            {tab.label}
          </button>
        ))}
      </div>
      {aside}
    </div>
  );
}

export function useTab(tabs: Tab[], initial = tabs[0]!.key): [string, (key: string) => void] {
  const [tab, setTab] = useSearchState("tab", initial);
  return [tabs.some((one) => one.key === tab) ? tab : initial, setTab];
}
