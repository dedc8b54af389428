/** Search by name or id, and the way to every page: one box. */
import { Dialog } from "@base-ui/react/dialog";
import { useEffect, useRef, useState } from "react";
import { useGql } from "@/api/query";
import { graphql } from "@/gql";
import { cx } from "@/parts/basics";
import { StateIcon } from "@/parts/state";
import { useGo } from "./link";

const FIND = graphql(`
  query Find($like: String!) {
    flow(where: { name: { _ilike: $like }, archived: { _eq: false } }, limit: 6, order_by: [{ name: asc }]) {
      id name flow_group_id project { name }
    }
    flow_run(where: { name: { _ilike: $like } }, limit: 8, order_by: [{ created: desc }]) {
      id name state flow { name }
    }
    agent(where: { name: { _ilike: $like } }, limit: 4) { id name }
    project(where: { name: { _ilike: $like } }, limit: 4) { id name }
  }
`);

const FIND_ID = graphql(`
  query FindId($id: uuid!) {
    flow_run_by_pk(id: $id) { id name state }
    task_run_by_pk(id: $id) { id name state task { name } }
    flow_by_pk(id: $id) { id name flow_group_id version }
    flow_group_by_pk(id: $id) { id name }
    task_by_pk(id: $id) { id name }
  }
`);

interface Item {
  key: string;
  kind: string;
  text: string;
  detail?: string;
  state?: string | null;
  to: string;
  search?: Record<string, string>;
}

const PAGES: Item[] = [
  ["", "Dashboard"],
  ["flows", "Flows"],
  ["runs", "Runs"],
  ["calendar", "Calendar"],
  ["agents", "Agents"],
  ["api", "Interactive API"],
  ["settings/projects", "Projects"],
  ["settings/concurrency", "Concurrency"],
  ["settings/kv", "Key-value store"],
  ["settings/secrets", "Secrets"],
  ["settings/team", "Team"],
  ["settings/keys", "API keys"],
  ["settings/profile", "Profile"],
].map(([to, text]) => ({ key: `page:${to}`, kind: "page", text: text!, to: to! }));

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function useDelayed(value: string, ms: number): string {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLate(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return late;
}

function useItems(text: string, isOpen: boolean): Item[] {
  const wanted = useDelayed(text.trim(), 120);
  const isId = UUID.test(wanted);
  const like = `%${wanted.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
  const names = useGql(FIND, { like }, { enabled: isOpen && wanted.length > 0 && !isId });
  const ids = useGql(FIND_ID, { id: wanted.toLowerCase() }, { enabled: isOpen && isId });
  const items: Item[] = [];
  if (isId) {
    const {
      flow_run_by_pk: run,
      task_run_by_pk: taskRun,
      flow_by_pk: flow,
      flow_group_by_pk: group,
      task_by_pk: task,
    } = ids.data ?? {};
    if (run)
      items.push({ key: run.id, kind: "run", text: run.name, state: run.state, to: `flow-run/${run.id}` });
    if (taskRun)
      items.push({
        key: taskRun.id,
        kind: "task run",
        text: taskRun.name ?? taskRun.task?.name ?? taskRun.id,
        state: taskRun.state,
        to: `task-run/${taskRun.id}`,
      });
    if (flow)
      items.push({
        key: flow.id,
        kind: "flow",
        text: `${flow.name} v${flow.version}`,
        to: `flow/${flow.flow_group_id}`,
        search: { version: String(flow.version) },
      });
    if (group) items.push({ key: group.id, kind: "flow", text: group.name, to: `flow/${group.id}` });
    if (task) items.push({ key: task.id, kind: "task", text: task.name ?? task.id, to: `task/${task.id}` });
    return items;
  }
  if (wanted) {
    for (const flow of names.data?.flow ?? [])
      items.push({
        key: flow.id,
        kind: "flow",
        text: flow.name,
        detail: flow.project?.name,
        to: `flow/${flow.flow_group_id}`,
      });
    for (const run of names.data?.flow_run ?? [])
      items.push({
        key: run.id,
        kind: "run",
        text: run.name,
        detail: run.flow?.name,
        state: run.state,
        to: `flow-run/${run.id}`,
      });
    for (const project of names.data?.project ?? [])
      items.push({
        key: project.id,
        kind: "project",
        text: project.name,
        to: "flows",
        search: { project: project.id },
      });
    for (const agent of names.data?.agent ?? [])
      items.push({ key: agent.id, kind: "agent", text: agent.name ?? "agent", to: "agents" });
  }
  const lower = wanted.toLowerCase();
  return [...items, ...PAGES.filter((page) => page.text.toLowerCase().includes(lower))].slice(0, 20);
}

export function Palette({
  isOpen,
  onOpenChange,
}: {
  isOpen: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const go = useGo();
  const items = useItems(text, isOpen);
  const index = Math.min(chosen, items.length - 1);

  useEffect(() => {
    if (isOpen) {
      setText("");
      setChosen(0);
    }
  }, [isOpen]);

  useEffect(() => {
    list.current?.children[index]?.scrollIntoView({ block: "nearest" });
  }, [index]);

  function open(item: Item | undefined) {
    if (!item) return;
    onOpenChange(false);
    go(item.to, item.search);
  }

  return (
    <Dialog.Root open={isOpen} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Popup
          aria-label="Search"
          className="fixed left-1/2 top-[12vh] z-40 w-[calc(100vw-2rem)] max-w-xl -translate-x-1/2 overflow-hidden rounded-md border border-line-strong bg-raised shadow-xl outline-none"
        >
          <input
            autoFocus
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-items"
            aria-label="Search by name or id"
            aria-activedescendant={items[index] ? `palette-${index}` : undefined}
            placeholder="Search flows, runs, agents by name or id; or go to a page"
            className="h-12 w-full border-b border-line bg-transparent px-4 outline-none placeholder:text-muted"
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setChosen(0);
            }}
            onKeyDown={(event) => {
              if (event.key === "ArrowDown" || event.key === "ArrowUp") {
                event.preventDefault();
                const step = event.key === "ArrowDown" ? 1 : -1;
                setChosen((index + step + items.length) % Math.max(items.length, 1));
              } else if (event.key === "Enter") open(items[index]);
            }}
          />
          <div
            ref={list}
            id="palette-items"
            role="listbox"
            aria-label="Results"
            className="max-h-80 overflow-y-auto p-1"
          >
            {items.map((item, position) => (
              <div
                key={item.key}
                id={`palette-${position}`}
                role="option"
                tabIndex={-1}
                aria-selected={position === index}
                onMouseMove={() => setChosen(position)}
                onClick={() => open(item)}
                onKeyDown={(event) => event.key === "Enter" && open(item)}
                className={cx(
                  "flex items-center gap-2 rounded px-3 py-1.5 text-sm",
                  position === index && "bg-hover",
                )}
              >
                {item.state ? <StateIcon state={item.state} /> : null}
                <span className="truncate">{item.text}</span>
                {item.detail && <span className="truncate text-muted">{item.detail}</span>}
                <span className="ml-auto shrink-0 text-xs text-muted">{item.kind}</span>
              </div>
            ))}
            {items.length === 0 && (
              <p className="p-4 text-center text-sm text-muted">Nothing has that name or id.</p>
            )}
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
