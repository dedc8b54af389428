/** Rows of flow runs, with selection for what is done with many. */
import { useEffect, useState } from "react";
import { useAct } from "@/api/query";
import { To, useGo } from "@/app/link";
import { useCanEdit } from "@/app/session";
import { useKeys } from "@/app/use-keys";
import { graphql } from "@/gql";
import { hasEnded } from "@/lib/states";
import { RESTART, SET_RUN_STATES } from "@/run/queries";
import { Button, cx, Time, Took } from "./basics";
import { StateBadge } from "./state";
import { toast } from "./toast";

const CANCEL_MANY = graphql(`
  mutation CancelOne($id: UUID!) { cancel_flow_run(input: { flow_run_id: $id }) { id state } }
`);

export interface RunRow {
  id: string;
  name: string;
  state?: string | null;
  state_message?: string | null;
  state_start_time?: string | null;
  scheduled_start_time: string;
  start_time?: string | null;
  end_time?: string | null;
  flow?: { name: string; version: number } | null;
}

export function RunList({ runs, showsFlow = true }: { runs: RunRow[]; showsFlow?: boolean }) {
  const [at, setAt] = useState(-1);
  const [chosen, setChosen] = useState<Set<string>>(() => new Set());
  const canEdit = useCanEdit();
  const go = useGo();
  const toggle = (id: string) =>
    setChosen((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  useKeys({
    j: () => setAt(Math.min(runs.length - 1, at + 1)),
    k: () => setAt(Math.max(0, at - 1)),
    Enter: () => runs[at] && go(`flow-run/${runs[at].id}`),
    x: () => canEdit && runs[at] && toggle(runs[at].id),
  });
  useEffect(() => {
    document.querySelector(`[data-row="${at}"]`)?.scrollIntoView({ block: "nearest" });
  }, [at]);
  const picked = runs.filter((run) => chosen.has(run.id));
  return (
    <div className="relative">
      <table className="w-full text-sm">
        <thead className="sr-only">
          <tr>
            {canEdit && <th>Select</th>}
            <th>State</th>
            <th>Run</th>
            {showsFlow && <th>Flow</th>}
            <th>Started</th>
            <th>Took</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run, index) => (
            <tr
              key={run.id}
              data-row={index}
              className={cx(
                "h-9 border-b border-line hover:bg-panel",
                index === at && "bg-hover",
                chosen.has(run.id) && "bg-hover",
              )}
            >
              {canEdit && (
                <td className="w-8 pl-3">
                  <input
                    type="checkbox"
                    aria-label={`Select ${run.name}`}
                    checked={chosen.has(run.id)}
                    onChange={() => toggle(run.id)}
                  />
                </td>
              )}
              <td className="w-36 px-3 max-sm:w-28">
                <StateBadge state={run.state} due={run.state_start_time} />
              </td>
              <td className="max-w-0 truncate pr-3 max-sm:w-full sm:w-1/4">
                <To to={`flow-run/${run.id}`} className="hover:underline">
                  {showsFlow && <span className="sm:hidden">{run.flow?.name} / </span>}
                  {run.name}
                </To>
              </td>
              {showsFlow && (
                <td className="max-w-0 truncate pr-3 text-muted max-sm:hidden sm:w-1/4">
                  {run.flow?.name} <span className="text-xs">v{run.flow?.version}</span>
                </td>
              )}
              <td className="max-w-0 truncate pr-3 text-muted max-lg:hidden" title={run.state_message ?? ""}>
                {run.state_message}
              </td>
              <td className="w-24 pr-3 text-right text-muted">
                <Time at={run.start_time ?? run.state_start_time ?? run.scheduled_start_time} />
              </td>
              <td className="w-20 pr-3 text-right max-sm:hidden">
                <Took
                  from={run.start_time}
                  to={hasEnded(run.state) ? (run.end_time ?? run.start_time) : null}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {picked.length > 0 && <BulkBar picked={picked} onDone={() => setChosen(new Set())} />}
    </div>
  );
}

function BulkBar({ picked, onDone }: { picked: RunRow[]; onDone: () => void }) {
  const restart = useAct(RESTART);
  const cancel = useAct(CANCEL_MANY);
  const mark = useAct(SET_RUN_STATES);
  const ended = picked.filter((run) => hasEnded(run.state));
  const open = picked.filter((run) => !hasEnded(run.state));
  async function each(runs: RunRow[], act: (run: RunRow) => Promise<unknown>, did: string) {
    const results = await Promise.allSettled(runs.map(act));
    const done = results.filter((one) => one.status === "fulfilled").length;
    toast(`${did} ${done} of ${runs.length} runs.`);
    onDone();
  }
  return (
    <div
      role="toolbar"
      aria-label="With the selected runs"
      className="sticky bottom-3 mx-auto mt-3 flex w-max max-w-full flex-wrap items-center gap-2 rounded-md border border-line-strong bg-raised p-2 text-sm shadow-lg"
    >
      <span className="px-2 font-medium">{picked.length} selected</span>
      <Button
        disabled={ended.length === 0}
        onClick={() =>
          void each(ended, (run) => restart.mutateAsync({ id: run.id, fromStart: false }), "Restarted")
        }
      >
        Restart {ended.length || ""}
      </Button>
      <Button
        disabled={open.length === 0}
        onClick={() => void each(open, (run) => cancel.mutateAsync({ id: run.id }), "Cancelled")}
      >
        Cancel {open.length || ""}
      </Button>
      <select
        aria-label="Mark as"
        className="h-8 rounded-md border border-line-strong bg-page px-2"
        value=""
        onChange={(event) => {
          const state = { type: event.target.value, message: "Set in the UI." };
          void mark
            .mutateAsync({ states: picked.map((run) => ({ flow_run_id: run.id, state })) })
            .then(onDone);
        }}
      >
        <option value="" disabled>
          Mark as…
        </option>
        {["Success", "Failed", "Cancelled", "Skipped"].map((state) => (
          <option key={state}>{state}</option>
        ))}
      </select>
      <Button kind="quiet" onClick={onDone}>
        Clear
      </Button>
    </div>
  );
}
