/** One sentence that says why a run is as it is. */
import type { ReactNode } from "react";
import { useGql } from "@/api/query";
import { To } from "@/app/link";
import { usePatchSearch } from "@/app/search";
import { ACTIVE, FAILED, hasEnded, word } from "@/lib/states";
import { count } from "@/lib/time";
import { Labels, Time } from "@/parts/basics";
import { FIRST_FAILURE, WHY } from "./queries";

interface Run {
  id: string;
  state?: string | null;
  state_message?: string | null;
}

export function WhyLine({ run, counts }: { run: Run; counts: Record<string, number> }) {
  if (FAILED.includes(run.state ?? "")) return <WhyFailed run={run} />;
  if (run.state === "Running" || run.state === "Cancelling") {
    const parts = [
      counts.Running && `${count(counts.Running)} running`,
      counts.Retrying && `${count(counts.Retrying)} to be retried`,
      counts.Queued && `${count(counts.Queued)} queued`,
      counts.Paused && `${count(counts.Paused)} waiting for approval`,
      counts.Pending && `${count(counts.Pending)} still to come`,
    ].filter(Boolean);
    return <Line>{parts.length ? `Task runs: ${parts.join(", ")}.` : run.state_message}</Line>;
  }
  if (!hasEnded(run.state) && !ACTIVE.includes(run.state ?? "")) return <WhyNot id={run.id} />;
  return <Line>{run.state_message}</Line>;
}

function Line({ children }: { children: ReactNode }) {
  return <p className="min-w-0 text-sm text-muted">{children}</p>;
}

function WhyFailed({ run }: { run: Run }) {
  const { data } = useGql(FIRST_FAILURE, { id: run.id }, { live: [`flow_run:${run.id}`] });
  const patch = usePatchSearch();
  const cause = data?.task_run[0];
  const line = data?.log.find((one) => !cause || one.task_run_id === cause.id) ?? data?.log[0];
  if (!cause) return <Line>{run.state_message}</Line>;
  const name = `${cause.task?.name}${cause.map_index >= 0 ? `[${cause.map_index}]` : ""}`;
  return (
    <p className="min-w-0 text-sm">
      First to fail:{" "}
      <To to={`task-run/${cause.id}`} className="font-mono text-xs text-link hover:underline">
        {name}
      </To>{" "}
      <span className="text-bad">{cause.state_message || word(cause.state)}</span>
      {line && (
        <>
          {" · "}
          <button
            type="button"
            className="text-link hover:underline"
            onClick={() => patch({ tab: undefined, line: line.id, level: undefined, find: undefined })}
          >
            open the log line
          </button>
        </>
      )}
    </p>
  );
}

/** Why a run does not run, from the server: several reasons may hold at once. */
function WhyNot({ id }: { id: string }) {
  const { data } = useGql(WHY, { id }, { live: [`flow_run:${id}`, "agent"], every: 10_000 });
  return (
    <div className="flex flex-col gap-1 text-sm" data-testid="why">
      {(data?.why_not_running ?? []).map((reason) => (
        <p key={reason.code}>
          {reason.code === "NOT_DUE" ? (
            <>
              It is due <Time at={reason.data.due} />.
            </>
          ) : (
            reason.message
          )}{" "}
          {reason.code.includes("AGENT") && (
            <>
              {reason.data.labels?.length > 0 && <Labels labels={reason.data.labels} />}{" "}
              <To to="agents" className="text-link hover:underline">
                how to start an agent
              </To>
            </>
          )}
          {(reason.code === "NO_SLOT" || reason.code === "FLOW_FULL") &&
            (reason.data.flow_run_ids as string[]).slice(0, 3).map((holder, index) => (
              <To key={holder} to={`flow-run/${holder}`} className="mr-2 text-link hover:underline">
                {reason.code === "NO_SLOT" ? "run that holds a slot" : "active run"}
                {index ? ` (${index + 1})` : ""}
              </To>
            ))}
        </p>
      ))}
    </div>
  );
}
