/** How many runs of a flow may be active at once, and what becomes of more. */
import { useState } from "react";
import { useAct } from "@/api/query";
import type { FlowQuery } from "@/gql/graphql";
import { Button, Field, inputClass, Panel } from "@/parts/basics";
import { SET_MAX_ACTIVE_RUNS } from "./queries";

type Flow = NonNullable<FlowQuery["flow_by_pk"]>;

const CHOICES = {
  wait: "Wait until one has ended",
  skip: "Skip it, if a schedule made it",
  cancel_oldest: "Cancel the oldest for it",
};
type Choice = keyof typeof CHOICES;

export function ActiveRuns({ flow }: { flow: Flow }) {
  const settings = flow.flow_group?.settings ?? {};
  const [limit, setLimit] = useState<string>(String(settings.max_active_runs ?? ""));
  const [choice, setChoice] = useState<Choice>(settings.when_max_active_runs ?? "wait");
  const save = useAct(SET_MAX_ACTIVE_RUNS, limit ? "The limit is saved." : "The flow has no limit.");
  return (
    <Panel title="Active runs">
      <form
        className="flex flex-col gap-3 p-3"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate({
            input: {
              flow_group_id: flow.flow_group!.id,
              limit: limit ? Number(limit) : null,
              when_reached: choice,
            },
          });
        }}
      >
        <Field label="At most at once" hint="Of all versions. Empty: as many as there are.">
          <input
            className={inputClass}
            type="number"
            min={1}
            step={1}
            placeholder="no limit"
            value={limit}
            onChange={(event) => setLimit(event.target.value)}
          />
        </Field>
        <Field label="When another one is due">
          <select
            className={inputClass}
            disabled={!limit}
            value={choice}
            onChange={(event) => setChoice(event.target.value as Choice)}
          >
            {Object.entries(CHOICES).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </Field>
        <Button className="self-start" type="submit" disabled={save.isPending}>
          Save
        </Button>
      </form>
    </Panel>
  );
}
