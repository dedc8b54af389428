import { useParams } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { useMemo, useState } from "react";
import { useAct, useGql } from "@/api/query";
import { useTitle } from "@/app/crumbs";
import { useGo } from "@/app/link";
import { usePatchSearch, useSearchState } from "@/app/search";
import { useCanEdit } from "@/app/session";
import { useKeys } from "@/app/use-keys";
import { Grid } from "@/flow/grid";
import { FLOW, FLOW_TASKS, SET_DESCRIPTION, VERSIONS } from "@/flow/queries";
import { RunForm } from "@/flow/run-form";
import { Schedules } from "@/flow/schedules";
import { FlowSettings } from "@/flow/settings";
import { Versions } from "@/flow/versions";
import type { FlowQuery, VersionsQuery } from "@/gql/graphql";
import { scheduleWords } from "@/lib/schedule";
import { Button, cx, Empty, inputClass, Labels, Problem, Skeleton } from "@/parts/basics";
import { Dag, Markdown } from "@/parts/lazy";
import { TabBar, useTab } from "@/parts/tabs";
import { ScheduleSwitch } from "./flows";
import { Runs } from "./runs";

type Flow = NonNullable<FlowQuery["flow_by_pk"]>;

export function FlowPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { data, error, isPending } = useGql(VERSIONS, { id }, { live: ["flow"] });
  const groupId = data?.group.length ? id : data?.flow_by_pk?.flow_group_id;
  // The id of a version leads to its group, with that version chosen.
  const ofGroup = useGql(
    VERSIONS,
    { id: groupId ?? "" },
    { live: ["flow"], enabled: groupId !== undefined && groupId !== id },
  );
  const versions = data?.group.length ? data.group : ofGroup.data?.group;
  if (error) return <Problem error={error} />;
  if (isPending) return <Skeleton rows={12} />;
  if (!groupId)
    return <Empty text="There is no flow of this id in this tenant." command="prefect get flows" />;
  if (!versions?.length) return <Skeleton rows={12} />;
  return <Chosen groupId={groupId} versions={versions} preferred={data?.flow_by_pk?.version} />;
}

function Chosen({
  groupId,
  versions,
  preferred,
}: {
  groupId: string;
  versions: VersionsQuery["group"];
  preferred?: number;
}) {
  const newest = versions.find((one) => !one.archived) ?? versions[0]!;
  const [text] = useSearchState("version", String(preferred ?? newest.version));
  const version = versions.find((one) => String(one.version) === text) ?? newest;
  const { data, error } = useGql(FLOW, { id: version.id }, { live: ["flow"] });
  useTitle([{ text: "Flows", to: "flows" }, { text: version.name }]);
  if (error) return <Problem error={error} />;
  const flow = data?.flow_by_pk;
  if (!flow) return <Skeleton rows={12} />;
  return <Page key={groupId} flow={flow} groupId={groupId} versions={versions} version={version} />;
}

interface PageProps {
  flow: Flow;
  groupId: string;
  versions: VersionsQuery["group"];
  version: VersionsQuery["group"][number];
}

const TABS = [
  { key: "grid", label: "Grid" },
  { key: "runs", label: "Runs" },
  { key: "schematic", label: "Schematic" },
  { key: "readme", label: "Readme" },
  { key: "versions", label: "Versions" },
  { key: "schedules", label: "Schedules" },
  { key: "settings", label: "Settings" },
];

function Page({ flow, groupId, versions, version }: PageProps) {
  const patch = usePatchSearch();
  const canEdit = useCanEdit();
  const tabs = canEdit ? [...TABS, { key: "run", label: "Run" }] : TABS;
  const [tab, setTab] = useTab(tabs);
  useKeys(canEdit ? { r: () => setTab("run") } : {});
  const schedule = flow.flow_group?.schedule ?? flow.schedule;
  return (
    <div className="flex h-full flex-col">
      <header className="flex shrink-0 flex-wrap items-center gap-x-4 gap-y-2 px-4 pb-2 pt-3 text-sm">
        <span className="text-base font-semibold">{flow.name}</span>
        <select
          aria-label="Version"
          className={cx(inputClass, "!h-7 !w-auto")}
          value={String(version.version)}
          onChange={(event) => patch({ version: event.target.value })}
        >
          {versions.map((one) => (
            <option key={one.id} value={String(one.version)}>
              version {one.version}
              {one.archived ? " (archived)" : ""}
            </option>
          ))}
        </select>
        <span className="text-muted">{flow.project?.name}</span>
        {schedule && (
          <span className="flex items-center gap-2">
            <ScheduleSwitch flow={flow} />
            <span className="text-muted">{scheduleWords(schedule)}</span>
          </span>
        )}
        {(flow.flow_group?.labels ?? flow.run_config?.labels)?.length > 0 && (
          <Labels labels={flow.flow_group?.labels ?? flow.run_config?.labels} />
        )}
        {canEdit && (
          <Button
            kind="primary"
            className="ml-auto"
            icon={<Play size={14} />}
            disabled={flow.archived}
            onClick={() => setTab("run")}
          >
            Run
          </Button>
        )}
      </header>
      <TabBar tabs={tabs} chosen={tab} onChoose={setTab} />
      <div
        id="tab-panel"
        role="tabpanel"
        aria-labelledby={`tab-${tab}`}
        className="flex min-h-0 flex-1 flex-col"
      >
        {tab === "grid" && (
          <Grid groupId={groupId} flowId={flow.id} nTasks={flow.tasks_aggregate.aggregate?.count ?? 0} />
        )}
        {tab === "schematic" && <Schematic flowId={flow.id} />}
        {["runs", "readme", "versions", "schedules", "settings", "run"].includes(tab) && (
          <div className="min-h-0 flex-1 overflow-y-auto">
            {tab === "runs" && <Runs flowGroupId={groupId} />}
            {tab === "readme" && <Readme flow={flow} />}
            {tab === "versions" && <Versions key={version.id} versions={versions} chosen={version} />}
            {tab === "schedules" && <Schedules key={flow.id} flow={flow} />}
            {tab === "settings" && <FlowSettings key={flow.id} flow={flow} />}
            {tab === "run" && <RunForm key={flow.id} flow={flow} />}
          </div>
        )}
      </div>
    </div>
  );
}

function Schematic({ flowId }: { flowId: string }) {
  const { data } = useGql(FLOW_TASKS, { id: flowId });
  const [chosen, setChosen] = useSearchState("task");
  const go = useGo();
  const tasks = useMemo(
    () =>
      (data?.task ?? []).map((task) => ({
        id: task.id,
        name: task.name ?? task.slug,
        mapped: task.mapped,
        isParameter: task.type?.endsWith("Parameter") ?? false,
      })),
    [data],
  );
  const edges = useMemo(
    () =>
      (data?.edge ?? []).map((edge) => ({
        from: edge.upstream_task_id,
        to: edge.downstream_task_id,
        mapped: edge.mapped,
      })),
    [data],
  );
  if (!data) return <Skeleton />;
  return (
    <div className="min-h-0 flex-1">
      <Dag
        tasks={tasks}
        edges={edges}
        chosen={chosen}
        onChoose={setChosen}
        onOpen={(id) => go(`task/${id}`)}
      />
    </div>
  );
}

function Readme({ flow }: { flow: Flow }) {
  const text = flow.flow_group?.description ?? flow.description ?? "";
  const [isEditing, setEditing] = useState(false);
  const [draft, setDraft] = useState(text);
  const canEdit = useCanEdit();
  const save = useAct(SET_DESCRIPTION, () => setEditing(false));
  return (
    <div className="mx-auto max-w-3xl p-4">
      {canEdit && !isEditing && (
        <Button
          className="float-right"
          onClick={() => {
            setDraft(text);
            setEditing(true);
          }}
        >
          Edit
        </Button>
      )}
      {isEditing ? (
        <div className="flex flex-col gap-3">
          <textarea
            aria-label="Readme in Markdown"
            className="h-96 w-full rounded-md border border-line-strong bg-page p-3 font-mono text-xs leading-5"
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
          />
          <div className="flex gap-2">
            <Button
              kind="primary"
              onClick={() => save.mutate({ id: flow.flow_group!.id, description: draft })}
            >
              Save
            </Button>
            <Button kind="quiet" onClick={() => setEditing(false)}>
              Discard
            </Button>
          </div>
        </div>
      ) : text ? (
        <Markdown text={text} />
      ) : (
        <Empty text="Nobody has said yet what this flow is for. Write it here in Markdown." />
      )}
    </div>
  );
}
