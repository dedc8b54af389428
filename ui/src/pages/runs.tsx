import { Bookmark } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useGql } from "@/api/query";
import { useTitle } from "@/app/crumbs";
import { usePatchSearch, useSearchState } from "@/app/search";
import { useSession } from "@/app/session";
import { graphql } from "@/gql";
import { setPrefs, usePrefs } from "@/lib/prefs";
import { GROUPS } from "@/lib/states";
import { count } from "@/lib/time";
import { Button, cx, Empty, inputClass, Problem, Skeleton, useNow } from "@/parts/basics";
import { toTop, useHeld } from "@/parts/held";
import { RunList, type RunRow } from "@/parts/run-list";
import { TEXT } from "@/parts/state";
import { Chip } from "@/run/task-table";

export const RUNS = graphql(`
  query Runs($where: flow_run_bool_exp!, $order: [flow_run_order_by!]!, $offset: Int!, $limit: Int!) {
    flow_run(where: $where, order_by: $order, offset: $offset, limit: $limit) {
      id name state state_message state_start_time scheduled_start_time start_time end_time flow { name version }
    }
    flow_run_aggregate(where: $where) { aggregate { count } }
  }
`);
const PROJECTS = graphql(`
  query ProjectNames { project(order_by: [{ name: asc }], limit: 500) { id name } }
`);

const PAGE = 50;

/** Runs of a tenant, or of one flow. */
export function Runs({ flowGroupId }: { flowGroupId?: string }) {
  const [group, setGroup] = useSearchState("state");
  const [name] = useSearchState("name");
  const [project, setProject] = useSearchState("project");
  const [page, setPage] = useSearchState("page", "1");
  const [typed, setTyped] = useState(name);
  const patch = usePatchSearch();
  const projects = useGql(PROJECTS, {}, { enabled: !flowGroupId });
  // What is still to come has a chip of its own: it would bury what has happened.
  const minute = (Math.floor(useNow() / 60_000) + 1) * 60_000;
  const where = useMemo(
    () => ({
      ...(group
        ? { state: { _in: GROUPS.find((one) => one.key === group)?.states ?? [] } }
        : {
            _not: {
              state: { _eq: "Scheduled" },
              scheduled_start_time: { _gt: new Date(minute).toISOString() },
            },
          }),
      ...(name ? { name: { _ilike: `%${name.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%` } } : {}),
      ...(flowGroupId
        ? { flow: { flow_group_id: { _eq: flowGroupId } } }
        : project
          ? { flow: { project_id: { _eq: project } } }
          : {}),
    }),
    [group, name, project, flowGroupId, minute],
  );
  const offset = (Math.max(1, Number(page) || 1) - 1) * PAGE;
  const order = [
    { scheduled_start_time: group === "waiting" ? ("asc" as const) : ("desc" as const) },
    { id: "asc" as const },
  ];
  const { data, error, isPending } = useGql(
    RUNS,
    { where, order, offset, limit: PAGE },
    { live: ["flow_run"] },
  );
  useEffect(() => {
    const timer = setTimeout(
      () => typed !== name && patch({ name: typed || undefined, page: undefined }),
      250,
    );
    return () => clearTimeout(timer);
  }, [typed]);
  const held = useHeld((data?.flow_run ?? []) as RunRow[], JSON.stringify([group, name, project, page]));
  const total = data?.flow_run_aggregate.aggregate?.count ?? 0;
  return (
    <div>
      <div className="flex flex-wrap items-center gap-2 border-b border-line p-3">
        <Chip isOn={!group} onClick={() => patch({ state: undefined, page: undefined })}>
          Until now
        </Chip>
        {GROUPS.map((one) => (
          <Chip
            key={one.key}
            isOn={group === one.key}
            onClick={() => {
              patch({ page: undefined });
              setGroup(group === one.key ? "" : one.key);
            }}
          >
            <span className={TEXT[one.key]}>{one.label}</span>
          </Chip>
        ))}
        {!flowGroupId && (
          <select
            aria-label="Project"
            className={cx(inputClass, "!h-7 !w-auto max-w-40")}
            value={project}
            onChange={(event) => setProject(event.target.value)}
          >
            <option value="">all projects</option>
            {(projects.data?.project ?? []).map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        )}
        <input
          aria-label="Find a run by name"
          placeholder="name of a run"
          className={cx(inputClass, "!h-7 !w-44")}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        {!flowGroupId && <SavedFilters />}
        <span className="ml-auto text-sm text-muted">{count(total)} runs</span>
      </div>
      {error ? (
        <Problem error={error} />
      ) : isPending ? (
        <Skeleton rows={12} />
      ) : total === 0 ? (
        <Empty
          text={group || name || project ? "No run matches." : "Nothing has run yet. Start a run with"}
          command={group || name || project ? undefined : "prefect run --project PROJECT --name FLOW"}
          waits={group || name || project ? undefined : "waiting for the first run"}
        />
      ) : (
        <>
          {held.waiting > 0 && (
            <button
              type="button"
              onClick={toTop}
              className="sticky top-2 z-10 mx-auto block w-max rounded-full border border-line-strong bg-raised px-3 py-1 text-sm shadow-md hover:bg-hover"
            >
              {held.waiting} new
            </button>
          )}
          <RunList runs={held.rows} showsFlow={!flowGroupId} />
        </>
      )}
      {total > PAGE && (
        <nav aria-label="Pages of the list" className="flex items-center justify-center gap-3 p-3 text-sm">
          <Button disabled={offset === 0} onClick={() => setPage(String(offset / PAGE))}>
            Newer
          </Button>
          <span className="text-muted">
            {count(offset + 1)}–{count(Math.min(offset + PAGE, total))} of {count(total)}
          </span>
          <Button disabled={offset + PAGE >= total} onClick={() => setPage(String(offset / PAGE + 2))}>
            Older
          </Button>
        </nav>
      )}
    </div>
  );
}

/** Filters are in the URL; a saved one is a name for it. */
function SavedFilters() {
  const { saved } = usePrefs();
  const { tenant } = useSession();
  const patch = usePatchSearch();
  const [isNaming, setNaming] = useState(false);
  const mine = Object.entries(saved).filter(([key]) => key.startsWith(`${tenant.slug}/`));
  function apply(search: string) {
    const wanted = Object.fromEntries(new URLSearchParams(search));
    patch({ state: undefined, name: undefined, project: undefined, page: undefined, ...wanted });
  }
  return (
    <>
      {mine.map(([key, search]) => (
        <Chip key={key} onClick={() => apply(search)}>
          <Bookmark size={11} /> {key.slice(tenant.slug.length + 1)}
        </Chip>
      ))}
      {isNaming ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const name = String(new FormData(event.currentTarget).get("name")).trim();
            if (name) setPrefs({ saved: { ...saved, [`${tenant.slug}/${name}`]: window.location.search } });
            setNaming(false);
          }}
        >
          <input
            name="name"
            autoFocus
            aria-label="Name of the filter"
            placeholder="name of the filter, enter"
            className={cx(inputClass, "!h-7 !w-40")}
            onBlur={() => setNaming(false)}
          />
        </form>
      ) : (
        <Chip onClick={() => setNaming(true)}>
          <Bookmark size={11} /> save
        </Chip>
      )}
    </>
  );
}

export function RunsPage() {
  useTitle([{ text: "Runs" }]);
  return <Runs />;
}
