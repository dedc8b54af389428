import { useParams } from "@tanstack/react-router";
import { useGql } from "@/api/query";
import { useTitle } from "@/app/crumbs";
import { To } from "@/app/link";
import { graphql } from "@/gql";
import { Empty, Facts, Id, Labels, Panel, Problem, Skeleton, Time, Took } from "@/parts/basics";
import { StateBadge } from "@/parts/state";

const TASK = graphql(`
  query Task($id: uuid!) {
    task_by_pk(id: $id) {
      id name slug type description mapped max_retries retry_delay trigger tags cache_key is_reference_task
      flow { id name version flow_group_id }
      upstream_edges(limit: 200) { key mapped upstream_task { id name } }
      downstream_edges(limit: 200) { key mapped downstream_task { id name } }
      task_runs(
        where: { map_index: { _eq: -1 }, state: { _neq: "Pending" } }
        order_by: [{ state_timestamp: desc }]
        limit: 50
      ) { id state state_message start_time end_time flow_run { id name } }
    }
  }
`);

export function TaskPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { data, error, isPending } = useGql(TASK, { id }, { live: ["flow_run_tasks"] });
  const task = data?.task_by_pk;
  useTitle(
    task
      ? [
          { text: "Flows", to: "flows" },
          { text: task.flow?.name ?? "flow", to: `flow/${task.flow?.flow_group_id}` },
          { text: task.name ?? task.slug },
        ]
      : [{ text: "Task" }],
  );
  if (error) return <Problem error={error} />;
  if (isPending) return <Skeleton rows={10} />;
  if (!task) return <Empty text="There is no task of this id in this tenant." />;
  const link = (one: { id: string; name?: string | null } | null | undefined, key?: string | null) =>
    one && (
      <To key={`${one.id}${key}`} to={`task/${one.id}`} className="mr-3 hover:underline">
        {one.name}
        {key && <span className="text-xs text-muted"> as {key}</span>}
      </To>
    );
  return (
    <div className="mx-auto grid grid-cols-1 max-w-6xl gap-4 p-4 lg:grid-cols-[22rem_minmax(0,1fr)]">
      <Panel title={task.name ?? task.slug} className="self-start">
        <Facts
          facts={[
            ["Id", <Id key="id" id={task.id} />],
            [
              "Slug",
              <span key="slug" className="font-mono text-xs">
                {task.slug}
              </span>,
            ],
            [
              "Kind",
              <span key="type" className="break-all font-mono text-xs">
                {task.type}
              </span>,
            ],
            ["Flow", `${task.flow?.name} v${task.flow?.version}`],
            ["Mapped", task.mapped ? "yes" : "no"],
            ["Retries", task.max_retries ? `up to ${task.max_retries}, ${task.retry_delay} apart` : "none"],
            ["Trigger", task.trigger ?? "–"],
            ["Tags", <Labels key="tags" labels={task.tags} />],
            ["Decides the run", task.is_reference_task ? "yes" : "no"],
            [
              "Needs",
              task.upstream_edges.length
                ? task.upstream_edges.map((edge) => link(edge.upstream_task, edge.key))
                : "–",
            ],
            [
              "Needed by",
              task.downstream_edges.length
                ? task.downstream_edges.map((edge) => link(edge.downstream_task))
                : "–",
            ],
          ]}
        />
      </Panel>
      <Panel title="Last runs" className="self-start">
        {task.task_runs.length === 0 && <p className="p-4 text-sm text-muted">It has not run yet.</p>}
        {task.task_runs.map((run) => (
          <div
            key={run.id}
            className="flex h-9 items-center gap-3 border-b border-line px-3 text-sm last:border-b-0 hover:bg-panel"
          >
            <span className="w-32 shrink-0">
              <StateBadge state={run.state} />
            </span>
            <To to={`task-run/${run.id}`} className="w-40 truncate hover:underline">
              {run.flow_run?.name}
            </To>
            <span className="min-w-0 flex-1 truncate text-muted max-md:hidden">{run.state_message}</span>
            <span className="ml-auto text-muted">
              <Time at={run.start_time} />
            </span>
            <span className="w-16 text-right">
              <Took from={run.start_time} to={run.end_time ?? run.start_time} />
            </span>
          </div>
        ))}
      </Panel>
    </div>
  );
}
