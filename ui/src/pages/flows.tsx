import { Switch } from "@base-ui/react/switch";
import { useState } from "react";
import { useAct, useGql } from "@/api/query";
import { useTitle } from "@/app/crumbs";
import { To, useGo } from "@/app/link";
import { useSearchState } from "@/app/search";
import { useCanEdit } from "@/app/session";
import { useKeys } from "@/app/use-keys";
import { graphql } from "@/gql";
import { scheduleWords } from "@/lib/schedule";
import { count } from "@/lib/time";
import { cx, Empty, inputClass, Problem, Skeleton, Time } from "@/parts/basics";
import { Sparkline } from "@/parts/history";
import { StateIcon } from "@/parts/state";

const FLOWS = graphql(`
  query Flows($where: flow_bool_exp!, $limit: Int!) {
    flow(where: $where, order_by: [{ name: asc }], limit: $limit) {
      id name version flow_group_id is_schedule_active schedule created
      project { id name }
      flow_group { schedule labels }
      last: flow_runs(
        where: { state: { _nin: ["Scheduled", "Queued", "Submitted"] } }
        order_by: [{ scheduled_start_time: desc }] limit: 10
      ) { id state start_time end_time scheduled_start_time }
      next: flow_runs(
        where: { state: { _eq: "Scheduled" } } order_by: [{ scheduled_start_time: asc }] limit: 1
      ) { id scheduled_start_time }
    }
    flow_aggregate(where: $where) { aggregate { count } }
    project(order_by: [{ name: asc }], limit: 500) { id name }
  }
`);
const ON = graphql(
  `mutation ScheduleOn($id: UUID!) { set_schedule_active(input: { flow_id: $id }) { success error } }`,
);
const OFF = graphql(
  `mutation ScheduleOff($id: UUID!) { set_schedule_inactive(input: { flow_id: $id }) { success error } }`,
);

export function ScheduleSwitch({
  flow,
}: {
  flow: { id: string; name: string; is_schedule_active: boolean };
}) {
  const on = useAct(ON, `The schedule of ${flow.name} makes runs.`);
  const off = useAct(OFF, `The schedule of ${flow.name} rests.`);
  const canEdit = useCanEdit();
  return (
    <Switch.Root
      aria-label={`Schedule of ${flow.name}`}
      checked={flow.is_schedule_active}
      disabled={!canEdit || on.isPending || off.isPending}
      onCheckedChange={(isOn) => (isOn ? on : off).mutate({ id: flow.id })}
      className="inline-flex h-4 w-7 shrink-0 items-center rounded-full bg-line-strong p-0.5 data-[checked]:bg-running"
    >
      <Switch.Thumb className="size-3 rounded-full bg-white data-[checked]:translate-x-3" />
    </Switch.Root>
  );
}

const MORE = 200;

export function FlowsPage() {
  useTitle([{ text: "Flows" }]);
  const [project, setProject] = useSearchState("project");
  const [name, setName] = useSearchState("name");
  const [limit, setLimit] = useState(MORE);
  const [at, setAt] = useState(-1);
  const go = useGo();
  const where = {
    archived: { _eq: false },
    ...(project ? { project_id: { _eq: project } } : {}),
    ...(name ? { name: { _ilike: `%${name.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%` } } : {}),
  };
  const { data, error, isPending } = useGql(FLOWS, { where, limit }, { live: ["flow", "flow_run"] });
  const flows = data?.flow ?? [];
  useKeys({
    j: () => setAt(Math.min(flows.length - 1, at + 1)),
    k: () => setAt(Math.max(0, at - 1)),
    Enter: () => flows[at] && go(`flow/${flows[at].flow_group_id}`),
  });
  const total = data?.flow_aggregate.aggregate?.count ?? 0;
  return (
    <div>
      <div className="flex flex-wrap items-center gap-2 border-b border-line p-3">
        <select
          aria-label="Project"
          className={cx(inputClass, "!w-auto max-w-48")}
          value={project}
          onChange={(event) => setProject(event.target.value)}
        >
          <option value="">all projects</option>
          {(data?.project ?? []).map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
        <input
          aria-label="Find a flow by name"
          placeholder="name"
          className={cx(inputClass, "!w-52")}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <span className="ml-auto text-sm text-muted">{count(total)} flows</span>
      </div>
      {error ? (
        <Problem error={error} />
      ) : isPending ? (
        <Skeleton rows={10} />
      ) : flows.length === 0 ? (
        <Empty
          text={name || project ? "No flow matches." : "No flow is registered yet. Register one with"}
          command={
            name || project
              ? undefined
              : "prefect create project demo\nprefect register --project demo -p flow.py"
          }
          waits={name || project ? undefined : "waiting for the first flow"}
        />
      ) : (
        <table className="w-full text-sm">
          <thead>
            <tr className="h-8 border-b border-line text-left text-xs text-muted">
              <th className="pl-4 font-medium">Flow</th>
              <th className="font-medium max-md:hidden">Project</th>
              <th className="font-medium max-lg:hidden">Schedule</th>
              <th className="font-medium max-lg:hidden">Next run</th>
              <th className="font-medium max-sm:hidden">Last run</th>
              <th className="pr-4 text-right font-medium">Last ten</th>
            </tr>
          </thead>
          <tbody>
            {flows.map((flow, index) => {
              const schedule = flow.flow_group?.schedule ?? flow.schedule;
              const last = flow.last[0];
              return (
                <tr
                  key={flow.id}
                  className={cx("h-10 border-b border-line hover:bg-panel", index === at && "bg-hover")}
                >
                  <td className="max-w-0 truncate pl-4 pr-3 max-sm:w-3/5 sm:w-1/4">
                    <To to={`flow/${flow.flow_group_id}`} className="font-medium hover:underline">
                      {flow.name}
                    </To>{" "}
                    <span className="text-xs text-muted">v{flow.version}</span>
                  </td>
                  <td className="max-w-0 truncate pr-3 text-muted max-md:hidden md:w-1/6">
                    {flow.project?.name}
                  </td>
                  <td className="max-w-0 pr-3 max-lg:hidden lg:w-1/4">
                    {schedule ? (
                      <span className="flex items-center gap-2">
                        <ScheduleSwitch flow={flow} />
                        <span className="truncate text-muted" title={scheduleWords(schedule)}>
                          {scheduleWords(schedule)}
                        </span>
                      </span>
                    ) : (
                      <span className="text-muted">–</span>
                    )}
                  </td>
                  <td className="pr-3 text-muted max-lg:hidden">
                    <Time at={flow.next[0]?.scheduled_start_time} />
                  </td>
                  <td className="pr-3 max-sm:hidden">
                    {last ? (
                      <To
                        to={`flow-run/${last.id}`}
                        className="inline-flex items-center gap-2 text-muted hover:underline"
                      >
                        <StateIcon state={last.state} />{" "}
                        <Time at={last.start_time ?? last.scheduled_start_time} />
                      </To>
                    ) : (
                      <span className="text-muted">never</span>
                    )}
                  </td>
                  <td className="pr-4 text-right">
                    <Sparkline runs={flow.last} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {total > limit && (
        <button
          type="button"
          className="w-full p-3 text-sm text-link hover:underline"
          onClick={() => setLimit(limit + MORE)}
        >
          More of {count(total)}
        </button>
      )}
    </div>
  );
}
