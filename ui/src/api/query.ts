/** Hooks by which pages read and change things. */
import {
  QueryClient,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import type { TypedDocumentString } from "@/gql/graphql";
import { toast } from "@/parts/toast";
import { ApiError, currentTenantId, send } from "./fetch";
import { type Connection, Live } from "./live";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      gcTime: 300_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) =>
        failures < 2 && error instanceof ApiError && ["UNREACHABLE", "UNAVAILABLE"].includes(error.code),
    },
  },
});

export const live = new Live(queryClient);

export const useConnection = (): Connection => useSyncExternalStore(live.subscribe, () => live.connection);

interface Options {
  /** What it depends on: see `Live`. */
  live?: string[];
  enabled?: boolean;
  /** Milliseconds between readings, for what no event tells. */
  every?: number;
}

export function useGql<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
  options: Options = {},
): UseQueryResult<Result, Error> {
  return useQuery({
    queryKey: [currentTenantId(), document.toString(), variables],
    queryFn: () => send(document, variables),
    meta: { live: options.live },
    enabled: options.enabled ?? true,
    refetchInterval: options.every ?? false,
    placeholderData: (before, query) => (isOfSame(query?.queryKey[2], variables) ? before : undefined),
  });
}

const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** Whether two readings are of the same thing: then the old one is shown until the new one is here. */
function isOfSame(before: unknown, now: unknown): boolean {
  const old = (before ?? {}) as Record<string, unknown>;
  return Object.entries((now ?? {}) as Record<string, unknown>).every(
    ([name, value]) => typeof value !== "string" || !ID.test(value) || old[name] === value,
  );
}

/** A mutation that says what went wrong, and has what is on the screen read again. */
export function useAct<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  done?: string | ((result: Result) => void),
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (variables: Variables) => send(document, variables),
    onSuccess: (result) => {
      const refused = refusal(result);
      if (refused) toast(refused, "bad");
      else if (typeof done === "string") toast(done);
      else done?.(result);
      void client.invalidateQueries();
    },
    onError: (error) => toast(error.message, "bad"),
  });
}

/** Why a mutation that answered did nothing after all. */
function refusal(result: unknown): string | undefined {
  for (const value of Object.values((result ?? {}) as Record<string, any>)) {
    if (value && value.success === false) return value.error ?? "The server did not do it.";
  }
  return undefined;
}
