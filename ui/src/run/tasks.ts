/** The tasks of a run as bars, and the children of one that is opened. */
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { currentTenantId, send } from "@/api/fetch";
import { useGql } from "@/api/query";
import type { ChildrenQuery } from "@/gql/graphql";
import { FAILED, hasEnded } from "@/lib/states";
import { millis } from "@/lib/time";
import { usePaged } from "@/parts/paged";
import type { Bar } from "./painter";
import { CHILDREN, MAPPED, RUN_EDGES, RUN_RETRIES, RUN_TASKS } from "./queries";
import type { Opened } from "./timeline";

/** Mapped tasks whose children are counted; a flow with more than these is drawn without the rest. */
const MOST_MAPPED = 100;

export interface RunTask extends Bar {
  taskId: string;
}

/** The children of a mapped task: all of them, or those that failed; only those in sight are read. */
export function useOpened(
  runId: string,
  task: RunTask | undefined,
  isFailedOnly: boolean,
): Opened | undefined {
  const counts = task?.counts ?? {};
  const states = isFailedOnly ? FAILED : Object.keys(counts);
  const count = states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const where = {
    flow_run_id: { _eq: runId },
    task_id: { _eq: task?.taskId },
    map_index: { _gte: 0 },
    ...(isFailedOnly ? { state: { _in: FAILED } } : {}),
  };
  const paged = usePaged<ChildrenQuery["task_run"][number]>({
    name: ["children", where],
    count,
    size: 200,
    load: async (offset, limit) => (await send(CHILDREN, { where, offset, limit })).task_run,
    live: [`flow_run_tasks:${runId}`],
  });
  return useMemo(() => {
    if (!task?.counts) return undefined;
    return {
      id: task.id,
      count,
      show: paged.show,
      bar: (index: number) => {
        const row = paged.row(index);
        return row && childBar(row);
      },
    };
  }, [task, count, paged.row, paged.show]);
}

function childBar(row: ChildrenQuery["task_run"][number]): Bar {
  return {
    id: row.id,
    label: `[${row.map_index}]`,
    state: row.state ?? null,
    start: millis(row.start_time),
    end: millis(row.end_time),
    retries: [],
    isChild: true,
  };
}

/** Tells of each task when all that it needs was done. */
export function withReady(
  bars: RunTask[],
  edges: { upstream_task_id: string; downstream_task_id: string }[],
  begin: number | undefined,
): RunTask[] {
  if (begin === undefined) return bars;
  const byTask = new Map(bars.map((bar) => [bar.taskId, bar]));
  const ready = new Map<string, number | undefined>(bars.map((bar) => [bar.taskId, begin]));
  for (const edge of edges) {
    const before = byTask.get(edge.upstream_task_id);
    if (!before) continue; // a parameter
    const at = ready.get(edge.downstream_task_id);
    const isDone = before.end !== undefined && hasEnded(before.state);
    ready.set(edge.downstream_task_id, at === undefined || !isDone ? undefined : Math.max(at, before.end!));
  }
  return bars.map((bar) => ({ ...bar, ready: ready.get(bar.taskId) }));
}

/** The tasks of a run, with the children of mapped ones counted. */
export function useRunTasks(id: string, flowId: string | undefined, begin: number | undefined): RunTask[] {
  const live = [`flow_run_tasks:${id}`, `flow_run:${id}`];
  const tasks = useGql(RUN_TASKS, { id }, { live });
  const retries = useGql(RUN_RETRIES, { id }, { live });
  const rows = tasks.data?.task_run;
  const mapped = (rows ?? []).filter((row) => row.state === "Mapped").slice(0, MOST_MAPPED);
  const children = useQueries({
    queries: mapped.map((row) => ({
      queryKey: [currentTenantId(), "mapped", row.id],
      queryFn: () => send(MAPPED, { id: row.id }),
      meta: { live },
      staleTime: 2_000,
    })),
  });
  const counts = children.map((one) => one.data?.mapped_children);
  const edges = useGql(RUN_EDGES, { flow: flowId ?? "" }, { enabled: flowId !== undefined });
  return useMemo(() => {
    const byId = new Map(mapped.map((row, index) => [row.id, counts[index]]));
    const again = new Map<string, number[]>();
    for (const one of retries.data?.task_run_state ?? []) {
      again.set(one.task_run_id, [...(again.get(one.task_run_id) ?? []), Date.parse(one.timestamp)]);
    }
    const bars = (rows ?? [])
      .filter((row) => !row.task?.type?.endsWith("Parameter"))
      .map((row) => {
        const sum = byId.get(row.id);
        const isOver = hasEnded(row.state) && !hasOpenChildren(sum?.state_counts);
        return {
          id: row.id,
          taskId: row.task_id,
          label: row.name || row.task?.name || row.task?.slug || row.id,
          state: isOver || !sum ? worst(row.state, sum?.state_counts) : "Running",
          start: millis(
            sum?.min_start_time ?? row.start_time ?? (row.state === "Mapped" ? row.state_timestamp : null),
          ),
          end: isOver
            ? millis(sum?.max_end_time ?? row.end_time ?? row.state_timestamp)
            : millis(row.end_time),
          counts: sum?.state_counts as Record<string, number> | undefined,
          retries: again.get(row.id) ?? [],
        };
      })
      .sort((a, b) => (a.start ?? Number.MAX_VALUE) - (b.start ?? Number.MAX_VALUE));
    return withReady(bars, edges.data?.edge ?? [], begin);
  }, [rows, retries.data, edges.data, begin, JSON.stringify(counts)]);
}

/** A mapped task looks like the worst of its children. */
function worst(state: string | null | undefined, counts: Record<string, number> | undefined): string | null {
  for (const one of [...FAILED, "Paused", "Cancelled"]) if (counts?.[one]) return one;
  return state ?? null;
}

function hasOpenChildren(counts: Record<string, number> | undefined): boolean {
  return Object.entries(counts ?? {}).some(([state, number]) => number > 0 && !hasEnded(state));
}
