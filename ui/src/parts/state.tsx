/** How states look: always an icon and a word beside the colour. */
import { Check, CircleDashed, Clock, Hand, Play, RotateCw, Square, X } from "lucide-react";
import { type Family, family, GROUPS, isLate, word } from "@/lib/states";
import { count } from "@/lib/time";
import { cx, useNow } from "./basics";

export const TEXT: Record<Family, string> = {
  waiting: "text-waiting",
  late: "text-late",
  running: "text-running",
  paused: "text-paused",
  good: "text-good",
  bad: "text-bad",
  ended: "text-ended",
};

export const FILL: Record<Family, string> = {
  waiting: "bg-waiting",
  late: "bg-late",
  running: "bg-running",
  paused: "bg-paused",
  good: "bg-good",
  bad: "bg-bad",
  ended: "bg-ended",
};

export function StateIcon({ state, size = 14 }: { state: string | null | undefined; size?: number }) {
  const name = family(state);
  const props = { size, strokeWidth: 2.5, "aria-hidden": true, className: cx("shrink-0", TEXT[name]) };
  if (state === "Retrying" || state === "Looped") return <RotateCw {...props} />;
  if (state === "Skipped") return <CircleDashed {...props} />;
  switch (name) {
    case "running":
      return <Play {...props} className={cx(props.className, "is-live")} fill="currentColor" />;
    case "paused":
      return <Hand {...props} />;
    case "good":
      return <Check {...props} />;
    case "bad":
      return <X {...props} />;
    case "ended":
      return <Square {...props} fill="currentColor" />;
    default:
      return <Clock {...props} />;
  }
}

export function StateBadge({ state, due }: { state: string | null | undefined; due?: string | null }) {
  return due && state === "Scheduled" ? (
    <DueBadge state={state} due={due} />
  ) : (
    <span
      className={cx(
        "inline-flex items-center gap-1.5 whitespace-nowrap align-middle font-medium",
        TEXT[family(state)],
      )}
    >
      <StateIcon state={state} />
      {word(state)}
    </span>
  );
}

function DueBadge({ state, due }: { state: string; due: string }) {
  const late = isLate(state, Date.parse(due), useNow());
  return (
    <span
      className={cx(
        "inline-flex items-center gap-1.5 whitespace-nowrap font-medium",
        late ? "text-late" : "text-waiting",
      )}
    >
      <Clock size={14} strokeWidth={2.5} aria-hidden className="shrink-0" />
      {late ? "Late" : word(state)}
    </span>
  );
}

/** `{state: count}` as one stacked bar. */
export function CountsBar({ counts, className }: { counts: Record<string, number>; className?: string }) {
  const total = Object.values(counts).reduce((sum, value) => sum + value, 0);
  if (!total) return <div className={cx("h-2 rounded-sm bg-hover", className)} />;
  const parts = GROUPS.map((group) => ({
    ...group,
    count: group.states.reduce((sum, state) => sum + (counts[state] ?? 0), 0),
  })).filter((group) => group.count > 0);
  const text = parts.map((part) => `${count(part.count)} ${part.label.toLowerCase()}`).join(", ");
  return (
    <div
      role="img"
      aria-label={text}
      title={text}
      className={cx("flex h-2 gap-px overflow-hidden rounded-sm", className)}
    >
      {parts.map((part) => (
        <div
          key={part.key}
          className={FILL[part.key]}
          style={{ flexGrow: part.count, flexBasis: 0, minWidth: part.key === "bad" ? 3 : 1 }}
        />
      ))}
    </div>
  );
}
