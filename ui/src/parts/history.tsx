/** Runs of a stretch of time as stacked bars. */
import { useState } from "react";
import { GROUPS } from "@/lib/states";
import { hourMinute, short } from "@/lib/time";
import { cx } from "./basics";
import { FILL } from "./state";

export interface Past {
  id: string;
  state?: string | null;
  at: number;
}

interface Props {
  runs: Past[];
  from: number;
  to: number;
  chosen?: [number, number];
  onChoose: (range: [number, number] | undefined) => void;
}

const BARS = 48;

export function History({ runs, from, to, chosen, onChoose }: Props) {
  const [drag, setDrag] = useState<number>();
  const width = (to - from) / BARS;
  const bars = Array.from({ length: BARS }, (_, index) => ({
    start: from + index * width,
    runs: [] as Past[],
  }));
  for (const run of runs)
    bars[Math.min(BARS - 1, Math.max(0, Math.floor((run.at - from) / width)))]!.runs.push(run);
  const most = Math.max(1, ...bars.map((bar) => bar.runs.length));
  const range = (a: number, b: number): [number, number] => [
    from + Math.min(a, b) * width,
    from + (Math.max(a, b) + 1) * width,
  ];
  return (
    <div className="p-3">
      <div className="flex h-24 items-end gap-px" onMouseLeave={() => setDrag(undefined)}>
        {bars.map((bar, index) => {
          const parts = GROUPS.map((group) => ({
            ...group,
            count: bar.runs.filter((run) => group.states.includes(run.state ?? "Pending")).length,
          })).filter((part) => part.count);
          const text = `${short(bar.start, to)} to ${hourMinute(bar.start + width)}: ${
            parts.map((part) => `${part.count} ${part.label.toLowerCase()}`).join(", ") || "no runs"
          }`;
          const isIn = !chosen || (bar.start >= chosen[0] - 1 && bar.start < chosen[1] - 1);
          return (
            <button
              key={index}
              type="button"
              aria-label={text}
              title={text}
              className={cx(
                "flex h-full min-w-0 flex-1 flex-col justify-end gap-px hover:bg-hover",
                !isIn && "opacity-35",
              )}
              onMouseDown={() => setDrag(index)}
              onMouseUp={() => {
                const picked = range(drag ?? index, index);
                setDrag(undefined);
                onChoose(
                  chosen && drag === index && chosen[0] === picked[0] && chosen[1] === picked[1]
                    ? undefined
                    : picked,
                );
              }}
              onKeyDown={(event) => event.key === "Enter" && onChoose(range(index, index))}
            >
              {parts.map((part) => (
                <span
                  key={part.key}
                  className={cx("block w-full rounded-[1px]", FILL[part.key])}
                  style={{ height: `${(part.count / most) * 100}%`, minHeight: 2 }}
                />
              ))}
            </button>
          );
        })}
      </div>
      <div className="mt-1 flex justify-between border-t border-line pt-1 text-xs text-muted">
        {[0, 0.25, 0.5, 0.75].map((share) => (
          <span key={share}>{hourMinute(from + (to - from) * share)}</span>
        ))}
        <span>now</span>
      </div>
    </div>
  );
}

/** The last runs of a flow, oldest first: height is how long they took, colour how they ended. */
export function Sparkline({
  runs,
}: {
  runs: { id: string; state?: string | null; start_time?: string | null; end_time?: string | null }[];
}) {
  const took = (run: (typeof runs)[number]) =>
    run.start_time && run.end_time ? Date.parse(run.end_time) - Date.parse(run.start_time) : 0;
  const longest = Math.max(1, ...runs.map(took));
  const last = [...runs].reverse();
  return (
    <span
      role="img"
      className="inline-flex h-5 w-20 items-end justify-end gap-0.5 align-middle"
      aria-label={`Last runs: ${last.map((run) => run.state ?? "Pending").join(", ") || "none"}`}
      title={last.map((run) => run.state ?? "Pending").join(", ")}
    >
      {last.map((run) => (
        <span
          key={run.id}
          className={cx(
            "w-1.5 rounded-[1px]",
            FILL[GROUPS.find((group) => group.states.includes(run.state ?? ""))?.key ?? "waiting"],
          )}
          style={{ height: `${20 + 80 * Math.sqrt(took(run) / longest)}%` }}
        />
      ))}
    </span>
  );
}
