/** Settings of a flow that hold for all its versions. */
import { Switch } from "@base-ui/react/switch";
import { useState } from "react";
import { useAct, useGql } from "@/api/query";
import { useGo } from "@/app/link";
import { useCanEdit } from "@/app/session";
import { graphql } from "@/gql";
import type { FlowQuery } from "@/gql/graphql";
import { Button, cx, Facts, Field, Id, inputClass, Panel, Time } from "@/parts/basics";
import { Editor } from "@/parts/editor";
import { Confirm } from "@/parts/modal";
import { toast } from "@/parts/toast";
import { ActiveRuns } from "./active-runs";
import { ARCHIVE, DELETE_GROUP, FLAGS, MOVE, SET_DEFAULTS, SET_LABELS, SET_RUN_CONFIG } from "./queries";
import { RunConfigEditor } from "./run-config";
import type { Config } from "./run-config-model";

type Flow = NonNullable<FlowQuery["flow_by_pk"]>;

const PROJECTS = graphql(`query MoveProjects { project(order_by: [{ name: asc }], limit: 500) { id name } }`);

export function FlowSettings({ flow }: { flow: Flow }) {
  const canEdit = useCanEdit();
  return (
    <fieldset disabled={!canEdit} className="mx-auto grid grid-cols-1 max-w-5xl gap-4 p-4 lg:grid-cols-2">
      <Panel title="Flow">
        <Facts
          facts={[
            ["Id", <Id key="id" id={flow.id} />],
            ["Group", <Id key="group" id={flow.flow_group?.id ?? ""} />],
            ["Registered", <Time key="at" at={flow.created} />],
            ["With", `prefect ${flow.core_version ?? "–"}`],
            ["Storage", flow.storage?.type ?? "–"],
            ["Project", <Project key="project" flow={flow} />],
          ]}
        />
      </Panel>
      <Panel title="Behaviour">
        <div className="flex flex-col gap-3 p-3">
          {Object.entries(FLAGS).map(([name, flag]) => (
            <Flag
              key={name}
              flow={flow}
              isOn={Boolean(flow.settings?.[name] ?? flow.flow_group?.settings?.[name])}
              flag={flag}
            />
          ))}
        </div>
      </Panel>
      <ActiveRuns flow={flow} />
      <LabelsPanel flow={flow} />
      <JsonPanel
        title="Default parameters"
        hint="They win over the flow's own defaults, for all versions."
        value={flow.flow_group?.default_parameters ?? {}}
        document={SET_DEFAULTS}
        variables={(value) => ({ id: flow.flow_group!.id, parameters: value })}
      />
      <RunConfigPanel flow={flow} />
      {canEdit && <Danger flow={flow} />}
    </fieldset>
  );
}

function Project({ flow }: { flow: Flow }) {
  const { data } = useGql(PROJECTS, {});
  const move = useAct(MOVE, "The flow is moved.");
  return (
    <select
      aria-label="Project"
      className={cx(inputClass, "!w-auto")}
      value={flow.project?.id}
      onChange={(event) => move.mutate({ id: flow.id, project: event.target.value })}
    >
      {(data?.project ?? (flow.project ? [flow.project] : [])).map((one) => (
        <option key={one.id} value={one.id}>
          {one.name}
        </option>
      ))}
    </select>
  );
}

function Flag({ flow, isOn, flag }: { flow: Flow; isOn: boolean; flag: (typeof FLAGS)[keyof typeof FLAGS] }) {
  const on = useAct(flag.on as typeof FLAGS.heartbeat_enabled.on);
  const off = useAct(flag.off as typeof FLAGS.heartbeat_enabled.off);
  return (
    <div className="flex items-start justify-between gap-3 text-sm">
      <span>
        <span className="font-medium">{flag.label}</span>
        <span className="block text-xs text-muted">{flag.hint}</span>
      </span>
      <Switch.Root
        aria-label={flag.label}
        checked={isOn}
        onCheckedChange={(next) => (next ? on : off).mutate({ id: flow.id })}
        className="inline-flex h-4 w-7 shrink-0 items-center rounded-full bg-line-strong p-0.5 data-[checked]:bg-running"
      >
        <Switch.Thumb className="size-3 rounded-full bg-white data-[checked]:translate-x-3" />
      </Switch.Root>
    </div>
  );
}

function LabelsPanel({ flow }: { flow: Flow }) {
  const labels: string[] | null = flow.flow_group?.labels ?? null;
  const [text, setText] = useState((labels ?? []).join(", "));
  const save = useAct(SET_LABELS, "Labels are saved.");
  return (
    <Panel title="Labels">
      <form
        className="flex flex-col gap-3 p-3"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate({
            id: flow.flow_group!.id,
            labels: text
              .split(",")
              .map((one) => one.trim())
              .filter(Boolean),
          });
        }}
      >
        <Field
          label="Labels of all versions"
          hint={labels === null ? "Not set: those of the flow's run config hold." : "With commas between."}
        >
          <input className={inputClass} value={text} onChange={(event) => setText(event.target.value)} />
        </Field>
        <div className="flex gap-2">
          <Button type="submit">Save</Button>
          {labels !== null && (
            <Button kind="quiet" onClick={() => save.mutate({ id: flow.flow_group!.id, labels: null })}>
              Use the flow's own
            </Button>
          )}
        </div>
      </form>
    </Panel>
  );
}

interface JsonPanelProps {
  title: string;
  hint: string;
  value: unknown;
  document: any;
  variables: (value: unknown) => any;
}

function JsonPanel({ title, hint, value, document, variables }: JsonPanelProps) {
  const [text, setText] = useState(() => JSON.stringify(value, null, 2));
  const save = useAct(document, `${title}: saved.`);
  let parsed: unknown;
  let problem: string | undefined;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  return (
    <Panel title={title}>
      <div className="flex flex-col gap-3 p-3 text-sm">
        <p className="text-xs text-muted">{hint}</p>
        <Editor label={title} className="h-32" value={text} onChange={setText} />
        {problem && (
          <p role="alert" className="text-xs text-bad">
            {problem}
          </p>
        )}
        <Button
          className="self-start"
          disabled={problem !== undefined}
          onClick={() => save.mutate(variables(parsed))}
        >
          Save
        </Button>
      </div>
    </Panel>
  );
}

function RunConfigPanel({ flow }: { flow: Flow }) {
  const [config, setConfig] = useState<Config | undefined>(flow.flow_group?.run_config ?? undefined);
  const [isInvalid, setInvalid] = useState(false);
  const save = useAct(SET_RUN_CONFIG, "The run config is saved.");
  return (
    <Panel title="Run config">
      <div className="flex flex-col gap-3 p-3 text-sm">
        <p className="text-xs text-muted">For all versions, instead of that of the flow.</p>
        <RunConfigEditor
          value={config}
          fallback={flow.run_config}
          onChange={setConfig}
          onInvalid={setInvalid}
        />
        <Button
          className="self-start"
          disabled={isInvalid || save.isPending}
          onClick={() => save.mutate({ id: flow.flow_group!.id, config: config ?? null })}
        >
          Save
        </Button>
      </div>
    </Panel>
  );
}

function Danger({ flow }: { flow: Flow }) {
  const go = useGo();
  const archive = useAct(ARCHIVE, "The version is archived.");
  const remove = useAct(DELETE_GROUP, () => {
    toast("The flow is deleted.");
    go("flows");
  });
  return (
    <Panel title="Archive or delete">
      <div className="flex flex-wrap gap-2 p-3">
        <Confirm
          title={`Archive version ${flow.version}?`}
          text="It makes no runs any more, and its scheduled runs are removed. Its history stays."
          action="Archive it"
          onConfirm={() => archive.mutate({ id: flow.id })}
          trigger={(open) => (
            <Button disabled={flow.archived} onClick={open}>
              Archive this version
            </Button>
          )}
        />
        <Confirm
          title={`Delete ${flow.name}?`}
          text="All its versions go, with all their runs and logs. This cannot be undone."
          action="Delete the flow"
          onConfirm={() => remove.mutate({ id: flow.flow_group!.id })}
          trigger={(open) => (
            <Button kind="danger" onClick={open}>
              Delete the flow
            </Button>
          )}
        />
      </div>
    </Panel>
  );
}
