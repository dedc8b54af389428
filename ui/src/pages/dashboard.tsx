import { Play } from "lucide-react";
import { useMemo, useState } from "react";
import { useGql } from "@/api/query";
import { useTitle } from "@/app/crumbs";
import { To } from "@/app/link";
import { useSearchState } from "@/app/search";
import { Attention } from "@/dashboard/attention";
import { Health } from "@/dashboard/health";
import { Row } from "@/dashboard/row";
import { graphql } from "@/gql";
import { FAILED, LATE_MS } from "@/lib/states";
import { count } from "@/lib/time";
import { cx, Empty, inputClass, Panel, Problem, Skeleton, Time, Took, useNow } from "@/parts/basics";
import { History } from "@/parts/history";
import { RunList, type RunRow } from "@/parts/run-list";
import { StateIcon } from "@/parts/state";

const HISTORY = graphql(`
  query History($where: flow_run_bool_exp!) {
    flow_run(where: $where, order_by: [{ start_time: desc }], limit: 5000) {
      id name state state_message state_start_time scheduled_start_time start_time end_time flow { name version }
    }
  }
`);

const ATTENTION = graphql(`
  query Attention($failed: flow_run_bool_exp!, $paused: flow_run_bool_exp!, $late: flow_run_bool_exp!) {
    failed: flow_run(where: $failed, order_by: [{ state_timestamp: desc }], limit: 200) {
      id name state state_message state_timestamp flow { name flow_group_id archived }
    }
    paused: flow_run(where: $paused, order_by: [{ state_timestamp: desc }], limit: 20) {
      id name state state_message state_timestamp flow { name flow_group_id archived }
    }
    late: flow_run(where: $late, order_by: [{ state_start_time: asc }], limit: 20) {
      id name state state_start_time flow { name flow_group_id archived }
    }
    lateCount: flow_run_aggregate(where: $late) { aggregate { count } }
  }
`);

const NOW = graphql(`
  query Now($running: flow_run_bool_exp!, $upcoming: flow_run_bool_exp!) {
    running: flow_run(where: $running, order_by: [{ start_time: desc_nulls_last }], limit: 15) {
      id name state start_time flow { name }
      done: task_runs_aggregate(where: { state: { _in: ["Success", "Cached", "Skipped", "Failed", "TriggerFailed"] } }) { aggregate { count } }
      all: task_runs_aggregate(where: { state: { _neq: "Mapped" } }) { aggregate { count } }
    }
    upcoming: flow_run(where: $upcoming, order_by: [{ state_start_time: asc }], limit: 6) {
      id name state state_start_time flow { name }
    }
    project(order_by: [{ name: asc }], limit: 500) { id name }
    flow_aggregate { aggregate { count } }
    api { version }
  }
`);

const DAY = 86_400_000;
/** Moments move on in steps, so that a query stays the same query for a while. */
const STEP = 60_000;

export function DashboardPage() {
  useTitle([{ text: "Dashboard" }]);
  const [project, setProject] = useSearchState("project");
  const now = useNow();
  const minute = Math.floor(now / STEP) * STEP;
  const of = useMemo(() => (project ? { flow: { project_id: { _eq: project } } } : {}), [project]);
  const iso = (at: number) => new Date(at).toISOString();
  const live = ["flow_run"];
  const history = useGql(HISTORY, { where: { ...of, start_time: { _gte: iso(minute - DAY) } } }, { live });
  const attention = useGql(
    ATTENTION,
    {
      failed: { ...of, state: { _in: FAILED }, state_timestamp: { _gte: iso(minute - DAY) } },
      paused: { ...of, state: { _eq: "Paused" } },
      late: { ...of, state: { _eq: "Scheduled" }, state_start_time: { _lte: iso(minute - LATE_MS) } },
    },
    { live },
  );
  const current = useGql(
    NOW,
    {
      running: { ...of, state: { _in: ["Running", "Cancelling", "Submitted", "Retrying"] } },
      upcoming: {
        ...of,
        state: { _in: ["Scheduled", "Queued", "Resume"] },
        state_start_time: { _gt: iso(minute) },
      },
    },
    { live, every: 15_000 },
  );
  const [range, setRange] = useState<[number, number]>();
  const error = history.error ?? attention.error ?? current.error;
  if (error) return <Problem error={error} />;
  if (current.data?.flow_aggregate.aggregate?.count === 0) return <FirstSteps />;

  const runs = history.data?.flow_run ?? [];
  const inRange = range
    ? runs.filter((run) => Date.parse(run.start_time!) >= range[0] && Date.parse(run.start_time!) < range[1])
    : [];
  return (
    <div className="mx-auto flex max-w-7xl flex-col gap-4 p-4">
      <Health
        late={attention.data?.lateCount.aggregate?.count ?? undefined}
        failed={attention.data?.failed.length}
        paused={attention.data?.paused.length}
        version={current.data?.api?.version}
      >
        <select
          aria-label="Project"
          className={cx(inputClass, "!w-auto max-w-48")}
          value={project}
          onChange={(event) => setProject(event.target.value)}
        >
          <option value="">all projects</option>
          {(current.data?.project ?? []).map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </Health>
      <div className="grid grid-cols-1 gap-4 lg:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="flex min-w-0 flex-col gap-4 max-lg:order-last">
          <Panel
            title="Runs, last 24 hours"
            aside={
              <span className="text-xs text-muted">{runs.length ? `${count(runs.length)} runs` : ""}</span>
            }
          >
            <History
              runs={runs.map((run) => ({ id: run.id, state: run.state, at: Date.parse(run.start_time!) }))}
              from={minute - DAY}
              to={minute + STEP}
              chosen={range}
              onChoose={setRange}
            />
            {range && (
              <div className="border-t border-line">
                <RunList runs={inRange as RunRow[]} />
                {inRange.length === 0 && (
                  <p className="p-4 text-center text-sm text-muted">No run began then.</p>
                )}
              </div>
            )}
          </Panel>
          <Panel title="In progress">
            {!current.data ? (
              <Skeleton rows={3} />
            ) : current.data.running.length === 0 ? (
              <p className="p-4 text-sm text-muted">Nothing runs.</p>
            ) : (
              current.data.running.map((run) => {
                const all = run.all.aggregate?.count ?? 0;
                const done = run.done.aggregate?.count ?? 0;
                return (
                  <Row key={run.id}>
                    <StateIcon state={run.state} />
                    <To to={`flow-run/${run.id}`} className="min-w-0 flex-1 truncate hover:underline">
                      {run.flow?.name} <span className="text-muted">/ {run.name}</span>
                    </To>
                    <span
                      className="h-2 w-28 overflow-hidden rounded-sm bg-hover max-sm:w-14"
                      title={`${done} of ${all} task runs`}
                    >
                      <span
                        className="block h-full bg-running"
                        style={{ width: `${all ? (done / all) * 100 : 0}%` }}
                      />
                    </span>
                    <span className="w-10 text-right text-muted">
                      {all ? Math.floor((done / all) * 100) : 0} %
                    </span>
                    <span className="w-20 text-right">
                      <Took from={run.start_time} to={null} />
                    </span>
                  </Row>
                );
              })
            )}
          </Panel>
          <Panel title="Upcoming">
            {(current.data?.upcoming ?? []).map((run) => (
              <Row key={run.id}>
                <StateIcon state={run.state} />
                <To to={`flow-run/${run.id}`} className="min-w-0 flex-1 truncate hover:underline">
                  {run.flow?.name} <span className="text-muted">/ {run.name}</span>
                </To>
                <span className="text-muted">
                  <Time at={run.state_start_time} />
                </span>
              </Row>
            ))}
            {current.data?.upcoming.length === 0 && (
              <p className="p-4 text-sm text-muted">No run is scheduled.</p>
            )}
          </Panel>
        </div>
        <div className="max-lg:order-first">
          <Attention data={attention.data} />
        </div>
      </div>
    </div>
  );
}

function FirstSteps() {
  return (
    <div className="mx-auto max-w-2xl p-6">
      <Empty
        text="No flow is registered yet. Register one, start an agent, and this page fills by itself."
        command={
          "prefect create project demo\nprefect register --project demo -p flow.py\nprefect run --project demo --name NAME --execute"
        }
        waits="waiting for the first flow"
      />
      <p className="flex items-center justify-center gap-2 text-sm text-muted">
        <Play size={13} /> Only looking around? This fills another database with a demo:
      </p>
      <Empty
        text=""
        command={"prefect server seed-demo --data-dir demo\nprefect server start --data-dir demo"}
      />
    </div>
  );
}
