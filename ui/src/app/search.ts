/** The URL is the state: what is chosen on a page stands in its query. */
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

type Search = Record<string, string | undefined>;

export function useSearchState(name: string, initial = ""): [string, (value: string | undefined) => void] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const set = useCallback(
    (value: string | undefined) => {
      void navigate({
        to: ".",
        search: (before: Search) => ({ ...before, [name]: value && value !== initial ? value : undefined }),
        replace: true,
        resetScroll: false,
      } as never);
    },
    [navigate, name, initial],
  );
  const value = search[name];
  return [value === undefined ? initial : String(value), set];
}

export function usePatchSearch(): (change: Search) => void {
  const navigate = useNavigate();
  return useCallback(
    (change: Search) => {
      void navigate({
        to: ".",
        search: (before: Search) => ({ ...before, ...change }),
        replace: true,
        resetScroll: false,
      } as never);
    },
    [navigate],
  );
}
