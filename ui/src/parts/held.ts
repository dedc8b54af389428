/** Rows that stay where they are while somebody reads further down: new ones wait until they are wanted. */
import { useEffect, useRef, useState } from "react";

/** Pixels after which a reader has left the top. */
const TOP = 60;

function useIsScrolled(): boolean {
  const [isScrolled, setScrolled] = useState(false);
  useEffect(() => {
    const main =
      document.getElementById("tab-panel")?.querySelector(".overflow-y-auto") ??
      document.getElementById("main");
    if (!main) return;
    const onScroll = () => setScrolled(main.scrollTop > TOP);
    main.addEventListener("scroll", onScroll, { passive: true });
    return () => main.removeEventListener("scroll", onScroll);
  }, []);
  return isScrolled;
}

/**
 * Args: the rows as they are now, and what tells this list from another one.
 * Returns the rows to show, in their latest state, and how many new ones wait.
 */
export function useHeld<Row extends { id: string }>(
  rows: Row[],
  name: string,
): { rows: Row[]; waiting: number } {
  const isScrolled = useIsScrolled();
  const kept = useRef<{ name: string; rows: Row[] }>({ name, rows });
  if (!isScrolled || kept.current.name !== name) {
    kept.current = { name, rows };
    return { rows, waiting: 0 };
  }
  const latest = new Map(rows.map((row) => [row.id, row]));
  const before = new Set(kept.current.rows.map((row) => row.id));
  return {
    rows: kept.current.rows.map((row) => latest.get(row.id) ?? row),
    waiting: rows.filter((row) => !before.has(row.id)).length,
  };
}

export function toTop(): void {
  document.getElementById("tab-panel")?.querySelector(".overflow-y-auto")?.scrollTo(0, 0);
  document.getElementById("main")?.scrollTo(0, 0);
}
