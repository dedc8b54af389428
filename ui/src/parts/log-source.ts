/**
 * Where lines of a log come from: how many there are, and any stretch of them.
 *
 * The server gives up on a search that takes it long, so a long log is searched in windows of time, one after
 * another, and the windows together look like one list.
 */
import { useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { currentTenantId, send } from "@/api/fetch";
import { useGql } from "@/api/query";
import { graphql } from "@/gql";
import type { LogsQuery } from "@/gql/graphql";

export const LOGS = graphql(`
  query Logs($where: log_bool_exp!, $order: [log_order_by!]!, $offset: Int!, $limit: Int!) {
    log(where: $where, order_by: $order, offset: $offset, limit: $limit) {
      id timestamp level name message task_run_id
    }
  }
`);
const LOG_END = graphql(`
  query LogEnd($where: log_bool_exp!, $order: [log_order_by!]!, $offset: Int!, $limit: Int!) {
    log(where: $where, order_by: $order, offset: $offset, limit: $limit) {
      id timestamp level name message task_run_id
    }
    log_aggregate(where: $where) { aggregate { count } }
  }
`);
export const LOG_COUNT = graphql(`
  query LogCount($where: log_bool_exp!) {
    log_aggregate(where: $where) { aggregate { count } }
  }
`);

const LOG_PLACE = graphql(`
  query LogPlace($id: uuid!) { log_by_pk(id: $id) { id timestamp sequence } }
`);

export type Line = LogsQuery["log"][number];
export type Where = Record<string, unknown>;

/** Lines that the server looks through in much less than the time it allows. */
const WINDOW = 50_000;

const ordered = (way: "asc" | "desc") => [{ timestamp: way }, { sequence: way }, { id: way }];

/** Less than this the server walks through in no time. */
const LONG = 20_000;

/** Lines of a list. Those of the second half of a long one are counted from its end: the server walks to them. */
async function linesOf(where: Where, offset: number, limit: number, total = 0): Promise<Line[]> {
  const past = Math.max(0, total - offset - limit);
  if (total > LONG && offset > total / 2 && offset < total) {
    const size = Math.min(limit, total - offset);
    const end = await send(LOG_END, { where, order: ordered("desc"), offset: past, limit: size });
    // Lines that came since the total was counted have moved the end.
    if (end.log_aggregate.aggregate?.count === total) return end.log.reverse();
  }
  return (await send(LOGS, { where, order: ordered("asc"), offset, limit })).log;
}

export interface LogSource {
  /** What tells it from others. */
  name: string;
  total: number;
  /** Nothing is known yet. */
  isPending: boolean;
  /** Share of the log that was looked through, up to 1. */
  searched: number;
  error: Error | null;
  load: (offset: number, limit: number) => Promise<Line[]>;
}

const countOf = async (where: Where): Promise<number> =>
  (await send(LOG_COUNT, { where })).log_aggregate.aggregate?.count ?? 0;

/** How many lines stand before one; undefined if it is gone. */
export async function placeOf(id: string, where: Where): Promise<number | undefined> {
  const line = (await send(LOG_PLACE, { id })).log_by_pk;
  if (!line) return undefined;
  const { timestamp, sequence } = line;
  // Lines of one moment are few; the rest is counted by the index alone.
  const same = { ...where, timestamp: { _eq: timestamp } };
  const tie = sequence === null ? { id: { _lt: id } } : { sequence: { _lt: sequence } };
  const parts = await Promise.all([
    countOf({ ...where, timestamp: { _lt: timestamp } }),
    countOf({ ...same, ...tie }),
  ]);
  return parts[0] + parts[1];
}

export const containing = (text: string): Where => ({
  message: { _ilike: `%${text.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%` },
});

export function useLogSource(where: Where, text: string, live: string[]): LogSource {
  const all = useGql(LOG_COUNT, { where }, { live });
  const total = all.data?.log_aggregate.aggregate?.count ?? 0;
  const isSearch = text !== "";
  const nWindows = isSearch ? Math.max(1, Math.ceil(total / WINDOW)) : 0;
  const bounds = useQuery({
    queryKey: [currentTenantId(), "log bounds", where, nWindows],
    queryFn: async () => {
      // From each to the next: from the start of the log to all of them would be much further.
      const found: string[] = [];
      let ahead = WINDOW;
      while (found.length + 1 < nWindows) {
        const last = found.at(-1);
        const from = last ? { ...where, timestamp: { _gte: last } } : where;
        const next = (await linesOf(from, ahead, 1))[0]?.timestamp;
        if (next === undefined) break;
        // More lines than a window have one moment: they stay together.
        ahead = next === last ? ahead + WINDOW : WINDOW;
        if (next !== last) found.push(next);
      }
      return found;
    },
    enabled: isSearch && all.data !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const windows = useMemo<Where[]>(() => {
    if (!isSearch || !bounds.data) return [];
    const edges = [undefined, ...bounds.data, undefined];
    return edges.slice(0, -1).map((from, index) => ({
      ...where,
      ...containing(text),
      timestamp: { ...(from ? { _gte: from } : {}), ...(edges[index + 1] ? { _lt: edges[index + 1] } : {}) },
    }));
  }, [isSearch, bounds.data, where, text]);
  const counts = useQueries({
    queries: windows.map((window, index) => ({
      queryKey: [currentTenantId(), "log window", window],
      queryFn: () => countOf(window),
      retry: 2, // a machine that is busy takes longer
      meta: { live: index === windows.length - 1 ? live : undefined },
      staleTime: index === windows.length - 1 ? 2_000 : Number.POSITIVE_INFINITY,
    })),
  });
  const found = counts.map((one) => one.data);
  const name = JSON.stringify([where, text]);
  if (!isSearch)
    return {
      name,
      total,
      isPending: all.isPending,
      searched: 1,
      error: all.error,
      load: (offset, limit) => linesOf(where, offset, limit, total),
    };
  // Up to the first window that is not known yet: what comes later would shift.
  const known = found.indexOf(undefined);
  const upTo = known < 0 ? found.length : known;
  const sizes = found.slice(0, upTo) as number[];
  return {
    name,
    total: sizes.reduce((sum, one) => sum + one, 0),
    isPending: windows.length === 0,
    searched: windows.length ? upTo / windows.length : 0,
    error: all.error ?? bounds.error ?? counts.find((one) => one.error)?.error ?? null,
    load: async (offset, limit) => {
      const lines: Line[] = [];
      let skip = offset;
      for (let index = 0; index < sizes.length && lines.length < limit; index += 1) {
        const size = sizes[index]!;
        if (skip >= size) {
          skip -= size;
          continue;
        }
        lines.push(...(await linesOf(windows[index]!, skip, limit - lines.length)));
        skip = 0;
      }
      return lines;
    },
  };
}
