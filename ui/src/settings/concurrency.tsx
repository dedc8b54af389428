import { useAct, useGql } from "@/api/query";
import { graphql } from "@/gql";
import { Button, cx, Field, inputClass } from "@/parts/basics";
import { LineForm, ListPanel } from "./list";

const LIMITS = graphql(`
  query Limits {
    flow_concurrency_limit(order_by: [{ name: asc }], limit: 500) { id name limit }
    task_tag_limit(order_by: [{ tag: asc }], limit: 500) { id tag limit }
    flow_concurrency { label usage limit }
    task_concurrency { name usage limit }
  }
`);
const SET_FLOW = graphql(`
  mutation SetFlowLimit($label: String!, $limit: Int!) { update_flow_concurrency_limit(input: { label: $label, limit: $limit }) { id } }
`);
const SET_TASK = graphql(`
  mutation SetTaskLimit($tag: String!, $limit: Int!) { update_task_tag_limit(input: { tag: $tag, limit: $limit }) { id } }
`);
const DROP_FLOW = graphql(`
  mutation DropFlowLimit($id: UUID!) { delete_flow_concurrency_limit(input: { limit_id: $id }) { success error } }
`);
const DROP_TASK = graphql(`
  mutation DropTaskLimit($id: UUID!) { delete_task_tag_limit(input: { limit_id: $id }) { success error } }
`);

export function Concurrency() {
  const { data } = useGql(LIMITS, {}, { live: ["flow_run", "flow_run_tasks"], every: 10_000 });
  const setFlow = useAct(SET_FLOW, "The limit is set.");
  const setTask = useAct(SET_TASK, "The limit is set.");
  const dropFlow = useAct(DROP_FLOW);
  const dropTask = useAct(DROP_TASK);
  return (
    <>
      <ListPanel
        title="Flow runs by label"
        hint="Of the runs that have a label, so many run at once; others wait."
        what="the limit of"
        warning="Runs with this label are no longer held back."
        empty="No label has a limit."
        columns={["Label", "In use", "Limit"]}
        items={data?.flow_concurrency_limit.map((one) => ({
          key: one.id,
          name: one.name,
          cells: [
            <span key="name" className="font-mono text-xs">
              {one.name}
            </span>,
            <Usage
              key="usage"
              used={data.flow_concurrency?.find((use) => use.label === one.name)?.usage ?? 0}
              of={one.limit}
            />,
            one.limit,
          ],
          remove: () => dropFlow.mutate({ id: one.id }),
        }))}
      >
        <LimitForm what="Label" onSet={(label, limit) => setFlow.mutate({ label, limit })} />
      </ListPanel>
      <ListPanel
        title="Task runs by tag"
        hint="Of the task runs that have a tag, so many run at once; others are queued."
        what="the limit of"
        warning="Task runs with this tag are no longer held back."
        empty="No tag has a limit."
        columns={["Tag", "In use", "Limit"]}
        items={data?.task_tag_limit.map((one) => ({
          key: one.id,
          name: one.tag,
          cells: [
            <span key="name" className="font-mono text-xs">
              {one.tag}
            </span>,
            <Usage
              key="usage"
              used={data.task_concurrency?.find((use) => use.name === one.tag)?.usage ?? 0}
              of={one.limit}
            />,
            one.limit,
          ],
          remove: () => dropTask.mutate({ id: one.id }),
        }))}
      >
        <LimitForm what="Tag" onSet={(tag, limit) => setTask.mutate({ tag, limit })} />
      </ListPanel>
    </>
  );
}

function LimitForm({ what, onSet }: { what: string; onSet: (name: string, limit: number) => void }) {
  return (
    <LineForm onSubmit={(data) => onSet(String(data.get("name")).trim(), Number(data.get("limit")))}>
      <Field label={what}>
        <input name="name" required className={cx(inputClass, "!w-48")} />
      </Field>
      <Field label="Limit">
        <input name="limit" type="number" min={0} required className={cx(inputClass, "!w-24")} />
      </Field>
      <Button type="submit">Set</Button>
    </LineForm>
  );
}

function Usage({ used, of }: { used: number; of: number }) {
  return (
    <span className="inline-flex items-center gap-2">
      <span className="h-2 w-24 overflow-hidden rounded-sm bg-hover">
        <span
          className={cx("block h-full", used >= of ? "bg-late" : "bg-running")}
          style={{ width: `${of ? Math.min(100, (used / of) * 100) : 0}%` }}
        />
      </span>
      {used}
    </span>
  );
}
