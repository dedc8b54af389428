import { useParams } from "@tanstack/react-router";
import { RotateCcw } from "lucide-react";
import { useAct, useGql } from "@/api/query";
import { useTitle } from "@/app/crumbs";
import { To, useGo } from "@/app/link";
import { useCanEdit } from "@/app/session";
import { useKeys } from "@/app/use-keys";
import { graphql } from "@/gql";
import type { TaskRunQuery } from "@/gql/graphql";
import { hasEnded } from "@/lib/states";
import { count } from "@/lib/time";
import { Button, Empty, Panel, Problem, Skeleton, Time, Took } from "@/parts/basics";
import { Logs } from "@/parts/logs";
import { Confirm } from "@/parts/modal";
import { StateBadge } from "@/parts/state";
import { TabBar, useTab } from "@/parts/tabs";
import { toast } from "@/parts/toast";
import { Artifact } from "@/run/details";
import { RESTART_FROM, SET_TASK_RUN_STATES } from "@/run/queries";
import { Children, Details } from "@/run/task-details";

const TASK_RUN = graphql(`
  query TaskRun($id: uuid!) {
    task_run_by_pk(id: $id) {
      id name map_index state state_message state_timestamp state_start_time start_time end_time heartbeat version cache_key
      state_result serialized_state task_id flow_run_id
      flow_run { id name state flow_id flow { name flow_group_id archived } }
      task { id name slug type mapped max_retries retry_delay trigger tags cache_key
        upstream_edges { upstream_task { id name } key mapped }
        downstream_edges { downstream_task { id name } }
      }
      states(order_by: [{ version: desc }], limit: 200) { id timestamp state message version }
      artifacts(order_by: [{ created: asc }], limit: 100) { id kind data created }
      child_flow_runs(order_by: [{ created: asc }], limit: 100) { id name state start_time end_time flow { name } }
    }
  }
`);

const AROUND = graphql(`
  query Around($run: uuid!, $task: uuid!, $index: Int!) {
    siblings: task_run_aggregate(where: { flow_run_id: { _eq: $run }, task_id: { _eq: $task }, map_index: { _gte: 0 } }) {
      aggregate { count }
    }
    next: task_run(
      where: { flow_run_id: { _eq: $run }, task_id: { _eq: $task }, map_index: { _gt: $index } }
      order_by: [{ map_index: asc }] limit: 1
    ) { id map_index }
    previous: task_run(
      where: { flow_run_id: { _eq: $run }, task_id: { _eq: $task }, map_index: { _lt: $index } }
      order_by: [{ map_index: desc }] limit: 1
    ) { id map_index }
  }
`);

type Run = NonNullable<TaskRunQuery["task_run_by_pk"]>;

export function TaskRunPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  // Events name the flow run; until it is known, any news of task runs counts.
  const { data, error, isPending } = useGql(TASK_RUN, { id }, { live: ["flow_run_tasks"] });
  const run = data?.task_run_by_pk;
  const name = run
    ? `${run.name || run.task?.name}${run.map_index >= 0 ? `[${run.map_index}]` : ""}`
    : "Task run";
  useTitle(
    run
      ? [
          { text: run.flow_run?.flow?.name ?? "flow", to: `flow/${run.flow_run?.flow?.flow_group_id}` },
          { text: run.flow_run?.name ?? "run", to: `flow-run/${run.flow_run_id}` },
          { text: name },
        ]
      : [{ text: "Task run" }],
    run?.state,
  );
  if (error) return <Problem error={error} />;
  if (isPending) return <Skeleton rows={12} />;
  if (!run)
    return <Empty text="There is no task run of this id in this tenant." command="prefect get flow-runs" />;
  return <Page key={run.id} run={run} name={name} />;
}

function Page({ run, name }: { run: Run; name: string }) {
  const go = useGo();
  const canEdit = useCanEdit();
  const around = useGql(
    AROUND,
    { run: run.flow_run_id, task: run.task_id, index: run.map_index },
    { live: [] },
  );
  const siblings = around.data?.siblings.aggregate?.count ?? 0;
  const next = around.data?.next[0];
  const previous = around.data?.previous[0];
  useKeys({
    j: () => next && go(`task-run/${next.id}`),
    k: () => previous && go(`task-run/${previous.id}`),
    l: () => setTab("logs"),
  });
  const tabs = [
    { key: "logs", label: "Logs" },
    { key: "details", label: "Details" },
    {
      key: "artifacts",
      label: (
        <>
          Artifacts{" "}
          {run.artifacts.length > 0 && <span className="text-xs text-muted">{run.artifacts.length}</span>}
        </>
      ),
    },
  ];
  const [tab, setTab] = useTab(tabs);
  const restart = useAct(RESTART_FROM, (result) =>
    toast(`${result.restart_flow_run?.task_runs ?? 0} task runs will run again.`),
  );
  const mark = useAct(SET_TASK_RUN_STATES, "The state is set.");
  const isParent = run.map_index < 0 && run.state === "Mapped";
  return (
    <div className="flex h-full flex-col">
      <header className="shrink-0 px-4 pb-2 pt-3">
        <div className="flex flex-wrap items-center gap-3">
          <span className="text-base">
            <StateBadge state={run.state} />
          </span>
          <span className="font-semibold">{name}</span>
          <span className="text-sm text-muted">
            <Took from={run.start_time} to={hasEnded(run.state) ? run.end_time : null} /> · started{" "}
            <Time at={run.start_time} />
          </span>
          {run.map_index >= 0 && (
            <span className="flex items-center gap-2 text-sm text-muted">
              child {run.map_index + 1} of {count(siblings)}
              {previous && (
                <To to={`task-run/${previous.id}`} className="text-link hover:underline">
                  previous
                </To>
              )}
              {next && (
                <To to={`task-run/${next.id}`} className="text-link hover:underline">
                  next
                </To>
              )}
            </span>
          )}
          {canEdit && (
            <span className="ml-auto flex gap-2">
              {hasEnded(run.flow_run?.state) && !run.flow_run?.flow?.archived && (
                <Confirm
                  title="Restart from here?"
                  text={`${name} and all tasks that depend on it run again, and what did not succeed; the rest stays.`}
                  action="Restart from here"
                  onConfirm={() => restart.mutate({ id: run.flow_run_id, taskRun: run.id })}
                  trigger={(open) => (
                    <Button icon={<RotateCcw size={14} />} onClick={open}>
                      Restart from here
                    </Button>
                  )}
                />
              )}
              <select
                aria-label="Mark as"
                className="h-8 rounded-md border border-line-strong bg-page px-2 text-sm"
                value=""
                onChange={(event) =>
                  mark.mutate({
                    states: [
                      { task_run_id: run.id, state: { type: event.target.value, message: "Set in the UI." } },
                    ],
                  })
                }
              >
                <option value="" disabled>
                  Mark as…
                </option>
                {["Success", "Failed", "Skipped", "Resume"].map((state) => (
                  <option key={state}>{state}</option>
                ))}
              </select>
            </span>
          )}
        </div>
        <p className="mt-1 text-sm text-muted">{run.state_message}</p>
        {isParent && <Children run={run} />}
      </header>
      <TabBar tabs={tabs} chosen={tab} onChoose={setTab} />
      <div
        id="tab-panel"
        role="tabpanel"
        aria-labelledby={`tab-${tab}`}
        className="flex min-h-0 flex-1 flex-col"
      >
        {tab === "logs" &&
          (isParent ? (
            <Logs runId={run.flow_run_id} taskId={run.task_id} className="flex-1" />
          ) : (
            <Logs runId={run.flow_run_id} taskRunId={run.id} className="flex-1" />
          ))}
        {tab === "details" && (
          <div className="min-h-0 flex-1 overflow-y-auto">
            <Details run={run} />
          </div>
        )}
        {tab === "artifacts" && (
          <div className="flex min-h-0 flex-1 flex-col gap-4 overflow-y-auto p-4">
            {run.artifacts.length === 0 && <Empty text="This task run left no artifacts." />}
            {run.artifacts.map((one) => (
              <Panel
                key={one.id}
                title={one.kind}
                aside={<Time at={one.created} className="text-xs text-muted" />}
              >
                <Artifact kind={one.kind} data={one.data} />
              </Panel>
            ))}
          </div>
        )}
      </div>
    </div>
  );
}
