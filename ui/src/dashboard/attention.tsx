/** What broke, what waits, what is late: each with what one does about it. */
import { Check, Hand, RotateCcw } from "lucide-react";
import type { ReactNode } from "react";
import { useAct, useGql } from "@/api/query";
import { To } from "@/app/link";
import { useCanEdit } from "@/app/session";
import { AGENTS, SILENT_MS } from "@/app/shell";
import type { AttentionQuery } from "@/gql/graphql";
import { Button, Panel, Skeleton, Time, useNow } from "@/parts/basics";
import { StateBadge, StateIcon } from "@/parts/state";
import { toast } from "@/parts/toast";
import { useRunActions } from "@/run/actions";
import { RESTART } from "@/run/queries";
import { Row } from "./row";

const DAY = 86_400_000;

export function Attention({ data }: { data: AttentionQuery | undefined }) {
  const agents = useGql(AGENTS, {}, { live: ["agent"] });
  const now = useNow();
  if (!data) return <Skeleton rows={6} />;
  const byFlow = new Map<string, AttentionQuery["failed"]>();
  for (const run of data.failed) {
    const key = run.flow?.flow_group_id ?? run.id;
    byFlow.set(key, [...(byFlow.get(key) ?? []), run]);
  }
  // Agents that were here today and are gone; those of last month are history.
  const gone = (agents.data?.agent ?? []).filter((one) => {
    const silent = one.last_queried ? now - Date.parse(one.last_queried) : 0;
    return silent > SILENT_MS && silent < DAY;
  });
  const isEmpty =
    byFlow.size === 0 && data.paused.length === 0 && data.late.length === 0 && gone.length === 0;
  return (
    <Panel title="Needs attention" className="self-start">
      {isEmpty && (
        <p className="flex items-center gap-2 p-4 text-sm text-good">
          <Check size={15} /> Nothing. All is well.
        </p>
      )}
      {[...byFlow.values()].map((runs) => (
        <FailedFlow key={runs[0]!.id} runs={runs} />
      ))}
      {data.paused.map((run) => (
        <AttentionRow
          key={run.id}
          run={run}
          detail={
            <>
              paused <Time at={run.state_timestamp} />
            </>
          }
          kind="approve"
        />
      ))}
      {data.late.map((run) => (
        <AttentionRow key={run.id} run={run} detail={<Late at={run.state_start_time!} />} kind="run" />
      ))}
      {gone.map((agent) => (
        <Row key={agent.id}>
          <StateIcon state="Scheduled" />
          <To to="agents" className="min-w-0 flex-1 truncate hover:underline">
            agent {agent.name}
          </To>
          <span className="text-late">
            silent, last <Time at={agent.last_queried} />
          </span>
        </Row>
      ))}
    </Panel>
  );
}

function Late({ at }: { at: string }) {
  const now = useNow();
  const minutes = Math.floor((now - Date.parse(at)) / 60_000);
  return (
    <span className="text-late">
      late {minutes < 1 ? "" : minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`}
    </span>
  );
}

function FailedFlow({ runs }: { runs: AttentionQuery["failed"] }) {
  const canEdit = useCanEdit();
  const restart = useAct(RESTART, (result) =>
    toast(`Restarted: ${result.restart_flow_run?.task_runs ?? 0} task runs will run again.`),
  );
  const latest = runs[0]!;
  return (
    <div className="flex items-start gap-3 border-b border-line px-3 py-2 text-sm last:border-b-0 hover:bg-panel">
      <span className="pt-0.5">
        <StateIcon state={latest.state} />
      </span>
      <div className="min-w-0 flex-1">
        <div className="flex gap-2">
          <To to={`flow-run/${latest.id}`} className="truncate font-medium hover:underline">
            {latest.flow?.name}
          </To>
          <span className="shrink-0 text-bad">{runs.length} failed</span>
        </div>
        <p className="truncate text-xs text-muted" title={latest.state_message ?? ""}>
          <Time at={latest.state_timestamp} /> · {latest.name} · {latest.state_message}
        </p>
      </div>
      {canEdit && !latest.flow?.archived && (
        <Button
          aria-label={`Restart ${latest.flow?.name} / ${latest.name}`}
          title="Restart the latest from where it failed"
          className="!h-7 !px-2"
          icon={<RotateCcw size={13} />}
          disabled={restart.isPending}
          onClick={() => restart.mutate({ id: latest.id, fromStart: false })}
        />
      )}
    </div>
  );
}

interface AttentionRowProps {
  run: {
    id: string;
    name: string;
    state?: string | null;
    state_start_time?: string | null;
    flow?: { name: string; archived: boolean } | null;
  };
  detail: ReactNode;
  kind: "approve" | "run";
}

function AttentionRow({ run, detail, kind }: AttentionRowProps) {
  const canEdit = useCanEdit();
  const act = useRunActions(run);
  const label = kind === "approve" ? "Approve" : "Run now";
  return (
    <Row>
      {kind === "run" ? <StateBadgeIcon due={run.state_start_time} /> : <StateIcon state={run.state} />}
      <To to={`flow-run/${run.id}`} className="min-w-0 flex-1 truncate font-medium hover:underline">
        {run.flow?.name}
      </To>
      <span className="shrink-0 text-xs text-muted">{detail}</span>
      {canEdit && kind === "approve" && (
        <Button
          aria-label={`${label} ${run.flow?.name} / ${run.name}`}
          title={label}
          className="!h-7 !px-2"
          icon={<Hand size={13} />}
          onClick={act.approve}
        />
      )}
      {kind === "run" && (
        <To
          to={`flow-run/${run.id}`}
          className="text-xs text-link hover:underline"
          aria-label={`Why ${run.name} does not run`}
        >
          why?
        </To>
      )}
    </Row>
  );
}

function StateBadgeIcon({ due }: { due?: string | null }) {
  return (
    <span className="w-3.5 overflow-hidden">
      <StateBadge state="Scheduled" due={due} />
    </span>
  );
}
