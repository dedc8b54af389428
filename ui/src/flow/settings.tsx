/** Settings of a flow that hold for all its versions, and its schedules. */
import { Switch } from "@base-ui/react/switch";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { useAct, useGql } from "@/api/query";
import { To, useGo } from "@/app/link";
import { useCanEdit } from "@/app/session";
import { graphql } from "@/gql";
import type { FlowQuery } from "@/gql/graphql";
import { type Clock, clocksOf, clockWords } from "@/lib/schedule";
import { Button, cx, Facts, Field, IconButton, Id, inputClass, Panel, Time } from "@/parts/basics";
import { Editor } from "@/parts/editor";
import { Confirm } from "@/parts/modal";
import { toast } from "@/parts/toast";
import {
  ARCHIVE,
  DELETE_GROUP,
  DROP_SCHEDULE,
  FLAGS,
  MOVE,
  SET_DEFAULTS,
  SET_LABELS,
  SET_RUN_CONFIG,
  SET_SCHEDULE,
  UPCOMING,
} from "./queries";

type Flow = NonNullable<FlowQuery["flow_by_pk"]>;

const PROJECTS = graphql(`query MoveProjects { project(order_by: [{ name: asc }], limit: 500) { id name } }`);

export function FlowSettings({ flow }: { flow: Flow }) {
  const canEdit = useCanEdit();
  return (
    <fieldset disabled={!canEdit} className="mx-auto grid max-w-5xl gap-4 p-4 lg:grid-cols-2">
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
      <LabelsPanel flow={flow} />
      <JsonPanel
        title="Default parameters"
        hint="They win over the flow's own defaults, for all versions."
        value={flow.flow_group?.default_parameters ?? {}}
        document={SET_DEFAULTS}
        variables={(value) => ({ id: flow.flow_group!.id, parameters: value })}
      />
      <JsonPanel
        title="Run config"
        hint="Instead of that of the flow; null for the flow's own."
        value={flow.flow_group?.run_config ?? null}
        document={SET_RUN_CONFIG}
        variables={(value) => ({ id: flow.flow_group!.id, config: value })}
      />
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

interface Draft {
  kind: "cron" | "interval";
  text: string;
}

const asDraft = (clock: Clock): Draft =>
  clock.cron
    ? { kind: "cron", text: clock.cron }
    : { kind: "interval", text: String(Math.round((clock.interval ?? 3_600_000_000) / 60_000_000)) };

export function Schedules({ flow }: { flow: Flow }) {
  const canEdit = useCanEdit();
  const ofGroup = clocksOf(flow.flow_group?.schedule);
  const clocks = ofGroup.length ? ofGroup : clocksOf(flow.schedule);
  const [drafts, setDrafts] = useState<Draft[]>(() =>
    clocks.filter((one) => one.cron || one.interval).map(asDraft),
  );
  const [zone, setZone] = useState(
    () => zoneOf(clocks[0]) ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  );
  const next = useGql(UPCOMING, { group: flow.flow_group?.id ?? "" }, { live: ["flow", "flow_run"] });
  const save = useAct(SET_SCHEDULE, "The schedule is saved.");
  const drop = useAct(DROP_SCHEDULE, "The flow's own schedule holds again.");
  const others = clocks.filter((one) => !one.cron && !one.interval);
  return (
    <div className="mx-auto grid max-w-5xl gap-4 p-4 lg:grid-cols-2">
      <Panel title={ofGroup.length ? "Schedule, set here" : "Schedule of the flow"}>
        <form
          className="flex flex-col gap-3 p-3 text-sm"
          onSubmit={(event) => {
            event.preventDefault();
            save.mutate({
              input: {
                flow_group_id: flow.flow_group!.id,
                timezone: zone,
                cron_clocks: drafts.filter((one) => one.kind === "cron").map((one) => ({ cron: one.text })),
                interval_clocks: drafts
                  .filter((one) => one.kind === "interval")
                  .map((one) => ({ interval: Math.round(Number(one.text) * 60) })),
              },
            });
          }}
        >
          {others.map((clock, index) => (
            <p key={index} className="text-muted">
              {clockWords(clock)}; it is kept in the flow's code, and a schedule set here takes its place.
            </p>
          ))}
          {drafts.map((draft, index) => (
            <div key={index} className="flex flex-col gap-1">
              <div className="flex items-center gap-2">
                <select
                  aria-label="Kind of clock"
                  className={cx(inputClass, "!w-auto")}
                  value={draft.kind}
                  onChange={(event) =>
                    setDrafts(
                      drafts.with(index, {
                        kind: event.target.value as Draft["kind"],
                        text: event.target.value === "cron" ? "0 6 * * *" : "60",
                      }),
                    )
                  }
                >
                  <option value="cron">cron</option>
                  <option value="interval">every … minutes</option>
                </select>
                <input
                  aria-label={draft.kind === "cron" ? "Cron line" : "Minutes"}
                  className={cx(inputClass, "font-mono")}
                  value={draft.text}
                  onChange={(event) => setDrafts(drafts.with(index, { ...draft, text: event.target.value }))}
                />
                <IconButton label="Remove the clock" onClick={() => setDrafts(drafts.toSpliced(index, 1))}>
                  <Trash2 size={14} />
                </IconButton>
              </div>
              <span className="text-xs text-muted">
                {draft.kind === "cron"
                  ? clockWords({ cron: draft.text })
                  : clockWords({ interval: Number(draft.text) * 60_000_000 })}
              </span>
            </div>
          ))}
          {drafts.length === 0 && <p className="text-muted">No clock: runs are started by hand.</p>}
          <Field label="Time zone">
            <select className={inputClass} value={zone} onChange={(event) => setZone(event.target.value)}>
              {[...new Set([zone, "UTC", ...Intl.supportedValuesOf("timeZone")])].map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </Field>
          {canEdit && (
            <div className="flex flex-wrap gap-2">
              <Button onClick={() => setDrafts([...drafts, { kind: "cron", text: "0 6 * * *" }])}>
                Add a clock
              </Button>
              <Button kind="primary" type="submit" disabled={drafts.length === 0}>
                Save
              </Button>
              {ofGroup.length > 0 && (
                <Button kind="quiet" onClick={() => drop.mutate({ id: flow.flow_group!.id })}>
                  Use the flow's own
                </Button>
              )}
            </div>
          )}
        </form>
      </Panel>
      <Panel title="Next runs">
        <ul className="p-3 text-sm">
          {(next.data?.flow_run ?? []).map((run) => (
            <li key={run.id} className="flex justify-between py-1">
              <To to={`flow-run/${run.id}`} className="hover:underline">
                {new Intl.DateTimeFormat(undefined, {
                  dateStyle: "medium",
                  timeStyle: "short",
                  timeZone: zone,
                }).format(Date.parse(run.scheduled_start_time))}
              </To>
              <Time at={run.scheduled_start_time} className="text-muted" />
            </li>
          ))}
          {next.data?.flow_run.length === 0 && (
            <li className="text-muted">
              {clocks.length === 0
                ? "None: there is no schedule."
                : flow.is_schedule_active
                  ? "The server makes them in a moment."
                  : "None: the schedule is switched off."}
            </li>
          )}
        </ul>
      </Panel>
    </div>
  );
}

function zoneOf(clock: Clock | undefined): string | undefined {
  const start = clock?.start_date;
  return typeof start === "object" && start !== null ? start.tz : undefined;
}
