import { ChevronLeft, ChevronRight } from "lucide-react";
import { useMemo } from "react";
import { useGql } from "@/api/query";
import { useTitle } from "@/app/crumbs";
import { To } from "@/app/link";
import { useSearchState } from "@/app/search";
import { graphql } from "@/gql";
import { usePrefs } from "@/lib/prefs";
import { family, isLate, word } from "@/lib/states";
import { clockTime, day as dayText, duration, hourMinute } from "@/lib/time";
import { cx, IconButton, inputClass, Problem, Skeleton, useNow } from "@/parts/basics";
import { FILL, TEXT } from "@/parts/state";

const DAY_RUNS = graphql(`
  query DayRuns($where: flow_run_bool_exp!) {
    flow_run(where: $where, order_by: [{ scheduled_start_time: asc }], limit: 2000) {
      id name state start_time end_time scheduled_start_time flow { name flow_group_id }
    }
    flow(where: { archived: { _eq: false } }, order_by: [{ name: asc }], limit: 500) { id name flow_group_id }
  }
`);

const DAY = 86_400_000;

export function CalendarPage() {
  useTitle([{ text: "Calendar" }]);
  const { clock } = usePrefs();
  const now = useNow();
  const [text, setText] = useSearchState("day", dayText(now));
  const [flow, setFlow] = useSearchState("flow");
  const from = useMemo(() => {
    const [year, month, date] = text.split("-").map(Number);
    const at =
      clock === "utc" ? Date.UTC(year!, month! - 1, date) : new Date(year!, month! - 1, date).getTime();
    return Number.isNaN(at) ? Math.floor(now / DAY) * DAY : at;
  }, [text, clock]);
  const to = from + DAY;
  const { data, error, isPending } = useGql(
    DAY_RUNS,
    {
      where: {
        scheduled_start_time: { _gte: new Date(from).toISOString(), _lt: new Date(to).toISOString() },
        ...(flow ? { flow: { flow_group_id: { _eq: flow } } } : {}),
      },
    },
    { live: ["flow_run"] },
  );
  const byFlow = useMemo(() => {
    const found = new Map<string, NonNullable<typeof data>["flow_run"]>();
    for (const run of data?.flow_run ?? []) {
      const list = found.get(run.flow?.flow_group_id ?? "");
      if (list) list.push(run);
      else found.set(run.flow?.flow_group_id ?? "", [run]);
    }
    return [...found.values()].sort((a, b) => (a[0]!.flow?.name ?? "").localeCompare(b[0]!.flow?.name ?? ""));
  }, [data]);
  const move = (days: number) => setText(dayText(from + days * DAY + DAY / 2));
  const share = (at: number) => `${Math.max(0, Math.min(100, ((at - from) / DAY) * 100))}%`;
  if (error) return <Problem error={error} />;
  return (
    <div>
      <div className="flex flex-wrap items-center gap-2 border-b border-line p-3">
        <IconButton label="Day before" onClick={() => move(-1)}>
          <ChevronLeft size={16} />
        </IconButton>
        <input
          type="date"
          aria-label="Day"
          className={cx(inputClass, "!w-auto")}
          value={text}
          onChange={(event) => event.target.value && setText(event.target.value)}
        />
        <IconButton label="Day after" onClick={() => move(1)}>
          <ChevronRight size={16} />
        </IconButton>
        <button
          type="button"
          className="text-sm text-link hover:underline"
          onClick={() => setText(dayText(now))}
        >
          today
        </button>
        <select
          aria-label="Flow"
          className={cx(inputClass, "ml-auto !w-auto max-w-60")}
          value={flow}
          onChange={(event) => setFlow(event.target.value)}
        >
          <option value="">all flows</option>
          {(data?.flow ?? []).map((one) => (
            <option key={one.id} value={one.flow_group_id}>
              {one.name}
            </option>
          ))}
        </select>
      </div>
      {isPending ? (
        <Skeleton />
      ) : (
        <div className="overflow-x-auto p-4">
          <div className="min-w-[44rem]">
            <div className="relative ml-40 h-6 text-xs text-muted">
              {[0, 3, 6, 9, 12, 15, 18, 21].map((hour) => (
                <span
                  key={hour}
                  className="absolute -translate-x-1/2"
                  style={{ left: share(from + hour * 3_600_000) }}
                >
                  {hourMinute(from + hour * 3_600_000)}
                </span>
              ))}
            </div>
            {byFlow.length === 0 && <p className="p-8 text-center text-sm text-muted">No run on this day.</p>}
            {byFlow.map((runs) => (
              <div key={runs[0]!.flow?.flow_group_id} className="flex h-9 items-center border-b border-line">
                <To
                  to={`flow/${runs[0]!.flow?.flow_group_id}`}
                  className="w-40 shrink-0 truncate pr-3 text-sm hover:underline"
                >
                  {runs[0]!.flow?.name}
                </To>
                <div className="relative h-full min-w-0 flex-1">
                  {from <= now && now < to && (
                    <span className="absolute inset-y-0 w-px bg-running" style={{ left: share(now) }} />
                  )}
                  {runs.map((run) => {
                    const begin = Date.parse(run.start_time ?? run.scheduled_start_time);
                    const end = run.end_time
                      ? Date.parse(run.end_time)
                      : run.start_time
                        ? Math.min(now, to)
                        : begin;
                    const kind = isLate(run.state, begin, now) ? "late" : family(run.state);
                    const title = `${run.name} · ${kind === "late" ? "late" : word(run.state)} · ${clockTime(begin)}${run.start_time ? ` · ${duration(end - begin)}` : ""}`;
                    return (
                      <To
                        key={run.id}
                        to={`flow-run/${run.id}`}
                        title={title}
                        aria-label={title}
                        className={cx(
                          "absolute top-2 h-5 min-w-1.5 rounded-sm",
                          run.start_time ? FILL[kind] : cx("border-2 border-current", TEXT[kind]),
                        )}
                      >
                        <span className="sr-only">{run.name}</span>
                        <Place left={share(begin)} width={`calc(${share(end)} - ${share(begin)})`} />
                      </To>
                    );
                  })}
                </div>
              </div>
            ))}
          </div>
        </div>
      )}
    </div>
  );
}

/** Puts the link it stands in at its place: links take no style of their own. */
function Place({ left, width }: { left: string; width: string }) {
  return (
    <span
      hidden
      ref={(element) => {
        const link = element?.parentElement;
        if (link) {
          link.style.left = left;
          link.style.width = width;
        }
      }}
    />
  );
}
