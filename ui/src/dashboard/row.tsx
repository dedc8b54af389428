/** A line of a panel. */
import type { ReactNode } from "react";

export function Row({ children }: { children: ReactNode }) {
  return (
    <div className="flex min-h-9 items-center gap-3 border-b border-line px-3 text-sm last:border-b-0 hover:bg-panel">
      {children}
    </div>
  );
}
