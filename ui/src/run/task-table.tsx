/** All task runs of a run: counts first, then pages of the server's list, filtered and sorted there. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { send } from "@/api/fetch";
import { useGql } from "@/api/query";
import { To, useGo } from "@/app/link";
import { useSearchState } from "@/app/search";
import { graphql } from "@/gql";
import type { TaskRunsQuery } from "@/gql/graphql";
import { GROUPS } from "@/lib/states";
import { count as countText } from "@/lib/time";
import { cx, inputClass, Problem, Skeleton, Time, Took } from "@/parts/basics";
import { usePaged } from "@/parts/paged";
import { StateBadge, TEXT } from "@/parts/state";

const TASK_RUNS = graphql(`
  query TaskRuns($where: task_run_bool_exp!, $order: [task_run_order_by!]!, $offset: Int!, $limit: Int!) {
    task_run(where: $where, order_by: $order, offset: $offset, limit: $limit) {
      id name map_index state state_message start_time end_time task { id name }
    }
  }
`);
const TASK_RUN_COUNT = graphql(`
  query TaskRunCount($where: task_run_bool_exp!) { task_run_aggregate(where: $where) { aggregate { count } } }
`);

type Row = TaskRunsQuery["task_run"][number];

const SORTS: Record<string, [string, object[]]> = {
  start: ["by start", [{ start_time: "asc_nulls_last" }, { map_index: "asc" }, { id: "asc" }]],
  latest: ["latest first", [{ start_time: "desc_nulls_last" }, { id: "asc" }]],
  index: ["by index", [{ task_id: "asc" }, { map_index: "asc" }]],
};
const HEIGHT = 36;

interface Props {
  runId: string;
  counts: Record<string, number>;
  taskId?: string;
  taskName?: string;
  onClearTask: () => void;
}

export function TaskTable({ runId, counts, taskId, taskName, onClearTask }: Props) {
  const [group, setGroup] = useSearchState("state");
  const [name, setName] = useSearchState("task_name");
  const [sort, setSort] = useSearchState("sort", "start");
  const [typed, setTyped] = useState(name);
  const [at, setAt] = useState(-1);
  const go = useGo();
  const box = useRef<HTMLDivElement>(null);
  const where = useMemo(
    () => ({
      flow_run_id: { _eq: runId },
      ...(group ? { state: { _in: GROUPS.find((one) => one.key === group)?.states ?? [] } } : {}),
      ...(taskId ? { task_id: { _eq: taskId } } : {}),
      ...(name ? filterByName(name) : {}),
    }),
    [runId, group, name, taskId],
  );
  const order = (SORTS[sort] ?? SORTS.start!)[1];
  const live = [`flow_run_tasks:${runId}`];
  const counted = useGql(TASK_RUN_COUNT, { where }, { live });
  const total = counted.data?.task_run_aggregate.aggregate?.count ?? 0;
  const paged = usePaged<Row>({
    name: ["task_run", where, sort],
    count: total,
    size: 100,
    load: async (offset, limit) => (await send(TASK_RUNS, { where, order, offset, limit })).task_run,
    live,
  });
  const rows = useVirtualizer({
    count: total,
    getScrollElement: () => box.current,
    estimateSize: () => HEIGHT,
    overscan: 10,
  });
  const items = rows.getVirtualItems();
  useEffect(
    () => paged.show(items[0]?.index ?? 0, items.at(-1)?.index ?? 50),
    [items[0]?.index, items.at(-1)?.index],
  );
  useEffect(() => {
    const timer = setTimeout(() => typed !== name && setName(typed), 250);
    return () => clearTimeout(timer);
  }, [typed]);

  const sum = (states: string[]) => states.reduce((all, state) => all + (counts[state] ?? 0), 0);
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line p-2">
        <fieldset className="flex flex-wrap gap-1">
          <legend className="sr-only">State</legend>
          <Chip isOn={!group} onClick={() => setGroup("")}>
            All {countText(Object.values(counts).reduce((all, one) => all + one, 0))}
          </Chip>
          {GROUPS.map((one) => {
            const states = one.key === "good" ? [...one.states, "Mapped"] : one.states;
            const number = sum(states);
            return number || group === one.key ? (
              <Chip
                key={one.key}
                isOn={group === one.key}
                onClick={() => setGroup(group === one.key ? "" : one.key)}
              >
                <span className={TEXT[one.key]}>{one.label}</span> {countText(sum(one.states))}
              </Chip>
            ) : null;
          })}
        </fieldset>
        {taskName && (
          <Chip isOn onClick={onClearTask}>
            task {taskName} ✕
          </Chip>
        )}
        <input
          aria-label="Find a task run"
          placeholder="name, or name[7]"
          className={cx(inputClass, "ml-auto !w-44")}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <select
          aria-label="Order"
          className={cx(inputClass, "!w-auto shrink-0")}
          value={sort}
          onChange={(event) => setSort(event.target.value)}
        >
          {Object.entries(SORTS).map(([key, [label]]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <div
        ref={box}
        className="min-h-0 flex-1 overflow-auto"
        role="table"
        aria-label="Task runs"
        aria-rowcount={total}
        tabIndex={0}
        onKeyDown={(event) => {
          const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
          if (step) {
            event.preventDefault();
            event.stopPropagation();
            const next = Math.max(0, Math.min(total - 1, at + step));
            setAt(next);
            rows.scrollToIndex(next);
          } else if (event.key === "Enter" && paged.row(at)) go(`task-run/${paged.row(at)!.id}`);
        }}
      >
        {(counted.error ?? paged.error) ? (
          <Problem error={(counted.error ?? paged.error)!} />
        ) : counted.isPending ? (
          <Skeleton />
        ) : total === 0 ? (
          <p className="p-8 text-center text-sm text-muted">No task run matches.</p>
        ) : (
          <div role="rowgroup" className="relative" style={{ height: rows.getTotalSize() }}>
            {items.map((item) => {
              const row = paged.row(item.index);
              return (
                <div
                  key={item.key}
                  role="row"
                  aria-rowindex={item.index + 1}
                  className={cx(
                    "absolute left-0 flex w-full items-center gap-4 border-b border-line px-3 text-sm hover:bg-panel",
                    item.index === at && "bg-hover",
                  )}
                  style={{ height: HEIGHT, transform: `translateY(${item.start}px)` }}
                >
                  {row && (
                    <>
                      <span role="cell" className="w-36 shrink-0 max-sm:w-28">
                        <StateBadge state={row.state} />
                      </span>
                      <span role="cell" className="min-w-0 max-w-72 flex-1 truncate">
                        <To to={`task-run/${row.id}`} className="hover:underline">
                          {row.name || row.task?.name}
                          {row.map_index >= 0 && <span className="text-muted">[{row.map_index}]</span>}
                        </To>
                      </span>
                      <span
                        role="cell"
                        className="min-w-0 flex-1 truncate text-muted max-md:hidden"
                        title={row.state_message ?? ""}
                      >
                        {row.state_message}
                      </span>
                      <span role="cell" className="w-20 shrink-0 text-right">
                        <Took from={row.start_time} to={row.end_time} />
                      </span>
                      <span role="cell" className="w-20 shrink-0 text-right text-muted max-sm:hidden">
                        <Time at={row.start_time} />
                      </span>
                    </>
                  )}
                </div>
              );
            })}
          </div>
        )}
      </div>
    </div>
  );
}

/** `load[417]` is the child 417 of a task whose name contains `load`. */
function filterByName(text: string) {
  const match = /^(.*?)\[(\d+)\]?$/.exec(text.trim());
  const like = `%${(match ? match[1]! : text.trim()).replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
  return { task: { name: { _ilike: like } }, ...(match ? { map_index: { _eq: Number(match[2]) } } : {}) };
}

export function Chip({
  isOn,
  onClick,
  children,
}: {
  isOn?: boolean;
  onClick: () => void;
  children: React.ReactNode;
}) {
  return (
    <button
      type="button"
      aria-pressed={isOn}
      onClick={onClick}
      className={cx(
        "inline-flex h-7 items-center gap-1.5 rounded-md border px-2 text-xs",
        isOn ? "border-text bg-hover" : "border-line hover:bg-hover",
      )}
    >
      {children}
    </button>
  );
}
