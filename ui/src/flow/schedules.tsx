/** The schedule of a flow: clocks to write, and the moments that they mean, which the server computes. */
import { useDeferredValue, useMemo, useState } from "react";
import { useAct, useGql } from "@/api/query";
import { To } from "@/app/link";
import { useCanEdit } from "@/app/session";
import { graphql } from "@/gql";
import type { FlowQuery } from "@/gql/graphql";
import { type ClockDraft, draftOf, inputsOf, newClock, problemOf } from "@/lib/clocks";
import { type Clock, clocksOf, clockWords } from "@/lib/schedule";
import { Button, Field, inputClass, Labels, Panel, Skeleton, Time } from "@/parts/basics";
import { toast } from "@/parts/toast";
import { ClockFields } from "./clock-fields";
import { DROP_SCHEDULE, SET_SCHEDULE, UPCOMING } from "./queries";

type Flow = NonNullable<FlowQuery["flow_by_pk"]>;

const PREVIEW = graphql(`
  query SchedulePreview($args: schedule_preview_args!) {
    schedule_preview(args: $args) { start_time parameter_defaults labels }
  }
`);

export function Schedules({ flow }: { flow: Flow }) {
  const canEdit = useCanEdit();
  const ofGroup = clocksOf(flow.flow_group?.schedule);
  const clocks = ofGroup.length ? ofGroup : clocksOf(flow.schedule);
  const [drafts, setDrafts] = useState<ClockDraft[]>(() =>
    clocks.map(draftOf).filter((one) => one !== undefined),
  );
  const [zone, setZone] = useState(
    () =>
      clocks.map(zoneOf).find((one) => one !== undefined) ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  );
  const [isTouched, setTouched] = useState(false);
  const save = useAct(SET_SCHEDULE, () => {
    toast("The schedule is saved.");
    setTouched(false);
  });
  const drop = useAct(DROP_SCHEDULE, "The flow's own schedule holds again.");
  const others = clocks.filter((one) => draftOf(one) === undefined);
  const problems = drafts.map(problemOf);
  const isSound = drafts.length > 0 && problems.every((one) => one === undefined);
  function change(next: ClockDraft[]) {
    setTouched(true);
    setDrafts(next);
  }
  return (
    <div className="mx-auto grid grid-cols-1 max-w-6xl gap-4 p-4 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <Panel title={ofGroup.length ? "Schedule, set here" : "Schedule of the flow"} className="self-start">
        <form
          className="flex flex-col gap-3 p-3 text-sm"
          onSubmit={(event) => {
            event.preventDefault();
            save.mutate({
              input: { flow_group_id: flow.flow_group!.id, timezone: zone, ...inputsOf(drafts) },
            });
          }}
        >
          {others.map((clock, index) => (
            <p key={index} className="text-muted">
              {clockWords(clock)}; it is kept in the flow's code, and a schedule set here takes its place.
            </p>
          ))}
          <fieldset disabled={!canEdit} className="flex flex-col gap-3">
            {drafts.map((draft, index) => (
              <ClockFields
                key={index}
                draft={draft}
                problem={problems[index]}
                onChange={(next) => change(drafts.with(index, next))}
                onRemove={canEdit ? () => change(drafts.toSpliced(index, 1)) : undefined}
              />
            ))}
            {drafts.length === 0 && <p className="text-muted">No clock: runs are started by hand.</p>}
            <Field
              label="Time zone"
              hint={
                drafts.some((one) => one.kind === "rrule")
                  ? "A recurrence rule keeps the distance from UTC that the zone has when the rule begins."
                  : undefined
              }
            >
              <select
                className={inputClass}
                value={zone}
                onChange={(event) => {
                  setTouched(true);
                  setZone(event.target.value);
                }}
              >
                {[...new Set([zone, "UTC", ...Intl.supportedValuesOf("timeZone")])].map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </Field>
          </fieldset>
          {canEdit && (
            <div className="flex flex-wrap gap-2">
              <Button onClick={() => change([...drafts, newClock()])}>Add a clock</Button>
              <Button kind="primary" type="submit" disabled={!isSound || save.isPending}>
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
      {isTouched ? (
        <Preview drafts={isSound ? drafts : undefined} zone={zone} />
      ) : (
        <NextRuns flow={flow} zone={zone} hasClocks={clocks.length > 0} />
      )}
    </div>
  );
}

/** When the schedule that stands there would make runs. */
function Preview({ drafts, zone }: { drafts: ClockDraft[] | undefined; zone: string }) {
  const args = useMemo(
    () => ({ ...inputsOf(drafts ?? []), timezone: zone, count: 10 }),
    [JSON.stringify(drafts), zone],
  );
  const asked = useDeferredValue(args);
  const { data, error, isPending } = useGql(PREVIEW, { args: asked }, { enabled: drafts !== undefined });
  const found = data?.schedule_preview ?? [];
  return (
    <Panel title="It would run" className="self-start">
      <div className="p-3 text-sm" data-testid="preview">
        {drafts === undefined ? (
          <p className="text-muted">Moments stand here when every clock is complete.</p>
        ) : error ? (
          <p role="alert" className="text-bad">
            {error.message}
          </p>
        ) : isPending ? (
          <Skeleton rows={4} height={24} />
        ) : found.length === 0 ? (
          <p className="text-late">Never: no moment after now fits.</p>
        ) : (
          <ol>
            {found.map((one, index) => (
              <li key={index} className="flex items-baseline gap-3 py-1">
                <span className="tabular-nums">{inZone(one.start_time, zone)}</span>
                {one.labels && <Labels labels={one.labels} />}
                {Object.keys(one.parameter_defaults ?? {}).length > 0 && (
                  <code className="min-w-0 truncate text-xs text-muted">
                    {JSON.stringify(one.parameter_defaults)}
                  </code>
                )}
                <Time at={one.start_time} className="ml-auto shrink-0 text-muted" />
              </li>
            ))}
          </ol>
        )}
      </div>
    </Panel>
  );
}

function NextRuns({ flow, zone, hasClocks }: { flow: Flow; zone: string; hasClocks: boolean }) {
  const next = useGql(UPCOMING, { group: flow.flow_group?.id ?? "" }, { live: ["flow", "flow_run"] });
  return (
    <Panel title="Next runs" className="self-start">
      <ul className="p-3 text-sm">
        {(next.data?.flow_run ?? []).map((run) => (
          <li key={run.id} className="flex justify-between py-1">
            <To to={`flow-run/${run.id}`} className="tabular-nums hover:underline">
              {inZone(run.scheduled_start_time, zone)}
            </To>
            <Time at={run.scheduled_start_time} className="text-muted" />
          </li>
        ))}
        {next.data?.flow_run.length === 0 && (
          <li className="text-muted">
            {!hasClocks
              ? "None: there is no schedule."
              : flow.is_schedule_active
                ? "The server makes them in a moment."
                : "None: the schedule is switched off."}
          </li>
        )}
      </ul>
    </Panel>
  );
}

const inZone = (at: string, timeZone: string): string =>
  `${new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone }).format(
    Date.parse(at),
  )} ${new Intl.DateTimeFormat(undefined, { weekday: "short", timeZone }).format(Date.parse(at))}`;

function zoneOf(clock: Clock): string | undefined {
  const start = clock.start_date;
  const zone = typeof start === "object" && start !== null ? start.tz : undefined;
  return zone && Intl.supportedValuesOf("timeZone").concat("UTC").includes(zone) ? zone : undefined;
}
