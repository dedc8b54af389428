/** How to start an agent of each kind, with the address, the labels and the key filled in. */
import { KeyRound } from "lucide-react";
import { useState } from "react";
import { at } from "@/api/fetch";
import { useAct } from "@/api/query";
import { useSearchState } from "@/app/search";
import { useCanEdit, useSession } from "@/app/session";
import { graphql } from "@/gql";
import { Button, Command, cx, inputClass, Panel } from "@/parts/basics";
import { KINDS } from "./commands";

const AGENT_KEY = graphql(`
  mutation AgentKey($user: UUID!) { create_api_key(input: { user_id: $user, name: "agent" }) { key } }
`);

export function Install({ labels }: { labels: string[] }) {
  const { requiresKeys, userId } = useSession();
  const canEdit = useCanEdit();
  const [chosen, setChosen] = useSearchState("kind", "local");
  const [typed, setTyped] = useState<string>();
  const [key, setKey] = useState<string>();
  const make = useAct(AGENT_KEY, (result) => setKey(result.create_api_key?.key));
  const kind = KINDS.find((one) => one.key === chosen) ?? KINDS[0]!;
  const text = typed ?? labels.join(", ");
  const where = {
    address: at("").replace(/\/$/, ""),
    requiresKeys,
    key,
    labels: text
      .split(",")
      .map((one) => one.trim())
      .filter(Boolean),
  };
  return (
    <Panel title="Start an agent">
      <div className="flex flex-col gap-3 p-3 text-sm">
        <div role="tablist" aria-label="Kind of agent" className="flex flex-wrap gap-1">
          {KINDS.map((one) => (
            <button
              key={one.key}
              type="button"
              role="tab"
              id={`kind-${one.key}`}
              aria-controls="kind-panel"
              aria-selected={one.key === kind.key}
              onClick={() => setChosen(one.key)}
              className={cx(
                "rounded-md border px-2.5 py-1",
                one.key === kind.key
                  ? "border-text bg-hover font-medium"
                  : "border-line text-muted hover:bg-hover",
              )}
            >
              {one.label}
            </button>
          ))}
        </div>
        <div
          id="kind-panel"
          role="tabpanel"
          aria-labelledby={`kind-${kind.key}`}
          className="flex flex-col gap-3"
        >
          <p className="text-muted">{kind.about}</p>
          <div className="flex flex-wrap items-center gap-3">
            <label className="flex min-w-60 flex-1 items-center gap-2">
              Labels
              <input
                className={cx(inputClass, "font-mono text-xs")}
                value={text}
                placeholder="with commas between; it takes runs whose labels it has"
                onChange={(event) => setTyped(event.target.value)}
              />
            </label>
            {requiresKeys && canEdit && userId && !key && (
              <Button
                icon={<KeyRound size={14} />}
                disabled={make.isPending}
                onClick={() => make.mutate({ user: userId })}
              >
                Make a key and fill it in
              </Button>
            )}
            {key && (
              <span className="text-good">A key of yours, named agent, is filled in; copy it now.</span>
            )}
          </div>
          {kind.steps(where).map((step, index) => (
            <div key={step} className="flex flex-col gap-1">
              {index > 0 && <p className="text-muted">Or, to have it started with the machine:</p>}
              <Command text={step} />
            </div>
          ))}
        </div>
      </div>
    </Panel>
  );
}
