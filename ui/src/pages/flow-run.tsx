import { useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useGql } from "@/api/query";
import { useTitle } from "@/app/crumbs";
import { To, useGo } from "@/app/link";
import { usePatchSearch, useSearchState } from "@/app/search";
import { useKeys } from "@/app/use-keys";
import type { RunQuery } from "@/gql/graphql";
import { hasEnded } from "@/lib/states";
import { count, duration, millis } from "@/lib/time";
import { Empty, Problem, Skeleton, Time, Took } from "@/parts/basics";
import { Logs } from "@/parts/logs";
import { CountsBar, StateBadge } from "@/parts/state";
import { TabBar, useTab } from "@/parts/tabs";
import { RunActions } from "@/run/actions";
import { RunArtifacts, RunDetails } from "@/run/details";
import { RunGraph } from "@/run/graph";
import { NEIGHBOURS, RUN, RUN_ARTIFACTS, RUN_COUNTS } from "@/run/queries";
import { TaskTable } from "@/run/task-table";
import { useOpened, useRunTasks } from "@/run/tasks";
import { Timeline } from "@/run/timeline";
import { WhyLine } from "@/run/why";

type Run = NonNullable<RunQuery["flow_run_by_pk"]>;

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
  const begin = millis(run.start_time);
  const tasks = useRunTasks(run.id, run.flow?.id, begin);
  const chosen = tasks.find((one) => one.taskId === taskId);
  const [isOpen, setOpen] = useSearchState("children");
  const opened = useOpened(run.id, isOpen ? chosen : undefined, isOpen === "bad");
  const [hovered, setHovered] = useState<string>();
  const queued = begin ? begin - Math.max(millis(run.scheduled_start_time)!, millis(run.created)!) : 0;
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
                  {queued > 1_000 && ` after ${duration(queued)} in the queue`}
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
              bars={tasks}
              opened={opened}
              hovered={tasks.find((one) => one.taskId === hovered)?.id}
              onHover={(id) => setHovered(tasks.find((one) => one.id === id)?.taskId)}
              begin={begin ?? millis(run.scheduled_start_time)!}
              end={hasEnded(run.state) ? (millis(run.end_time) ?? millis(run.state_timestamp)) : undefined}
              chosen={chosen?.id}
              onChoose={(id) => {
                const bar = tasks.find((one) => one.id === id);
                if (id && !bar) go(`task-run/${id}`);
                else choose(bar?.taskId);
              }}
            />
          )}
          {tab === "graph" && (
            <RunGraph
              flowId={run.flow?.id ?? ""}
              bars={tasks}
              chosen={taskId}
              hovered={hovered}
              onHover={setHovered}
              onChoose={choose}
            />
          )}
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
            <Logs
              runId={run.id}
              taskId={taskId || undefined}
              tasks={tasks}
              hovered={hovered}
              onHover={setHovered}
              className="flex-1"
            />
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
                    onClick={() => setOpen(isOpen === "1" ? undefined : "1")}
                  >
                    {isOpen === "1" ? "collapse" : "expand"}
                  </button>
                )}
                {chosen.counts?.Failed && tab === "timeline" && (
                  <button
                    type="button"
                    aria-pressed={isOpen === "bad"}
                    className="text-link hover:underline"
                    onClick={() => setOpen(isOpen === "bad" ? undefined : "bad")}
                  >
                    {isOpen === "bad" ? "collapse" : "failed ones"}
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
            <Logs
              runId={run.id}
              taskId={taskId || undefined}
              tasks={tasks}
              hovered={hovered}
              onHover={setHovered}
              className="flex-1"
            />
          </div>
        )}
      </div>
    </div>
  );
}
