/** A flow run that another one started: its state, and (opened) what it says and started itself. */
import { useState } from "react";
import { useGql } from "@/api/query";
import { To } from "@/app/link";
import { Took } from "@/parts/basics";
import { StateBadge } from "@/parts/state";
import { RUN_CHILDREN } from "./queries";

interface Run {
  id: string;
  name: string;
  state?: string | null;
  start_time?: string | null;
  end_time?: string | null;
  flow?: { name: string } | null;
}

export function ChildRun({ run }: { run: Run }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div>
      <div className="flex items-center gap-3">
        <button
          type="button"
          className="w-4 text-muted"
          aria-expanded={isOpen}
          aria-label={`Runs that ${run.name} started`}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? "▾" : "▸"}
        </button>
        <span className="w-32 shrink-0">
          <StateBadge state={run.state} />
        </span>
        <To to={`flow-run/${run.id}`} className="min-w-0 truncate hover:underline">
          {run.flow?.name} / {run.name}
        </To>
        <span className="ml-auto text-muted">
          <Took from={run.start_time} to={run.end_time} />
        </span>
      </div>
      {isOpen && <Inner id={run.id} />}
    </div>
  );
}

function Inner({ id }: { id: string }) {
  const { data } = useGql(RUN_CHILDREN, { id }, { live: [`flow_run:${id}`, "flow_run"] });
  const children = data?.flow_run ?? [];
  return (
    <div className="mt-1 ml-2 flex flex-col gap-1 border-l border-line pl-3">
      {children.map((child) => (
        <ChildRun key={child.id} run={child} />
      ))}
      {data && children.length === 0 && <p className="text-muted">It started no flow runs.</p>}
    </div>
  );
}
