/** A long list of the server as pages: only those on the screen are read. */
import { useQueries } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { currentTenantId } from "@/api/fetch";

interface Options<Row> {
  /** What tells this list from others: filters and order. */
  name: unknown[];
  count: number;
  size: number;
  load: (offset: number, limit: number) => Promise<Row[]>;
  /** What pages depend on; see `Live`. */
  live: string[];
  /** Whether only the last page changes: lines of a log are added and stay. */
  isAppended?: boolean;
}

export interface Paged<Row> {
  row: (index: number) => Row | undefined;
  show: (first: number, last: number) => void;
  error: Error | null;
}

export function usePaged<Row>({ name, count, size, load, live, isAppended }: Options<Row>): Paged<Row> {
  const [range, setRange] = useState<[number, number]>([0, size - 1]);
  const last = Math.max(0, Math.ceil(count / size) - 1);
  const from = Math.min(Math.floor(range[0] / size), last);
  const to = Math.min(Math.floor(range[1] / size), last);
  const pages = useMemo(
    () => (count === 0 ? [] : Array.from({ length: to - from + 1 }, (_, index) => from + index)),
    [from, to, count === 0],
  );
  const results = useQueries({
    queries: pages.map((page) => ({
      // A last page that has grown is another page: the old one stays on the screen until it is here.
      queryKey: [currentTenantId(), "page", ...name, size, page],
      queryFn: () => load(page * size, size),
      retry: 2,
      meta: { live: isAppended && page < last ? undefined : live },
      staleTime: isAppended && page < last ? Number.POSITIVE_INFINITY : 2_000,
    })),
  });
  const row = useCallback(
    (index: number): Row | undefined => results[Math.floor(index / size) - from]?.data?.[index % size],
    [results, size, from],
  );
  const show = useCallback((first: number, end: number) => {
    setRange((before) => (before[0] === first && before[1] === end ? before : [first, end]));
  }, []);
  return { row, show, error: results.find((one) => one.error)?.error ?? null };
}
