/** Is it healthy? One line that says so, with the figures behind it. */
import type { ReactNode } from "react";
import { useGql } from "@/api/query";
import { AGENTS, SILENT_MS } from "@/app/shell";
import { graphql } from "@/gql";
import { bytes, count, duration } from "@/lib/time";
import { cx, useNow } from "@/parts/basics";

const SERVER_HEALTH = graphql(`
  query ServerHealth { server_health { database database_bytes scheduler_lag_s queue_waiting queue_oldest } }
`);

/** A scheduler looks at all flows every half minute; what is behind for longer is no accident. */
const BEHIND_S = 60;

interface HealthProps {
  late?: number;
  failed?: number;
  paused?: number;
  version?: string;
  children: ReactNode;
}

export function Health({ late, failed, paused, version, children }: HealthProps) {
  const agents = useGql(AGENTS, {}, { live: ["agent"], every: 15_000 });
  const now = useNow();
  const alive = (agents.data?.agent ?? []).filter(
    (one) => one.last_queried && now - Date.parse(one.last_queried) < SILENT_MS,
  ).length;
  const server = useGql(SERVER_HEALTH, {}, { live: ["flow_run"], every: 15_000 }).data?.server_health;
  const lag = server?.scheduler_lag_s ?? 0;
  const isKnown = late !== undefined && agents.data !== undefined;
  const problems = [
    failed ? `${failed} failed` : "",
    late ? `${late} late` : "",
    paused ? `${paused} waiting for approval` : "",
    isKnown && alive === 0 ? "no agent" : "",
    lag > BEHIND_S ? "the scheduler is behind" : "",
  ].filter(Boolean);
  const isBad = Boolean(failed || (late && alive === 0));
  return (
    <div className="flex flex-wrap items-center gap-x-5 gap-y-2 text-sm" data-testid="health">
      <span
        className={cx(
          "inline-flex items-center gap-2 text-base font-semibold",
          problems.length === 0 ? "text-good" : isBad ? "text-bad" : "text-late",
        )}
      >
        <span className="size-2.5 rounded-full bg-current" />
        {!isKnown ? "…" : problems.length === 0 ? "All is well" : problems.join(", ")}
      </span>
      <dl className="flex min-w-0 flex-wrap gap-x-4 gap-y-1 text-muted tabular-nums">
        <Figure name="scheduler" title="for how long a schedule has had no run ahead" isBad={lag > BEHIND_S}>
          {server ? (lag < 1 ? "on time" : `${duration(lag * 1000)} behind`) : "–"}
        </Figure>
        <Figure name="queue" title="runs that are due and that no agent has taken" isBad={Boolean(late)}>
          {!server
            ? "–"
            : server.queue_waiting === 0
              ? "empty"
              : `${count(server.queue_waiting)} waiting${
                  server.queue_oldest ? `, first for ${duration(now - Date.parse(server.queue_oldest))}` : ""
                }`}
        </Figure>
        <Figure name="agents" title="agents that ask for work" isBad={isKnown && alive === 0}>
          {agents.data ? alive : "–"}
        </Figure>
        <Figure
          name="database"
          title={
            server ? `size of the ${server.database} database; the server is ${version ?? "unknown"}` : ""
          }
        >
          {server ? bytes(server.database_bytes) : "–"}
        </Figure>
      </dl>
      <span className="ml-auto">{children}</span>
    </div>
  );
}

function Figure(props: { name: string; title: string; isBad?: boolean; children: ReactNode }) {
  return (
    <div className="flex gap-1.5" title={props.title}>
      <dt>{props.name}</dt>
      <dd className={props.isBad ? "text-late" : "text-text"}>{props.children}</dd>
    </div>
  );
}
