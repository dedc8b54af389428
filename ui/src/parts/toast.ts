/** Short notes at the edge of the page: what an action did, or why it could not. */
import { useSyncExternalStore } from "react";

export interface Note {
  id: number;
  text: string;
  kind: "plain" | "bad";
}

let notes: Note[] = [];
let next = 0;
const listeners = new Set<() => void>();

function change(to: Note[]): void {
  notes = to;
  for (const tell of listeners) tell();
}

export function dismiss(id: number): void {
  change(notes.filter((note) => note.id !== id));
}

export function toast(text: string, kind: Note["kind"] = "plain"): void {
  next += 1;
  const id = next;
  change([...notes.slice(-3), { id, text, kind }]);
  setTimeout(() => dismiss(id), kind === "bad" ? 9000 : 4000);
}

export function useToasts(): Note[] {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => notes,
  );
}
