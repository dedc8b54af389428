import { Trash2 } from "lucide-react";
import { useMemo, useState } from "react";
import { Install } from "@/agents/install";
import { useAct, useGql } from "@/api/query";
import { useTitle } from "@/app/crumbs";
import { To } from "@/app/link";
import { useCanEdit } from "@/app/session";
import { AGENTS, SILENT_MS } from "@/app/shell";
import { graphql } from "@/gql";
import { fits } from "@/lib/labels";
import { cx, Empty, IconButton, Labels, Panel, Problem, Skeleton, Time, useNow } from "@/parts/basics";
import { Confirm } from "@/parts/modal";
import { StateIcon } from "@/parts/state";

const WAITING = graphql(`
  query WaitingRuns {
    flow_run(where: { state: { _in: ["Scheduled", "Resume"] } }, order_by: [{ state_start_time: asc }], limit: 300) {
      id name labels state state_start_time flow { name }
    }
    held: flow_run(where: { state: { _in: ["Submitted", "Running", "Cancelling"] }, agent_id: { _is_null: false } }, limit: 500) {
      id name state agent_id flow { name }
    }
  }
`);
const DELETE_AGENT = graphql(`
  mutation DeleteAgent($id: UUID!) { delete_agent(input: { agent_id: $id }) { success error } }
`);

export function AgentsPage() {
  useTitle([{ text: "Agents" }]);
  const { data, error, isPending } = useGql(AGENTS, {}, { live: ["agent"], every: 10_000 });
  const waiting = useGql(WAITING, {}, { live: ["flow_run"], every: 15_000 });
  const canEdit = useCanEdit();
  const now = useNow();
  const remove = useAct(DELETE_AGENT, "The agent is forgotten.");
  const agents = data?.agent ?? [];
  const [showsOld, setShowsOld] = useState(false);
  const isSilent = (agent: (typeof agents)[number]) =>
    !agent.last_queried || now - Date.parse(agent.last_queried) > SILENT_MS;
  const shown = agents.filter(
    (agent) => showsOld || !agent.last_queried || now - Date.parse(agent.last_queried) < 7 * 86_400_000,
  );
  const orphans = useMemo(
    () =>
      (waiting.data?.flow_run ?? []).filter(
        (run) => !agents.some((agent) => !isSilent(agent) && fits(agent.labels ?? [], run.labels ?? [])),
      ),
    [waiting.data, agents],
  );
  if (error) return <Problem error={error} />;
  if (isPending) return <Skeleton rows={8} />;
  return (
    <div className="mx-auto flex max-w-6xl flex-col gap-4 p-4">
      {agents.length === 0 && (
        <Empty
          text="No agent has asked for work yet. An agent takes scheduled runs and starts them where it is."
          waits="waiting for the first agent"
        />
      )}
      <div className="grid grid-cols-1 gap-4 md:grid-cols-2 xl:grid-cols-3">
        {shown.map((agent) => {
          const silent = isSilent(agent);
          const could = (waiting.data?.flow_run ?? []).filter((run) =>
            fits(agent.labels ?? [], run.labels ?? []),
          );
          const holds = (waiting.data?.held ?? []).filter((run) => run.agent_id === agent.id);
          return (
            <Panel
              key={agent.id}
              title={
                <span className="inline-flex items-center gap-2">
                  <span className={cx("size-2.5 rounded-full", silent ? "bg-late" : "bg-good")} />
                  {agent.name ?? agent.type}
                </span>
              }
              aside={
                canEdit ? (
                  <Confirm
                    title={`Forget ${agent.name}?`}
                    text="An agent that is alive comes back when it asks next. Its runs stay."
                    action="Forget it"
                    onConfirm={() => remove.mutate({ id: agent.id })}
                    trigger={(open) => (
                      <IconButton label="Forget the agent" onClick={open}>
                        <Trash2 size={14} />
                      </IconButton>
                    )}
                  />
                ) : null
              }
            >
              <div className="flex flex-col gap-2 p-3 text-sm">
                <p className={silent ? "text-late" : "text-muted"}>
                  {agent.type} · {silent ? "silent, last asked " : "asked "}
                  {agent.last_queried ? <Time at={agent.last_queried} /> : "never"}
                  {agent.core_version && ` · prefect ${agent.core_version}`}
                </p>
                <Labels labels={agent.labels} />
                {holds.length > 0 && (
                  <ul>
                    {holds.slice(0, 6).map((run) => (
                      <li key={run.id} className="flex items-center gap-2">
                        <StateIcon state={run.state} />
                        <To to={`flow-run/${run.id}`} className="truncate hover:underline">
                          {run.flow?.name} / {run.name}
                        </To>
                      </li>
                    ))}
                  </ul>
                )}
                <p className="text-muted">
                  {could.length === 0
                    ? "Nothing that it could take is scheduled."
                    : `${could.length} scheduled runs that it could take`}
                  {could[0] && (
                    <>
                      ; next{" "}
                      <To to={`flow-run/${could[0].id}`} className="text-link underline">
                        {could[0].flow?.name}
                      </To>{" "}
                      <Time at={could[0].state_start_time} />
                    </>
                  )}
                </p>
              </div>
            </Panel>
          );
        })}
      </div>
      {shown.length < agents.length && (
        <button
          type="button"
          className="self-start text-sm text-link hover:underline"
          onClick={() => setShowsOld(true)}
        >
          {agents.length - shown.length} more that were here more than a week ago
        </button>
      )}
      {orphans.length > 0 && (
        <Panel title="Scheduled, and no agent that is alive could take it">
          {orphans.slice(0, 8).map((run) => (
            <div
              key={run.id}
              className="flex h-9 items-center gap-3 border-b border-line px-3 text-sm last:border-b-0"
            >
              <To to={`flow-run/${run.id}`} className="min-w-0 truncate hover:underline">
                {run.flow?.name} / {run.name}
              </To>
              {run.labels?.length ? (
                <Labels labels={run.labels} />
              ) : (
                <span className="text-muted">no label, for agents without labels</span>
              )}
              <Time at={run.state_start_time} className="ml-auto text-muted" />
            </div>
          ))}
        </Panel>
      )}
      <Install labels={[...new Set(orphans.flatMap((run) => (run.labels ?? []) as string[]))].slice(0, 3)} />
    </div>
  );
}
