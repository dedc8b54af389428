/** Artifacts, parameters, context, history and relatives of a flow run. */
import { useGql } from "@/api/query";
import { To } from "@/app/link";
import type { RunQuery } from "@/gql/graphql";
import { absolute, clockTime } from "@/lib/time";
import { Empty, Facts, Id, Labels, Panel, Skeleton, Time, Took } from "@/parts/basics";
import { Json } from "@/parts/json";
import { Markdown } from "@/parts/lazy";
import { OutLink } from "@/parts/out-link";
import { StateBadge } from "@/parts/state";
import { ChildRun } from "./child-run";
import { RUN_ARTIFACTS, RUN_CHILDREN, RUN_STATES } from "./queries";

type Run = NonNullable<RunQuery["flow_run_by_pk"]>;

export function RunDetails({ run }: { run: Run }) {
  return (
    <div className="grid grid-cols-1 gap-4 p-4 lg:grid-cols-2">
      <Panel title="Run">
        <Facts
          facts={[
            ["Id", <Id key="id" id={run.id} />],
            ["Due", <Time key="due" at={run.scheduled_start_time} />],
            ["Started", <Time key="start" at={run.start_time} />],
            ["Ended", <Time key="end" at={run.end_time} />],
            ["Took", <Took key="took" from={run.start_time} to={run.end_time} />],
            [
              "Made by",
              run.auto_scheduled ? "schedule" : (run.created_by?.username ?? "somebody at the server"),
            ],
            ["Agent", run.agent?.name ?? "–"],
            ["Labels", <Labels key="labels" labels={run.labels} />],
            ["Heartbeat", <Time key="heart" at={run.heartbeat} />],
            [
              "Started again",
              run.times_resurrected ? `${run.times_resurrected} times, after it was lost` : "never",
            ],
          ]}
        />
      </Panel>
      <StateHistory id={run.id} />
      <Panel title="Parameters">
        <div className="p-3">
          <Json value={run.parameters} />
        </div>
      </Panel>
      <Panel title="Context">
        <div className="p-3">
          <Json value={run.context} />
        </div>
      </Panel>
      <Panel title="Run config">
        <div className="p-3">
          <Json value={run.run_config} />
        </div>
      </Panel>
      <Relatives run={run} />
    </div>
  );
}

function StateHistory({ id }: { id: string }) {
  const { data } = useGql(RUN_STATES, { id }, { live: [`flow_run:${id}`] });
  return (
    <Panel title="States">
      <ol className="max-h-96 overflow-auto p-3 text-sm">
        {(data?.flow_run_state ?? []).map((one) => (
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
  );
}

function Relatives({ run }: { run: Run }) {
  const { data } = useGql(RUN_CHILDREN, { id: run.id }, { live: [`flow_run:${run.id}`, "flow_run"] });
  const parent = run.parent_task_run;
  const children = data?.flow_run ?? [];
  if (!parent && children.length === 0) return null;
  return (
    <Panel title="Parent and child runs">
      <div className="flex flex-col gap-2 p-3 text-sm">
        {parent?.flow_run && (
          <p>
            Started by{" "}
            <To to={`flow-run/${parent.flow_run.id}`} className="text-link hover:underline">
              {parent.flow_run.name}
            </To>
            , task{" "}
            <To to={`task-run/${parent.id}`} className="text-link hover:underline">
              {parent.task?.name}
            </To>
          </p>
        )}
        {children.map((child) => (
          <ChildRun key={child.id} run={child} />
        ))}
      </div>
    </Panel>
  );
}

export function RunArtifacts({ id }: { id: string }) {
  const { data, isPending } = useGql(RUN_ARTIFACTS, { id }, { live: [`artifact:${id}`] });
  if (isPending) return <Skeleton rows={3} />;
  const found = data?.task_run_artifact ?? [];
  if (found.length === 0)
    return (
      <Empty
        text="Tasks of this run left no artifacts. A task leaves one with"
        command={
          'from prefect.backend.artifacts import create_markdown_artifact\ncreate_markdown_artifact("# Report")'
        }
      />
    );
  return (
    <div className="flex flex-col gap-4 p-4">
      {found.map((one) => (
        <Panel
          key={one.id}
          title={
            <To to={`task-run/${one.task_run?.id}`} className="hover:underline">
              {one.task_run?.name || one.task_run?.task?.name}
              {(one.task_run?.map_index ?? -1) >= 0 && `[${one.task_run?.map_index}]`}
            </To>
          }
          aside={<Time at={one.created} className="text-xs text-muted" />}
        >
          <Artifact kind={one.kind} data={one.data} />
        </Panel>
      ))}
    </div>
  );
}

export function Artifact({ kind, data }: { kind: string; data: any }) {
  return (
    <div className="p-3 text-sm">
      {kind === "markdown" && typeof data?.markdown === "string" ? (
        <Markdown text={data.markdown} />
      ) : kind === "link" ? (
        <OutLink url={data?.link}>{String(data?.link)}</OutLink>
      ) : (
        <Json value={data} />
      )}
    </div>
  );
}
