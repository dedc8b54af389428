import { useQueries } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { currentTenantId, send } from "@/api/fetch";
import { useGql } from "@/api/query";
import { useTitle } from "@/app/crumbs";
import { To, useGo } from "@/app/link";
import { usePatchSearch, useSearchState } from "@/app/search";
import { useKeys } from "@/app/use-keys";
import type { RunQuery } from "@/gql/graphql";
import { FAILED, hasEnded } from "@/lib/states";
import { count, millis } from "@/lib/time";
import { Empty, Problem, Skeleton, Time, Took } from "@/parts/basics";
import { Dag } from "@/parts/lazy";
import { Logs } from "@/parts/logs";
import { CountsBar, StateBadge } from "@/parts/state";
import { TabBar, useTab } from "@/parts/tabs";
import { RunActions } from "@/run/actions";
import { RunArtifacts, RunDetails } from "@/run/details";
import {
  CHILDREN,
  MAPPED,
  NEIGHBOURS,
  RUN,
  RUN_ARTIFACTS,
  RUN_COUNTS,
  RUN_EDGES,
  RUN_RETRIES,
  RUN_TASKS,
} from "@/run/queries";
import { TaskTable } from "@/run/task-table";
import { type Bar, Timeline } from "@/run/timeline";
import { WhyLine } from "@/run/why";

type Run = NonNullable<RunQuery["flow_run_by_pk"]>;

/** Mapped tasks whose children are counted; a flow with more than these is drawn without the rest. */
const MOST_MAPPED = 100;

export function FlowRunPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { data, error, isPending } = useGql(RUN, { id }, { live: [`flow_run:${id}`] });
  const run = data?.flow_run_by_pk;
  useTitle(
    run
      ? [
          { text: "Flows", to: "flows" },
          { text: run.flow?.name ?? "flow", to: `flow/${run.flow?.flow_group_id}` },
          { text: run.name },
        ]
      : [{ text: "Run" }],
    run?.state,
  );
  if (error) return <Problem error={error} />;
  if (isPending) return <Skeleton rows={12} />;
  if (!run)
    return <Empty text="There is no flow run of this id in this tenant." command="prefect get flow-runs" />;
  return <Page key={run.id} run={run} />;
}

function Page({ run }: { run: Run }) {
  const go = useGo();
  const [taskId, setTask] = useSearchState("task");
  const patch = usePatchSearch();
  const counted = useGql(
    RUN_COUNTS,
    { id: run.id },
    { live: [`flow_run_tasks:${run.id}`, `flow_run:${run.id}`] },
  );
  const counts = useMemo(
    () =>
      Object.fromEntries(
        Object.entries(counted.data ?? {}).map(([state, value]) => [state, value.aggregate?.count ?? 0]),
      ),
    [counted.data],
  );
  const total = Object.values(counts).reduce((sum, one) => sum + one, 0);
  const artifacts = useGql(RUN_ARTIFACTS, { id: run.id }, { live: [`artifact:${run.id}`] });
  const nArtifacts = artifacts.data?.task_run_artifact.length ?? 0;
  const tabs = [
    { key: "timeline", label: "Timeline" },
    { key: "graph", label: "Graph" },
    {
      key: "tasks",
      label: (
        <>
          Tasks <span className="text-xs text-muted">{count(total)}</span>
        </>
      ),
    },
    { key: "logs", label: "Logs" },
    {
      key: "artifacts",
      label: <>Artifacts {nArtifacts > 0 && <span className="text-xs text-muted">{nArtifacts}</span>}</>,
    },
    { key: "details", label: "Details" },
  ];
  const [tab, setTab] = useTab(tabs);
  const neighbours = useGql(NEIGHBOURS, {
    flow: run.flow?.flow_group_id ?? "",
    at: run.scheduled_start_time,
  });
  useKeys({
    l: () => setTab("logs"),
    j: () =>
      neighbours.data?.next[0] &&
      go(`flow-run/${neighbours.data.next[0].id}`, { tab: tab === "timeline" ? undefined : tab }),
    k: () =>
      neighbours.data?.previous[0] &&
      go(`flow-run/${neighbours.data.previous[0].id}`, { tab: tab === "timeline" ? undefined : tab }),
  });
  const tasks = useRunTasks(run.id);
  const chosen = tasks.find((one) => one.taskId === taskId);
  const [isOpen, setOpen] = useSearchState("children");
  const bars = useOpenBars(run.id, tasks, isOpen ? chosen : undefined);
  const choose = (id: string | undefined) => setTask(id);

  return (
    <div className="flex h-full flex-col">
      <header className="shrink-0 px-4 pb-2 pt-3">
        <div className="flex items-start justify-between gap-3 max-sm:flex-col">
          <div className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1">
            <span className="text-base" data-testid="run-state">
              <StateBadge state={run.state} due={run.state_start_time} />
            </span>
            <span className="min-w-0 truncate font-semibold">{run.name}</span>
            <span className="text-sm text-muted">
              v{run.flow?.version} ·{" "}
              {run.start_time ? (
                <Took from={run.start_time} to={hasEnded(run.state) ? run.end_time : null} />
              ) : (
                "not started"
              )}
              {" · "}
              {run.start_time ? (
                <>
                  started <Time at={run.start_time} />
                </>
              ) : (
                <>
                  due <Time at={run.state_start_time ?? run.scheduled_start_time} />
                </>
              )}{" "}
              by {run.auto_scheduled ? "schedule" : (run.created_by?.username ?? "hand")}
              {run.parent_task_run?.flow_run && (
                <>
                  {" · child of "}
                  <To
                    to={`flow-run/${run.parent_task_run.flow_run.id}`}
                    className="text-link hover:underline"
                  >
                    {run.parent_task_run.flow_run.name}
                  </To>
                </>
              )}
            </span>
          </div>
          <RunActions run={run} />
        </div>
        <div className="mt-1 flex items-center gap-4">
          <div className="min-w-0 flex-1">
            <WhyLine run={run} counts={counts} />
          </div>
          <CountsBar counts={counts} className="w-40 shrink-0 max-md:hidden" />
        </div>
      </header>
      <TabBar tabs={tabs} chosen={tab} onChoose={setTab} />
      <div
        id="tab-panel"
        role="tabpanel"
        aria-labelledby={`tab-${tab}`}
        className="flex min-h-0 flex-1 max-lg:flex-col"
      >
        <div className="flex min-h-0 min-w-0 flex-1 flex-col">
          {tab === "timeline" && (
            <Timeline
              bars={bars}
              begin={millis(run.start_time) ?? millis(run.scheduled_start_time)!}
              end={hasEnded(run.state) ? (millis(run.end_time) ?? millis(run.state_timestamp)) : undefined}
              chosen={chosen?.id}
              onChoose={(id) => {
                const bar = bars.find((one) => one.id === id);
                if (bar?.isChild) go(`task-run/${bar.id}`);
                else choose(bar?.taskId);
              }}
            />
          )}
          {tab === "graph" && <RunGraph run={run} bars={tasks} chosen={taskId} onChoose={choose} />}
          {tab === "tasks" && (
            <TaskTable
              runId={run.id}
              counts={counts}
              taskId={taskId || undefined}
              taskName={chosen?.label}
              onClearTask={() => choose(undefined)}
            />
          )}
          {tab === "logs" && (
            <Logs runId={run.id} taskId={taskId || undefined} tasks={tasks} className="flex-1" />
          )}
          {tab === "artifacts" && (
            <div className="min-h-0 flex-1 overflow-y-auto">
              <RunArtifacts id={run.id} />
            </div>
          )}
          {tab === "details" && (
            <div className="min-h-0 flex-1 overflow-y-auto">
              <RunDetails run={run} />
            </div>
          )}
        </div>
        {(tab === "timeline" || tab === "graph") && (
          <div className="flex min-h-0 w-1/2 max-w-2xl flex-col border-line max-lg:h-1/2 max-lg:w-full max-lg:max-w-none max-lg:border-t lg:border-l">
            {chosen && (
              <div className="flex h-9 shrink-0 items-center gap-3 border-b border-line px-3 text-sm">
                <StateBadge state={chosen.state} />
                <To
                  to={`task-run/${chosen.id}`}
                  className="min-w-0 truncate font-medium text-link hover:underline"
                >
                  {chosen.label}
                </To>
                {chosen.counts && tab === "timeline" && (
                  <button
                    type="button"
                    aria-pressed={isOpen === "1"}
                    className="text-link hover:underline"
                    onClick={() => setOpen(isOpen ? undefined : "1")}
                  >
                    {isOpen ? "collapse" : "expand"}
                  </button>
                )}
                {chosen.counts && (
                  <button
                    type="button"
                    className="text-link hover:underline"
                    onClick={() => patch({ tab: "tasks", state: chosen.counts?.Failed ? "bad" : undefined })}
                  >
                    its children
                  </button>
                )}
                <button
                  type="button"
                  className="ml-auto text-muted hover:text-text"
                  onClick={() => choose(undefined)}
                >
                  all tasks
                </button>
              </div>
            )}
            <Logs runId={run.id} taskId={taskId || undefined} tasks={tasks} className="flex-1" />
          </div>
        )}
      </div>
    </div>
  );
}

interface RunTask extends Bar {
  taskId: string;
}

/** The bars, with those of the children under a mapped task that is opened. */
function useOpenBars(runId: string, tasks: RunTask[], open: RunTask | undefined): RunTask[] {
  const { data } = useGql(
    CHILDREN,
    { run: runId, task: open?.taskId ?? "" },
    { live: [`flow_run_tasks:${runId}`], enabled: open?.counts !== undefined },
  );
  return useMemo(() => {
    if (!open?.counts || !data) return tasks;
    const children = data.task_run.map((row) => ({
      id: row.id,
      taskId: open.taskId,
      label: `[${row.map_index}]`,
      state: row.state ?? null,
      start: millis(row.start_time),
      end: millis(row.end_time),
      retries: [],
      isChild: true,
    }));
    const at = tasks.findIndex((task) => task.id === open.id);
    return tasks.toSpliced(at + 1, 0, ...children);
  }, [tasks, open?.id, data]);
}

/** The tasks of a run, with the children of mapped ones counted. */
function useRunTasks(id: string): RunTask[] {
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
  return useMemo(() => {
    const byId = new Map(mapped.map((row, index) => [row.id, counts[index]]));
    const again = new Map<string, number[]>();
    for (const one of retries.data?.task_run_state ?? []) {
      again.set(one.task_run_id, [...(again.get(one.task_run_id) ?? []), Date.parse(one.timestamp)]);
    }
    return (rows ?? [])
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
  }, [rows, retries.data, JSON.stringify(counts)]);
}

/** A mapped task looks like the worst of its children. */
function worst(state: string | null | undefined, counts: Record<string, number> | undefined): string | null {
  for (const one of [...FAILED, "Paused", "Cancelled"]) if (counts?.[one]) return one;
  return state ?? null;
}

function hasOpenChildren(counts: Record<string, number> | undefined): boolean {
  return Object.entries(counts ?? {}).some(([state, number]) => number > 0 && !hasEnded(state));
}

function RunGraph({
  run,
  bars,
  chosen,
  onChoose,
}: {
  run: Run;
  bars: RunTask[];
  chosen: string;
  onChoose: (id: string | undefined) => void;
}) {
  const go = useGo();
  const { data } = useGql(RUN_EDGES, { flow: run.flow?.id ?? "" });
  const edges = useMemo(
    () =>
      (data?.edge ?? []).map((edge) => ({
        from: edge.upstream_task_id,
        to: edge.downstream_task_id,
        mapped: edge.mapped,
      })),
    [data],
  );
  const tasks = useMemo(() => {
    const byTask = new Map(bars.map((bar) => [bar.taskId, bar]));
    return (data?.task ?? []).map((task) => {
      const bar = byTask.get(task.id);
      const isParameter = task.type?.endsWith("Parameter") ?? false;
      return {
        id: task.id,
        name: task.name ?? task.slug,
        mapped: task.mapped,
        isParameter,
        state: isParameter ? undefined : (bar?.state ?? null),
        counts: bar?.counts,
      };
    });
  }, [data, bars]);
  if (!data) return <Skeleton />;
  return (
    <Dag
      tasks={tasks}
      edges={edges}
      chosen={chosen}
      onChoose={onChoose}
      onOpen={(id) => {
        const bar = bars.find((one) => one.taskId === id);
        if (bar) go(`task-run/${bar.id}`);
      }}
    />
  );
}
