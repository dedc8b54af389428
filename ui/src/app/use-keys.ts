/** Keys and sequences of keys: `mod+k`, `?`, `g d`. */
import { useEffect, useRef } from "react";

type Bindings = Record<string, () => void>;

const PATIENCE_MS = 900;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) ||
      target.closest('[role="dialog"]') !== null)
  );
}

export function useKeys(bindings: Bindings): void {
  const latest = useRef(bindings);
  latest.current = bindings;
  useEffect(() => {
    let first = "";
    let since = -PATIENCE_MS;
    const onKey = (event: KeyboardEvent) => {
      const mod = event.metaKey || event.ctrlKey;
      if (event.altKey || (!mod && isTyping(event.target))) return;
      // When the key was pressed, not when a busy page came to hear of it.
      const now = event.timeStamp;
      const key = mod ? `mod+${event.key.toLowerCase()}` : event.key;
      const pair = `${first} ${key}`;
      const name = now - since < PATIENCE_MS && latest.current[pair] ? pair : key;
      first = key;
      since = now;
      const act = latest.current[name];
      if (!act || event.defaultPrevented) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
