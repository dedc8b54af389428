/** What changed between two versions of a flow. */
import { useMemo } from "react";
import { useGql } from "@/api/query";
import { useSearchState } from "@/app/search";
import type { FlowTasksQuery } from "@/gql/graphql";
import { cx, Empty, inputClass, Panel, Time } from "@/parts/basics";
import { FLOW_TASKS } from "./queries";

interface Version {
  id: string;
  version: number;
  created: string;
  archived: boolean;
}

export function Versions({ versions, chosen }: { versions: Version[]; chosen: Version }) {
  const before = versions.find((one) => one.version < chosen.version);
  const [otherText, setOther] = useSearchState("against", before ? String(before.version) : "");
  const other = versions.find((one) => String(one.version) === otherText);
  const now = useGql(FLOW_TASKS, { id: chosen.id });
  const then = useGql(FLOW_TASKS, { id: other?.id ?? "" }, { enabled: other !== undefined });
  const changes = useMemo(
    () => (now.data && then.data && other ? compare(then.data, now.data) : undefined),
    [now.data, then.data, other],
  );
  if (versions.length < 2)
    return (
      <Empty text="This flow has one version. A flow that is registered again after a change gets the next." />
    );
  return (
    <div className="mx-auto flex max-w-4xl flex-col gap-4 p-4">
      <div className="flex items-center gap-2 text-sm">
        Version {chosen.version} (<Time at={chosen.created} />) against
        <select
          aria-label="Version to compare with"
          className={cx(inputClass, "!w-auto")}
          value={otherText}
          onChange={(event) => setOther(event.target.value)}
        >
          {versions
            .filter((one) => one.id !== chosen.id)
            .map((one) => (
              <option key={one.id} value={String(one.version)}>
                version {one.version}
              </option>
            ))}
        </select>
      </div>
      {changes?.every(([, list]) => list.length === 0) && (
        <p className="text-sm text-muted">Tasks, edges and parameters are the same.</p>
      )}
      {changes?.map(([title, list]) =>
        list.length ? (
          <Panel key={title} title={title}>
            <ul className="p-3 font-mono text-xs leading-6">
              {list.map((change) => (
                <li
                  key={change.text}
                  className={{ "+": "text-good", "−": "text-bad", "~": "text-late" }[change.sign]}
                >
                  {change.sign} {change.text}
                </li>
              ))}
            </ul>
          </Panel>
        ) : null,
      )}
    </div>
  );
}

interface Change {
  sign: "+" | "−" | "~";
  text: string;
}

/** Differences of two versions: tasks by slug, edges by the slugs of their ends, parameters by name. */
export function compare(before: FlowTasksQuery, after: FlowTasksQuery): [string, Change[]][] {
  return [
    ["Tasks", differences(tasksOf(before), tasksOf(after))],
    ["Edges", differences(edgesOf(before), edgesOf(after))],
    ["Parameters", differences(parametersOf(before), parametersOf(after))],
  ];
}

type Things = Map<string, Record<string, unknown>>;

const tasksOf = (data: FlowTasksQuery): Things =>
  new Map(data.task.map(({ id: _, slug, ...facts }) => [slug, facts as Record<string, unknown>]));

function edgesOf(data: FlowTasksQuery): Things {
  const slugs = new Map(data.task.map((task) => [task.id, task.slug]));
  return new Map(
    data.edge.map((edge) => [
      `${slugs.get(edge.upstream_task_id)} → ${slugs.get(edge.downstream_task_id)}${edge.key ? ` (${edge.key})` : ""}`,
      { mapped: edge.mapped },
    ]),
  );
}

function parametersOf(data: FlowTasksQuery): Things {
  const list = data.flow_by_pk?.parameters;
  return new Map(
    (Array.isArray(list) ? list : []).map((one: any) => [
      one.name,
      { default: one.default, required: one.required },
    ]),
  );
}

function differences(before: Things, after: Things): Change[] {
  const found: Change[] = [];
  for (const [name, facts] of after) {
    const old = before.get(name);
    if (!old) found.push({ sign: "+", text: name });
    else
      for (const key of Object.keys(facts))
        if (JSON.stringify(facts[key]) !== JSON.stringify(old[key]))
          found.push({
            sign: "~",
            text: `${name}: ${key} ${JSON.stringify(old[key])} → ${JSON.stringify(facts[key])}`,
          });
  }
  for (const name of before.keys()) if (!after.has(name)) found.push({ sign: "−", text: name });
  return found;
}
