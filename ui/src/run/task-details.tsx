/** All that is known of a task run, and its children in sum. */

import { useGql } from "@/api/query";
import { To } from "@/app/link";
import type { TaskRunQuery } from "@/gql/graphql";
import { absolute, clockTime, count } from "@/lib/time";
import { CopyButton, Facts, Id, Panel, Time } from "@/parts/basics";
import { Json } from "@/parts/json";
import { CountsBar, StateBadge } from "@/parts/state";
import { ChildRun } from "./child-run";
import { MAPPED } from "./queries";

type Run = NonNullable<TaskRunQuery["task_run_by_pk"]>;

export function Children({ run }: { run: Run }) {
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

export function Details({ run }: { run: Run }) {
  const result = run.state_result as { type?: string; location?: string } | null;
  const inputs = (run.serialized_state?.cached_inputs ?? {}) as Record<
    string,
    { type?: string; location?: string }
  >;
  return (
    <div className="grid grid-cols-1 gap-4 p-4 lg:grid-cols-2">
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
              <li key={child.id} className="py-1">
                <ChildRun run={child} />
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
