import { useParams } from "@tanstack/react-router";
import { RotateCcw } from "lucide-react";
import { send } from "@/api/fetch";
import { queryClient, useAct, useGql } from "@/api/query";
import { useTitle } from "@/app/crumbs";
import { To, useGo } from "@/app/link";
import { useCanEdit } from "@/app/session";
import { useKeys } from "@/app/use-keys";
import { graphql } from "@/gql";
import type { TaskRunQuery } from "@/gql/graphql";
import { hasEnded } from "@/lib/states";
import { absolute, clockTime, count } from "@/lib/time";
import { Button, CopyButton, Empty, Facts, Id, Panel, Problem, Skeleton, Time, Took } from "@/parts/basics";
import { Json } from "@/parts/json";
import { Logs } from "@/parts/logs";
import { Confirm } from "@/parts/modal";
import { CountsBar, StateBadge } from "@/parts/state";
import { TabBar, useTab } from "@/parts/tabs";
import { toast } from "@/parts/toast";
import { Artifact } from "@/run/details";
import { MAPPED, SET_RUN_STATE, SET_TASK_RUN_STATES } from "@/run/queries";

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

const DOWNSTREAM = graphql(`
  query Downstream($tasks: _uuid!) {
    utility_downstream_tasks(args: { start_task_ids: $tasks }) { task_id depth }
  }
`);
const RUNS_OF = graphql(`
  query RunsOf($run: uuid!, $tasks: [uuid!]!) {
    task_run(where: { flow_run_id: { _eq: $run }, task_id: { _in: $tasks }, state: { _neq: "Pending" } }, limit: 20000) {
      id map_index task_id
    }
  }
`);

type Run = NonNullable<TaskRunQuery["task_run_by_pk"]>;

/** Runs this task again, and all that depends on it: what is upstream stays as it is. */
async function restartFrom(run: Run): Promise<number> {
  const below = await send(DOWNSTREAM, { tasks: `{${run.task_id}}` });
  const tasks = [run.task_id, ...(below.utility_downstream_tasks ?? []).map((one) => one.task_id)];
  const found = (await send(RUNS_OF, { run: run.flow_run_id, tasks: [...new Set(tasks)] })).task_run;
  // Of a mapped task one child may be meant; its brothers and its parent stay.
  const again = found.filter((one) => one.task_id !== run.task_id || run.map_index < 0 || one.id === run.id);
  const state = { type: "Pending", message: "Restarted from here in the UI." };
  for (let start = 0; start < again.length; start += 500)
    await send(SET_TASK_RUN_STATES, {
      states: again.slice(start, start + 500).map((one) => ({ task_run_id: one.id, state })),
    });
  await send(SET_RUN_STATE, {
    id: run.flow_run_id,
    state: { type: "Scheduled", message: `Restarted from ${run.task?.name}.` },
  });
  await queryClient.invalidateQueries();
  return again.length;
}

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
                  text={`${name} and all tasks that depend on it run again; what comes before them stays.`}
                  action="Restart from here"
                  onConfirm={() =>
                    void restartFrom(run).then(
                      (number) => toast(`${number} task runs will run again.`),
                      (problem) => toast(problem.message, "bad"),
                    )
                  }
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

function Children({ run }: { run: Run }) {
  const { data } = useGql(MAPPED, { id: run.id }, { live: [`flow_run_tasks:${run.flow_run_id}`] });
  const counts = (data?.mapped_children?.state_counts ?? {}) as Record<string, number>;
  const total = Object.values(counts).reduce((sum, one) => sum + one, 0);
  return (
    <div className="mt-2 flex flex-wrap items-center gap-3 text-sm">
      <CountsBar counts={counts} className="w-60" />
      <To
        to={`flow-run/${run.flow_run_id}`}
        search={{ tab: "tasks", task: run.task_id }}
        className="text-link hover:underline"
      >
        {count(total)} children
      </To>
      {Object.entries(counts).map(([state, number]) => (
        <span key={state} className="inline-flex items-center gap-1">
          <StateBadge state={state} /> {count(number)}
        </span>
      ))}
    </div>
  );
}

function Details({ run }: { run: Run }) {
  const result = run.state_result as { type?: string; location?: string } | null;
  const inputs = (run.serialized_state?.cached_inputs ?? {}) as Record<
    string,
    { type?: string; location?: string }
  >;
  return (
    <div className="grid gap-4 p-4 lg:grid-cols-2">
      <Panel title="Task run">
        <Facts
          facts={[
            ["Id", <Id key="id" id={run.id} />],
            [
              "Task",
              <To key="task" to={`task/${run.task?.id}`} className="text-link hover:underline">
                {run.task?.name}
              </To>,
            ],
            ["Started", <Time key="start" at={run.start_time} />],
            ["Ended", <Time key="end" at={run.end_time} />],
            [
              "Retries",
              run.task?.max_retries ? `up to ${run.task.max_retries}, ${run.task.retry_delay} apart` : "none",
            ],
            ["Trigger", run.task?.trigger ?? "–"],
            ["Cache key", run.cache_key ?? "–"],
            [
              "Result",
              result?.location ? (
                <span key="result" className="inline-flex items-center gap-1 break-all font-mono text-xs">
                  {result.location} <CopyButton text={result.location} label="Copy location" />
                </span>
              ) : (
                (result?.type ?? "–")
              ),
            ],
          ]}
        />
      </Panel>
      <Panel title="States">
        <ol className="max-h-96 overflow-auto p-3 text-sm">
          {run.states.map((one) => (
            <li key={one.id} className="grid grid-cols-[5.5rem_8.5rem_1fr] gap-2 py-1">
              <time className="text-muted" title={absolute(Date.parse(one.timestamp))}>
                {clockTime(Date.parse(one.timestamp))}
              </time>
              <StateBadge state={one.state} />
              <span className="min-w-0 break-words text-muted">{one.message}</span>
            </li>
          ))}
        </ol>
      </Panel>
      <Panel title="Before and after it">
        <Facts
          facts={[
            [
              "Needs",
              <Names
                key="up"
                tasks={(run.task?.upstream_edges ?? []).map((edge) => ({
                  ...edge.upstream_task!,
                  key: edge.key,
                }))}
              />,
            ],
            [
              "Needed by",
              <Names
                key="down"
                tasks={(run.task?.downstream_edges ?? []).map((edge) => edge.downstream_task!)}
              />,
            ],
          ]}
        />
      </Panel>
      {Object.keys(inputs).length > 0 && (
        <Panel title="Inputs">
          <Facts
            facts={Object.entries(inputs).map(([name, input]) => [
              <span key={name} className="font-mono text-xs">
                {name}
              </span>,
              input?.location ? (
                <span key="at" className="break-all font-mono text-xs">
                  {input.location}
                </span>
              ) : (
                <Json key="value" value={input} />
              ),
            ])}
          />
        </Panel>
      )}
      {run.child_flow_runs.length > 0 && (
        <Panel title="Flow runs that it started">
          <ul className="p-3 text-sm">
            {run.child_flow_runs.map((child) => (
              <li key={child.id} className="flex items-center gap-3 py-1">
                <span className="w-32">
                  <StateBadge state={child.state} />
                </span>
                <To to={`flow-run/${child.id}`} className="min-w-0 truncate hover:underline">
                  {child.flow?.name} / {child.name}
                </To>
                <span className="ml-auto text-muted">
                  <Took from={child.start_time} to={child.end_time} />
                </span>
              </li>
            ))}
          </ul>
        </Panel>
      )}
    </div>
  );
}

function Names({ tasks }: { tasks: { id: string; name?: string | null; key?: string | null }[] }) {
  if (tasks.length === 0) return <span className="text-muted">–</span>;
  return (
    <span className="flex flex-wrap gap-x-3 gap-y-1">
      {tasks.slice(0, 50).map((task) => (
        <To key={`${task.id}${task.key}`} to={`task/${task.id}`} className="hover:underline">
          {task.name}
          {task.key && <span className="text-xs text-muted"> as {task.key}</span>}
        </To>
      ))}
      {tasks.length > 50 && <span className="text-muted">and {tasks.length - 50} more</span>}
    </span>
  );
}
