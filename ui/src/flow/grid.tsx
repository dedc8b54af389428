/** Tasks × last runs: a row for each task in the order they run, a column for each run, the newest right. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { useGql } from "@/api/query";
import { To, useGo } from "@/app/link";
import { usePatchSearch, useSearchState } from "@/app/search";
import { FAILED, family, hasEnded, word } from "@/lib/states";
import { absolute, duration, millis } from "@/lib/time";
import { cx, Empty, Skeleton, Time, Took } from "@/parts/basics";
import { FILL, StateBadge } from "@/parts/state";
import { inOrder } from "./order";
import { FLOW_TASKS, GRID_CELLS, GRID_RUNS } from "./queries";

const ROW = 24;
const BAR = 56;
/** Cells that are read at once. */
const MOST_CELLS = 12_000;

interface Props {
  groupId: string;
  flowId: string;
  nTasks: number;
}

export function Grid({ groupId, flowId, nTasks }: Props) {
  const [chosen, setChosen] = useSearchState("cell");
  const COLUMN = nTasks > 200 ? 20 : 26;
  const [cursor, setCursor] = useState<[number, number]>();
  const [hover, setHover] = useState<[number, number]>();
  const patch = usePatchSearch();
  const go = useGo();
  const box = useRef<HTMLDivElement>(null);
  const limit = Math.max(5, Math.min(40, Math.floor(MOST_CELLS / Math.max(1, nTasks))));
  const live = ["flow_run"];
  const runsQuery = useGql(GRID_RUNS, { group: groupId, limit }, { live });
  const runs = useMemo(() => [...(runsQuery.data?.flow_run ?? [])].reverse(), [runsQuery.data]);
  const cells = useGql(
    GRID_CELLS,
    { runs: runs.map((run) => run.id) },
    { live: ["flow_run", "flow_run_tasks"], enabled: runs.length > 0 },
  );
  const tasks = useGql(FLOW_TASKS, { id: flowId });
  const rows = useMemo(() => inOrder(tasks.data?.task ?? [], tasks.data?.edge ?? []), [tasks.data]);
  const byCell = useMemo(() => {
    const found = new Map<string, NonNullable<typeof cells.data>["task_run"][number]>();
    for (const one of cells.data?.task_run ?? []) found.set(`${one.flow_run_id} ${one.task?.slug}`, one);
    return found;
  }, [cells.data]);
  const broken = useMemo(
    () => new Set((cells.data?.failed ?? []).map((one) => `${one.flow_run_id} ${one.task?.slug}`)),
    [cells.data],
  );
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 8,
    paddingStart: BAR + 8,
  });

  if (runsQuery.isPending || tasks.isPending) return <Skeleton />;
  if (runs.length === 0)
    return (
      <Empty
        text="No run of this flow has started yet. Press Run, or:"
        command="prefect run --id FLOW_ID"
        waits="waiting for the first run"
      />
    );

  const took = (run: (typeof runs)[number]) =>
    (hasEnded(run.state) ? (millis(run.end_time) ?? millis(run.start_time)!) : Date.now()) -
    millis(run.start_time)!;
  const longest = Math.max(1, ...runs.map(took));
  const cellOf = (row: number, column: number) => byCell.get(`${runs[column]?.id} ${rows[row]?.slug}`);
  const choose = (row: number, column: number) => {
    setCursor([row, column]);
    setChosen(cellOf(row, column)?.id);
  };
  const selected = cells.data?.task_run.find((one) => one.id === chosen);

  return (
    <div className="flex min-h-0 flex-1 max-md:flex-col">
      <div
        ref={box}
        className="min-h-0 min-w-0 flex-1 overflow-auto"
        role="grid"
        aria-label="Tasks by runs"
        aria-rowcount={rows.length}
        aria-colcount={runs.length}
        tabIndex={0}
        onMouseLeave={() => setHover(undefined)}
        onKeyDown={(event) => {
          const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[
            event.key
          ];
          if (step) {
            event.preventDefault();
            const [row, column] = cursor ?? [0, runs.length];
            const next: [number, number] = [
              Math.max(0, Math.min(rows.length - 1, row + step[0]!)),
              Math.max(0, Math.min(runs.length - 1, column + step[1]!)),
            ];
            choose(...next);
            virtual.scrollToIndex(next[0]);
          } else if (event.key === "Enter" && selected) go(`task-run/${selected.id}`);
        }}
      >
        <div
          className="relative"
          style={{ height: virtual.getTotalSize() + 16, minWidth: 220 + runs.length * COLUMN }}
        >
          <div
            role="row"
            className="sticky top-0 z-10 flex items-end bg-page pl-[13rem] max-sm:pl-[9rem]"
            style={{ height: BAR }}
          >
            {runs.map((run, column) => (
              <span role="columnheader" key={run.id} className="h-full">
                <To
                  to={`flow-run/${run.id}`}
                  title={`${run.name} · v${run.flow?.version} · ${word(run.state)} · ${absolute(millis(run.start_time)!)} · ${duration(took(run))}`}
                  aria-label={`Run ${run.name}, ${word(run.state)}, ${duration(took(run))}`}
                  className={cx(
                    "flex h-full items-end justify-center border-l",
                    column > 0 && runs[column - 1]!.flow?.version !== run.flow?.version
                      ? "border-line-strong"
                      : "border-transparent",
                    hover?.[1] === column && "bg-hover",
                  )}
                >
                  <span
                    className={cx("block rounded-t-sm", FILL[family(run.state)])}
                    style={{
                      width: COLUMN - 7,
                      margin: "0 3px",
                      // The root, so that one run of hours leaves those of seconds to be seen.
                      height: Math.max(3, (BAR - 8) * Math.sqrt(took(run) / longest)),
                    }}
                  />
                </To>
              </span>
            ))}
          </div>
          {virtual.getVirtualItems().map((item) => {
            const task = rows[item.index]!;
            return (
              <div
                key={item.key}
                role="row"
                aria-rowindex={item.index + 1}
                className={cx(
                  "absolute left-0 flex w-full items-center",
                  hover?.[0] === item.index && "bg-panel",
                )}
                style={{ height: ROW, transform: `translateY(${item.start}px)`, top: 0 }}
              >
                <div
                  role="rowheader"
                  className="sticky left-0 z-[1] w-[13rem] shrink-0 truncate bg-page pl-4 pr-2 text-sm max-sm:w-[9rem]"
                >
                  <To to={`task/${task.id}`} className="hover:underline" title={task.name ?? task.slug}>
                    {task.name ?? task.slug}
                  </To>
                </div>
                {runs.map((run, column) => {
                  const cell = byCell.get(`${run.id} ${task.slug}`);
                  const isBroken = broken.has(`${run.id} ${task.slug}`);
                  const state = isBroken ? "Failed" : cell?.state;
                  const isChanged = column > 0 && runs[column - 1]!.flow?.version !== run.flow?.version;
                  return (
                    <div
                      key={run.id}
                      role="gridcell"
                      aria-selected={cell !== undefined && cell.id === chosen}
                      aria-label={`${task.name} in ${run.name}: ${cell ? word(state) : "no such task"}`}
                      title={`${task.name} · ${run.name} · ${cell ? word(state) : "no such task"}`}
                      className={cx(
                        "flex h-full shrink-0 cursor-pointer items-center justify-center border-l",
                        isChanged ? "border-line-strong" : "border-transparent",
                        hover?.[1] === column && "bg-hover",
                      )}
                      style={{ width: COLUMN }}
                      onMouseEnter={() => setHover([item.index, column])}
                      onClick={() => choose(item.index, column)}
                    >
                      {cell && (
                        <Cell
                          state={state}
                          isMapped={cell.state === "Mapped"}
                          isChosen={cell.id === chosen}
                        />
                      )}
                    </div>
                  );
                })}
              </div>
            );
          })}
        </div>
      </div>
      {selected && (
        <aside
          className="w-80 shrink-0 border-line p-4 text-sm max-md:w-full max-md:border-t md:border-l"
          aria-label="Task run"
        >
          <div className="flex items-center justify-between">
            <StateBadge state={selected.state} />
            <button
              type="button"
              className="text-muted hover:text-text"
              onClick={() => patch({ cell: undefined })}
            >
              close
            </button>
          </div>
          <p className="mt-2 font-medium">{rows.find((row) => row.slug === selected.task?.slug)?.name}</p>
          <p className="text-muted">
            <Time at={selected.start_time} /> · <Took from={selected.start_time} to={selected.end_time} />
          </p>
          <p className="mt-3 flex flex-col gap-1">
            <To to={`task-run/${selected.id}`} className="text-link hover:underline">
              Task run and its log
            </To>
            <To to={`flow-run/${selected.flow_run_id}`} className="text-link hover:underline">
              Flow run {runs.find((run) => run.id === selected.flow_run_id)?.name}
            </To>
          </p>
        </aside>
      )}
    </div>
  );
}

function Cell({
  state,
  isMapped,
  isChosen,
}: {
  state: string | null | undefined;
  isMapped: boolean;
  isChosen: boolean;
}) {
  const kind = family(state);
  const isHollow = state === "Skipped" || kind === "waiting";
  return (
    <span
      className={cx(
        "block size-3.5 rounded-[3px]",
        isHollow ? "border border-line-strong" : FILL[kind],
        state === "Cached" && "opacity-60",
        state === "TriggerFailed" && "hatched",
        kind === "running" && "is-live",
        isMapped && "shadow-[2px_2px_0_var(--line-strong)]",
        isChosen && "outline-2 outline-offset-1 outline-text",
      )}
    >
      {/* Colour is never the only sign: what failed has a cross. */}
      {FAILED.includes(state ?? "") && state !== "TriggerFailed" && (
        <svg viewBox="0 0 14 14" aria-hidden="true" className="size-3.5" stroke="var(--page)" strokeWidth="2">
          <path d="m4 4 6 6M10 4l-6 6" />
        </svg>
      )}
    </span>
  );
}
